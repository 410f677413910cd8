"""What waits for a network waits in its lane: a unit's dead system keeps no citizen's message waiting."""

import threading
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from hotline.db import Database
from hotline.events import ContactOpened
from hotline.handling import Handler, Lane
from hotline.relay import MOST_ERRANDS, Errands, Relay
from hotline.services import outbox
from hotline.settings import Settings
from hotline.tasks import HANDLERS
from models import OutboxMessage, new_id
from tests.components import wait_until
from tests.test_posting import Broker
from tests.test_relay import Effect, Pushed


def rows_done(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_not(None))).all())


def test_systems_that_are_dead_keep_no_citizens_message_waiting(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered, told = threading.Event(), list[UUID]()

    def wait(*_: object) -> None:
        answered.wait(30)

    handlers = [
        Handler("webhook", wait, outside=True, lane=Lane.SYSTEMS),
        Handler("text", lambda _, event: told.append(event.contact_id), outside=True),
    ]
    monkeypatch.setitem(HANDLERS, ContactOpened, handlers)
    contacts = [new_id() for _ in range(2 * MOST_ERRANDS)]
    with database.unit_of_work() as session:
        outbox.emit(session, *map(ContactOpened, contacts))
    errands = Errands()
    relay = Relay(database, Pushed(settings), errands=errands)

    relay.pump()
    wait_until(lambda: len(told) == len(contacts), "the messages, while every call of a system still waits")

    assert sorted(told) == sorted(contacts)
    assert rows_done(database) == 0
    answered.set()
    wait_until(lambda: rows_done(database) == len(contacts), "the answers of the systems")
    errands.stop()


def test_calls_of_systems_have_a_queue_of_their_own(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = [
        Handler("webhook", Effect("webhook"), outside=True, lane=Lane.SYSTEMS),
        Handler("text", Effect("text"), outside=True),
    ]
    monkeypatch.setitem(HANDLERS, ContactOpened, handlers)
    with database.unit_of_work() as session:
        outbox.emit(session, ContactOpened(new_id()))
    broker: Any = Broker(takes=2)

    Relay(database, Pushed(settings), broker).pump()

    assert broker.queues == ["systems", "celery"]
