"""Flows on a call, against a scripted Asterisk: what is said, asked, kept and recorded, and where the call goes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import ivr_flows
from hotline.services.telephone.flow_calls import Outcome
from hotline.telephony.agi import AgiCall, AgiServer, Hangup
from hotline.telephony.performer import Performer
from ivr_flows import Flow
from tests.ivr_flows.flow_files import trial_flow
from tests.telephony.fake_peers import FakeAgi, in_loop

OK, GONE = "200 result=0", "511 Command Not Permitted on a dead channel or intercept routine"
MISSING = "200 result=-1 endpos=0"
CALL = "hotline-1795289344.6"


class Desk:
    """The service, as far as a flow knows it."""

    def __init__(self, *, switched_on: tuple[str, ...] = (), found: Outcome | None = None) -> None:
        self.kept: list[tuple[str, dict[str, str]]] = []
        self.looked_up: list[tuple[str, dict[str, str], str]] = []
        self._off = {"menu", "progress", "survey"} - set(switched_on)
        self._found = found or Outcome("unknown")

    async def keep(self, linkedid: str, what: str, told: Mapping[str, str]) -> None:
        assert linkedid == CALL
        self.kept.append((what, dict(told)))

    async def look_up(self, name: str, values: Mapping[str, str], *, caller: str, linkedid: str) -> Outcome:
        assert linkedid == CALL
        self.looked_up.append((name, dict(values), caller))
        return self._found

    async def allows(self, flow: str) -> bool:
        return flow not in self._off


class Played:
    """One flow on one call; `outcome` is None, or what it ended with."""

    def __init__(self, peer: FakeAgi) -> None:
        self.peer = peer
        self.outcome: BaseException | None = None
        self.over = asyncio.Event()

    async def hears(self, *prompts: str) -> None:
        for prompt in prompts:
            await self.peer.expect(f'STREAM FILE "hotline/{prompt}" ""', OK)

    async def is_asked(self, prompt: str, key: str) -> None:
        """The key comes while the question is still said."""
        await self.peer.expect(f'STREAM FILE "hotline/{prompt}" "0123456789*#"', f"200 result={ord(key)} endpos=800")

    async def types(self, typed: str) -> None:
        """What follows the first key."""
        await self.peer.expect('EXEC "Read"', OK)
        await self.peer.expect('GET VARIABLE "gathered"', f"200 result=1 ({typed})" if typed else OK)

    async def has(self, name: str, value: str) -> None:
        await self.peer.expect(f'SET VARIABLE "{name}" "{value}"', "200 result=1")

    async def done(self) -> BaseException | None:
        async with asyncio.timeout(5):
            await self.over.wait()
        return self.outcome


@asynccontextmanager
async def playing(
    name: str,
    desk: Desk,
    *,
    spool: Path = Path("/spool"),
    given: Mapping[str, str] | None = None,
    flows: Mapping[str, Flow] | None = None,
) -> AsyncIterator[Played]:
    played: Played

    async def route(call: AgiCall) -> None:
        try:
            await Performer(call, flows or ivr_flows.load_flows(), desk, spool=spool).perform(name, given)
        except BaseException as error:
            played.outcome = error
        finally:
            played.over.set()

    server = AgiServer({"ivr": route})
    port = await server.start("127.0.0.1", 0)
    try:
        async with FakeAgi.calling(port, greeted=False, agi_uniqueid=CALL) as peer:
            played = Played(peer)
            await peer.greet()
            yield played
    finally:
        await server.stop(grace=0.2)


@in_loop
async def test_the_default_call_hears_one_notice_and_waits_for_a_person() -> None:
    async with playing("main", Desk()) as call:
        await call.has("SPOKE", "yes")
        await call.hears("welcome")
        await call.has("NEXT", "queue")

        assert await call.done() is None
        assert await call.peer.command() == ""


@in_loop
async def test_a_prompt_without_a_sound_is_passed_over() -> None:
    async with playing("main", Desk()) as call:
        await call.has("SPOKE", "yes")
        await call.peer.expect('STREAM FILE "hotline/welcome"', MISSING)
        await call.peer.expect("CHANNEL STATUS", "200 result=6")
        await call.has("NEXT", "queue")

        assert await call.done() is None


@in_loop
async def test_who_hangs_up_in_the_middle_ends_the_flow() -> None:
    async with playing("main", Desk()) as call:
        await call.has("SPOKE", "yes")
        await call.peer.expect('STREAM FILE "hotline/welcome"', GONE)

        assert isinstance(await call.done(), Hangup)


@in_loop
async def test_a_key_in_the_menu_cuts_the_notice_short_and_leads_to_a_person() -> None:
    async with playing("menu", Desk()) as call:
        await call.has("SPOKE", "yes")
        await call.is_asked("welcome", "1")
        await call.has("NEXT", "queue")

        assert await call.done() is None


@in_loop
async def test_a_flow_that_the_city_has_switched_off_leads_to_a_person() -> None:
    async with playing("menu", Desk()) as call:
        await call.has("SPOKE", "yes")
        await call.is_asked("welcome", "2")
        await call.hears("to_a_person")
        await call.has("NEXT", "queue")

        assert await call.done() is None


@in_loop
async def test_the_progress_of_a_case_is_looked_up_and_told() -> None:
    desk = Desk(switched_on=("progress",), found=Outcome("answered"))
    async with playing("menu", desk) as call:
        await call.has("SPOKE", "yes")
        await call.is_asked("welcome", "2")
        await call.is_asked("enter_case_number", "2")
        await call.types("0261121000123")
        await call.is_asked("enter_query_code", "1")
        await call.types("2345678")
        await call.peer.expect('STREAM FILE "hotline/progress_answered" "0123456789*#"', OK)
        await call.is_asked("progress_more_choice", "0")
        await call.has("NEXT", "queue")

        assert await call.done() is None
    values = {"case_number": "20261121000123", "query_code": "12345678"}
    assert desk.looked_up == [("case_progress", values, "13800000000")]


@in_loop
async def test_each_answer_is_kept_together_with_those_before_it() -> None:
    desk = Desk()
    async with playing("case_survey", desk, given={"month": "11", "day": "3"}) as call:
        await call.has("SPOKE", "yes")
        await call.peer.expect('STREAM FILE "hotline/survey_greeting"', OK)
        await call.is_asked("is_it_you_choice", "1")
        for _ in range(5):
            await call.peer.expect('STREAM FILE "hotline/', OK)
        await call.peer.expect('STREAM FILE "hotline/survey_purpose"', OK)
        await call.is_asked("solved_choice", "1")
        await call.is_asked("rate_result", "4")
        await call.is_asked("rate_unit", "5")
        await call.hears("thanks_for_rating")
        await call.has("NEXT", "hangup")

        assert await call.done() is None
    assert desk.kept == [
        ("solved", {"solved": "yes"}),
        ("result_grade", {"solved": "yes", "result_grade": "4"}),
        ("unit_grade", {"solved": "yes", "result_grade": "4", "unit_grade": "5"}),
    ]


@in_loop
async def test_a_message_is_left_under_a_name_that_is_known_before_it_begins() -> None:
    desk = Desk()
    async with playing("no_agent", desk) as call:
        await call.has("SPOKE", "yes")
        await call.hears("leave_message")
        await call.has("VOICEMESSAGE", f"/spool/voicemail/{CALL}.wav")
        await call.peer.expect(f'RECORD FILE "/spool/voicemail/{CALL}" "wav" "#" "120000"', "200 result=35 (dtmf) endpos=96000")
        await call.hears("message_received")
        await call.has("NEXT", "hangup")

        assert await call.done() is None
    assert desk.kept == [("message", {"message": "12"})]


@in_loop
async def test_who_hangs_up_while_speaking_has_left_a_message_too() -> None:
    async with playing("no_agent", Desk()) as call:
        await call.has("SPOKE", "yes")
        await call.hears("leave_message")
        await call.has("VOICEMESSAGE", f"/spool/voicemail/{CALL}.wav")
        await call.peer.expect("RECORD FILE", "200 result=-1 (hangup) endpos=16000")
        await call.peer.expect("CHANNEL STATUS", GONE)

        assert isinstance(await call.done(), Hangup)
        assert await call.peer.command() == ""  # the variable stays as it is


@in_loop
async def test_silence_at_the_tone_is_no_message() -> None:
    desk = Desk()
    async with playing("no_agent", desk) as call:
        await call.has("SPOKE", "yes")
        await call.hears("leave_message")
        await call.has("VOICEMESSAGE", f"/spool/voicemail/{CALL}.wav")
        await call.peer.expect("RECORD FILE", "200 result=0 (timeout) endpos=800")
        await call.has("VOICEMESSAGE", "")
        while command := await call.peer.command():
            call.peer.send(f"{OK}\n")
            last = command

        assert await call.done() is None
    assert last.startswith('SET VARIABLE "NEXT"')
    assert desk.kept == []


@in_loop
async def test_a_flow_may_name_a_queue_of_its_own(tmp_path: Path) -> None:
    text = "start: here\nnodes:\n  here: {queue: english, otherwise: over}\n  over: {say: sorry, hangup: true}\n"
    async with playing("trial", Desk(), flows={"trial": trial_flow(tmp_path, text)}) as call:
        await call.has("QNAME", "english")
        await call.has("NEXT", "queue")

        assert await call.done() is None


@in_loop
async def test_flows_that_lead_to_each_other_for_ever_are_left(tmp_path: Path) -> None:
    round_and_round = trial_flow(tmp_path, "start: here\nnodes:\n  here: {goto: trial}\n")
    async with playing("trial", Desk(), flows={"trial": round_and_round}) as call:
        assert isinstance(await call.done(), RecursionError)
