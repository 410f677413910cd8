"""Rows of the outbox: written with the fact, leased by one, out again after a crash, stuck in the end."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.events import CaseFiled, ContactOpened
from hotline.services import outbox
from models import HandledMessage, OutboxMessage, new_id, now


def emit(session: Session, count: int = 1) -> list[UUID]:
    before = {row.id for row in session.scalars(select(OutboxMessage))}
    for _ in range(count):
        outbox.emit(session, ContactOpened(new_id()))
    session.flush()
    return [row.id for row in session.scalars(select(OutboxMessage)) if row.id not in before]


def test_an_event_is_stored_with_the_fact_or_not_at_all(database: Database) -> None:
    def fails_after_announcing() -> None:
        with database.unit_of_work() as session:
            emit(session)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails_after_announcing()

    with database.reading() as session:
        assert session.scalars(select(OutboxMessage)).all() == []


def test_an_event_survives_the_journey_through_json() -> None:
    event = CaseFiled(new_id())

    assert CaseFiled.from_body(event.as_body()) == event


@pytest.mark.usefixtures("clock")
def test_a_leased_row_goes_to_nobody_else_until_its_lease_ends(session: Session, clock: Traveller) -> None:
    (message_id,) = emit(session)

    assert [row.id for row in outbox.lease(outbox.due(session, limit=10))] == [message_id]
    assert outbox.lease(outbox.due(session, limit=10)) == []
    clock.shift(outbox.LEASE)

    assert [row.id for row in outbox.lease(outbox.due(session, limit=10))] == [message_id]


def test_each_lease_is_longer_and_after_the_last_try_a_row_is_stuck(session: Session, clock: Traveller) -> None:
    (message_id,) = emit(session)
    waits = []

    for _ in range(outbox.MOST_TRIES):
        (row,) = outbox.lease(outbox.due(session, limit=10))
        waits.append(row.ready_at - now())
        clock.move_to(row.ready_at)

    assert waits == sorted(waits)
    assert waits[1] == 2 * waits[0]
    assert outbox.lease(outbox.due(session, limit=10)) == []
    assert [row.id for row in outbox.stuck(session)] == [message_id]


def test_a_stuck_row_goes_again_when_somebody_says_so(session: Session) -> None:
    (message_id,) = emit(session)
    session.get_one(OutboxMessage, message_id).stuck = True
    session.flush()
    assert outbox.oldest_waiting(session) is None

    outbox.retry(session, message_id)
    session.expire_all()

    assert [row.id for row in outbox.lease(outbox.due(session, limit=10))] == [message_id]


def test_workers_at_once_lease_each_row_once(database: Database) -> None:
    with database.unit_of_work() as session:
        expected = set(emit(session, 60))
    together = Barrier(6)

    def work(_: int) -> list[UUID]:
        together.wait()
        found: list[UUID] = []
        while True:
            with database.unit_of_work() as session:
                rows = outbox.lease(outbox.due(session, limit=7))
                found += [row.id for row in rows]
            if not rows:
                return found

    with ThreadPoolExecutor(6) as pool:
        leased = [message_id for share in pool.map(work, range(6)) for message_id in share]

    assert sorted(leased) == sorted(expected)


def test_what_is_done_is_forgotten_later_and_what_waits_is_not(session: Session, clock: Traveller) -> None:
    done, waiting = emit(session, 2)
    outbox.note_handled(session, [(done, "somebody")])
    outbox.settle(session, [done])
    oldest = outbox.oldest_waiting(session)
    clock.shift(timedelta(days=8))

    assert outbox.forget(session, before=now() - timedelta(days=7)) == 1

    assert session.scalars(select(OutboxMessage.id)).all() == [waiting]
    assert session.scalars(select(HandledMessage)).all() == []
    assert oldest is not None


def test_a_row_is_complete_when_all_its_handlers_have_run(session: Session) -> None:
    (message_id,) = emit(session)
    outbox.note_handled(session, [(message_id, "one")])

    outbox.settle_if_complete(session, message_id, handlers=["one", "two"])
    assert [row.id for row in outbox.lease(outbox.due(session, limit=1))] == [message_id]
    outbox.note_handled(session, [(message_id, "two")])
    outbox.settle_if_complete(session, message_id, handlers=["one", "two"])
    session.expire_all()

    assert session.get_one(OutboxMessage, message_id).done_at is not None
    assert outbox.handled(session, [message_id]) == {(message_id, "one"), (message_id, "two")}


def test_a_failure_is_told_on_the_row(session: Session) -> None:
    (message_id,) = emit(session)

    outbox.note_failure(session, message_id, "tell_citizen: " + "x" * 3000)
    session.expire_all()

    assert len(session.get_one(OutboxMessage, message_id).last_error) == 2000
