"""The relay with a broker: what is published, what waits for room, and what a broker that is away costs."""

from collections.abc import Callable
from typing import Any

import pytest
from kombu.connection import Connection
from kombu.exceptions import OperationalError as BrokerDown

from hotline.db import Database
from hotline.events import CalendarChanged
from hotline.handling import HANDLERS, Handler, Lane
from hotline.posting import MOST_WAITING
from hotline.relay import Relay
from hotline.services import outbox
from tests.test_relay import AT_ONCE, Effect, Pushed, announced, follows, pushed, row

__all__ = ["announced", "follows", "pushed"]


class Broker:
    """Takes so many tasks, then is away. No worker takes anything from it."""

    def __init__(self, takes: int) -> None:
        self.takes = takes
        self.pool = Connection("memory://").Pool(1)
        with self.pool.acquire() as connection, connection.channel() as channel:
            for queue in ("celery", "systems"):  # of a process, not of a connection
                channel.queue_delete(queue)
        self.sent: list[tuple[str, ...]] = []
        self.queues: list[str] = []

    def holds(self, queue: str, tasks: int) -> None:
        with self.pool.acquire() as connection, connection.SimpleQueue(queue) as waiting:
            for _ in range(tasks):
                waiting.put({})

    def send_task(self, name: str, *, args: list[str], queue: str, retry: bool) -> None:
        if len(self.sent) >= self.takes:
            raise BrokerDown("away")
        assert (name, retry) == ("hotline.consequence", False)
        self.sent.append(tuple(args))
        self.queues.append(queue)


@pytest.mark.usefixtures("announced")
def test_what_waits_for_a_network_is_a_task_of_its_own_and_all_else_of_an_event_is_one(
    database: Database, pushed: Pushed, follows: Callable[..., None]
) -> None:
    """Several would be begun at once by several workers, and wait for each other."""
    follows(Handler("one", Effect("one")), Handler("far", Effect("far"), outside=True), Handler("two", Effect("two")))
    broker: Any = Broker(takes=2)

    Relay(database, pushed, broker).pump()

    assert broker.sent == [(str(row(database).id), "one", "two"), (str(row(database).id), "far")]
    assert row(database).done_at is None


@pytest.mark.usefixtures("announced")
def test_a_broker_that_is_away_costs_no_try(database: Database, pushed: Pushed, follows: Callable[..., None]) -> None:
    follows(Handler("one", Effect("one")))
    broker: Any = Broker(takes=0)

    with pytest.raises(BrokerDown):
        Relay(database, pushed, broker).pump()
    broker.takes = 1
    Relay(database, pushed, broker).pump()

    assert len(broker.sent) == 1
    assert row(database).attempts == 1


@pytest.mark.usefixtures("announced")
def test_a_task_that_still_waits_is_not_published_again(database: Database, pushed: Pushed, follows: Callable[..., None]) -> None:
    """Without a worker it would fill the broker with repeats, and count as given up in the end."""
    follows(Handler("one", Effect("one")))
    broker: Any = Broker(takes=3)
    relay = Relay(database, pushed, broker, lease=AT_ONCE)
    relay.pump()
    broker.holds("celery", 1)

    relay.pump()
    assert len(broker.sent) == 1

    with database.unit_of_work() as session:
        outbox.note_failure(session, row(database).id, "one: not yet")
    relay.pump()
    assert len(broker.sent) == 2


@pytest.mark.usefixtures("announced")
def test_what_finds_no_room_waits_in_the_outbox_and_holds_nothing_else_up(
    database: Database, pushed: Pushed, follows: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    follows(Handler("one", Effect("one"), lane=Lane.SYSTEMS))
    monkeypatch.setitem(HANDLERS, CalendarChanged, [Handler("two", Effect("two"))])
    with database.unit_of_work() as session:
        outbox.emit(session, CalendarChanged())
    broker: Any = Broker(takes=3)
    broker.holds("systems", MOST_WAITING)

    Relay(database, pushed, broker).pump()
    assert [name for _, name in broker.sent] == ["two"]

    with broker.pool.acquire() as connection, connection.channel() as channel:
        channel.queue_purge("systems")
    Relay(database, pushed, broker).pump()
    assert [name for _, name in broker.sent] == ["two", "one"]


@pytest.mark.usefixtures("announced")
def test_what_has_no_consequence_needs_no_broker(database: Database, pushed: Pushed, follows: Callable[..., None]) -> None:
    follows()

    broker: Any = Broker(takes=0)
    Relay(database, pushed, broker).pump()

    assert row(database).done_at is not None
