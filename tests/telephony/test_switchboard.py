"""The switchboard against an exchange that only remembers: each command once, with its outcome, whatever dies in between."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import Unavailable
from hotline.services.telephone import lines, switching
from hotline.services.telephone.switching import SpyMode
from hotline.settings import get_settings
from hotline.telephony import switchboard as module
from hotline.telephony.ami import AmiRefused, AmiUnavailable
from hotline.telephony.ivr import PLACED
from hotline.telephony.switchboard import Switchboard
from models import CallEvent, Role, Staff, SwitchboardAction, SwitchboardCommand
from tests.factories import signed_in
from tests.factories_calls import make_call
from tests.factories_contacts import make_agent, make_contact
from tests.telephony.fakes import FakeAmi, Pushes, live_channel

NUMBER = "13800138000"
SOON = timedelta(seconds=10)
T = TypeVar("T")


class Seats:
    """The router, as far as the switchboard knows it."""

    def __init__(self) -> None:
        self.settled: list[str] = []

    async def settle(self, extension: str) -> str:
        self.settled.append(extension)
        return "喝水"


class Bench:
    def __init__(self, database: Database) -> None:
        self.database, self.ami, self.seats, self.pushes = database, FakeAmi(), Seats(), Pushes()
        self.board = self.started()

    def started(self) -> Switchboard:
        """As after a start of the process."""
        board = Switchboard(self.ami, self.seats, self.pushes, get_settings())  # type: ignore[arg-type]
        self.ami.on_event = board.on_event
        return board

    def write(self, work: Callable[[Session], T]) -> T:
        with self.database.unit_of_work() as session:
            return work(session)

    def ask(self, action: str, *, by: UUID | None = None, lasting: timedelta = SOON, **arguments: switching.Value) -> UUID:
        return self.write(lambda session: switching.ask(session, SwitchboardAction(action), arguments, by=by, lasting=lasting).id)

    def outcome(self, command_id: UUID) -> tuple[str, str]:
        with self.database.reading() as session:
            row = session.get_one(SwitchboardCommand, command_id)
            return row.state.value, row.result

    def steps(self) -> list[str]:
        with self.database.reading() as session:
            return [row.step.value for row in session.scalars(select(CallEvent).order_by(CallEvent.created_at))]

    async def work(self) -> None:
        await self.board.begin_due()
        await self.board.finish()

    async def answered(self, command_id: UUID, *, success: bool = True) -> None:
        reason, response = ("4", "Success") if success else ("3", "Failure")
        self.ami.tell("OriginateResponse", ActionID=str(command_id), Response=response, Reason=reason)
        await self.board.finish()


def run(test: Callable[[Bench], Awaitable[None]]) -> Callable[[Database], None]:
    """A test on its own bench, in a loop of its own."""

    def wrapped(sqlite_database: Database) -> None:
        async def whole() -> None:
            await test(Bench(sqlite_database))

        asyncio.run(whole())

    wrapped.__name__ = test.__name__
    return wrapped


def an_agent(session: Session, **values: Any) -> Staff:
    staff = make_agent(session, **values)
    lines.sign_in(session, signed_in(session, staff))
    return staff


@run
async def test_a_sign_in_reaches_the_exchange_as_a_digest_before_the_line_is_brought(bench: Bench) -> None:
    staff = make_agent_with(bench)
    given = bench.write(lambda session: lines.sign_in(session, signed_in(session, staff)))

    await bench.work()

    [put] = bench.ami.actions("db_put")
    assert (put["family"], put["key"]) == ("hotline_auth/auth", "2001")
    told = {"auth_type": "md5", "username": "2001", "realm": "asterisk", "md5_cred": lines.digest_of("2001", given.secret)}
    assert json.loads(put["value"]) == told
    assert len(put["value"]) < 256
    assert bench.seats.settled == ["2001"]
    assert f"phone:{staff.id}" in bench.pushes.topics


def make_agent_with(bench: Bench) -> Staff:
    return bench.write(make_agent)


@run
async def test_a_sign_out_closes_the_line_with_a_secret_that_nobody_knows(bench: Bench) -> None:
    staff = bench.write(an_agent)
    bench.write(lambda session: lines.sign_out(session, staff_id=staff.id))

    await bench.work()

    credentials = [json.loads(put["value"])["md5_cred"] for put in bench.ami.actions("db_put")]
    # The sign-in's own row came too late: the line is as it is now.
    assert len(set(credentials)) == 2
    assert all(len(each) == 32 for each in credentials)
    assert bench.seats.settled == ["2001", "2001"]


@run
async def test_a_pause_is_acknowledged_with_its_row(bench: Bench) -> None:
    staff = bench.write(an_agent)
    await bench.work()
    command = bench.ask("pause", by=staff.id, extension="2001")

    await bench.work()

    assert bench.outcome(command) == ("done", "喝水")


@run
async def test_a_call_is_placed_agent_first_under_a_token_for_its_number(bench: Bench) -> None:
    command = bench.ask("place_call", extension="2001", number=NUMBER)

    await bench.work()

    assert [action for action, _ in bench.ami.said] == ["db_put", "originate"]
    assert bench.ami.actions("db_put") == [{"family": "token", "key": str(command), "value": NUMBER}]
    [placed] = bench.ami.actions("originate")
    assert (placed["channel"], placed["context"], placed["exten"]) == ("PJSIP/2001", "out", NUMBER)
    assert (placed["channel_id"], placed["variables"]) == (str(command), {"DIALTOKEN": str(command)})
    assert bench.outcome(command) == ("started", "")
    await bench.answered(command)
    assert bench.outcome(command) == ("done", "answered")


@run
async def test_an_agent_who_does_not_answer_ends_the_call_that_was_to_be_placed(bench: Bench) -> None:
    command = bench.ask("place_call", extension="2001", number=NUMBER)
    await bench.work()

    await bench.answered(command, success=False)
    await bench.answered(command)

    assert bench.outcome(command) == ("failed", "not answered")


@run
async def test_a_callback_keeps_its_place_and_hands_everything_to_the_waiting_half(bench: Bench) -> None:
    command = bench.ask("place_callback", number=NUMBER, queue="main", position=2, callback_id="x")

    await bench.work()

    [placed] = bench.ami.actions("originate")
    assert placed["channel"] == f"Local/{NUMBER}@callback-queue/n"
    assert (placed["context"], placed["ring_for"]) == ("callback-dial", 3600)
    assert placed["other_channel_id"] == f"{command}-2"
    inherited = {"__CALLNUM": NUMBER, "__CALLQUEUE": "main", "__CALLPOS": "2", "__CALLPRIO": "0", "__DIALTOKEN": str(command)}
    assert placed["variables"] == inherited


@run
async def test_a_citizen_is_asked_by_a_flow_that_knows_what_about(bench: Bench) -> None:
    command = bench.ask("ask_citizen", number=NUMBER, survey_id="s-1", callback_id="c-1")

    await bench.work()

    [placed] = bench.ami.actions("originate")
    assert (placed["channel"], placed["context"]) == (f"Local/{NUMBER}@out/n", "callback")
    about = {"__FLOW": "survey", "SURVEY_ID": "s-1", "CALLBACK_ID": "c-1"}
    assert placed["variables"] == {**about, "__DIALTOKEN": str(command)}
    assert about["__FLOW"] in PLACED


@run
async def test_a_party_joins_the_callers_bridge_and_the_call_says_so(bench: Bench) -> None:
    call = bench.write(lambda session: make_call(session, linkedid="h-1"))
    outside = bench.ask("add_party", channel=call.channel_name, linkedid="h-1", number="110")
    bench.write(an_agent)
    inside = bench.ask("add_party", channel=call.channel_name, linkedid="h-1", number="2001")

    await bench.work()
    await bench.answered(outside)

    placed = {each["channel_id"]: each for each in bench.ami.actions("originate")}
    assert {each["application"] for each in placed.values()} == {"BridgeAdd"}
    assert {each["data"] for each in placed.values()} == {call.channel_name}
    assert (placed[str(outside)]["channel"], placed[str(inside)]["channel"]) == ("Local/110@out/n", "PJSIP/2001")
    assert bench.steps() == ["joined"]


@run
async def test_a_shift_leader_listens_then_whispers_without_beginning_anew(bench: Bench) -> None:
    bench.write(lambda session: make_call(session, linkedid="h-1"))
    leader = bench.write(lambda session: an_agent(session, roles=(Role.SHIFT_LEADER,)))
    spying = bench.ask("spy", by=leader.id, extension="2001", channel="PJSIP/2002-7", linkedid="h-1")
    await bench.work()
    await bench.answered(spying)
    [placed] = bench.ami.actions("originate")
    assert (placed["application"], placed["data"]) == ("ChanSpy", "PJSIP/2002-7,qdES")

    bench.ami.live = [live_channel("PJSIP/2001-9", uniqueid=str(spying))]
    mode = bench.write(lambda session: switching.spy_mode(session, session.get_one(Staff, leader.id), SpyMode.WHISPER).id)
    await bench.work()

    assert bench.ami.actions("play_dtmf") == [{"channel": "PJSIP/2001-9", "digit": "5", "receive": True}]
    assert bench.outcome(mode) == ("done", "whisper")
    assert bench.steps() == ["listened", "whispered"]
    bench.ami.live = []
    late = bench.write(lambda session: switching.spy_mode(session, session.get_one(Staff, leader.id), SpyMode.BARGE).id)
    await bench.work()
    assert bench.outcome(late) == ("failed", "nobody listens any more")


@run
async def test_a_pause_of_the_recording_is_noted_in_the_call_with_its_end(bench: Bench) -> None:
    call = bench.write(lambda session: make_call(session, linkedid="h-1"))

    for muted in (True, False):
        bench.ask("mute_recording", channel=call.channel_name, linkedid="h-1", muted=muted)
        await bench.work()

    assert [each["muted"] for each in bench.ami.actions("mix_monitor_mute")] == [True, False]
    assert bench.steps() == ["recording_paused", "recording_resumed"]


@run
async def test_hanging_up_moving_and_going_ahead_are_one_action_each(bench: Bench) -> None:
    asked = [
        bench.ask("hang_up", channel="PJSIP/2001-1"),
        bench.ask("redirect", channel="PJSIP/trunk-1", extension="2002"),
        bench.ask("urge", channel="PJSIP/trunk-2", queue="main", priority=2),
        bench.ask("train", extension="2001", prompt="hotline/welcome"),
    ]

    await bench.work()

    assert bench.ami.actions("hangup") == [{"channel": "PJSIP/2001-1", "cause": 16}]
    assert bench.ami.actions("redirect") == [{"channel": "PJSIP/trunk-1", "context": "agent-transfer", "exten": "2002"}]
    assert bench.ami.actions("queue_priority") == [{"queue": "main", "channel": "PJSIP/trunk-2", "priority": 2}]
    assert bench.ami.actions("originate")[0]["context"] == "training"
    assert [bench.outcome(each)[0] for each in asked] == ["done", "done", "done", "started"]


@run
async def test_the_caller_of_a_page_that_started_again_is_held_for_it(bench: Bench) -> None:
    bench.ami.live = [
        live_channel("PJSIP/2001-1", bridge="b1"),
        live_channel("PJSIP/trunk-1", bridge="b1", application="Queue"),
        live_channel("PJSIP/20011-1", bridge="b2"),
        live_channel("PJSIP/trunk-2", bridge="b2", application="Queue"),
    ]
    held = bench.ask("reclaim", extension="2001")
    await bench.work()
    nobody = bench.ask("reclaim", extension="2003")
    await bench.work()

    assert bench.ami.actions("redirect") == [{"channel": "PJSIP/trunk-1", "context": "hold"}]
    assert (bench.outcome(held)[1], bench.outcome(nobody)[1]) == ("held", "nobody")


@run
async def test_what_has_expired_is_never_carried_out(bench: Bench) -> None:
    bench.ami.connected = False
    command = bench.ask("hang_up", channel="a", lasting=timedelta(0))
    waiting = bench.ask("hang_up", channel="b")

    await bench.work()
    bench.ami.connected = True
    await bench.work()

    assert (bench.outcome(command)[0], bench.outcome(waiting)[0]) == ("expired", "done")
    assert bench.ami.actions("hangup") == [{"channel": "b", "cause": 16}]


@run
async def test_the_exchanges_refusal_is_the_outcome(bench: Bench) -> None:
    bench.ami.refusing["hangup"] = AmiRefused("No such channel")
    command = bench.ask("hang_up", channel="PJSIP/2001-1")

    await bench.work()

    assert bench.outcome(command) == ("failed", "No such channel")


@run
async def test_without_an_answer_what_may_be_repeated_is_and_a_call_is_not(bench: Bench) -> None:
    bench.ami.refusing = {"queue_priority": AmiUnavailable("gone"), "originate": AmiUnavailable("gone")}
    urging = bench.ask("urge", channel="PJSIP/trunk-2", queue="main", priority=2)
    placing = bench.ask("place_call", extension="2001", number=NUMBER)
    await bench.work()
    assert (bench.outcome(urging)[0], bench.outcome(placing)[0]) == ("asked", "started")

    bench.ami.refusing = {}
    await bench.work()

    assert bench.outcome(urging)[0] == "done"
    assert bench.ami.actions("originate") == []


@run
async def test_after_a_crash_commands_are_settled_by_what_the_exchange_shows(bench: Bench) -> None:
    names = ("pause", "hang_up", "place_call", "place_callback", "ask_citizen")
    commands = {name: bench.ask(name, extension="2001", channel="a", number=NUMBER) for name in names}
    bench.write(lambda session: [switching.start(session, command) for command in switching.due(session)] and None)
    bench.ami.live = [live_channel("PJSIP/2001-1", uniqueid=str(commands["place_call"]))]
    bench.write(lambda session: make_call(session, linkedid=str(commands["ask_citizen"])) and None)
    bench.board = bench.started()

    await bench.board.rebuild()

    assert {name: bench.outcome(command) for name, command in commands.items()} == {
        "pause": ("asked", ""),
        "hang_up": ("failed", "cut off"),
        "place_call": ("started", ""),
        "place_callback": ("failed", "cut off"),
        "ask_citizen": ("done", "over"),
    }
    assert bench.ami.actions("originate") == []


@run
async def test_an_exchange_that_lost_its_memory_is_told_every_secret_again(bench: Bench) -> None:
    given = [bench.write(lambda session: lines.sign_in(session, signed_in(session, make_agent(session)))) for _ in range(2)]

    await bench.board.rebuild()

    told = {put["key"]: json.loads(put["value"])["md5_cred"] for put in bench.ami.actions("db_put")}
    assert told["2001"] == lines.digest_of("2001", given[0].secret)
    assert told["2002"] == lines.digest_of("2002", given[1].secret)


@run
async def test_an_outcome_is_written_as_soon_as_the_database_is_back(bench: Bench) -> None:
    command = bench.ask("hang_up", channel="a")
    real, refusals = switching.settle, list[int]()

    def settle(session: Session, *values: Any, **named: Any) -> bool:
        if not refusals:
            refusals.append(1)
            raise Unavailable()
        return real(session, *values, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "AGAIN_AFTER", 0.01)
        patch.setattr(switching, "settle", settle)
        await bench.work()

    assert bench.outcome(command) == ("done", "")
    assert len(bench.ami.actions("hangup")) == 1


@run
async def test_the_switchboard_works_by_itself_and_outlives_a_command_that_breaks(bench: Bench) -> None:
    broken = bench.ask("urge", channel="a", queue="main", priority="much")
    well = bench.ask("hang_up", channel="a")
    task = asyncio.create_task(bench.board.run())
    await asyncio.sleep(0.5)
    task.cancel()
    await bench.board.finish()

    assert (bench.outcome(broken)[0], bench.outcome(well)[0]) == ("failed", "done")


@run
async def test_answers_to_what_we_did_not_ask_are_ignored(bench: Bench) -> None:
    command = bench.write(make_contact).id
    for action_id in ("", "not an id", str(command)):
        bench.ami.tell("OriginateResponse", ActionID=action_id, Response="Success", Reason="4")
    bench.ami.tell("Hangup", ActionID=str(command))
    await bench.board.finish()

    with bench.database.reading() as session:
        assert session.scalars(select(SwitchboardCommand)).all() == []
