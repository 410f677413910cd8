"""People who are signed in, an agent at the desk, and contacts that arrive."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services import triage
from models import Role, Staff
from tests.conftest import SignIn
from tests.factories_contacts import make_contact
from tests.fakes import StubClassifier
from tests.web.desk import NUMBER, send
from tests.web.forms import form
from tests.web.seat import Seat


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
def admin(as_role: SignIn) -> TestClient:
    return as_role(Role.ADMINISTRATOR, username="chief", name="赵管理")


@pytest.fixture
def liaison(as_role: SignIn) -> TestClient:
    return as_role(Role.LIAISON, unit="CGJ")


@pytest.fixture
def seat(as_role: SignIn, pages: Database) -> Seat:
    browser = as_role(Role.AGENT, username="caller-taker")
    with pages.reading() as session:
        staff_id = session.scalars(select(Staff.id).where(Staff.username == "caller-taker")).one()
    taken = Seat(browser, staff_id, pages)
    taken.post("/desk/presence", state="available")
    assert taken.post("/phone/sign-in").status_code == 200
    return taken


@pytest.fixture
def arrive(pages: Database, drain: Callable[[], int]) -> Callable[..., UUID]:
    """A contact that waits, with all that follows from its arrival done."""

    def make(**values: Any) -> UUID:
        with pages.unit_of_work() as session:
            contact_id = make_contact(session, number=values.pop("number", NUMBER), **values).id
        drain()
        return contact_id

    return make
