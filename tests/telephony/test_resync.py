"""What the service missed, from the exchange's own records."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
import time_machine
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import reconciling
from hotline.telephony.ami import Ami, AmiUnavailable, LiveChannel, QueueState
from hotline.telephony.ami_words import QueueCaller
from hotline.telephony.asterisk_files import AsteriskFiles, CallRecord, Outcome, QueueRow
from hotline.telephony.calls import Calls
from hotline.telephony.resync import Resync
from models import Call, Callback, CallEnding, Conclusion, Contact, now
from tests.factories_calls import make_call, make_line
from tests.telephony.gathering import Screens, working

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
CARRIER, AGENT = "127.0.0.2", "127.0.0.1"


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def channel(unique_id: str, **values: str) -> LiveChannel:
    usual = dict.fromkeys(LiveChannel.__dataclass_fields__, "")
    own = {"name": "PJSIP/trunk-1", "uniqueid": unique_id, "linkedid": unique_id, "state": "Up", "caller_number": "13800138000"}
    return LiveChannel(**{**usual, **own, "duration": "00:00:30", **values})


RECORD = CallRecord("gone", "13800138000", "张三丰", "12345", started=START, last_seen=after(50), answered=after(0.1))


class Quiet:
    """An exchange with these channels and callers, and this in its records."""

    def __init__(self, *channels: LiveChannel, queues: list[QueueState] | None = None) -> None:
        self.connected = True
        self.records: list[CallRecord] = []
        self.rows: list[QueueRow] = []
        self._channels, self._queues = list(channels), queues or []

    async def channels(self) -> list[LiveChannel]:
        if not self.connected:
            raise AmiUnavailable
        return self._channels

    async def queue_status(self) -> list[QueueState]:
        return self._queues

    def calls_since(self, _: datetime) -> list[CallRecord]:
        return self.records

    def queue_rows(self, _: datetime) -> list[QueueRow]:
        return self.rows

    def compare(self) -> Calls:
        """As after a sign-in."""

        async def body() -> Calls:
            calls = Calls(Screens())
            async with working(calls):
                await Resync(cast(Ami, self), calls, cast(AsteriskFiles, self)).rebuild()
                await calls.settled()
            return calls

        return asyncio.run(body())


@pytest.fixture
def later(clock: time_machine.Traveller) -> time_machine.Traveller:
    """A few minutes after the calls of these tests."""
    clock.move_to(after(300))
    return clock


def the_call(database: Database) -> tuple[Call, Contact]:
    with database.reading() as session:
        call = session.scalars(select(Call)).one()
        return call, session.get_one(Contact, call.contact_id)


def test_a_call_that_came_and_went_meanwhile_is_a_contact_with_its_own_times(
    database: Database, later: time_machine.Traveller
) -> None:
    with database.unit_of_work() as session:
        line = make_line(session)
    exchange = Quiet()
    served = replace(RECORD, connected=after(20.5), agent=f"PJSIP/{line.extension}", outcome=Outcome.COMPLETED)
    exchange.records = [replace(served, queued=after(6), queue="main", ended=after(60))]

    exchange.compare()
    exchange.compare()

    call, contact = the_call(database)
    assert [call.started_at, call.queued_at, call.answered_at, call.ended_at] == [START, after(6), after(20.5), after(60)]
    assert (call.ending, call.reconstructed, call.called_number) == (CallEnding.SPOKEN, True, "12345")
    assert (contact.number, contact.sender_name, contact.taken_by_id) == ("+8613800138000", "张三丰", line.staff_id)
    with database.reading() as session:
        assert reconciling.mark(session) == now() - timedelta(seconds=5)


@pytest.mark.parametrize(
    ("kind", "data", "ending"),
    [
        ("EXITWITHKEY", ("2", "3", "5", "10"), CallEnding.WANTS_CALLBACK),
        ("EXITWITHTIMEOUT", ("1",), CallEnding.NO_AGENT),
        ("ABANDON", ("1", "1", "44"), CallEnding.ABANDONED),
    ],
)
def test_how_a_caller_left_the_queue_is_known_afterwards(
    database: Database, later: time_machine.Traveller, kind: str, data: tuple[str, ...], ending: CallEnding
) -> None:
    exchange = Quiet()
    exchange.records = [replace(RECORD, queued=after(6), queue="main", ended=after(50), outcome=Outcome.NOT_SERVED)]
    exchange.rows = [
        QueueRow(after(50), "gone", "main", "NONE", kind, data),
        QueueRow(START, "another", "", "", "ENTERQUEUE", ()),
    ]

    exchange.compare()

    assert the_call(database)[0].ending == ending


def test_an_open_call_that_lives_no_more_is_closed_and_what_is_known_of_it_stays(
    database: Database, later: time_machine.Traveller
) -> None:
    with database.unit_of_work() as session:
        make_call(session, linkedid="gone", at=START, facts=("queued",), seconds=6.4)
    exchange = Quiet()
    exchange.records = [replace(RECORD, queued=after(6), queue="main", ended=after(30))]

    exchange.compare()

    call, contact = the_call(database)
    assert (call.queued_at, call.ended_at, call.ending) == (after(6.4), after(30), CallEnding.ABANDONED)
    assert contact.conclusion == Conclusion.ABANDONED


@pytest.mark.parametrize(("records", "at"), [([], 10.0), ([replace(RECORD)], 50.0)])
def test_a_call_of_whose_end_nothing_tells_was_interrupted(
    database: Database, later: time_machine.Traveller, records: list[CallRecord], at: float
) -> None:
    with database.unit_of_work() as session:
        make_call(session, linkedid="gone", at=START, facts=("queued",))
    exchange = Quiet()
    exchange.records = records

    exchange.compare()

    call, _ = the_call(database)
    assert (call.ending, call.ended_at, call.reconstructed) == (CallEnding.INTERRUPTED, after(at), True)
    with database.reading() as session:
        assert session.scalars(select(Callback.reason)).all() == ["interrupted"]


def test_a_living_call_is_taken_up_with_its_agent_and_its_next_events_count(
    database: Database, later: time_machine.Traveller
) -> None:
    with database.unit_of_work() as session:
        line, ringing = make_line(session), make_line(session)
    leg = {"linkedid": "lives", "bridge_id": "b1"}
    exchange = Quiet(
        channel("lives", bridge_id="b1", duration="00:01:00"),
        channel("leg", name=f"PJSIP/{line.extension}-1", duration="00:00:20", **leg),
        channel("another", name=f"PJSIP/{ringing.extension}-1", linkedid="lives", state="Ringing", duration="00:00:03"),
        channel("0190a0a0-0000-7000-8000-000000000000", name="Local/1@callback-queue-1;1"),
        channel("chat", name="PJSIP/2002-1"),
    )

    calls = exchange.compare()

    call, contact = the_call(database)
    assert (call.started_at, call.answered_at, call.ended_at) == (after(240), after(280), None)
    assert contact.taken_by_id == line.staff_id
    assert calls.words.follows("lives")
    assert not calls.words.follows("chat")


def test_a_living_caller_who_waits_is_in_the_queue(database: Database, later: time_machine.Traveller) -> None:
    caller = QueueCaller("PJSIP/trunk-1", "lives", 1, 0, 20, "13800138000", "")
    exchange = Quiet(channel("lives"), queues=[QueueState("english", 0, callers=(caller,))])

    exchange.compare()
    exchange.compare()

    call, contact = the_call(database)
    assert (call.queued_at, call.queue, contact.language) == (after(280), "english", "en")


def test_a_call_that_has_just_begun_is_left_to_its_events(database: Database, later: time_machine.Traveller) -> None:
    with database.unit_of_work() as session:
        make_call(session, linkedid="young", at=after(298), facts=())

    Quiet().compare()

    assert the_call(database)[0].ended_at is None
