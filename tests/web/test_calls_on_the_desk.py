"""A caller writes nothing: what the agent writes down is read, and fills what nobody has picked yet."""

from collections.abc import Callable
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete, select

from hotline.db import Database
from models import Presence, PresenceState, QueueEntry, now
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
