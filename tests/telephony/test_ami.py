"""The manager interface: each way in which it, panoramisk or a caller goes wrong, and a real Asterisk."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from hotline.telephony.ami import Ami, AmiEvent, AmiRefused, AmiUnavailable, Pace
from tests.telephony.asterisk import Exchange, running_exchange
from tests.telephony.fake_peers import Action, FakeAmi, encoded, in_loop, until
from tests.telephony.sip import SipPhone
from tests.telephony.sip_media import tone
from tests.telephony.test_sip import SECRET, give_secrets

QUICK = Pace(connect_limit=2, boot_limit=0.2, ping_every=0.1, ping_limit=0.2, reconnect_after=0.05)


class Watch:
    """What `run` tells: events, sign-ins and losses, in order."""

    def __init__(self) -> None:
        self.events: list[AmiEvent] = []
        self.logins = 0
        self.losses = 0
        self.rebuild: Callable[[], Awaitable[None]] | None = None
        self.stumbles = False

    def on_event(self, event: AmiEvent) -> None:
        self.events.append(event)
        if self.stumbles:
            raise RuntimeError("this event makes no sense")

    async def on_login(self) -> None:
        if self.rebuild is not None:
            await self.rebuild()
        self.logins += 1

    async def on_lost(self) -> None:
        self.losses += 1

    def named(self, name: str) -> list[AmiEvent]:
        return [event for event in self.events if event.name == name]

    async def sees(self, name: str, **fields: str) -> AmiEvent:
        def found() -> list[AmiEvent]:
            return [event for event in self.named(name) if fields.items() <= event.fields.items()]

        await until(lambda: bool(found()), f"event {name} {fields}", seconds=10)
        return found()[0]


@asynccontextmanager
async def connected(
    port: int, *, secret: str = "", pace: Pace = QUICK, wait: bool = True, heard: Container[str] | None = None
) -> AsyncIterator[tuple[Ami, Watch]]:
    ami, watch = Ami("127.0.0.1", port, username="hotline", secret=secret, pace=pace, heard=heard), Watch()
    running = asyncio.create_task(ami.run(on_event=watch.on_event, on_login=watch.on_login, on_lost=watch.on_lost))
    try:
        if wait:
            await until(lambda: watch.logins > 0, "the first sign-in")
        yield ami, watch
    finally:
        running.cancel()
        await asyncio.wait([running])


def event(name: str, **headers: str) -> dict[str, str]:
    return {"Event": name, "Privilege": "call,all", **headers}


@in_loop
async def test_a_name_cut_in_the_middle_of_a_character_arrives_whole() -> None:
    data = encoded(event("Newchannel", CallerIDName="张三丰", Timestamp="1795289344.250000"))
    middle = data.index("三".encode()) + 1

    async with FakeAmi.running() as asterisk, connected(asterisk.port) as (_, watch):
        asterisk.send_bytes(data[:middle])
        await asyncio.sleep(0)
        asterisk.send_bytes(data[middle:])
        told = await watch.sees("Newchannel")

    assert told.get("CallerIDName") == "张三丰"
    assert told.at == datetime.fromtimestamp(1795289344.25, UTC)
    assert type(told.fields) is dict


@in_loop
async def test_placing_a_call_returns_when_it_is_accepted_and_its_outcome_is_an_event() -> None:
    def accept(asterisk: FakeAmi, action: Action) -> None:
        asterisk.answer(action, Message="Originate successfully queued")

    async with FakeAmi.running(accept) as asterisk, connected(asterisk.port) as (ami, watch):
        await ami.originate(channel="PJSIP/1001", channel_id="row-7", ring_for=30, context="out", variables={"A": "x,B=(y"})
        asterisk.send(event("OriginateResponse", ActionID="row-7", Response="Failure", Uniqueid="<unknown>"))
        outcome = await watch.sees("OriginateResponse")

    assert asterisk.actions[-1]["Async"] == "true"
    assert asterisk.actions[-1]["ChannelId"] == "row-7"
    assert asterisk.actions[-1]["Variable"] == r"A=x\,B=\(y"
    assert (outcome.get("ActionID"), outcome.get("Uniqueid")) == ("row-7", "")


@in_loop
async def test_adding_a_queue_member_is_answered_and_a_second_time_is_no_error() -> None:
    said = iter([("Success", "Added interface to queue"), ("Error", "Unable to add interface: Already there")])

    def script(asterisk: FakeAmi, action: Action) -> None:
        response, message = next(said)
        asterisk.answer(action, response=response, Message=message)

    async with FakeAmi.running(script) as asterisk, connected(asterisk.port) as (ami, _):
        added = [await ami.queue_add("main", "PJSIP/1001", name="1001") for _ in range(2)]

    assert added == [True, False]
    assert asterisk.actions[-1]["StateInterface"] == "PJSIP/1001"


@in_loop
async def test_no_registered_phone_is_an_empty_list_and_no_error() -> None:
    def none(asterisk: FakeAmi, action: Action) -> None:
        asterisk.answer(action, response="Error", Message="No Contacts found")

    async with FakeAmi.running(none) as asterisk, connected(asterisk.port) as (ami, _):
        assert await ami.contacts() == []


@pytest.mark.parametrize("value", ["1\r\nAction: Hangup", "1\n2", "x" * 1100])
@in_loop
async def test_what_could_become_a_header_of_its_own_is_never_sent(value: str) -> None:
    async with FakeAmi.running() as asterisk, connected(asterisk.port) as (ami, _):
        with pytest.raises(AmiRefused, match="Value"):
            await ami.setvar("PJSIP/1", "A", value)

    assert asterisk.names() == []


@in_loop
async def test_an_action_before_the_first_connection_fails_at_once() -> None:
    ami = Ami("127.0.0.1", 1, username="hotline", secret="x")

    with pytest.raises(AmiUnavailable):
        await ami.ping()

    assert not ami.connected


@in_loop
async def test_a_stopped_asterisk_is_noticed_and_left() -> None:
    async with FakeAmi.running() as asterisk, connected(asterisk.port) as (ami, watch):
        asterisk.silent = True
        await until(lambda: watch.losses == 1, "the loss to be noticed")
        assert not ami.connected
        asterisk.silent = False
        await until(lambda: watch.logins == 2, "the second sign-in")

    assert asterisk.sessions >= 2


@in_loop
async def test_an_action_that_nobody_answered_is_not_sent_again() -> None:
    async with FakeAmi.running(lambda asterisk, action: None) as asterisk, connected(asterisk.port) as (ami, watch):
        late = asyncio.create_task(ami.originate(channel="PJSIP/1", channel_id="a", ring_for=1, context="out"))
        await until(lambda: asterisk.names() == ["Originate"], "the action to arrive")
        asterisk.cut()
        with pytest.raises(AmiUnavailable, match="lost"):
            await late
        await until(lambda: watch.logins == 2, "the second sign-in")
        with pytest.raises(AmiUnavailable, match="did not answer"):
            await ami.act("Status", timeout=0.05)

    assert asterisk.names() == ["Originate", "Status"]


@in_loop
async def test_a_list_cut_short_is_an_error_and_its_late_rest_is_no_event() -> None:
    def begin(asterisk: FakeAmi, action: Action) -> None:
        item = {"Event": "CoreShowChannel", "ActionID": action["ActionID"], "Channel": "PJSIP/1"}
        asterisk.answer(action, EventList="start")
        asterisk.send(item)
        asyncio.get_running_loop().call_later(0.1, asterisk.send, item, event("After"))

    async with FakeAmi.running(begin) as asterisk, connected(asterisk.port) as (ami, watch):
        with pytest.raises(AmiUnavailable):
            await ami.act("CoreShowChannels", timeout=0.05)
        await watch.sees("After")

    assert watch.named("CoreShowChannel") == []


@in_loop
async def test_events_during_the_rebuilding_come_after_it_in_order() -> None:
    async with FakeAmi.running() as asterisk, connected(asterisk.port, wait=False) as (ami, watch):
        seen: list[int] = []

        async def rebuild() -> None:
            asterisk.send(event("First"), event("Second"))
            await ami.ping()
            seen.append(len(watch.events))

        watch.rebuild = rebuild
        await watch.sees("Second")

    assert seen == [0]
    assert [each.name for each in watch.events] == ["FullyBooted", "First", "Second"]


@in_loop
async def test_a_rebuilding_that_fails_begins_anew() -> None:
    async with FakeAmi.running() as asterisk, connected(asterisk.port, wait=False) as (_, watch):
        tries: list[int] = []

        async def rebuild() -> None:
            tries.append(1)
            if len(tries) == 1:
                raise RuntimeError("the database is away")

        watch.rebuild = rebuild
        await until(lambda: watch.logins == 1, "the state to be rebuilt")

    assert (len(tries), asterisk.sessions, watch.losses) == (2, 2, 1)


@in_loop
async def test_a_wrong_secret_and_an_asterisk_that_still_starts_are_tried_again() -> None:
    async with FakeAmi.running(secret="right") as asterisk, connected(asterisk.port, secret="wrong", wait=False) as (ami, _):
        await until(lambda: asterisk.sessions >= 2, "a second try")
        assert not ami.connected
    async with FakeAmi.running(booted=False) as asterisk, connected(asterisk.port, wait=False) as (ami, _):
        await until(lambda: asterisk.sessions >= 2, "a second try")
        assert not ami.connected


@in_loop
async def test_an_event_that_our_code_cannot_take_does_not_end_the_connection() -> None:
    async with FakeAmi.running() as asterisk, connected(asterisk.port) as (_, watch):
        watch.stumbles = True
        asterisk.send(event("First"), event("Second"))
        await watch.sees("Second")

    assert (asterisk.sessions, watch.losses) == (1, 0)


@in_loop
async def test_only_what_somebody_wants_is_handed_over() -> None:
    async with FakeAmi.running() as asterisk, connected(asterisk.port, heard={"Hangup"}) as (_, watch):
        asterisk.send(event("MixMonitorStart"), event("Hangup"))
        await watch.sees("Hangup")

    assert [each.name for each in watch.events] == ["FullyBooted", "Hangup"]


@in_loop
async def test_headers_that_a_caller_smuggled_in_take_their_event_with_them() -> None:
    forged = event("Newchannel", CallerIDNum="138\r\nEvent: Hangup\r\nUniqueid: t-1", Uniqueid="t-2")

    async with FakeAmi.running() as asterisk, connected(asterisk.port) as (_, watch):
        asterisk.send(forged, event("After"))
        await watch.sees("After")

    assert {each.name for each in watch.events} == {"FullyBooted", "After"}
    assert asterisk.sessions == 1


@in_loop
async def test_the_dialplans_own_headers_may_repeat_those_of_the_channel() -> None:
    data = encoded(event("UserEvent", Exten="s", Priority="3", Uniqueid="t-1")).removesuffix(b"\r\n")

    async with FakeAmi.running() as asterisk, connected(asterisk.port) as (_, watch):
        asterisk.send_bytes(data + b"UserEvent: Refused\r\nExten: 110\r\nPriority: 9\r\n\r\n")
        told = await watch.sees("UserEvent")

    assert (told.get("UserEvent"), told.get("Exten"), told.get("Priority")) == ("Refused", "110", "9")


@in_loop
async def test_a_peer_that_never_ends_a_message_is_left() -> None:
    async with FakeAmi.running() as asterisk, connected(asterisk.port) as (_, watch):
        asterisk.send_bytes(b"x" * (2 << 20))
        await until(lambda: watch.losses == 1, "the connection to be given up")


@in_loop
async def test_a_real_asterisk_answers_every_question(exchange: Exchange) -> None:
    async with connected(exchange.ami_port, secret=exchange.ami_secret, pace=Pace()) as (ami, watch):
        queue = (await ami.queue_status())[0].queue
        assert "1777" not in {contact.aor for contact in await ami.contacts()}
        assert await ami.queue_add(queue, "PJSIP/1777", name="张三", penalty=2)
        assert not await ami.queue_add(queue, "PJSIP/1777", name="张三")
        await ami.queue_pause("PJSIP/1777", paused=True, reason="break")
        await ami.queue_penalty("PJSIP/1777", 5)
        (member,) = [one for one in (await ami.queue_status(queue))[0].members if one.interface == "PJSIP/1777"]
        await watch.sees("QueueMemberPause", PausedReason="break")
        assert await ami.queue_remove(queue, "PJSIP/1777")
        assert not await ami.queue_remove(queue, "PJSIP/1777")
        await ami.db_put("test", "key", "值 x")
        for refused in (ami.hangup("PJSIP/0"), ami.redirect("PJSIP/0", context="out"), ami.queue_priority(queue, "PJSIP/0", 1)):
            with pytest.raises(AmiRefused):
                await refused

        await ami.originate(
            channel="Local/s@training/n",
            channel_id="test-1",
            other_channel_id="test-1b",
            ring_for=5,
            application="Wait",
            data="30",
            variables={"SAID": 'x,B=2 (q] "u\\v'},
        )
        await watch.sees("OriginateResponse", ActionID="test-1", Response="Success")
        (channel,) = [one for one in await ami.channels() if one.uniqueid == "test-1"]
        await ami.setvar(channel.name, "LATER", "张")
        said = await ami.act("Getvar", Channel=channel.name, Variable="SAID")
        await ami.play_dtmf(channel.name, "5", receive=True)
        await ami.hangup(channel.name)
        await watch.sees("Hangup", Uniqueid="test-1")

    assert (member.name, member.paused, member.paused_reason, member.penalty) == ("张三", True, "break", 5)
    assert said.fields["Value"] == 'x,B=2 (q] "u\\v'
    assert channel.caller_number == ""


@in_loop
async def test_a_call_whose_number_holds_line_breaks_forges_nothing(exchange: Exchange) -> None:
    """Headers are caught by `is_tampered`, whole events by the filter in manager.conf."""
    async with (
        connected(exchange.ami_port, secret=exchange.ami_secret, pace=Pace()) as (ami, watch),
        SipPhone(local=("127.0.0.2", 0), server=("127.0.0.1", exchange.sip_port)) as citizen,
    ):
        for number in ("138%0d%0aEvent%3a%20Evil", "1%0d%0a%0d%0aEvent%3a%20Evil%0d%0aPrivilege%3a%20all%0d%0a%0d%0a"):
            call = await citizen.call("12345", caller=number)
            await call.answered()
            await call.hang_up()
        honest = await citizen.call("12345", caller="13800000000", name="张三丰")
        await honest.answered()
        await watch.sees("Newchannel", CallerIDNum="13800000000", CallerIDName="张三丰")
        await honest.hang_up()
        assert ami.connected

    assert watch.named("Evil") == []
    assert watch.losses == 0


@in_loop
async def test_every_event_of_an_ordinary_call_is_handed_over(exchange: Exchange, caplog: pytest.LogCaptureFixture) -> None:
    await asyncio.to_thread(give_secrets, exchange, "1005")
    server = ("127.0.0.1", exchange.sip_port)
    async with (
        connected(exchange.ami_port, secret=exchange.ami_secret, pace=Pace()) as (ami, watch),
        SipPhone(local=("127.0.0.1", 0), server=server) as agent,
        SipPhone(local=("127.0.0.2", 0), server=server) as citizen,
    ):
        assert await agent.register("1005", SECRET) == 200
        assert [contact.uri for contact in await ami.contacts() if contact.aor == "1005"] == [agent.contact()]
        for queue in await ami.queue_status():
            await ami.queue_add(queue.queue, "PJSIP/1005", name="张三")
        call = await citizen.call("12345", caller="13800000000", name="张三丰", sound=tone(20))
        ringing = await agent.incoming(seconds=20)
        (waiting,) = [one for queue in await ami.queue_status() for one in queue.callers]
        await ringing.answer(sound=tone(20))
        await call.send_dtmf("5")
        talk = await watch.sees("AgentConnect", Interface="PJSIP/1005")
        await ami.mix_monitor_mute(talk.get("Channel"), muted=True)
        assert (await ringing.hold(), await ringing.unhold()) == (200, 200)
        await ringing.hang_up()
        await call.gone()
        await watch.sees("Hangup", Uniqueid=waiting.uniqueid)
        for queue in await ami.queue_status():
            await ami.queue_remove(queue.queue, "PJSIP/1005")

    names = {each.name for each in watch.events if each.get("Linkedid") == waiting.uniqueid}
    assert {"Newchannel", "QueueCallerJoin", "DTMFEnd", "BridgeEnter", "MixMonitorMute", "Hold", "Unhold", "Hangup"} <= names
    assert (waiting.caller_number, waiting.caller_name) == ("13800000000", "张三丰")
    assert "dropped" not in caplog.text


@in_loop
async def test_a_frozen_then_killed_asterisk_is_found_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    pace = Pace(ping_every=0.5, ping_limit=0.5, reconnect_after=0.2)
    with running_exchange(tmp_path_factory.mktemp("fault")) as exchange:
        async with connected(exchange.ami_port, secret=exchange.ami_secret, pace=pace) as (ami, watch):
            exchange.freeze()
            await until(lambda: watch.losses == 1, "the frozen Asterisk to be noticed")
            exchange.thaw()
            await until(lambda: watch.logins == 2, "the way back", seconds=10)
            await asyncio.to_thread(exchange.kill)
            await until(lambda: watch.losses == 2, "the death to be noticed")
            await asyncio.to_thread(exchange.start)
            await until(lambda: watch.logins == 3, "the new Asterisk", seconds=10)
            await ami.ping()
