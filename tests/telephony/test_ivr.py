"""The FastAGI program: what a call begins with, whatever is away; and callers who get on although it is frozen."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

import ivr_flows
from hotline import db
from hotline.db import Database
from hotline.services import numbering
from hotline.services.telephone import callbacks
from hotline.services.telephone.flow_calls import Outcome
from hotline.settings import Settings
from hotline.telephony import ivr
from hotline.telephony.agi import AgiServer
from hotline.telephony.console import Console
from hotline.telephony.ivr import DEFAULT, Ivr
from hotline.telephony.ivr import Database as Service
from models import Call, CallbackReason, CallEnding, now
from tests.cli.running import PROJECT, environment, is_gone
from tests.components import Process, wait_until
from tests.factories_calls import NUMBER, make_call
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact, make_inbound
from tests.services.telephone.test_telephone_rule import change_rule
from tests.telephony.asterisk import Exchange
from tests.telephony.fake_peers import FakeAgi, in_loop
from tests.telephony.sip import SipPhone
from tests.telephony.test_performer import CALL, GONE, OK

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
def mute(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database takes connections and answers nothing for a while."""

    def wait() -> Database:
        time.sleep(2.5)
        return Database("sqlite:////nowhere/hotline.db")

    monkeypatch.setattr(db, "database", wait)


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


@in_loop
@pytest.mark.usefixtures("mute")
async def test_a_database_that_does_not_answer_costs_the_caller_a_second() -> None:
    said, took = await _begin()

    assert said[-1] == 'SET VARIABLE "NEXT" "queue"'
    assert 0.9 < took < 2


@in_loop
@pytest.mark.usefixtures("away")
async def test_what_the_service_cannot_do_is_told_to_the_flow_and_never_ends_the_call() -> None:
    service = Service()

    await service.keep(CALL, "agent_grade", {"agent_grade": "5"})
    assert await service.look_up("case_progress", {}, caller=NUMBER, linkedid=CALL) == Outcome("unavailable")
    assert await service.look_up("weather", {}, caller=NUMBER, linkedid=CALL) == Outcome("unknown")
    assert await service.entry("12345", NUMBER) == DEFAULT
    assert not await service.allows("progress")
    assert await service.allows("no_agent")
    assert await service.given(CALL, "case_survey") == {}


@in_loop
async def test_after_a_call_the_agent_is_graded_where_the_city_asks_for_it(database: Database) -> None:
    with database.unit_of_work() as session:
        make_call(session, linkedid=CALL)
    async with calling("survey") as peer:
        assert await rest_of(peer) == []
    with database.unit_of_work() as session:
        change_rule(session, flows={"survey": True})

    async with calling("survey") as peer:
        await peer.expect('SET VARIABLE "SPOKE"', OK)
        await peer.expect('STREAM FILE "hotline/rate_agent"', f"200 result={ord('5')} endpos=800")
        await rest_of(peer)

    with database.reading() as session:
        assert session.scalars(select(Call.rating).where(Call.linkedid == CALL)).one() == 5


@in_loop
@pytest.mark.parametrize(("code", "ending"), [("right", CallEnding.SELF_SERVED), ("wrong", None)])
async def test_whoever_hears_how_far_a_case_is_has_asked_for_nobody(
    database: Database, code: str, ending: CallEnding | None
) -> None:
    with database.unit_of_work() as session:
        make_call(session, linkedid=CALL, facts=())
        inbound = make_inbound()
        case = make_case(session, contact=make_contact(session, external_id=inbound.external_id, number=NUMBER))
        codes = {"right": numbering.repeatable_query_code(inbound.external_id), "wrong": "00000000"}
        values = {"case_number": "".join(filter(str.isdigit, case.number)), "query_code": codes[code]}

    await Service().look_up("case_progress", values, caller=NUMBER, linkedid=CALL)

    with database.reading() as session:
        assert session.scalars(select(Call.ending).where(Call.linkedid == CALL)).one() == ending


@in_loop
async def test_whoever_is_rung_for_a_survey_hears_what_it_is_about(database: Database) -> None:
    with database.unit_of_work() as session:
        case = make_case(session)
        case.created_at = datetime(2026, 11, 8, 16, 30, tzinfo=UTC)  # the 9th in the city
        survey = callbacks.owe(session, reason=CallbackReason.SURVEY, number=NUMBER, due_at=now(), case_id=case.id)
        assert survey is not None
        linkedid = str(callbacks.dial(session, survey, at=now()).id)

    async with calling("callback", uniqueid=linkedid) as peer:
        await peer.expect('GET VARIABLE "FLOW"', "200 result=1 (survey)")
        await peer.expect('SET VARIABLE "SPOKE"', OK)
        await peer.expect('STREAM FILE "hotline/survey_greeting"', OK)
        await peer.expect('STREAM FILE "hotline/is_it_you_choice"', f"200 result={ord('1')} endpos=800")
        said = [await peer.expect('STREAM FILE "hotline/', OK) for _ in range(6)]

    names = [command.split('"')[1].removeprefix("hotline/") for command in said]
    assert names == ["you_reported_on", "ten", "digit_1", "month", "digit_9", "survey_purpose"]


@in_loop
async def test_whoever_asked_to_be_rung_is_told_who_calls(database: Database) -> None:
    async with calling("callback") as peer:
        await peer.expect('GET VARIABLE "FLOW"', "200 result=1 (callback)")
        await peer.expect('SET VARIABLE "SPOKE"', OK)
        await peer.expect('STREAM FILE "hotline/callback_greeting"', OK)


@in_loop
@pytest.mark.parametrize("flow", ["main", "", "../etc"])
async def test_a_placed_call_begins_no_other_flow(database: Database, flow: str) -> None:
    async with calling("callback") as peer:
        await peer.expect('GET VARIABLE "FLOW"', f"200 result=1 ({flow})" if flow else OK)
        assert await peer.command() == ""


@in_loop
async def test_nobody_free_leads_to_a_message(database: Database) -> None:
    async with calling("no_agent") as peer:
        await peer.expect('SET VARIABLE "SPOKE"', OK)
        await peer.expect('STREAM FILE "hotline/leave_message"', GONE)
        assert await peer.command() == ""


def test_a_broken_set_of_flows_is_refused_whole_and_the_former_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    flows = Ivr(Service(), spool=Path("/spool"))
    assert flows.load()

    def refuse() -> dict[str, ivr_flows.Flow]:
        raise ivr_flows.FlowsRefused([])

    monkeypatch.setattr(ivr_flows, "load_flows", refuse)

    assert not flows.load()
    assert "the flows were not loaded again" in caplog.text


def test_signals_are_heard_as_soon_as_it_answers(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[signal.Signals] = []

    async def start(*_: object) -> None:
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        heard.extend(number for number in numbers if asyncio.get_running_loop().remove_signal_handler(number))
        raise OSError("the port is taken")

    monkeypatch.setattr(AgiServer, "start", start)

    with pytest.raises(OSError, match="taken"):
        ivr.run(settings, beat_on=None)
    assert heard == [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]


# --- as a program


@pytest.fixture
def program(exchange: Exchange, tmp_path: Path) -> Iterator[Process]:
    """`hotline up --only ivr` beside a real exchange, without a database: it needs none for the default call."""
    env = environment(
        tmp_path,
        HOTLINE_TELEPHONY="on",
        HOTLINE_ASTERISK__SIP_PORT=str(exchange.sip_port),
        HOTLINE_ASTERISK__WS_PORT=str(exchange.ws_port),
    )
    command = [sys.executable, "-m", "hotline", "up", "--only", "ivr"]
    started = Process(command, tmp_path / "ivr.log", env=env, cwd=PROJECT)
    started.start()
    wait_until(lambda: answers(exchange), f"FastAGI on port {exchange.agi_port}")
    yield started
    started.stop()
    assert started.exit_code == 0


def answers(exchange: Exchange) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", exchange.agi_port)) == 0


def children(program: Process) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split()]


def test_a_frozen_one_is_ended_and_the_caller_gets_on_to_the_queue(exchange: Exchange, program: Process) -> None:
    async def ring(console: Console) -> float:
        async with SipPhone(local=(CARRIER, 0), server=("127.0.0.1", exchange.sip_port)) as phone:
            started = time.monotonic()
            call = await phone.call("12345", caller=NUMBER)
            await call.answered()
            await asyncio.to_thread(console.wait_for, "QueueCallerJoin")
            took = time.monotonic() - started
            await call.hang_up()
            return took

    (frozen,) = children(program)
    os.kill(frozen, signal.SIGSTOP)
    stopped = time.monotonic()

    with exchange.console() as console:
        took = asyncio.run(ring(console))
    wait_until(lambda: is_gone(frozen), "the frozen one to be ended")
    wait_until(lambda: children(program) not in ([], [frozen]) and answers(exchange), "another one to begin")

    assert took < 15  # three seconds of silence, then the notice
    assert time.monotonic() - stopped < 30
    assert "ivr does not answer; it is ended" in program.tail()


def test_its_flows_are_loaded_again_on_a_signal(exchange: Exchange, program: Process) -> None:
    (living,) = children(program)

    os.kill(living, signal.SIGHUP)
    time.sleep(0.5)

    assert children(program) == [living]
    assert answers(exchange)
