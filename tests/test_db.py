"""The unit of work beside a database that goes away."""

import psycopg
import pytest
from sqlalchemy import literal, select, text

from hotline.db import Database
from hotline.errors import Unavailable
from hotline.services import core
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
