"""The mailbox of a running service and the bare endpoint beside it, each on an empty database of either kind."""

import base64
import os
import shutil
import socket
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench import letters, service
from bench.service import KEY, ROOT
from hotline.db import engine_for
from models import schema
from tests.components import Postgres, Process, free_port, wait_until

SQLITE, POSTGRESQL = "sqlite", "postgresql"
# What an arrival writes before its sender is told; the bare endpoint must write the same.
TABLES = ("contact", "message", "queue_entry", "outbox_message")


@dataclass(frozen=True)
class Look:
    """Counts rows from outside the service."""

    url: str

    def rows(self) -> dict[str, int]:
        return {table: self.count(table) for table in TABLES}

    def count(self, table: str) -> int:
        return self._number(f"SELECT count(*) FROM {table}")  # noqa: S608 -- our own names

    @property
    def is_quiet(self) -> bool:
        """Nothing that follows from an event is left to do."""
        return self._number("SELECT count(*) FROM outbox_message WHERE done_at IS NULL AND NOT stuck") == 0

    def _number(self, query: str) -> int:
        if self.url.startswith("sqlite"):
            path = self.url.removeprefix("sqlite:///")
            reader: Any = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=15)
        else:
            reader = psycopg.connect(self.url.replace("+psycopg", ""))
        try:
            return int(reader.execute(query).fetchone()[0])
        finally:
            reader.close()


@dataclass(frozen=True)
class Door:
    """Somewhere to send letters to; `letters` prepares the requests, `spent` takes down the processor time of each round."""

    name: str
    port: int
    look: Look
    pid: int
    letters: Callable[[int], list[bytes]]
    spent: list[float] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        return service.cpu_seconds(self.pid)


@contextmanager
def pair(kind: str, *, part: str) -> Iterator[tuple[Door, Door]]:
    """The bare endpoint and the mailbox."""
    with bare(kind) as limit, mailbox(kind, part=part) as door:
        yield limit, door


@contextmanager
def mailbox(kind: str, *, part: str) -> Iterator[Door]:
    """`part` is `web`, so that what follows from an arrival is not measured with it, or `all-in-one`."""
    with ExitStack() as stack:
        url = "" if kind == SQLITE else stack.enter_context(Postgres.temporary()).url
        settings = {"HOTLINE_DATABASE__URL": url} if url else {}
        running = stack.enter_context(service.running(arguments=["--only", part], settings=settings))
        look = Look(url or f"sqlite:///{running.database_path}")
        yield Door("mailbox", running.port, look, running.process.pid, lambda count: letters.prepare(running, count))


@contextmanager
def bare(kind: str) -> Iterator[Door]:
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home, ignore_errors=True)
        url = f"sqlite:///{home / 'bare.db'}" if kind == SQLITE else stack.enter_context(Postgres.temporary()).url
        engine = engine_for(url)
        schema.upgrade(engine)
        engine.dispose()
        environment = {**os.environ, "BENCH_KEY": base64.b64encode(KEY).decode()}
        port, pid = stack.enter_context(endpoint("bench.bare", url, home, environment))
        yield Door("bare", port, Look(url), pid, letters.prepare_bare)


@contextmanager
def endpoint(module: str, url: str, home: Path, environment: dict[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """The port and the process of a bare endpoint that works on this database."""
    port = free_port()
    process = Process([sys.executable, "-m", module, url, str(port)], home / "bare.log", env=environment, cwd=ROOT)
    process.start()
    try:
        wait_until(lambda: _listens(process, port), "the bare endpoint", seconds=120)
        yield port, process.pid
    finally:
        process.stop()


def _listens(process: Process, port: int) -> bool:
    if not process.running:
        raise RuntimeError(f"the bare endpoint did not start:\n{process.tail()}")
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
