"""Real calls on a real exchange: each becomes one contact with its times, whatever of ours is away meanwhile."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import callbacks, lines, reconciling
from hotline.telephony.ami import Ami, AmiError, AmiEvent, Pace
from hotline.telephony.asterisk_files import AsteriskFiles
from hotline.telephony.call_words import Translator
from hotline.telephony.calls import Calls
from hotline.telephony.resync import OVERLAP, Resync
from hotline.telephony.switchboard import Switchboard
from models import (
    Call,
    Callback,
    CallbackReason,
    CallbackTry,
    CallEnding,
    Conclusion,
    Contact,
    LineKind,
    PhoneLine,
    TryOutcome,
    now,
)
from tests.factories_contacts import make_agent
from tests.telephony.asterisk import Exchange, running_exchange
from tests.telephony.gathering import Screens, working
from tests.telephony.sip import SipPhone

CARRIER, AGENT, EXTENSION = "127.0.0.2", "127.0.0.1", "1001"
NUMBER = "13800138000"


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    """What is stored of calls is tried on both kinds in test_calls_stored.py; here it is the exchange that is real."""
    return sqlite_database


def ami_of(exchange: Exchange) -> Ami:
    pace = Pace(reconnect_after=0.2)
    return Ami("127.0.0.1", exchange.ami_port, username="hotline", secret=exchange.ami_secret, pace=pace)


class Service:
    """The part of the telephony process that knows of calls. Two of them at once are two processes."""

    def __init__(self, exchange: Exchange) -> None:
        self.ami = ami_of(exchange)
        self.screens = Screens()
        self.calls = Calls(self.screens)
        self._resync = Resync(self.ami, self.calls, AsteriskFiles(exchange.folder / "log"))
        self.signed_in = asyncio.Event()

    async def _on_login(self) -> None:
        await self._resync.rebuild()
        self.signed_in.set()

    async def _on_lost(self) -> None:
        self.signed_in.clear()

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Service"]:
        link = asyncio.create_task(self.ami.run(on_event=self.calls.on_event, on_login=self._on_login, on_lost=self._on_lost))
        try:
            async with working(self.calls):
                await asyncio.wait_for(self.signed_in.wait(), 15)
                yield self
        finally:
            link.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await link


@asynccontextmanager
async def citizen(exchange: Exchange) -> AsyncIterator[SipPhone]:
    async with SipPhone(local=(CARRIER, 0), server=("127.0.0.1", exchange.sip_port)) as phone:
        yield phone


@asynccontextmanager
async def signed_in(exchange: Exchange) -> AsyncIterator[Ami]:
    """A connection of the test's own, which hears nothing."""
    ami, there = ami_of(exchange), asyncio.Event()

    async def on_login() -> None:
        there.set()

    async def on_lost() -> None:
        there.clear()

    link = asyncio.create_task(ami.run(on_event=lambda _: None, on_login=on_login, on_lost=on_lost))
    try:
        await asyncio.wait_for(there.wait(), 15)
        yield ami
    finally:
        link.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await link


@asynccontextmanager
async def agent(exchange: Exchange) -> AsyncIterator[SipPhone]:
    """A telephone on a desk, registered, in the queue."""
    secret = {"auth_type": "md5", "username": EXTENSION, "realm": lines.REALM, "md5_cred": lines.digest_of(EXTENSION, "secret")}
    async with signed_in(exchange) as ami, SipPhone(local=(AGENT, 0), server=("127.0.0.1", exchange.sip_port)) as phone:
        await ami.db_put("hotline_auth/auth", EXTENSION, json.dumps(secret))
        assert await phone.register(EXTENSION, "secret") == 200
        queue = (await ami.queue_status())[0].queue
        await ami.queue_add(queue, f"PJSIP/{EXTENSION}", name=EXTENSION)
        try:
            yield phone
        finally:
            with contextlib.suppress(AmiError):
                await ami.queue_remove(queue, f"PJSIP/{EXTENSION}")


@pytest.fixture(autouse=True)
def from_now_on(database: Database) -> None:
    """The calls of other tests on the same exchange are not missed."""
    with database.unit_of_work() as session:
        reconciling.set_mark(session, now() + OVERLAP)


@pytest.fixture
def seat(database: Database) -> PhoneLine:
    with database.unit_of_work() as session:
        line = PhoneLine(extension=EXTENSION, kind=LineKind.DESK, staff_id=make_agent(session).id, missed_rings=0, reachable=True)
        session.add(line)
    return line


def newest(database: Database) -> Call | None:
    with database.reading() as session:
        return session.scalars(select(Call).order_by(Call.started_at.desc()).limit(1)).first()


async def until(database: Database, holds: Callable[[Call], bool], seconds: float = 20) -> Call:
    async with asyncio.timeout(seconds):
        while True:
            call = await asyncio.to_thread(newest, database)
            if call is not None and holds(call):
                return call
            await asyncio.sleep(0.05)


def contacts(database: Database) -> list[Contact]:
    with database.reading() as session:
        return list(session.scalars(select(Contact).order_by(Contact.created_at)))


def owed(database: Database) -> list[str]:
    with database.reading() as session:
        return list(session.scalars(select(Callback.reason)))


def test_a_call_is_answered_held_and_ended(exchange: Exchange, database: Database, seat: PhoneLine) -> None:
    async def body() -> Call:
        service = Service(exchange)
        async with service.running(), agent(exchange) as phone, citizen(exchange) as caller:
            call = await caller.call("12345", caller=NUMBER, name="张三丰")
            await call.answered()
            ringing = await phone.incoming(seconds=20)
            await until(database, lambda known: known.queued_at is not None)
            await ringing.answer()
            await until(database, lambda known: known.answered_at is not None)
            await ringing.hold()
            await asyncio.sleep(1)
            await ringing.unhold()
            await asyncio.sleep(0.3)
            await ringing.hang_up()
            await call.gone(seconds=15)
            assert f"phone:{seat.staff_id}" in service.screens.topics
            return await until(database, lambda known: known.ended_at is not None)

    call = asyncio.run(body())

    (contact,) = contacts(database)
    assert (call.ending, call.staff_id, call.called_number) == (CallEnding.SPOKEN, seat.staff_id, "12345")
    assert (contact.number, contact.sender_name, contact.taken_by_id) == ("+8613800138000", "张三丰", seat.staff_id)
    assert 0.8 < call.held_seconds < 2
    assert call.queued_at is not None
    assert call.answered_at is not None
    assert call.ended_at is not None
    assert call.started_at < call.queued_at < call.answered_at < call.ended_at


def test_who_hangs_up_in_the_notice_or_in_the_queue_is_a_contact_and_owed_a_call(exchange: Exchange, database: Database) -> None:
    async def body() -> None:
        async with Service(exchange).running(), citizen(exchange) as caller:
            early = await caller.call("12345", caller="+8613900139000")
            await early.answered()
            await early.hang_up()
            await until(database, lambda known: known.ending == CallEnding.LEFT_IN_NOTICE)
            late = await caller.call("12345", caller=NUMBER)
            await until(database, lambda known: known.queued_at is not None)
            await late.hang_up()
            await until(database, lambda known: known.ending == CallEnding.SHORT_ABANDON)

    asyncio.run(body())

    assert [contact.conclusion for contact in contacts(database)] == [Conclusion.ABANDONED] * 2
    assert owed(database) == ["abandoned", "abandoned"]


def test_calls_while_the_service_is_away_go_on_and_are_contacts_afterwards(
    tmp_path: Path, database: Database, seat: PhoneLine
) -> None:
    async def body(exchange: Exchange) -> None:
        async with agent(exchange) as phone, citizen(exchange) as caller:
            async with Service(exchange).running():
                first = await caller.call("12345", caller=NUMBER)
                ringing = await phone.incoming(seconds=20)
                await ringing.answer()
                await until(database, lambda known: known.answered_at is not None)
            await ringing.hang_up()
            await first.gone(seconds=15)
            second = await caller.call("12345", caller="13900139000")
            again = await phone.incoming(seconds=20)
            await again.answer()
            await asyncio.sleep(0.5)
            await again.hang_up()
            await second.gone(seconds=15)
        async with Service(exchange).running():
            await until(database, lambda known: known.called_number == "12345" and known.ended_at is not None)

    with running_exchange(tmp_path) as exchange:
        asyncio.run(body(exchange))

    assert [contact.number for contact in contacts(database)] == ["+8613800138000", "+8613900139000"]
    with database.reading() as session:
        for call in session.scalars(select(Call)):
            assert (call.ending, call.reconstructed, call.staff_id) == (CallEnding.SPOKEN, True, seat.staff_id)
            assert call.queued_at is not None
            assert call.answered_at is not None
            assert call.ended_at is not None
            assert call.started_at <= call.queued_at <= call.answered_at < call.ended_at
    assert owed(database) == []


def test_a_call_in_mid_talk_when_the_service_comes_back_is_taken_up(
    exchange: Exchange, database: Database, seat: PhoneLine
) -> None:
    async def body() -> Call:
        async with agent(exchange) as phone, citizen(exchange) as caller:
            call = await caller.call("12345", caller=NUMBER)
            ringing = await phone.incoming(seconds=20)
            await ringing.answer()
            await asyncio.sleep(0.5)
            async with Service(exchange).running():
                await until(database, lambda known: known.answered_at is not None)
                await ringing.hang_up()
                await call.gone(seconds=15)
                return await until(database, lambda known: known.ended_at is not None)

    call = asyncio.run(body())

    assert (call.ending, call.staff_id, call.called_number) == (CallEnding.SPOKEN, seat.staff_id, "12345")
    assert len(contacts(database)) == 1


def test_a_call_in_which_the_exchange_dies_is_interrupted_and_owed_another(
    tmp_path: Path, database: Database, seat: PhoneLine
) -> None:
    async def body(exchange: Exchange) -> Call:
        service = Service(exchange)
        async with service.running():
            async with agent(exchange) as phone, citizen(exchange) as caller:
                await caller.call("12345", caller=NUMBER)
                await (await phone.incoming(seconds=20)).answer()
                await until(database, lambda known: known.answered_at is not None)
                await asyncio.to_thread(exchange.kill)
            await asyncio.sleep(5)
            await asyncio.to_thread(exchange.start)
            return await until(database, lambda known: known.ended_at is not None, seconds=40)

    with running_exchange(tmp_path) as exchange:
        call = asyncio.run(body(exchange))

    assert (call.ending, call.reconstructed, call.staff_id) == (CallEnding.INTERRUPTED, True, seat.staff_id)
    assert owed(database) == ["interrupted"]
    assert [contact.state for contact in contacts(database)] == ["taken"]


def test_two_processes_that_both_listen_make_one_contact(exchange: Exchange, database: Database) -> None:
    began = now()

    async def body() -> None:
        async with Service(exchange).running(), Service(exchange).running(), citizen(exchange) as caller:
            call = await caller.call("12345", caller="anonymous", name="<script>alert(1)</script>")
            await until(database, lambda known: known.queued_at is not None)
            await call.hang_up()
            await until(database, lambda known: known.ended_at is not None)

    asyncio.run(body())

    # A caller whom an earlier test left on the line is followed as well.
    (contact,) = (each for each in contacts(database) if each.received_at >= began)
    assert (contact.number, contact.sender_name) == (None, "<script>alert(1)</script>")


@pytest.mark.parametrize(("status", "outcome"), [(486, TryOutcome.BUSY), (603, TryOutcome.REFUSED), (0, TryOutcome.ANSWERED)])
def test_what_the_citizens_telephone_said_is_told_apart(
    exchange: Exchange, database: Database, seat: PhoneLine, status: int, outcome: TryOutcome
) -> None:
    with database.unit_of_work() as session:
        callback = callbacks.owe(session, reason=CallbackReason.ABANDONED, number=NUMBER, due_at=now())
        assert callback is not None
        command_id = str(callbacks.dial(session, callback, at=now()).id)

    async def body() -> None:
        rung = SipPhone(local=(CARRIER, exchange.trunk_port), server=("127.0.0.1", exchange.sip_port))
        async with Service(exchange).running() as service, agent(exchange) as phone, rung:
            await service.ami.db_put("token", command_id, NUMBER)
            own = {"channel": f"PJSIP/{EXTENSION}", "channel_id": command_id, "context": "out", "exten": NUMBER}
            await service.ami.originate(ring_for=20, variables={"DIALTOKEN": command_id}, **own)
            mine = await phone.incoming(seconds=20)
            await mine.answer()
            theirs = await rung.incoming(seconds=20)
            if status:
                theirs.reject(status, "No")
            else:
                await theirs.answer()
                await until(database, lambda known: known.answered_at is not None)
                await theirs.hang_up()
            await until(database, lambda known: known.ended_at is not None)

    asyncio.run(body())

    with database.reading() as session:
        assert session.scalars(select(CallbackTry.outcome)).all() == [outcome]


def test_a_refusal_counts_even_if_the_exchange_tells_the_end_of_the_call_before_that_of_the_telephone() -> None:
    words, linkedid = Translator(), "01a20123-63ce-799f-a568-a111c87e0700"
    live = words.follow(linkedid, placed=True)
    dialled = {"DestChannel": "PJSIP/trunk-0000000f", "DestLinkedid": linkedid, "DialStatus": "NOANSWER"}
    ended = {"Channel": "PJSIP/1001-0000000e", "Uniqueid": linkedid, "Linkedid": linkedid, "Cause": "21"}

    facts = [len(list(words.facts(AmiEvent(name, told, now())))) for name, told in (("DialEnd", dialled), ("Hangup", ended))]

    assert (facts, live.outcome) == ([1, 2], TryOutcome.REFUSED)


class Seats:
    """No line is signed in or out here."""

    async def settle(self, extension: str) -> str:
        raise AssertionError(extension)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(486, TryOutcome.BUSY), (603, TryOutcome.REFUSED), (480, TryOutcome.NO_ANSWER), (0, TryOutcome.ANSWERED)],
)
def test_a_citizen_whom_a_flow_rings_is_reached_by_a_token_and_what_the_telephone_said_is_told_apart(
    exchange: Exchange, database: Database, status: int, outcome: TryOutcome
) -> None:
    with database.unit_of_work() as session:
        callback = callbacks.owe(session, reason=CallbackReason.SURVEY, number=NUMBER, due_at=now())
        assert callback is not None
        callbacks.dial(session, callback, at=now())

    async def body() -> None:
        rung = SipPhone(local=(CARRIER, exchange.trunk_port), server=("127.0.0.1", exchange.sip_port))
        async with Service(exchange).running() as service, rung:
            await Switchboard(service.ami, Seats(), service.screens, exchange.settings).begin_due()
            theirs = await rung.incoming(seconds=20)
            if status:
                theirs.reject(status, "No")
            else:
                await theirs.answer()
                await until(database, lambda known: known.answered_at is not None)
                await theirs.hang_up()
            await until(database, lambda known: known.ended_at is not None)

    asyncio.run(body())

    with database.reading() as session:
        assert session.scalars(select(CallbackTry.outcome)).all() == [outcome]
    assert list((exchange.folder / "spool" / "monitor").glob(f"{newest(database).linkedid}*")) == []  # type: ignore[union-attr]
