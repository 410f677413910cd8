"""Shared fixtures: both databases with the demo city's reference data, signed-in clients, a clock that can be moved, `drain`."""

import base64
import gc
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeGuard

import psycopg
import pytest
import time_machine
from fastapi import FastAPI
from fastapi.testclient import TestClient
from psycopg import sql
from sqlalchemy.orm import Session

from hotline import db, process, relay, seeds
from hotline.app import create_app, forget
from hotline.db import Database
from hotline.live import Pusher
from hotline.services import tracking
from hotline.services.patience import Patience
from hotline.settings import Settings, get_settings
from models import Role, privacy, schema
from tests.cli.running import OF_THE_RUN
from tests.components import Postgres, need
from tests.components import postgres_server as postgres_server
from tests.components import redis_server as redis_server
from tests.factories import PASSWORD, make_staff
from tests.telephony.asterisk import exchange as exchange
from tests.telephony.asterisk import exchange_of_process as exchange_of_process

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
KEY = b"a key for the tests, 32 bytes at least"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fuzz", type=int, default=300, help="bodies for each callback in tests/channels/test_fuzzed_doors.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A busy machine may starve an exchange or a browser for once. Such a test is tried a second time, which the run tells.

    A module with ONE_DATABASE walks through pages whose services are tried on both databases elsewhere: SQLite is enough.

    The lines that a test runs are counted on SQLite; counting them again on PostgreSQL would take minutes and tell nothing new.
    """
    items[:] = [item for item in items if not (on_postgres(item) and getattr(item.module, "ONE_DATABASE", False))]
    real = Path(__file__).parent / "real"
    for item in items:
        if real in item.path.parents or "exchange" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.flaky(reruns=1))
        if on_postgres(item):
            item.add_marker("no_cover")


def pytest_collection_finish() -> None:
    """What was imported stays to the end: it is not searched for garbage again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def on_postgres(item: pytest.Item) -> TypeGuard[pytest.Function]:
    return isinstance(item, pytest.Function) and "postgresql" in item.name


@pytest.fixture
def fuzz(request: pytest.FixtureRequest) -> int:
    found: int = request.config.getoption("--fuzz")
    return found


@pytest.fixture(scope="session", autouse=True)
def folder_of_the_run(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Shared by all test processes, for what takes long to make."""
    own = tmp_path_factory.getbasetemp()
    os.environ[OF_THE_RUN] = str(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)


@pytest.fixture(scope="session", autouse=True)
def keys() -> None:
    privacy.install(privacy.KeyRing([KEY]))


@pytest.fixture(autouse=True)
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """Settings with a data folder of the test's own; the machine's own settings do not reach the tests."""
    for name in [name for name in os.environ if name.startswith("HOTLINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOTLINE_PRIVACY__KEY", base64.b64encode(KEY).decode())
    monkeypatch.setenv("HOTLINE_TELEPHONY", "off")
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)  # no .env of the checkout
    get_settings.cache_clear()
    found = get_settings()
    found.data_dir.mkdir(mode=0o700)
    yield found
    get_settings.cache_clear()


def build(url: str) -> None:
    """A database at the newest revision with the reference data of the demo city."""
    database = Database(url, pool_size=2)
    schema.upgrade(database.engine)
    # Before whatever a test writes, also where the clock stands still: by their ids the later ones come after the earlier.
    with time_machine.travel(min(datetime.now(UTC), MONDAY - timedelta(days=1))), database.unit_of_work() as session:
        seeds.load_reference(session)
    database.dispose()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, keys: None) -> Path:
    path = tmp_path_factory.mktemp("template") / "hotline.db"
    build(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Postgres, keys: None) -> Postgres:
    build(postgres_server.create_database("template_city"))
    return postgres_server


def _copy(server: Postgres, name: str) -> str:
    with psycopg.connect(host="127.0.0.1", port=server.port, user="hotline", dbname="postgres", autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template_city STRATEGY FILE_COPY").format(sql.Identifier(name)))
    return server.url_of(name)


@pytest.fixture(scope="session")
def kept() -> Iterator[dict[str, Database]]:
    """The databases that tests with a rolled-back session share."""
    databases: dict[str, Database] = {}
    yield databases
    for database in databases.values():
        database.dispose()


def _template(request: pytest.FixtureRequest, kind: str) -> Callable[[], str]:
    def fresh() -> str:
        if kind == "postgresql":
            need("postgres")
            return _copy(request.getfixturevalue("postgres_template"), f"t_{uuid.uuid4().hex}")
        path = request.getfixturevalue("tmp_path_factory").mktemp("db") / "hotline.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"

    return fresh


@pytest.fixture(params=["sqlite", "postgresql"])
def session(request: pytest.FixtureRequest, kept: dict[str, Database], monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session on each of the two databases; whatever the test does is rolled back."""
    database = kept.get(request.param) or kept.setdefault(request.param, Database(_template(request, request.param)()))
    monkeypatch.setattr(db, "database", lambda: database)
    with database.engine.connect() as connection, connection.begin() as whole:
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        whole.rollback()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of the test's own, on each of the two kinds, for whatever commits: doors, threads, the relay."""
    yield from _own(_template(request, request.param)(), monkeypatch)


@pytest.fixture
def sqlite_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The same on SQLite only, where the kind of database does not matter: pages."""
    yield from _own(_template(request, "sqlite")(), monkeypatch)


@pytest.fixture
def postgres_database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The same on PostgreSQL only, where one transaction may read while another writes what it has read."""
    yield from _own(_template(request, "postgresql")(), monkeypatch)


def _own(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    database = Database(url, pool_size=20)
    monkeypatch.setattr(db, "database", lambda: database)
    yield database
    database.dispose()


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """Time stands still on a Monday morning, 10:00 in the city, until `clock.shift` or `clock.move_to`."""
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


@pytest.fixture
def pages(request: pytest.FixtureRequest) -> Database:
    """The database behind `client`: the test's own if it asked for `database`, else a SQLite one."""
    name = "database" if "database" in request.fixturenames else "sqlite_database"
    found: Database = request.getfixturevalue(name)
    return found


@pytest.fixture(scope="session")
def built() -> FastAPI:
    """Once for all tests: an app makes its routes at their first request, which takes longer than most tests."""
    return create_app(run_relay=False)


@pytest.fixture
def app(request: pytest.FixtureRequest, settings: Settings) -> FastAPI:
    """The web process as after a start. Who adds routes or sets proxies makes one of his own."""
    built: FastAPI = request.getfixturevalue("built")  # asked for here: before `settings` it would see the machine's own
    forget(built, settings)
    return built


@pytest.fixture
def client(pages: Database, app: FastAPI) -> Iterator[TestClient]:
    """A citizen's browser, which follows no redirects by itself."""
    process.prepare()
    with TestClient(app, follow_redirects=False) as browser:
        yield browser


SignIn = Callable[..., TestClient]
Drain = Callable[[], int]


@pytest.fixture
def as_role(client: TestClient, pages: Database, settings: Settings) -> SignIn:
    """A signed-in browser of a new member of staff: as_role(Role.AGENT), as_role(Role.LIAISON, unit="CGJ")."""

    def sign_in(*roles: Role, **values: Any) -> TestClient:
        with pages.unit_of_work() as session:
            staff = make_staff(session, roles=roles, **values)
        browser = TestClient(client.app, follow_redirects=False)
        answer = browser.post("/login", data={"username": staff.username, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return browser

    return sign_in


@pytest.fixture
def forgiven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests share a process; each begins with fresh patience for wrong codes."""
    monkeypatch.setattr(tracking, "OF_NUMBER", Patience(tracking.FREE_TRIES))
    monkeypatch.setattr(tracking, "OF_ADDRESS", Patience(tracking.FREE_TRIES))


@pytest.fixture
def drain(settings: Settings) -> Drain:
    """Run relay and handlers in this process, through JSON, until nothing is left; returns how many rows there were."""

    def run() -> int:
        pusher = Pusher(redis_url="", socket_path=process.live_socket(settings))
        each = relay.Relay(db.database(), pusher)
        done = 0
        while count := each.pump():
            done += count
        return done

    return run
