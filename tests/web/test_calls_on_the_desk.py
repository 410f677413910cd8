"""A caller writes nothing: what the agent writes down is read, and fills what nobody has picked yet."""

import re
from collections.abc import Callable
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select

from hotline.db import Database
from models import Contact, Presence, PresenceState, QueueEntry, now
from tests.factories import make_staff
from tests.factories_contacts import make_contact
from tests.web.desk import drafted, send


@pytest.fixture
def call(agent: TestClient, pages: Database) -> UUID:
    """A call that the agent is in."""
    with pages.unit_of_work() as session:
        contact = make_contact(session, channel="voice")
        session.execute(delete(QueueEntry).where(QueueEntry.contact_id == contact.id))
        contact.taken_by_id = session.scalars(select(Presence.staff_id).where(Presence.state == PresenceState.AVAILABLE)).one()
        contact.taken_at = now()
        return contact.id


def test_what_is_written_down_is_read_and_fills_the_open_fields(agent: TestClient, call: UUID, drain: Callable[[], int]) -> None:
    page = agent.get(f"/desk?c={call}").text
    send(agent, drafted(page, call, content="滨江路12号门口的垃圾三天没有人清运。", category="", unit=""))
    drain()

    suggested = agent.get(f"/desk/contact/{call}/suggested").text

    assert 'name="category" value="0101" data-key="1" checked' in suggested


def test_what_was_picked_stays_picked(agent: TestClient, call: UUID, drain: Callable[[], int]) -> None:
    page = agent.get(f"/desk?c={call}").text
    send(agent, drafted(page, call, content="滨江路12号门口的垃圾三天没有人清运。", category_pick="0401 水电气热 › 供水"))
    drain()

    suggested = agent.get(f"/desk/contact/{call}/suggested").text

    assert 'value="0401' in suggested
    assert " checked" not in suggested.split('id="units"')[0]


def test_a_desk_opened_again_has_the_suggestion_that_came_before_in_what_is_still_open(
    agent: TestClient, call: UUID, drain: Callable[[], int]
) -> None:
    page = agent.get(f"/desk?c={call}").text
    send(agent, drafted(page, call, content="滨江路12号门口的垃圾三天没有人清运。", category="", unit=""))
    drain()

    page = agent.get(f"/desk?c={call}").text

    assert 'name="category" value="0101" data-key="1" checked' in page
    assert re.search('name="unit" value="CGJ"[^>]* checked', page)


def test_a_desk_whose_contact_went_on_is_told_and_nothing_fails(agent: TestClient, call: UUID, pages: Database) -> None:
    with pages.unit_of_work() as session:
        session.get_one(Contact, call).taken_by_id = make_staff(session).id

    told = agent.get(f"/desk/contact/{call}/talk", headers={"HX-Request": "true"})

    assert told.headers["HX-Redirect"] == "/desk"
    assert "已转给同事" in agent.get("/desk").text
    for beside in ("suggested", "filing"):
        assert agent.get(f"/desk/contact/{call}/{beside}").status_code == 204
