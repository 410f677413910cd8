"""The scripted phone itself, against a real Asterisk: what other tests and benches build on."""

import asyncio
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hotline.telephony.agi import AgiCall, AgiServer
from tests.telephony.asterisk import Exchange, running_exchange
from tests.telephony.fake_peers import in_loop
from tests.telephony.sip import CallFailed, SipCall, SipPhone
from tests.telephony.sip_media import AUDIBLE, a_law, from_wav, tone
from tests.telephony.sip_messages import SipMessage, authorization

CITIZEN, AGENT = "127.0.0.2", "127.0.0.1"
SECRET = "geheim"


def phone(exchange: Exchange, host: str, port: int = 0) -> SipPhone:
    return SipPhone(local=(host, port), server=("127.0.0.1", exchange.sip_port))


def give_secrets(exchange: Exchange, *lines: str) -> None:
    with exchange.console() as console:
        for line in lines:
            value = f'{{"auth_type":"userpass","username":"{line}","password":"{SECRET}"}}'
            assert console.ask("DBPut", Family="hotline_auth/auth", Key=line, Val=value)["Response"] == "Success"


@asynccontextmanager
async def two_agents(exchange: Exchange) -> AsyncIterator[tuple[SipPhone, SipPhone]]:
    await asyncio.to_thread(give_secrets, exchange, "1001", "1002")
    async with phone(exchange, AGENT) as first, phone(exchange, AGENT) as second:
        assert await first.register("1001", SECRET) == 200
        assert await second.register("1002", SECRET) == 200
        yield first, second


async def connect(first: SipPhone, second: SipPhone, number: str) -> tuple[SipCall, SipCall]:
    dialled = await first.call(number, sound=tone(20))
    arrived = await second.incoming()
    await arrived.answer(sound=tone(20, hertz=880))
    await dialled.answered()
    await dialled.hears()
    await arrived.hears()
    return dialled, arrived


@in_loop
async def test_a_wrong_secret_is_told(exchange: Exchange) -> None:
    await asyncio.to_thread(give_secrets, exchange, "1003")
    async with phone(exchange, AGENT) as agent:
        assert await agent.register("1003", "wrong") == 401
        assert await agent.register("1003", SECRET) == 200


@in_loop
async def test_two_agents_talk_type_hold_and_hang_up(exchange: Exchange, tmp_path: Path) -> None:
    async with two_agents(exchange) as (first, second):
        dialled, arrived = await connect(first, second, "1002")
        await dialled.send_dtmf("159*")
        await arrived.types("159*")
        await arrived.send_dtmf("#7")
        await dialled.types("#7")
        assert (await dialled.hold(), await dialled.unhold()) == (200, 200)
        await dialled.hears()
        dialled.dump(tmp_path / "heard.wav")
        await arrived.hang_up()
        await dialled.gone()

    assert arrived.caller == "1001"
    assert (dialled.ended_by, arrived.ended_by) == ("them", "us")
    assert dialled.energy() > AUDIBLE
    with wave.open(str(tmp_path / "heard.wav")) as heard:
        assert heard.getnframes() / heard.getframerate() == pytest.approx(dialled.heard_seconds)


@in_loop
async def test_a_call_may_be_refused_taken_back_or_led_nowhere(exchange: Exchange) -> None:
    async with two_agents(exchange) as (first, second):
        busy = await first.call("1002")
        (await second.incoming()).reject()
        with pytest.raises(CallFailed):
            await busy.answered()

        regretted = await first.call("1002")
        ringing = await second.incoming()
        ringing.ring()
        await regretted.hang_up()
        await ringing.gone()

        nowhere = await first.call("13900000000")
        with pytest.raises(CallFailed):
            await nowhere.answered()

    assert (ringing.status, ringing.ended_by) == (487, "them")
    assert nowhere.status == 403


@in_loop
async def test_a_call_may_be_referred_to_another_phone(exchange: Exchange) -> None:
    async with two_agents(exchange) as (first, second), phone(exchange, AGENT) as third:
        await asyncio.to_thread(give_secrets, exchange, "1003")
        assert await third.register("1003", SECRET) == 200
        dialled, arrived = await connect(first, second, "1002")
        assert await arrived.refer("1003") == 202
        transferred = await third.incoming()
        await transferred.answer(sound=tone(10))
        await transferred.hears()
        await transferred.hang_up()
        await dialled.gone()

    assert arrived.transfer_status == 200


@in_loop
async def test_a_citizen_shows_any_number_and_name_and_headers(exchange: Exchange) -> None:
    seen: list[tuple[str, str]] = []

    async def note(call: AgiCall) -> None:
        seen.append((call.caller_number, call.caller_name))
        await call.hang_up()

    server = AgiServer({"main": note})
    await server.start("127.0.0.1", exchange.agi_port)
    try:
        async with phone(exchange, CITIZEN) as citizen:
            named = await citizen.call("12345", caller="+8613800000000", name='张三丰 <script>"', headers=[("X-Test", "1")])
            await named.gone()
            hidden = await citizen.call("12345", from_header="<sip:127.0.0.2>")
            await hidden.gone()
    finally:
        await server.stop()

    assert seen[0][0] == "+8613800000000"
    assert seen[0][1].startswith("张三丰 <script>")
    assert seen[1] == ("", "")


@in_loop
async def test_an_exchange_that_is_dead_fails_a_call_in_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_exchange(tmp_path_factory.mktemp("dead")) as exchange:
        async with phone(exchange, CITIZEN) as citizen:
            living = await citizen.call("12345", caller="13800000000")
            await living.answered()
            await asyncio.to_thread(exchange.kill)
            late = await citizen.call("12345", caller="13800000001")
            with pytest.raises(TimeoutError, match="an answer to the call"):
                await late.answered(seconds=0.5)
    assert living.ended
    assert late.ended


def test_a_law_keeps_what_it_is_given(tmp_path: Path) -> None:
    samples = [0, 100, -100, 1000, -1000, 30000, -30000]
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))

    assert from_wav(tmp_path / "x.wav") == a_law(samples)


def test_the_md5_challenge_is_chosen_among_several() -> None:
    challenges = [
        'Digest realm="a",nonce="1",algorithm=SHA-256,qop="auth"',
        'Digest realm="a",nonce="2",algorithm=MD5,qop="auth"',
    ]

    answer = authorization(challenges, user="1001", password="x", method="REGISTER", uri="sip:a")

    assert 'nonce="2"' in answer


def test_a_message_survives_being_written_and_read() -> None:
    message = SipMessage("INVITE sip:1 SIP/2.0", [("From", '"张" <sip:1@a>;tag=x'), ("CSeq", "1 INVITE")], "v=0\r\n")

    read = SipMessage.parse(message.encode())

    assert (read.get("from"), read.method, read.body, read.status) == ('"张" <sip:1@a>;tag=x', "INVITE", "v=0\r\n", 0)
