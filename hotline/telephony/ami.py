"""The manager interface as the telephony process uses it: reconnects, never repeats, answers or fails in time.

Knows neither database nor services. `ami_link` holds one connection, `ami_words` what the typed questions return.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hotline.telephony.ami_link import AmiError, AmiEvent, AmiRefused, AmiUnavailable, Answer, Header, Link
from hotline.telephony.ami_words import Contact, LiveChannel, QueueState, as_channel, as_contact, as_queues, variable

__all__ = [
    "Ami",
    "AmiError",
    "AmiEvent",
    "AmiRefused",
    "AmiUnavailable",
    "Answer",
    "Contact",
    "LiveChannel",
    "Pace",
    "QueueState",
]

log = logging.getLogger(__name__)

OnEvent = Callable[[AmiEvent], None]
Step = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds. A dead peer is noticed after `ping_every` + `ping_limit` at most."""

    connect_limit: float = 5.0
    boot_limit: float = 30.0
    ping_every: float = 5.0
    ping_limit: float = 5.0
    reconnect_after: float = 1.0


class Inbox:
    """Holds events back until the state has been rebuilt; then hands each over as it comes."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._held: deque[AmiEvent] | None = deque()

    def put(self, event: AmiEvent) -> None:
        if self._held is None:
            self._hand_over(event)
        else:
            self._held.append(event)

    def open(self) -> None:
        while self._held:
            self._hand_over(self._held.popleft())
        self._held = None

    def _hand_over(self, event: AmiEvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("an event was not understood", extra={"event": event.name})


class Ami:
    """`heard`: the names of the events that anybody wants; without it all."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        username: str,
        secret: str,
        pace: Pace | None = None,
        heard: Container[str] | None = None,
    ) -> None:
        self._address = (host, port)
        self._login: dict[str, Header] = {"Action": "Login", "Username": username, "Secret": secret, "Events": "on"}
        self._pace = pace or Pace()
        self._heard = heard
        self._link: Link | None = None

    @property
    def connected(self) -> bool:
        """Signed in, and Asterisk is fully booted. True already while `on_login` runs."""
        return self._link is not None and not self._link.closed

    async def run(self, *, on_event: OnEvent, on_login: Step, on_lost: Step) -> None:
        """Until cancelled; a lost connection is opened again.

        `on_login` runs after each sign-in, to rebuild the state: AMI repeats nothing. Events that come meanwhile are handed
        over after it, in order; if it fails, the connection is given up and all begins anew. `on_lost` follows each sign-in
        once its connection is gone (not when cancelled).
        """
        said = ""
        while True:
            try:
                await self._session(on_event, on_login)
                await on_lost()
                said = ""
            except (AmiError, OSError) as error:
                if said != (said := repr(error)):
                    log.warning("Asterisk cannot be reached", extra={"error": said})
            await asyncio.sleep(self._pace.reconnect_after)

    async def _session(self, on_event: OnEvent, on_login: Step) -> None:
        """From connecting to the loss. Raises if it never came to a sign-in."""
        inbox = Inbox(on_event)
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(self._pace.connect_limit):
            _, link = await loop.create_connection(lambda: Link(inbox.put, self._heard), *self._address)
        try:
            await self._sign_in(link)
            self._link = link
            await self._serve(link, inbox, on_login)
        finally:
            self._link = None
            link.abort()
            await link.lost.wait()

    async def _sign_in(self, link: Link) -> None:
        async with asyncio.timeout(self._pace.connect_limit):
            answer = await link.ask(self._login)
        if not answer.ok:
            raise AmiRefused(answer.message)
        async with asyncio.timeout(self._pace.boot_limit):
            await link.booted.wait()
        if link.closed:
            raise AmiUnavailable("Asterisk closed the connection while starting")

    async def _serve(self, link: Link, inbox: Inbox, on_login: Step) -> None:
        log.info("signed in to Asterisk")
        rebuilding = asyncio.create_task(self._rebuild(link, inbox, on_login))
        try:
            await self._watch(link)
        finally:
            rebuilding.cancel()
            await asyncio.wait([rebuilding])
        log.warning("connection to Asterisk lost")

    async def _rebuild(self, link: Link, inbox: Inbox, on_login: Step) -> None:
        try:
            await on_login()
        except Exception:
            log.exception("the state could not be rebuilt")
            link.abort()
        else:
            inbox.open()

    async def _watch(self, link: Link) -> None:
        """Until the connection is gone: panoramisk would not notice a peer that has only stopped answering."""
        while not link.lost.is_set():
            try:
                async with asyncio.timeout(self._pace.ping_every):
                    await link.lost.wait()
            except TimeoutError:
                await self._knock(link)

    async def _knock(self, link: Link) -> None:
        try:
            async with asyncio.timeout(self._pace.ping_limit):
                await link.ask({"Action": "Ping"})
        except AmiUnavailable:
            return
        except TimeoutError:
            log.warning("Asterisk does not answer")
            link.abort()

    async def act(self, action: str, /, *, timeout: float = 5.0, **headers: Header) -> Answer:
        """One action, sent once. Raises AmiUnavailable, and AmiRefused only if it was not fit to be sent: look at `ok`."""
        link = self._link
        if link is None:
            raise AmiUnavailable("not connected to Asterisk")
        if action.lower() == "originate":
            headers.setdefault("Async", "true")  # else every other action waits until the called party answers
        try:
            async with asyncio.timeout(timeout):
                return await link.ask({"Action": action, **headers})
        except TimeoutError:
            raise AmiUnavailable(f"Asterisk did not answer {action} within {timeout:g} s") from None

    async def _done(self, action: str, /, **headers: Header) -> Answer:
        """As `act`, without headers that are empty; raises AmiRefused with Asterisk's words when it says no."""
        given: dict[str, Any] = {name: value for name, value in headers.items() if value != ""}
        answer = await self.act(action, **given)
        if not answer.ok:
            raise AmiRefused(answer.message)
        return answer

    async def _unless(self, already: str, action: str, /, **headers: Header) -> bool:
        """False if Asterisk says that it is so `already`."""
        try:
            await self._done(action, **headers)
        except AmiRefused as refusal:
            if already in str(refusal).lower():
                return False
            raise
        return True

    async def ping(self) -> None:
        await self._done("Ping")

    async def originate(
        self,
        *,
        channel: str,
        channel_id: str,
        ring_for: float,
        context: str = "",
        exten: str = "s",
        application: str = "",
        data: str = "",
        caller: str = "",
        other_channel_id: str = "",
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Asks Asterisk to place a call and returns when it has begun, not when it is answered.

        What became of it is told by the event OriginateResponse, whose ActionID is `channel_id`. A second one with the id of
        a living channel fails by itself, so a repeat never rings twice. Either `context` or `application` is given;
        `caller` is a whole caller id, as in `"12345" <12345>`.
        """
        there = {"Context": context, "Exten": exten, "Priority": "1"} if context else {"Application": application, "Data": data}
        await self._done(
            "Originate",
            ActionID=channel_id,
            Channel=channel,
            ChannelId=channel_id,
            OtherChannelId=other_channel_id,
            Timeout=int(ring_for * 1000),
            CallerID=caller,
            Async="true",
            Variable=[variable(name, value) for name, value in (variables or {}).items()],
            **there,
        )

    async def redirect(
        self,
        channel: str,
        *,
        context: str,
        exten: str = "s",
        extra_channel: str = "",
        extra_context: str = "",
        extra_exten: str = "s",
    ) -> None:
        """Two channels at once if an extra one is named, to the same place unless that has a context of its own."""
        extra: dict[str, Header] = {}
        if extra_channel:
            own = bool(extra_context)
            extra = {
                "ExtraChannel": extra_channel,
                "ExtraContext": extra_context if own else context,
                "ExtraExten": extra_exten if own else exten,
                "ExtraPriority": 1,
            }
        await self._done("Redirect", Channel=channel, Context=context, Exten=exten, Priority=1, **extra)

    async def hangup(self, channel: str, *, cause: int = 16) -> None:
        await self._done("Hangup", Channel=channel, Cause=cause)

    async def queue_add(
        self, queue: str, interface: str, *, name: str, penalty: int = 0, paused: bool = False, state_interface: str = ""
    ) -> bool:
        """False if it was a member already, whose penalty and pause then stay as they were."""
        return await self._unless(
            "already there",
            "QueueAdd",
            Queue=queue,
            Interface=interface,
            MemberName=name,
            Penalty=penalty,
            Paused=str(paused).lower(),
            StateInterface=state_interface or interface,
        )

    async def queue_remove(self, queue: str, interface: str) -> bool:
        """False if it was no member."""
        return await self._unless("not there", "QueueRemove", Queue=queue, Interface=interface)

    async def queue_pause(self, interface: str, *, paused: bool, queue: str = "", reason: str = "") -> None:
        """In all queues unless one is named. One that rings already goes on ringing."""
        await self._done("QueuePause", Interface=interface, Paused=str(paused).lower(), Queue=queue, Reason=reason)

    async def queue_priority(self, queue: str, channel: str, priority: int) -> None:
        """Moves a waiting caller at once; without Immediate only the number would change."""
        await self._done("QueueChangePriorityCaller", Queue=queue, Caller=channel, Priority=priority, Immediate="yes")

    async def queue_penalty(self, interface: str, penalty: int, *, queue: str = "") -> None:
        """In all queues unless one is named."""
        await self._done("QueuePenalty", Interface=interface, Penalty=penalty, Queue=queue)

    async def db_put(self, family: str, key: str, value: str) -> None:
        await self._done("DBPut", Family=family, Key=key, Val=value)

    async def channels(self) -> list[LiveChannel]:
        return [as_channel(event) for event in (await self._done("CoreShowChannels")).events]

    async def queue_status(self, queue: str = "") -> list[QueueState]:
        """All queues unless one is named; none if that one does not exist."""
        return as_queues((await self._done("QueueStatus", Queue=queue)).events)

    async def contacts(self) -> list[Contact]:
        answer = await self.act("PJSIPShowContacts")
        if not answer.ok and "no contacts found" not in answer.message.lower():
            raise AmiRefused(answer.message)
        return [as_contact(event) for event in answer.events if event.name == "ContactList"]

    async def mix_monitor_mute(self, channel: str, *, muted: bool, direction: Literal["both", "read", "write"] = "both") -> None:
        """Silence in the recording, whose length does not change: `read` is the caller's side, `write` the agent's."""
        await self._done("MixMonitorMute", Channel=channel, Direction=direction, State=int(muted))

    async def play_dtmf(self, channel: str, digit: str, *, receive: bool = False) -> None:
        """With `receive` as if the far end had typed it."""
        await self._done("PlayDTMF", Channel=channel, Digit=digit, Receive=str(receive).lower())

    async def setvar(self, channel: str, name: str, value: str) -> None:
        await self._done("Setvar", Channel=channel, Variable=name, Value=value)
