"""The unit of work beside a database that goes away."""

import shutil
import sqlite3
import threading
from contextlib import ExitStack, closing
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import literal, select, text

from hotline import db
from hotline.db import Database, Precedence
from hotline.errors import Unavailable
from hotline.services import core
from models import SerialDay
from tests.components import Postgres


def test_a_connection_that_the_server_closed_is_not_used_again(postgres_server: Postgres) -> None:
    database = Database(postgres_server.create_database("hung_up"))
    with database.unit_of_work() as session:
        before = session.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(host="127.0.0.1", port=postgres_server.port, user="hotline", dbname="postgres") as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    with database.unit_of_work() as session:
        after = session.scalar(text("SELECT pg_backend_pid()"))

    database.dispose()
    assert after != before


def test_a_server_that_goes_away_under_a_statement_past_sqlalchemy_is_told_and_forgotten(postgres_server: Postgres) -> None:
    database = Database(postgres_server.create_database("gone"))
    one = select(literal(1))

    def loses_its_server() -> None:
        with database.unit_of_work() as session:
            own = session.scalar(text("SELECT pg_backend_pid()"))
            with psycopg.connect(host="127.0.0.1", port=postgres_server.port, user="hotline", dbname="postgres") as other:
                other.execute("SELECT pg_terminate_backend(%s, 5000)", [own])
            core.send(session, one, {})

    with pytest.raises(Unavailable):
        loses_its_server()

    with database.unit_of_work() as session:
        assert core.send(session, one, {}) == [[1]]
    database.dispose()


def test_a_pool_without_a_free_connection_is_told_as_unavailable(postgres_server: Postgres) -> None:
    database = Database(postgres_server.create_database("crowded"), pool_size=1)
    database.engine.pool._timeout = 0.01  # type: ignore[attr-defined]

    with ExitStack() as crowd:
        for _ in range(2):
            crowd.enter_context(database.reading()).execute(text("SELECT 1"))
        with pytest.raises(Unavailable), database.reading() as session:
            session.execute(text("SELECT 1"))

    database.dispose()


def test_what_follows_waits_for_a_fact_that_is_under_way(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "PATIENCE", 60)
    order: list[str] = []
    at_the_door = threading.Event()

    def follow() -> None:
        at_the_door.set()
        with database.repeatable():
            order.append("consequence")

    follower = threading.Thread(target=follow)
    with database.unit_of_work():
        follower.start()
        at_the_door.wait()
        order.append("fact")
    follower.join()

    assert order == ["fact", "consequence"]


def test_claims_without_a_pause_are_given_way_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "PATIENCE", 0.001)
    precedence = Precedence()
    claimed: list[bool] = []

    for _ in range(3):
        with precedence.claim():
            claimed.append(precedence.is_claimed)
            precedence.give_way()
            claimed.append(precedence.is_claimed)
            precedence.give_way()
        precedence.give_way()

    assert claimed == [True, False] * 3


def test_the_log_is_brought_into_the_file_beside_a_writer(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.unit_of_work() as session:
        session.add(SerialDay(day="20261122", value=7))

    with sqlite_database.unit_of_work():
        sqlite_database.tidy()

    shutil.copy(sqlite_database.url.removeprefix("sqlite:///"), tmp_path / "without-log.db")
    with closing(sqlite3.connect(tmp_path / "without-log.db")) as copied:
        assert copied.execute("SELECT value FROM serial_day WHERE day = '20261122'").fetchone() == (7,)
