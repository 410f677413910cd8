"""A gateway that hangs: what goes through another one arrives in time."""

import socket
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from hotline.db import Database
from hotline.relay import MOST_ERRANDS, Errands, Relay
from hotline.sandbox.generic import Generic
from hotline.services.messages import outgoing
from hotline.services.messages.outgoing import Way
from hotline.settings import Settings
from models import Delivery, OutgoingMessage
from tests.channels.conftest import Install
from tests.channels.providers import SHARED, address_of, bound, serving
from tests.components import wait_until
from tests.test_relay import Pushed


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Takes every connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def write(database: Database, gateway: str, count: int, *, first: int) -> None:
    """Each to somebody else: what is written to one person keeps its order."""
    with database.unit_of_work() as session:
        for n in range(count):
            to = Way("sms", f"+86139111122{first + n}", gateway)
            outgoing.to_colleague(session, to, text="请尽快签收", purpose="reply", values={}, key=f"{gateway}:{n}")


def deliveries(database: Database, gateway: str) -> list[Delivery]:
    with database.reading() as session:
        return list(session.scalars(select(OutgoingMessage.delivery).where(OutgoingMessage.gateway == gateway)))


def test_a_gateway_that_hangs_keeps_no_other_waiting(
    sqlite_database: Database, settings: Settings, install: Install, silent: socket.socket
) -> None:
    port = bound()
    install(gateway="aliyun", timeout_seconds=60, aliyun_base_url=address_of(silent), generic_url=f"{address_of(port)}/send")
    played = Generic(secret=SHARED, callback=f"{address_of(port)}/nobody")
    errands = Errands()
    relay = Relay(sqlite_database, Pushed(settings), errands=errands)
    write(sqlite_database, "aliyun", 2 * MOST_ERRANDS, first=10)
    write(sqlite_database, "generic", 2 * MOST_ERRANDS, first=50)

    with serving(played.app, port):
        while relay.pump():
            pass
        wait_until(lambda: len(played.received) == 2 * MOST_ERRANDS, "the texts through the gateway that answers")
        taken = sorted(deliveries(sqlite_database, "aliyun"))

        # It goes away: what was under way is unclear, and nothing more is sent there for a while.
        silent.close()
        wait_until(lambda: Delivery.SENDING not in deliveries(sqlite_database, "aliyun"), "the hanging ones to be let go")
    errands.stop()

    assert taken == [Delivery.SENDING] * MOST_ERRANDS + [Delivery.WAITING] * MOST_ERRANDS
    assert set(deliveries(sqlite_database, "generic")) <= {Delivery.ACCEPTED, Delivery.DELIVERED}
