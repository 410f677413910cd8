"""Sixteen people who take the next contact at the same moment: through the service, or with bare SKIP LOCKED."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.pool import ThreadPool
from multiprocessing.synchronize import Barrier
from uuid import UUID

import psycopg
from sqlalchemy import Engine, insert

from bench.service import KEY
from hotline.db import Database
from hotline.services import queueing
from models import Contact, Presence, QueueEntry, Staff, base, privacy

TAKERS = 16
# Takings before the clock starts, so that no connection is opened and no statement compiled or planned in the race.
WARM_UP = 12

# The first in rank, as the service ranks; nothing about who suits whom, who has room, or whose turn text is.
FIRST = """
    SELECT contact_id FROM queue_entry
    ORDER BY urgency_weight DESC, (%s - clock_from) / limit_seconds DESC, contact_id
    LIMIT 1 FOR UPDATE SKIP LOCKED
"""

# Takes once and says which contact it got, or None when nothing is left.
Take = Callable[[], UUID | None]
# Prepares one person's takings from the database at a URL.
Way = Callable[[str, UUID], AbstractContextManager[Take]]


@dataclass(frozen=True)
class Race:
    """Who got what, and how long each taking took."""

    taken: list[UUID]
    waits: list[float]
    seconds: float

    @property
    def rate(self) -> float:
        return len(self.taken) / self.seconds


def fill(engine: Engine, *, contacts: int) -> list[UUID]:
    """People at their desks and letters that wait, some longer than others; returns the people."""
    people = [base.new_id() for _ in range(TAKERS)]
    episodes = [base.new_id() for _ in range(contacts)]
    at = base.now()
    names = [
        {"id": id, "username": f"taker{n}", "name": "坐席", "password_hash": "-", "active": True} for n, id in enumerate(people)
    ]
    desks = [{"staff_id": id, "state": "available", "reason": "", "since": at, "heartbeat_at": at} for id in people]
    letters = [
        {"id": id, "reference": f"waiting-{n}", "channel": "mailbox", "received_at": at, "queued_at": at}
        for n, id in enumerate(episodes)
    ]
    places = [
        {
            "contact_id": id,
            "channel": "mailbox",
            "skill": "general",
            "language": "zh",
            "urgency_weight": 1 if n % 20 == 0 else 0,
            "clock_from": at.timestamp() - n % 500,
            "limit_seconds": 86400.0,
        }
        for n, id in enumerate(episodes)
    ]
    with engine.begin() as connection:
        # Room on every desk: what is measured is the taking, not a full desk.
        connection.execute(insert(Staff), [{**name, "capacity": contacts} for name in names])
        connection.execute(insert(Presence), desks)
        connection.execute(insert(Contact), letters)
        connection.execute(insert(QueueEntry), places)
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
    return people


@contextmanager
def through_the_service(url: str, person: UUID) -> Iterator[Take]:
    database = _database(url)
    with database.reading() as session:
        staff = session.get_one(Staff, person)

    def take() -> UUID | None:
        with database.unit_of_work() as session:
            contact = queueing.take_next(session, staff)
            return contact.id if contact else None

    yield take


@lru_cache(maxsize=1)
def _database(url: str) -> Database:
    """One for all takers of a process, for SQLite's turns are taken within it."""
    privacy.install(privacy.KeyRing([KEY]))
    return Database(url, pool_size=TAKERS)


@contextmanager
def bare(url: str, person: UUID) -> Iterator[Take]:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:

        def take() -> UUID | None:
            with connection.transaction():
                row = connection.execute(FIRST, (time.time(),)).fetchone()
                if row is None:
                    return None
                connection.execute("UPDATE contact SET taken_by_id = %s, taken_at = now() WHERE id = %s", (person, row[0]))
                connection.execute("DELETE FROM queue_entry WHERE contact_id = %s", row)
            return UUID(str(row[0]))

        yield take


def race(way: Way, url: str, people: list[UUID]) -> Race:
    """One process for each person, so that takers wait for the database and not for each other's interpreter.

    SQLite has one process and a thread for each person, as the service has.
    """
    context = multiprocessing.get_context("fork")
    alone = url.startswith("sqlite")
    start = threading.Barrier(len(people)) if alone else context.Barrier(len(people))
    pool = ThreadPool(len(people), _prepare, (start,)) if alone else context.Pool(len(people), _prepare, (start,))
    with pool:
        parts = pool.starmap(_run, [(way, url, person) for person in people], chunksize=1)
    return Race(
        taken=[contact for part in parts for contact in part[0]],
        waits=[wait for part in parts for wait in part[1]],
        seconds=max(part[3] for part in parts) - min(part[2] for part in parts),
    )


_start: threading.Barrier | Barrier


def _prepare(start: threading.Barrier | Barrier) -> None:
    global _start
    _start = start


def _run(way: Way, url: str, person: UUID) -> tuple[list[UUID], list[float], float, float]:
    taken: list[UUID] = []
    waits: list[float] = []
    with way(url, person) as take:
        for _ in range(WARM_UP):
            take()
        _start.wait()
        began = time.monotonic()
        while True:
            asked = time.monotonic()
            contact = take()
            if contact is None:
                return taken, waits, began, time.monotonic()
            waits.append(time.monotonic() - asked)
            taken.append(contact)
