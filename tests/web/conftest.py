"""An agent at the desk, and contacts that arrive."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from hotline.db import Database
from hotline.services import triage
from models import Role
from tests.conftest import SignIn
from tests.factories_contacts import make_contact
from tests.fakes import StubClassifier
from tests.web.desk import NUMBER, send
from tests.web.forms import form


@pytest.fixture
def suggestions() -> Iterator[StubClassifier]:
    classifier = StubClassifier()
    triage.use(classifier)
    yield classifier
    triage.use(None)


@pytest.fixture
def agent(as_role: SignIn, suggestions: StubClassifier) -> TestClient:
    """An agent who is available, at a desk with suggestions."""
    browser = as_role(Role.AGENT)
    send(browser, form(browser.get("/desk").text, "presence", state="available"))
    return browser


@pytest.fixture
def arrive(pages: Database, drain: Callable[[], int]) -> Callable[..., UUID]:
    """A contact that waits, with all that follows from its arrival done."""

    def make(**values: Any) -> UUID:
        with pages.unit_of_work() as session:
            contact_id = make_contact(session, number=values.pop("number", NUMBER), **values).id
        drain()
        return contact_id

    return make
