"""FastAGI: whatever a peer or a caller does, the server lives on and the dialplan goes on."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hotline.telephony.agi import AgiCall, AgiError, AgiServer, Hangup, Recorded, SoundMissing
from tests.telephony.asterisk import Exchange
from tests.telephony.fake_peers import FakeAgi, in_loop, until
from tests.telephony.sip import SipCall, SipPhone
from tests.telephony.sip_media import tone

SOUND = "hotline/welcome"
OK, DEAD = "200 result=0", "511 Command Not Permitted on a dead channel or intercept routine"


class Told:
    """What became of a route."""

    def __init__(self) -> None:
        self.calls: list[AgiCall] = []
        self.result: object = None
        self.done = asyncio.Event()


@asynccontextmanager
async def serving(route: object = None, *, port: int = 0, **limits: float) -> AsyncIterator[tuple[int, Told, AgiServer]]:
    """`route` is a coroutine function of the call; what it returns or raises is told."""
    told = Told()

    async def run(call: AgiCall) -> None:
        told.calls.append(call)
        try:
            told.result = await route(call) if callable(route) else None
        except Exception as error:
            told.result = error
            raise
        finally:
            told.done.set()

    server = AgiServer({"ivr": run, "main": run}, **limits)
    bound = await server.start("127.0.0.1", port)
    try:
        yield bound, told, server
    finally:
        await server.stop(grace=0.2)


async def finished(told: Told) -> object:
    async with asyncio.timeout(10):
        await told.done.wait()
    return told.result


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"agi_network: yes\n", b"x" * 100_000, b"\n\n", b"\xff\xfe\n\n"]
)
@in_loop
async def test_a_port_scan_harms_nobody(sent: bytes) -> None:
    async with serving(header_limit=0.3) as (port, told, server):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        if not sent:
            writer.write_eof()
        async with asyncio.timeout(5):
            assert b"result" not in await reader.read()
        writer.close()
        async with FakeAgi.calling(port):
            await finished(told)

    assert len(told.calls) == 1
    assert server.live == 0


@in_loop
async def test_a_call_knows_its_headers() -> None:
    async with serving() as (port, told, _), FakeAgi.calling(port):
        await finished(told)

    (call,) = told.calls
    assert (call.script, call.arguments, call.uniqueid) == ("ivr", ("main",), "hotline-1795289344.6")
    assert (call.caller_number, call.caller_name) == ("13800000000", "张三丰")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("agi_callerid", "138\nagi_arg_1: forged"),
        ("agi_callerid", "138\nnonsense"),
        ("agi_callerid", "138\r1"),
        ("agi_callerid", "138\n\n200 result=49"),
    ],
)
@in_loop
async def test_a_call_whose_number_holds_line_breaks_is_left_to_the_dialplan(name: str, value: str) -> None:
    async with serving() as (port, told, _), FakeAgi.calling(port, greeted=False, **{name: value}) as asterisk:
        while await asterisk.command():
            pass

    assert told.calls == []


async def say(call: AgiCall) -> None:
    await call.say([SOUND])


@pytest.mark.parametrize("answers", [["HANGUP"], ["200 result=-1", "200 result=-1"], ["200 result=-1", DEAD], [DEAD], [""]])
@in_loop
async def test_a_hang_up_is_one_thing_in_whatever_shape_it_comes(answers: list[str]) -> None:
    async with serving(say) as (port, told, _), FakeAgi.calling(port) as asterisk:
        for answer, command in zip(answers, ["STREAM FILE", "CHANNEL STATUS"], strict=False):
            if answer:
                await asterisk.expect(command, answer)
            else:
                assert (await asterisk.command()).startswith(command)
                asterisk.writer.write_eof()
        result = await finished(told)

    assert isinstance(result, Hangup)


@in_loop
async def test_a_missing_sound_is_no_hang_up() -> None:
    async with serving(say) as (port, told, _), FakeAgi.calling(port) as asterisk:
        await asterisk.expect("STREAM FILE", "200 result=-1 endpos=0")
        await asterisk.expect("CHANNEL STATUS", "200 result=6")
        result = await finished(told)

    assert isinstance(result, SoundMissing)


@in_loop
async def test_after_a_hang_up_nothing_more_is_asked() -> None:
    async def twice(call: AgiCall) -> int:
        for tries in itertools.count():
            try:
                await call.get_variable("A")
            except Hangup:
                if tries:
                    return tries
        return 0

    async with serving(twice) as (port, told, _), FakeAgi.calling(port) as asterisk:
        await asterisk.expect("GET VARIABLE", "HANGUP")
        assert await finished(told) == 1
        assert await asterisk.command() == ""


@in_loop
async def test_answers_that_look_like_others_are_read_as_what_they_are() -> None:
    async def ask(call: AgiCall) -> list[object]:
        values: list[object] = [await call.get_variable("A") for _ in range(4)]
        for name in ("Nope", "Wrong"):
            try:
                await call.exec_app(name)
            except AgiError as error:
                values.append(str(error))
        return [*values, await call.gather([SOUND], max_digits=1, timeout=1)]

    async with serving(ask) as (port, told, _), FakeAgi.calling(port) as asterisk:
        for answer in ("200 result=1 (hangup)", "200 result=1 (a) b=(c)", "200 result=0", "200 result=1 (a\nb)"):
            await asterisk.expect("GET VARIABLE", answer)
        await asterisk.expect("EXEC", "200 result=-2")
        await asterisk.expect("EXEC", "520-Invalid command syntax.  Proper usage follows:\nUsage: EXEC\n520 End of proper usage.")
        await asterisk.expect("STREAM FILE", "100 result=0 Trying...\n200 result=50 endpos=10")
        result = await finished(told)

    assert result == [
        "hangup",
        "a) b=(c",
        "",
        "",
        "Asterisk has no application Nope",
        "Asterisk refused EXEC: wrong arguments",
        "2",
    ]


@in_loop
async def test_what_goes_into_a_command_stays_within_it() -> None:
    async def speak(call: AgiCall) -> list[type[Exception]]:
        await call.set_variable("NAME", '张 "x" \\ \n200')
        refused: list[type[Exception]] = []
        for attempt in (call.say(["a&b"]), call.record("spool/x y", seconds=1), call.set_variable("A", "x" * 2100)):
            try:
                await attempt
            except AgiError as error:
                refused.append(type(error))
        return refused

    async with serving(speak) as (port, told, _), FakeAgi.calling(port) as asterisk:
        command = await asterisk.expect("SET VARIABLE", "200 result=1")
        assert await finished(told) == [SoundMissing, AgiError, AgiError]

    assert command == 'SET VARIABLE "NAME" "张 \\"x\\" \\\\  200"'


@in_loop
async def test_a_session_that_takes_too_long_is_ended_and_others_run() -> None:
    async def forever(call: AgiCall) -> None:
        await call.say([SOUND])

    async with serving(forever, session_limit=0.3) as (port, told, server), FakeAgi.calling(port) as frozen:
        await until(lambda: server.live == 1, "the session to begin")
        assert (await frozen.command()).startswith("STREAM FILE")
        assert await frozen.command() == ""
        await finished(told)
        await until(lambda: server.live == 0, "the session to end")


@in_loop
async def test_stopping_waits_for_calls_and_closes_the_late_ones() -> None:
    async with serving(say) as (port, _, server), FakeAgi.calling(port) as ending, FakeAgi.calling(port) as late:
        await until(lambda: server.live == 2, "both calls")
        stopping = asyncio.create_task(server.stop(grace=0.5))
        await ending.expect("STREAM FILE", OK)
        assert await ending.command() == ""
        assert server.live == 1
        assert not stopping.done()
        assert (await late.command()).startswith("STREAM FILE")
        assert await late.command() == ""
        await stopping
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    assert server.live == 0


@asynccontextmanager
async def dialled(exchange: Exchange, sound: bytes = b"", caller: str = "13800000000") -> AsyncIterator[SipCall]:
    async with SipPhone(local=("127.0.0.2", 0), server=("127.0.0.1", exchange.sip_port)) as citizen:
        call = await citizen.call("12345", caller=caller, name="张三丰", sound=sound)
        await call.answered()
        yield call


@in_loop
async def test_keys_typed_while_a_prompt_plays_are_gathered_from_a_real_call(exchange: Exchange) -> None:
    async def ask(call: AgiCall) -> list[str]:
        code = await call.gather([SOUND, SOUND], max_digits=6, timeout=2)
        one = await call.gather([SOUND], max_digits=1, timeout=2, end_key="")
        return [code, one, await call.gather([], max_digits=1, timeout=0.2)]

    async with serving(ask, port=exchange.agi_port) as (_, told, _), dialled(exchange) as call:
        await call.hears()
        await call.send_dtmf("12*4#")
        await call.send_dtmf("#")
        result = await finished(told)

    assert result == ["12*4", "#", ""]
    assert told.calls[0].caller_name == "张三丰"


@in_loop
async def test_a_flood_of_keys_is_bounded(exchange: Exchange) -> None:
    async def ask(call: AgiCall) -> str:
        return await call.gather([SOUND], max_digits=1000, timeout=1)

    async with serving(ask, port=exchange.agi_port) as (_, told, _), dialled(exchange) as call:
        flood = asyncio.create_task(call.send_dtmf("7" * 60))
        result = await finished(told)
        await call.hang_up()
        await flood

    assert result == "7" * 32


@in_loop
async def test_a_missing_sound_and_a_full_disk_do_not_end_a_real_call(exchange: Exchange, tmp_path: Path) -> None:
    async def try_all(call: AgiCall) -> list[object]:
        seen: list[object] = []
        for attempt in (call.say(["hotline/none"]), call.record(str(tmp_path / "no" / "folder"), seconds=1)):
            try:
                await attempt
            except AgiError as error:
                seen.append(type(error))
        await call.set_variable("X", '张 "b" \\ ${EPOCH},')
        return [*seen, await call.get_variable("X")]

    (tmp_path / "no").write_text("a file where a folder is wanted")
    async with serving(try_all, port=exchange.agi_port) as (_, told, _), dialled(exchange):
        result = await finished(told)

    assert result == [SoundMissing, AgiError, '张 "b" \\ ${EPOCH},']


@in_loop
async def test_what_a_real_caller_said_before_hanging_up_is_kept(exchange: Exchange, tmp_path: Path) -> None:
    async def listen(call: AgiCall) -> Recorded:
        noted = await call.record(str(tmp_path / "first"), seconds=20)
        await call.record(str(tmp_path / "second"), seconds=20)
        return noted

    async with serving(listen, port=exchange.agi_port) as (_, told, _), dialled(exchange, tone(20)) as call:
        await until((tmp_path / "first.wav").exists, "the first recording")
        await until(lambda: (tmp_path / "first.wav").stat().st_size > 8000, "half a second of sound")
        await call.send_dtmf("#")
        await until((tmp_path / "second.wav").exists, "the second recording")
        await until(lambda: (tmp_path / "second.wav").stat().st_size > 8000, "half a second of sound")
        await call.hang_up()
        assert isinstance(await finished(told), Hangup)

    assert (tmp_path / "first.wav").stat().st_size > 8000
    assert (tmp_path / "second.wav").stat().st_size > 8000


@in_loop
async def test_line_breaks_in_the_number_of_a_real_caller_are_gone_before_the_flow_begins(exchange: Exchange) -> None:
    forged = "138%0aagi_arg_1%3a%20x%0a%0a200%20result=49"
    async with serving(port=exchange.agi_port) as (_, told, _), dialled(exchange, caller=forged) as call:
        assert await finished(told) is None
        await call.hears()

    assert [known.caller_number for known in told.calls] == ["138agiarg1x200result49"]


@in_loop
async def test_hanging_up_ends_a_real_call(exchange: Exchange) -> None:
    async def end(call: AgiCall) -> None:
        await call.hang_up()
        with pytest.raises(Hangup):
            await call.say([SOUND])

    async with serving(end, port=exchange.agi_port) as (_, told, _), dialled(exchange) as call:
        await call.gone()
        assert await finished(told) is None

    assert call.ended_by == "them"
