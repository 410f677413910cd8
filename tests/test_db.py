"""The unit of work beside a database that goes away."""

import psycopg
from sqlalchemy import text

from hotline.db import Database
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
