"""The database: SQLite or PostgreSQL behind one unit of work. Nothing else commits."""

import asyncio
import select
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from functools import lru_cache
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import Session

from hotline.errors import Invalid, Unavailable
from hotline.settings import get_settings

T = TypeVar("T")

# The same from statements that go past SQLAlchemy.
# In the driver's words; nobody types this character, but some try it on every field there is.
NO_NUL = "cannot contain NUL"
_FROM_DRIVERS = (sqlite3.OperationalError, psycopg.OperationalError, psycopg.InterfaceError)

PRAGMAS = ("journal_mode=WAL", "busy_timeout=15000", "foreign_keys=ON", "cache_size=-16000", "temp_store=MEMORY")
# Pages in SQLite's log before a writer itself brings them into the file: usually, and where the relay does so beside it.
SQLITE_LOG, LONG_LOG = 1000, 4000
# Consequences give way this long at most.
PATIENCE = 0.05
POSTGRESQL = {"connect_timeout": 5, "options": "-c statement_timeout=30000 -c lock_timeout=10000 -c timezone=UTC"}


def engine_for(
    url: str, *, pool_size: int = 10, synchronous: str = "FULL", read_only: bool = False, log_pages: int = SQLITE_LOG
) -> Engine:
    """An engine with the house's settings; from `synchronous` on they concern SQLite, where they belong to the connection."""
    if not url.startswith("sqlite"):
        engine = create_engine(url, pool_size=pool_size, max_overflow=pool_size, connect_args=POSTGRESQL)
        event.listen(engine, "checkout", _refuse_hung_up)
        return engine
    engine = create_engine(url, connect_args={"check_same_thread": False}, pool_size=pool_size, max_overflow=pool_size)
    query_only = "ON" if read_only else "OFF"
    pragmas = (*PRAGMAS, f"synchronous={synchronous}", f"query_only={query_only}", f"wal_autocheckpoint={log_pages}")

    def prepare(connection: Any, _: object) -> None:
        connection.isolation_level = None  # SQLAlchemy says BEGIN itself
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def begin(connection: Connection) -> None:
        # A deferred BEGIN that reads and then writes fails at once when another writer was faster.
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _refuse_hung_up(connection: Any, *_: object) -> None:
    """A server that went away has closed its end: the socket says so, and no request need ask the server itself."""
    if connection.closed:
        raise InvalidatePoolError()
    ready = select.poll()
    ready.register(connection.fileno(), select.POLLIN)
    if ready.poll(0):
        raise InvalidatePoolError()


class Precedence:
    """Facts before consequences, within this process: somebody waits for a fact to be stored, nobody for what follows from it.

    Whoever has somebody waiting claims it. Consequences give way after each piece of theirs, but not for ever: while claims
    come without a pause, they wait once.
    """

    def __init__(self) -> None:
        self._quiet = threading.Condition()
        self._claims = 0
        self._has_waited = False

    @contextmanager
    def claim(self) -> Iterator[None]:
        with self._quiet:
            self._claims += 1
        try:
            yield
        finally:
            with self._quiet:
                self._claims -= 1
                if not self._claims:
                    self._quiet.notify_all()

    @property
    def is_claimed(self) -> bool:
        """Whether consequences should give way."""
        return self._claims > 0 and not self._has_waited

    def give_way(self) -> None:
        with self._quiet:
            patience = 0 if self._has_waited else PATIENCE
            self._has_waited = not self._quiet.wait_for(lambda: not self._claims, timeout=patience)


class Database:
    """One database and the three ways to use it: a unit of work, a repeatable one, and a look.

    SQLite lets one writer in at a time and queues the rest unfairly; a lock in the process gives them turns (the 99th
    percentile of a commit falls from 1.0 s to 0.12 s).
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        self.engine = engine_for(url, pool_size=pool_size, log_pages=LONG_LOG)
        if self.is_sqlite:
            self._relaxed = engine_for(url, pool_size=2, synchronous="NORMAL", log_pages=LONG_LOG)
            self._reader = engine_for(url, pool_size=pool_size * 2, read_only=True)
        else:
            self._relaxed = self.engine
            self._reader = self.engine.execution_options(postgresql_readonly=True)
        self._turn = threading.Lock()
        self.precedence = Precedence()
        # Rung after a commit that announced something, for the relay of this process; a courtesy, for it also looks by itself.
        self.bell = threading.Event()

    @contextmanager
    def unit_of_work(self) -> Iterator[Session]:
        """One transaction, durable when the block ends well, rolled back whole otherwise.

        A database that cannot store (disk full, read-only, gone) is told as Unavailable: nothing was saved.
        """
        with self.precedence.claim(), self._transaction(self.engine) as session:
            yield session

    @contextmanager
    def repeatable(self) -> Iterator[Session]:
        """A unit of work for consequences, which are repeated if lost: SQLite does not wait for the disk, and facts go first."""
        self.precedence.give_way()
        with self._transaction(self._relaxed) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A look that waits for no writer and cannot write."""
        with _told_plainly(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Session]:
        turn = self._turn if self.is_sqlite else nullcontext()
        with _told_plainly(), turn, Session(engine, expire_on_commit=False) as session, session.begin():
            yield session
        if session.info.get("announced"):
            self.bell.set()

    def tidy(self) -> None:
        """Bring SQLite's log into its file beside the writers; whichever of them had to do it would keep its sender waiting."""
        if self.is_sqlite:
            with _told_plainly(), closing(self._relaxed.raw_connection()) as connection:  # outside of any transaction
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()

    def dispose(self) -> None:
        for engine in {self.engine, self._relaxed, self._reader}:
            engine.dispose()


@contextmanager
def _told_plainly() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, NoConnectionFree, *_FROM_DRIVERS) as error:
        raise Unavailable() from error
    except (DataError, psycopg.DataError) as error:
        if NO_NUL in str(error):
            raise Invalid() from error
        raise
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable() from error
        raise


@lru_cache(maxsize=1)
def database() -> Database:
    """The database of this process, as the settings name it."""
    settings = get_settings()
    return Database(settings.database_url, pool_size=settings.database.pool_size)


@contextmanager
def unit_of_work() -> Iterator[Session]:
    with database().unit_of_work() as session:
        yield session


@contextmanager
def reading() -> Iterator[Session]:
    with database().reading() as session:
        yield session


@contextmanager
def waited_for() -> Iterator[None]:
    """For a door whose sender waits: from before its fact is written until the answer is sent."""
    with database().precedence.claim():
        yield


async def in_unit_of_work(work: Callable[[Session], T]) -> T:
    """Run `work` in a unit of work in a thread, for callers that must not block."""

    def run() -> T:
        with unit_of_work() as session:
            return work(session)

    return await asyncio.to_thread(run)


async def in_reading(question: Callable[[Session], T]) -> T:
    """Ask the database in a thread; waits for no writer."""

    def run() -> T:
        with reading() as session:
            return question(session)

    return await asyncio.to_thread(run)
