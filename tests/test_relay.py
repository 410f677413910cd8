"""The relay in process: everything that was announced takes effect once, whatever fails in between."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import db, process
from hotline import relay as relay_module
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.events import ContactOpened
from hotline.handling import Handler
from hotline.live import Pusher
from hotline.relay import Errands, Relay, run_task
from hotline.services import outbox
from hotline.settings import Settings
from hotline.tasks import HANDLERS
from models import OutboxMessage, SerialDay, new_id, now
from tests.components import wait_until

AT_ONCE = timedelta(0)


class Pushed(Pusher):
    """Keeps what would go to the screens."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(redis_url="", socket_path=process.live_socket(settings))
        self.topics: list[str] = []

    def push(self, topics: Any) -> None:
        self.topics += topics


@pytest.fixture
def pushed(settings: Settings) -> Pushed:
    return Pushed(settings)


class Effect:
    """A consequence that leaves a row, or fails as often as it is told to."""

    def __init__(self, name: str, *, failures: int = 0) -> None:
        self.name, self.failures, self.runs = name, failures, 0

    def __call__(self, session: Session, _: ContactOpened) -> None:
        self.runs += 1
        session.add(SerialDay(day=self.name, value=1))  # a second one would break the key
        session.flush()
        if self.runs <= self.failures:
            raise ValueError("not yet")


@pytest.fixture
def follows(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what follows from ContactOpened in this test."""

    def set_handlers(*handlers: Handler) -> None:
        monkeypatch.setitem(HANDLERS, ContactOpened, list(handlers))

    return set_handlers


@pytest.fixture
def announced(database: Database) -> UUID:
    contact_id = new_id()
    with database.unit_of_work() as session:
        outbox.emit(session, ContactOpened(contact_id))
    return contact_id


def row(database: Database) -> OutboxMessage:
    with database.reading() as session:
        return session.scalars(select(OutboxMessage)).one()


def days(database: Database) -> list[str]:
    with database.reading() as session:
        return sorted(session.scalars(select(SerialDay.day)))


def test_each_handler_runs_once(database: Database, announced: Any, pushed: Pushed, follows: Callable[..., None]) -> None:
    one, two = Effect("one"), Effect("two")
    follows(Handler("one", one), Handler("two", two))
    relay = Relay(database, pushed)

    assert [relay.pump(), relay.pump()] == [1, 0]

    assert (one.runs, two.runs) == (1, 1)
    assert row(database).done_at is not None
    assert f"contact:{announced}" in pushed.topics


@pytest.mark.usefixtures("announced")
def test_one_failure_is_repeated_and_its_neighbour_is_not(
    database: Database, pushed: Pushed, follows: Callable[..., None]
) -> None:
    good, bad = Effect("good"), Effect("bad", failures=1)
    follows(Handler("bad", bad), Handler("good", good))
    relay = Relay(database, pushed, lease=AT_ONCE)

    relay.pump()
    assert days(database) == ["good"]
    assert "not yet" in row(database).last_error
    relay.pump()

    assert (good.runs, bad.runs) == (1, 2)
    assert days(database) == ["bad", "good"]
    assert (row(database).last_error, row(database).attempts) == ("", 2)


@pytest.mark.usefixtures("announced")
def test_what_waits_for_a_network_keeps_nothing_else_waiting_and_is_done_once(
    database: Database, pushed: Pushed, follows: Callable[..., None]
) -> None:
    answered, begun = threading.Event(), threading.Event()
    calls: list[ContactOpened] = []

    def slow(_: Database, event: ContactOpened) -> None:
        calls.append(event)
        begun.set()
        answered.wait(30)

    near = Effect("near")
    follows(Handler("far", slow, outside=True), Handler("near", near))
    errands = Errands()
    relay = Relay(database, pushed, errands=errands, lease=AT_ONCE)

    assert [relay.pump(), relay.pump()] == [1, 1]  # the lease ends at once
    assert begun.wait(30)
    assert (near.runs, len(calls), row(database).done_at) == (1, 1, None)

    answered.set()
    wait_until(lambda: row(database).done_at is not None, "the answer from afar")
    assert len(calls) == 1
    errands.stop()


@pytest.mark.usefixtures("announced")
def test_an_errand_that_two_relays_ran_is_written_down_once(
    database: Database, pushed: Pushed, follows: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    """Its lease ended while it waited for its turn; a handler makes sure by itself that nothing is sent twice."""
    both = threading.Barrier(2, timeout=30)

    def meet(*_: object) -> None:
        both.wait()

    follows(Handler("far", meet, outside=True))
    errands = [Errands(), Errands()]

    for each in errands:
        Relay(database, pushed, errands=each, lease=AT_ONCE).pump()
    wait_until(lambda: row(database).done_at is not None, "the errand")
    for each in errands:
        each.stop()
    for thread in threading.enumerate():
        if thread.name.startswith("errand"):
            thread.join()

    assert row(database).last_error == ""
    assert "errand failed" not in caplog.text


@pytest.mark.usefixtures("announced")
def test_an_errand_that_fails_goes_out_again(database: Database, pushed: Pushed, follows: Callable[..., None]) -> None:
    tries = []

    def fails_once(_: Database, event: ContactOpened) -> None:
        tries.append(event)
        if len(tries) == 1:
            raise ValueError("nobody there")

    follows(Handler("far", fails_once, outside=True))
    errands = Errands()
    relay = Relay(database, pushed, errands=errands, lease=AT_ONCE)

    relay.pump()
    wait_until(lambda: "nobody there" in row(database).last_error, "the first try")
    wait_until(lambda: relay.pump() >= 0 and row(database).done_at is not None, "the second")

    assert len(tries) == 2
    assert row(database).last_error == ""
    errands.stop()


@pytest.mark.usefixtures("announced")
def test_what_never_works_is_stuck_and_people_see_it(database: Database, pushed: Pushed, follows: Callable[..., None]) -> None:
    follows(Handler("bad", Effect("bad", failures=99)))
    relay = Relay(database, pushed, lease=AT_ONCE)

    while relay.pump():
        pass

    with database.reading() as session:
        assert [one.last_error[:4] for one in outbox.stuck(session)] == ["bad:"]
    assert days(database) == []


@pytest.mark.usefixtures("announced")
def test_a_relay_that_dies_after_its_lease_leaves_the_row_to_the_next(
    database: Database, pushed: Pushed, follows: Callable[..., None]
) -> None:
    effect = Effect("once")
    follows(Handler("once", effect))
    with database.repeatable() as session:
        outbox.lease(outbox.due(session, limit=10), lasting=AT_ONCE)

    Relay(database, pushed).pump()

    assert (effect.runs, days(database)) == (1, ["once"])


def test_thinking_happens_before_the_transaction(
    database: Database, announced: Any, pushed: Pushed, follows: Callable[..., None]
) -> None:
    seen: list[Any] = []
    follows(Handler("think", lambda _, event, thought: seen.append((event.contact_id, thought)), lambda *_: "a thought"))

    Relay(database, pushed).pump()

    assert seen == [(announced, "a thought")]


@pytest.mark.usefixtures("announced")
def test_a_thought_that_fails_is_thought_again(database: Database, pushed: Pushed, follows: Callable[..., None]) -> None:
    tries: list[int] = []

    def think(*_: object) -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("no idea")
        return "a thought"

    follows(Handler("think", lambda *_: None, think))
    relay = Relay(database, pushed, lease=AT_ONCE)

    while relay.pump():
        pass

    assert len(tries) == 2
    assert row(database).done_at is not None


class Sender:
    """Stores a fact from a thread of its own, once it is sure that the relay may know of it."""

    def __init__(self, database: Database, order: list[str]) -> None:
        self._database, self._order = database, order
        self._known = threading.Event()
        self._thread = threading.Thread(target=self._send)

    def come(self) -> None:
        self._thread.start()
        wait_until(lambda: self._database.precedence.is_claimed, "the sender")
        self._known.set()

    def leave(self) -> None:
        self._thread.join()

    def _send(self) -> None:
        with self._database.unit_of_work():
            self._known.wait()
            self._order.append("fact")


@pytest.mark.parametrize("piece", ["thought", "consequence"])
@pytest.mark.usefixtures("announced")
def test_a_sender_that_comes_during_a_batch_waits_for_one_piece_of_it(
    database: Database, pushed: Pushed, follows: Callable[..., None], monkeypatch: pytest.MonkeyPatch, piece: str
) -> None:
    monkeypatch.setattr(db, "PATIENCE", 60)
    monkeypatch.setattr(relay_module, "TURN_SECONDS", 60)
    order: list[str] = []
    sender = Sender(database, order)

    def work(*_: object) -> None:
        order.append(piece)
        if len(order) == 1:
            sender.come()

    follows(Handler("think", lambda *_: None, work) if piece == "thought" else Handler("run", work))
    with database.unit_of_work() as session:
        outbox.emit(session, ContactOpened(new_id()))

    Relay(database, pushed).pump()
    sender.leave()

    assert order == [piece, "fact", piece]


@pytest.mark.usefixtures("announced")
def test_a_worker_runs_one_handler_and_the_last_one_settles(
    database: Database, pushed: Pushed, follows: Callable[..., None]
) -> None:
    follows(Handler("one", Effect("one")), Handler("two", Effect("two")))
    message_id = row(database).id

    for name in ("one", "one"):
        run_task(database, pushed, message_id, name)
    assert row(database).done_at is None
    run_task(database, pushed, message_id, "two")
    run_task(database, pushed, message_id, "two")

    assert row(database).done_at is not None
    assert days(database) == ["one", "two"]


@pytest.mark.usefixtures("announced")
def test_two_relays_beside_each_other_run_everything_once(
    database: Database, pushed: Pushed, follows: Callable[..., None]
) -> None:
    ran: list[Any] = []
    follows(Handler("count", lambda _, event: ran.append(event.contact_id)))
    with database.unit_of_work() as session:
        for _ in range(120):
            outbox.emit(session, ContactOpened(new_id()))
    relays = [Relay(database, pushed), Relay(database, pushed)]
    threads = [threading.Thread(target=relay.run) for relay in relays]

    for thread in threads:
        thread.start()
    wait_until(lambda: len(ran) >= 121, "the relays to run everything")
    for relay in relays:
        relay.stop()
    for thread in threads:
        thread.join()

    assert len(ran) == len(set(ran)) == 121


@pytest.mark.usefixtures("announced")
def test_a_task_that_broke_off_has_failed_and_need_not_wait_for_an_empty_lane(
    database: Database, pushed: Pushed, follows: Callable[..., None]
) -> None:
    def breaks_off(*_: object) -> None:
        raise Unavailable("a deadlock")

    follows(Handler("one", breaks_off))

    with pytest.raises(Unavailable):
        run_task(database, pushed, row(database).id, "one")

    assert "deadlock" in row(database).last_error
    assert row(database).done_at is None


def test_what_has_no_consequence_is_told_to_screens_in_one_transaction(
    database: Database, announced: UUID, pushed: Pushed, follows: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    follows()
    transactions = Mock(wraps=database.repeatable)
    monkeypatch.setattr(database, "repeatable", transactions)

    Relay(database, pushed).pump()

    assert row(database).done_at is not None
    assert f"contact:{announced}" in pushed.topics
    assert transactions.call_count == 1


def test_an_event_of_another_version_waits_and_holds_up_nobody(
    database: Database, announced: UUID, pushed: Pushed, follows: Callable[..., None]
) -> None:
    effect = Effect("once")
    follows(Handler("once", effect))
    with database.unit_of_work() as session:
        session.add(OutboxMessage(event="FromTheFuture", body={}, ready_at=now()))

    Relay(database, pushed).pump()

    with database.reading() as session:
        (strange,) = session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None)))
    assert (strange.event, strange.last_error[:14], effect.runs) == ("FromTheFuture", "not understood", 1)
