"""pump(): leased outbox rows to their handlers, in this process or as Celery tasks.

A crash anywhere repeats and never loses: the lease runs out, the row goes out again, and `handled_message` drops what was done.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import Celery
from sqlalchemy.orm import Session

from hotline import events, topics
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.handling import Handler, Lane
from hotline.live import Pusher
from hotline.posting import AWAY, Post
from hotline.services import outbox
from hotline.tasks import HANDLERS
from models import OutboxMessage

log = logging.getLogger(__name__)

BATCH = 50
# A batch of consequences gives way after this long, so that no sender waits for it (SQLite has one writer).
TURN_SECONDS = 0.008
IDLE_SECONDS = 0.1
# What is announced within this time is worked off together: one at a time costs far more, and takes turns from the senders.
GATHER_SECONDS = 0.15
TIDY_SECONDS = 1.0
# So many wait at once for each provider, and for all systems together: what is slow keeps nothing else waiting.
MOST_ERRANDS = 2


class Thought:
    """The result of a handler's `prepare`, or the error that it met."""

    def __init__(self, value: Any = None, error: Exception | None = None) -> None:
        self._value, self._error = value, error

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value


class Errands:
    """Runs beside the relay what waits for a network, so that nothing else waits for it; each once, whatever its lease does."""

    def __init__(self, most: int = MOST_ERRANDS) -> None:
        self._most = most
        self._is_over = False
        self._pools: dict[tuple[Lane, str], ThreadPoolExecutor] = {}
        self._under_way: set[tuple[UUID, str]] = set()
        self._lock = threading.Lock()

    def take_on(self, place: tuple[UUID, str], errand: Callable[[], None], *, lane: Lane, awaits: str = "") -> None:
        """Nothing if it is under way already, or waits for its turn: its lease ended meanwhile."""
        with self._lock:
            if self._is_over or place in self._under_way:
                return
            self._under_way.add(place)
            pool = self._pools.get((lane, awaits)) or self._open(lane, awaits)
        pool.submit(self._run, place, errand)

    def _open(self, lane: Lane, awaits: str) -> ThreadPoolExecutor:
        pool = ThreadPoolExecutor(self._most, thread_name_prefix=f"errand-{awaits or lane}")
        self._pools[lane, awaits] = pool
        return pool

    def _run(self, place: tuple[UUID, str], errand: Callable[[], None]) -> None:
        try:
            errand()
        except Exception:
            log.exception("errand failed; its row goes out again")
        finally:
            with self._lock:
                self._under_way.discard(place)

    def stop(self) -> None:
        """What has not begun goes out again when its lease ends."""
        with self._lock:
            self._is_over = True
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)


class Relay:
    """Runs what follows from committed events. Several may run beside each other."""

    def __init__(
        self,
        database: Database,
        pusher: Pusher,
        broker: Celery | None = None,
        *,
        errands: Errands | None = None,
        lease: timedelta = outbox.LEASE,
    ) -> None:
        """Without `errands`, what waits for a network is waited for."""
        self._database = database
        self._errands = errands
        self._pusher = pusher
        self._post = Post(broker) if broker is not None else None
        self._lease = lease
        self._stop = threading.Event()
        self._tidied_at = time.monotonic()

    def run(self) -> None:
        """Until `stop`; a database or broker that is away is waited for."""
        while not self._stop.is_set():
            try:
                leased = self.pump()
                if leased == 0:
                    self._database.bell.wait(IDLE_SECONDS)
                    self._database.bell.clear()
                self._tidy(leased)
                if leased < BATCH:
                    self._stop.wait(GATHER_SECONDS)
            except (Unavailable, *AWAY) as error:
                log.warning("relay waits", extra={"error": str(error)})
                self._stop.wait(1)
            except Exception:
                log.exception("relay turn failed; its rows go out again")
                self._stop.wait(1)

    def _tidy(self, leased: int) -> None:
        if leased and time.monotonic() - self._tidied_at >= TIDY_SECONDS:
            self._database.tidy()
            self._tidied_at = time.monotonic()

    def stop(self) -> None:
        self._stop.set()
        self._database.bell.set()

    def pump(self) -> int:
        """Lease a batch and run or publish it; returns how many rows were leased."""
        trouble = self._post.look() if self._post is not None else None
        with self._database.repeatable() as session:
            due = self._due(session)
            strange = [row for row in due if not _is_understood(session, row)]
            # From most events nothing follows but a hint, which is lost without harm: they need no lease.
            told = [row for row in due if row not in strange and not _handlers(row)]
            outbox.settle(session, [row.id for row in told])
            leased = outbox.lease([row for row in due if row not in told], lasting=self._lease)
        self._pusher.push(topic for row in told for topic in topics.of(_event(row)))
        rows = [row for row in leased if row not in strange]
        if rows and self._post is not None:
            self._publish(rows, self._post)
        elif rows:
            self._run(rows)
        if trouble is not None:
            raise trouble
        return len(due)

    def _due(self, session: Session) -> list[OutboxMessage]:
        if self._post is None:
            return outbox.due(session, limit=BATCH)
        return outbox.due_for_broker(session, limit=BATCH, full=self._post.full, busy=self._post.busy)

    def _publish(self, rows: Sequence[OutboxMessage], post: Post) -> None:
        """A broker that is away costs the rows neither a try nor their lease, so that they run as soon as it is back."""
        waiting = list(rows)
        try:
            while waiting:
                post.send(waiting[0])
                waiting.pop(0)
        except AWAY:
            with self._database.repeatable() as session:
                outbox.give_back(session, [row.id for row in waiting])
            raise

    def _run(self, rows: Sequence[OutboxMessage]) -> None:
        with self._database.reading() as session:
            done = outbox.handled(session, [row.id for row in rows])
            thoughts = {
                (row.id, handler.name): self._think(session, handler.prepare, row)
                for row in rows
                for handler in _handlers(row)
                if handler.prepare and (row.id, handler.name) not in done
            }
        pending = list(rows)
        while pending:
            pending = self._run_turn(pending, done, thoughts)

    def _run_turn(
        self, rows: Sequence[OutboxMessage], done: set[tuple[UUID, str]], thoughts: dict[tuple[UUID, str], Thought]
    ) -> list[OutboxMessage]:
        """One transaction over as many rows as fit a turn, a savepoint for each handler; returns the rest."""
        rest = list(rows)
        finished: list[OutboxMessage] = []
        ran: list[tuple[UUID, str]] = []
        with self._database.repeatable() as session:
            started = time.monotonic()
            while rest and not (finished and self._is_over(started)):
                row = rest.pop(0)
                finished.append(row)
                for handler in _handlers(row):
                    place = (row.id, handler.name)
                    if not handler.outside and place not in done and _attempt(session, row, handler, thoughts.get(place)):
                        ran.append(place)
            outbox.note_handled(session, ran)
            complete = done.union(ran)
            outbox.settle(
                session, [row.id for row in finished if all((row.id, each.name) in complete for each in _handlers(row))]
            )
        for row in finished:
            for handler in _handlers(row):
                if handler.outside and (row.id, handler.name) not in done:
                    self._send_out(row, handler)
        self._pusher.push(topic for row in finished for topic in topics.of(_event(row)))
        return rest

    def _send_out(self, row: OutboxMessage, handler: Handler) -> None:
        if self._errands is None:
            _deliver(self._database, row, handler)
            return

        def errand() -> None:
            _deliver(self._database, row, handler)
            self._pusher.push(topics.of(_event(row)))

        self._errands.take_on((row.id, handler.name), errand, lane=handler.lane, awaits=self._awaited(row, handler))

    def _awaited(self, row: OutboxMessage, handler: Handler) -> str:
        if handler.awaits is None:
            return ""
        try:
            with self._database.reading() as session:
                return handler.awaits(session, _event(row))
        except Exception:
            log.exception("unknown who is waited for", extra={"handler": handler.name})
            return ""  # whatever is wrong, the handler meets it too, and it is noted on the row

    def _is_over(self, started: float) -> bool:
        return self._database.precedence.is_claimed or time.monotonic() - started >= TURN_SECONDS

    def _think(self, session: Session, prepare: Callable[[Session, Any], Any], row: OutboxMessage) -> Thought:
        self._database.precedence.give_way()  # the interpreter is one
        return _think(session, prepare, row)


def _event(row: OutboxMessage) -> events.Event:
    return events.ALL[row.event].from_body(row.body)


def _is_understood(session: Session, row: OutboxMessage) -> bool:
    """An event of another version waits for a process that knows it, and must not hold up those beside it."""
    try:
        _event(row)
    except (KeyError, TypeError, ValueError) as error:
        outbox.note_failure(session, row.id, f"not understood: {error!r}")
        return False
    return True


def _handlers(row: OutboxMessage) -> Sequence[Handler]:
    return HANDLERS[events.ALL[row.event]]


def _think(session: Session, prepare: Callable[[Session, Any], Any], row: OutboxMessage) -> Thought:
    try:
        return Thought(prepare(session, _event(row)))
    except Exception as error:
        log.exception("consequence not prepared", extra={"event": row.event})
        return Thought(error=error)


def _attempt(session: Session, row: OutboxMessage, handler: Handler, thought: Thought | None) -> bool:
    """Run one handler in a savepoint; a failure is noted on the row, which goes out again when its lease ends."""
    try:
        with session.begin_nested():
            if thought is None:
                handler.run(session, _event(row))
            else:
                handler.run(session, _event(row), thought.result())
    except Unavailable:
        raise
    except Exception as error:
        log.exception("consequence failed", extra={"handler": handler.name, "event": row.event})
        outbox.note_failure(session, row.id, f"{handler.name}: {error!r}")
        return False
    return True


def _deliver(database: Database, row: OutboxMessage, handler: Handler) -> None:
    """A handler with the network in it: it opens its own short transactions."""
    try:
        handler.run(database, _event(row))
    except Exception as error:
        log.exception("delivery failed", extra={"handler": handler.name})
        with database.repeatable() as session:
            outbox.note_failure(session, row.id, f"{handler.name}: {error!r}")
        return
    with database.repeatable() as session:
        outbox.hold(session, row.id)
        if (row.id, handler.name) not in outbox.handled(session, [row.id]):
            outbox.note_handled(session, [(row.id, handler.name)])
        outbox.settle_if_complete(session, row.id, handlers=[each.name for each in _handlers(row)])


def run_task(database: Database, pusher: Pusher, message_id: UUID, *handlers: str) -> None:
    """These handlers of one row, for a worker process; nothing happens of what has run before."""
    with database.reading() as session:
        row = session.get(OutboxMessage, message_id)
        if row is None or row.done_at is not None:
            return
        done = outbox.handled(session, [row.id])
        todo = [each for each in _handlers(row) if each.name in handlers and (row.id, each.name) not in done]
        thoughts = {each.name: _think(session, each.prepare, row) for each in todo if each.prepare}
    for handler in todo:
        if handler.outside:
            _deliver(database, row, handler)
            return
    try:
        _run_together(database, row, todo, thoughts)
    except Exception as error:
        # What is known to have failed need not wait until its lane is empty.
        with database.repeatable() as session:
            outbox.note_failure(session, row.id, repr(error))
        raise
    pusher.push(topics.of(_event(row)))


def _run_together(database: Database, row: OutboxMessage, handlers: Sequence[Handler], thoughts: Mapping[str, Thought]) -> None:
    with database.unit_of_work() as session:
        outbox.hold(session, row.id)  # the same task delivered twice at once: the second one waits here and finds it done
        done = outbox.handled(session, [row.id])
        left = [each for each in handlers if (row.id, each.name) not in done]
        ran = [(row.id, each.name) for each in left if _attempt(session, row, each, thoughts.get(each.name))]
        outbox.note_handled(session, ran)
        outbox.settle_if_complete(session, row.id, handlers=[each.name for each in _handlers(row)])
