"""A service with browsers in front of it; or the scaled shape's back half (broker, relay, worker), whose parts can be killed."""

import base64
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from celery import Celery
from playwright.sync_api import Playwright, sync_playwright
from sqlalchemy import func, select

from hotline import worker
from hotline.db import Database
from hotline.live import Pusher
from hotline.relay import Relay
from models import OutboxMessage
from tests.cli.running import Service, running
from tests.components import Postgres, Process, Redis, need, wait_until
from tests.conftest import KEY, build
from tests.house.source import ROOT
from tests.real.browser import Street, street

# Long enough for a task to run on a busy machine, short enough to wait for.
SHORT = timedelta(seconds=2)


@dataclass
class Back:
    """What stands behind the doors. `celery` starts one more of its programs against the same broker and database."""

    database: Database
    broker: Redis
    folder: Path

    def celery(self, *command: str) -> Process:
        log = self.folder / f"{command[0]}.log"
        return Process([sys.executable, "-m", "celery", "-A", "hotline.worker", *command], log, env=self._environment(), cwd=ROOT)

    def open_rows(self) -> int:
        """How many events still wait for something that follows."""
        with self.database.reading() as session:
            return session.scalar(select(func.count()).where(OutboxMessage.done_at.is_(None))) or 0

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name in {"HOME", "PATH"} or name.startswith("COVERAGE_")}
        return kept | {
            "HOTLINE_DATA_DIR": str(self.folder),
            "HOTLINE_DATABASE__URL": self.database.url,
            "HOTLINE_CELERY__BROKER_URL": self.broker.url,
            "HOTLINE_REDIS__URL": self.broker.url,
            "HOTLINE_PRIVACY__KEY": base64.b64encode(KEY).decode(),
            "HOTLINE_MODEL_DIR": str(ROOT / "classifier" / "artifacts" / "demo"),
            "HOTLINE_TELEPHONY": "off",
        }


@pytest.fixture(scope="module", autouse=True)
def uncounted() -> Iterator[None]:
    """The programs started here are timed by their users: what they run is counted by the tests of the command line."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    need("chromium")
    with running(tmp_path_factory.mktemp("service")) as service:
        yield service


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def whole_street(playwright: Playwright, service: Service) -> Iterator[Street]:
    with street(playwright, service.url) as opened:
        yield opened


@pytest.fixture
def people(whole_street: Street) -> Iterator[Street]:
    """Windows for one test; at its end no console, no script and no answer may have complained."""
    whole_street.troubles.clear()
    yield whole_street
    whole_street.close()
    assert whole_street.troubles == []


@pytest.fixture(scope="module")
def back(postgres_server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Back]:
    need("redis")
    folder = tmp_path_factory.mktemp("back")
    url = postgres_server.create_database("back")
    build(url)
    database = Database(url)
    with Redis.temporary(folder) as broker:
        yield Back(database, broker, folder)
    database.dispose()


@pytest.fixture(scope="module")
def worker_of_module(back: Back) -> Iterator[Process]:
    process = back.celery("worker", "--loglevel", "INFO", "--concurrency", "2")
    yield process
    process.kill()


@pytest.fixture
def running_worker(worker_of_module: Process) -> Process:
    """The same for all tests of a module, started again after one that killed it; its log begins anew."""
    log = worker_of_module.log
    if worker_of_module.running:
        log.write_text("")
    else:
        log.unlink(missing_ok=True)
        worker_of_module.start()
        wait_until(lambda: " ready." in log.read_text(errors="replace"), f"the worker; see {log}")
    return worker_of_module


@pytest.fixture
def publish(back: Back) -> Iterator[Callable[[str, list[str]], None]]:
    """Send one task to the broker, as the relay does."""
    app = _broker_of(back)
    yield lambda name, args: app.send_task(name, args=args, retry=False)
    app.close()


@pytest.fixture
def relay(back: Back, tmp_path: Path) -> Iterator[Relay]:
    """Publishes when it is pumped, with a short lease."""
    app = _broker_of(back)
    yield Relay(back.database, Pusher(redis_url="", socket_path=tmp_path / "live.sock"), app, lease=SHORT)
    app.close()


@pytest.fixture
def running_relay(relay: Relay) -> Iterator[Relay]:
    thread = threading.Thread(target=relay.run, name="relay")
    thread.start()
    yield relay
    relay.stop()
    thread.join()


def _broker_of(back: Back) -> Celery:
    app = Celery("tests", broker=back.broker.url, set_as_current=False)
    app.conf.broker_transport_options = worker.app.conf.broker_transport_options
    return app
