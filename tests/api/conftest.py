"""A unit's system with a key, and its program."""

import pytest
from fastapi.testclient import TestClient

from hotline.db import Database
from tests.factories_systems import Made, make_system, with_key


@pytest.fixture
def system(pages: Database) -> Made:
    with pages.unit_of_work() as session:
        return make_system(session)


@pytest.fixture
def program(client: TestClient, system: Made) -> TestClient:
    return with_key(client, system.key)
