"""Consequences through a real Redis and real Celery processes: each takes effect once, whatever dies on the way."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from itertools import count

import pytest
from kombu.exceptions import OperationalError as BrokerDown
from redis import Redis as RedisClient
from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from hotline.ports import Inbound
from hotline.posting import MOST_WAITING
from hotline.relay import Relay
from hotline.services import intake, outbox, presence
from models import (
    Contact,
    OutboxMessage,
    Presence,
    PresenceState,
    Suggestion,
    now,
)
from tests.components import Process, wait_until
from tests.factories import make_staff
from tests.real.conftest import Back

Publish = Callable[[str, list[str]], None]
_letter = count(1)

pytestmark = pytest.mark.timeout(180)


def receive_letter(session: Session) -> Contact:
    serial = next(_letter)
    letter = Inbound(
        channel="mailbox",
        external_id=f"letter-{serial}",
        sender=f"letter-{serial}",
        text=f"银杏路{serial}号门口的路灯不亮，晚上走路看不清。",
        received_at=now(),
    )
    return intake.receive(session, letter).contact


def receive_letters(back: Back, how_many: int) -> list[Contact]:
    contacts = []
    for _ in range(how_many):
        with back.database.unit_of_work() as session:
            contacts.append(receive_letter(session))
    return contacts


def suggestions_of(back: Back, contacts: list[Contact]) -> list[int]:
    """How many suggestions each contact has."""
    with back.database.reading() as session:
        found = session.execute(select(Suggestion.contact_id, func.count()).group_by(Suggestion.contact_id))
        counts = {contact_id: number for contact_id, number in found}
    return [counts.get(contact.id, 0) for contact in contacts]


def row_of(back: Back, contact: Contact, event: str) -> OutboxMessage:
    with back.database.reading() as session:
        rows = session.scalars(select(OutboxMessage).where(OutboxMessage.event == event))
        return next(row for row in rows if row.body["contact_id"] == str(contact.id))


def waits_for_a_lock(back: Back) -> bool:
    statement = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with back.database.reading() as session:
        return bool(session.scalar(text(statement)))


def wait_until_done(back: Back, worker: Process) -> None:
    wait_until(lambda: back.open_rows() == 0, f"the consequences; see {worker.log}", seconds=60)


def test_each_consequence_takes_effect_once(back: Back, running_worker: Process, running_relay: Relay) -> None:
    contacts = receive_letters(back, 12)

    wait_until_done(back, running_worker)

    assert suggestions_of(back, contacts) == [1] * 12


def test_a_task_that_is_delivered_five_times_takes_effect_once(back: Back, running_worker: Process, publish: Publish) -> None:
    [contact] = receive_letters(back, 1)
    row = row_of(back, contact, "MessageReceived")

    for _ in range(5):
        publish("hotline.consequence", [str(row.id), "suggest_category"])
    wait_until(lambda: running_worker.log.read_text().count("succeeded in") == 5, f"five tasks; see {running_worker.log}")

    assert suggestions_of(back, [contact]) == [1]


def test_while_the_broker_is_away_events_wait_and_lose_nothing_by_it(back: Back, running_worker: Process, relay: Relay) -> None:
    contacts = receive_letters(back, 5)
    back.broker.kill()
    with pytest.raises(BrokerDown):
        relay.pump()
    assert {row_of(back, contact, "MessageReceived").attempts for contact in contacts} == {0}

    back.broker.start()
    wait_until(lambda: relay.pump() == 0 and back.open_rows() == 0, f"the consequences; see {running_worker.log}", seconds=60)

    assert suggestions_of(back, contacts) == [1] * 5


def test_without_a_worker_nothing_is_published_twice_or_given_up(back: Back, running_worker: Process, relay: Relay) -> None:
    """What waits longer than its lease is no failure: it went out again and again until it counted as one."""
    running_worker.kill()
    contacts = receive_letters(back, MOST_WAITING + 50)
    for _ in range(2 * outbox.MOST_TRIES):
        relay.pump()
        with back.database.unit_of_work() as session:
            session.execute(update(OutboxMessage).where(OutboxMessage.done_at.is_(None)).values(ready_at=now()))

    with back.database.reading() as session:
        tries = session.scalars(select(OutboxMessage.attempts).where(OutboxMessage.done_at.is_(None))).all()
    assert set(tries) == {0, 1}
    assert MOST_WAITING <= RedisClient.from_url(back.broker.url).llen("celery") < 2 * MOST_WAITING
    running_worker.start()
    wait_until(lambda: relay.pump() == 0 and back.open_rows() == 0, f"the consequences; see {running_worker.log}", seconds=60)
    assert suggestions_of(back, contacts) == [1] * len(contacts)


def test_what_a_killed_worker_had_begun_goes_out_again(back: Back, running_worker: Process, running_relay: Relay) -> None:
    with back.database.engine.connect() as holding, holding.begin():
        [contact] = receive_letters(back, 1)
        holding.execute(select(Contact.id).where(Contact.id == contact.id).with_for_update())
        wait_until(lambda: waits_for_a_lock(back), f"the worker to be in the middle; see {running_worker.log}")
        running_worker.kill()

    running_worker.start()
    wait_until_done(back, running_worker)

    assert suggestions_of(back, [contact]) == [1]


def test_two_workers_that_finish_one_event_at_once_do_not_wait_for_each_other(back: Back) -> None:
    [contact] = receive_letters(back, 1)
    row = row_of(back, contact, "MessageReceived")

    with ExitStack() as first_ends, back.database.unit_of_work() as second:
        first = first_ends.enter_context(back.database.unit_of_work())
        outbox.note_handled(first, [(row.id, "first")])
        outbox.note_handled(second, [(row.id, "second")])
        outbox.settle_if_complete(first, row.id, handlers=["first", "second"])
        first_ends.close()
        outbox.settle_if_complete(second, row.id, handlers=["first", "second"])

    assert row_of(back, contact, "MessageReceived").done_at is not None


def test_an_event_of_another_version_waits_and_holds_up_nobody(back: Back, running_worker: Process, relay: Relay) -> None:
    with back.database.unit_of_work() as session:
        unknown = OutboxMessage(event="NotYetInvented", body={}, ready_at=now())
        session.add(unknown)
    [contact] = receive_letters(back, 1)

    relay.pump()
    wait_until(lambda: suggestions_of(back, [contact]) == [1], f"the suggestion; see {running_worker.log}")

    with back.database.unit_of_work() as session:
        left = session.get_one(OutboxMessage, unknown.id)
        assert left.done_at is None
        assert left.last_error.startswith("not understood")
        session.delete(left)


def test_the_timetable_runs(back: Back, running_worker: Process) -> None:
    with back.database.unit_of_work() as session:
        seat = presence.set_presence(session, make_staff(session), PresenceState.AVAILABLE)
        seat.heartbeat_at = now() - timedelta(minutes=5)
    beat = back.celery("beat", "--loglevel", "INFO", "--schedule", str(back.folder / "timetable"))
    beat.start()
    try:
        wait_until(lambda: state_of(back, seat) == PresenceState.OFFLINE, f"the timetable; see {beat.log}")
    finally:
        beat.kill()


def state_of(back: Back, seat: Presence) -> PresenceState:
    with back.database.reading() as session:
        return session.get_one(Presence, seat.staff_id).state
