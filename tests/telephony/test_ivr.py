"""The FastAGI program: what a call begins with, whatever is away; and callers who get on although it is frozen."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from hotline import db
from hotline.db import Database
from hotline.services import callbacks, flow_calls
from hotline.services.flow_calls import Entry, Outcome
from hotline.telephony.ivr import DEFAULT, Ivr
from hotline.telephony.ivr import Database as Service
from models import Call, CallbackReason, now
from tests.cli.running import PROJECT, environment, is_gone
from tests.components import Process, free_port, wait_until
from tests.factories_calls import NUMBER, make_call
from tests.services.test_telephone_rule import change_rule
from tests.telephony.asterisk import Exchange
from tests.telephony.fake_peers import FakeAgi, in_loop
from tests.telephony.sip import SipPhone
from tests.telephony.test_performer import CALL, OK

CARRIER = "127.0.0.2"


@asynccontextmanager
async def calling(script: str, *, uniqueid: str = CALL) -> AsyncIterator[FakeAgi]:
    server = Ivr(Service(), spool=Path("/spool")).server()
    port = await server.start("127.0.0.1", 0)
    try:
        async with FakeAgi.calling(port, agi_network_script=script, agi_uniqueid=uniqueid) as peer:
            yield peer
    finally:
        await server.stop(grace=0.2)


async def rest_of(peer: FakeAgi) -> list[str]:
    """All further commands, each answered as done."""
    commands = []
    while command := await peer.command():
        commands.append(command)
        peer.send(f"{OK}\n")
    return commands


@in_loop
async def test_a_call_begins_with_its_queue_its_patience_and_its_flow(database: Database) -> None:
    with database.unit_of_work() as session:
        change_rule(session, numbers={"12345": "main", "12329": "english"}, longest_wait=45)

    async with calling("main") as peer:
        await peer.expect('GET VARIABLE "DIALLED"', "200 result=1 (12329)")
        said = await rest_of(peer)

    assert said[:2] == ['SET VARIABLE "QNAME" "english"', 'SET VARIABLE "LIMIT" "45"']
    assert said[-1] == 'SET VARIABLE "NEXT" "queue"'


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db, "database", lambda: Database("sqlite:////nowhere/hotline.db"))


@pytest.fixture
def mute(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The database takes connections and answers nothing."""
    released = []

    def wait() -> Database:
        while not released:
            time.sleep(0.05)
        return Database("sqlite:////nowhere/hotline.db")

    monkeypatch.setattr(db, "database", wait)
    yield
    released.append(True)


async def _begin() -> tuple[list[str], float]:
    async with calling("main") as peer:
        started = time.monotonic()
        await peer.expect('GET VARIABLE "DIALLED"', "200 result=1 (12345)")
        said = await rest_of(peer)
        return said, time.monotonic() - started


@in_loop
@pytest.mark.usefixtures("away")
async def test_without_a_database_a_caller_hears_the_notice_and_waits_for_a_person() -> None:
    said, took = await _begin()

    assert said == ['SET VARIABLE "SPOKE" "yes"', 'STREAM FILE "hotline/welcome" ""', 'SET VARIABLE "NEXT" "queue"']
    assert took < 1


def test_a_database_that_does_not_answer_costs_the_caller_a_second(
    mute: None, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    async def run() -> tuple[list[str], float]:
        try:
            return await _begin()
        finally:
            request.getfixturevalue("released_soon")

    said, took = asyncio.run(_measured())
    assert said[-1] == 'SET VARIABLE "NEXT" "queue"'
    assert 0.9 < took < 1.8
