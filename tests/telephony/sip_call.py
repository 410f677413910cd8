"""One call of a scripted phone, dialled or arrived: answer, keys, hold, transfer, end; and what was heard."""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tests.telephony.sip_media import AUDIBLE, SAMPLES_PER_SECOND, Media
from tests.telephony.sip_messages import Audio, SipMessage, address, answer_to, cancel, offer, parameter

if TYPE_CHECKING:
    from tests.telephony.sip import SipPhone

PATIENCE = 10.0


class CallFailed(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}")
        self.status = status


class SipCall:
    def __init__(self, phone: "SipPhone", *, call_id: str, local: str, remote: str, target: str) -> None:
        self.phone = phone
        self.call_id = call_id
        self.local, self.remote, self.target = local, remote, target  # From, To and where requests go
        self.media = Media()
        self.status = 0  # the last answer to the INVITE
        self.reason = ""
        self.ended_by = ""  # "them" or "us", once it has ended
        self.transfer_status = 0  # what they told of the transfer we asked for
        self.invite: SipMessage | None = None  # theirs, for a call that arrived
        self._tag = parameter(local, "tag")
        self._sequence = 0
        self._version = 0
        self._invited: SipMessage | None = None
        self._acknowledgement: SipMessage | None = None
        self._heard_of = asyncio.Event()
        self._up = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._over = asyncio.Event()
        phone.calls[call_id] = self

    # Beginning

    @classmethod
    async def dial(cls, phone: "SipPhone", number: str, *, me: str, headers: Sequence[tuple[str, str]]) -> "SipCall":
        uri = f"sip:{number}@{phone.server[0]}:{phone.server[1]}"
        local = f"{me};tag={secrets.token_hex(4)}"
        call = cls(phone, call_id=secrets.token_hex(12), local=local, remote=f"<{uri}>", target=uri)
        call.media = await Media.open(phone.host)
        phone.keep(asyncio.create_task(call._dial(list(headers))))
        return call

    @classmethod
    def arrived(cls, phone: "SipPhone", invite: SipMessage) -> "SipCall":
        local = f"{invite.get('To')};tag={secrets.token_hex(4)}"
        target = address(invite.get("Contact"))
        call = cls(phone, call_id=invite.get("Call-ID"), local=local, remote=invite.get("From"), target=target)
        call.invite = invite
        return call

    async def _dial(self, headers: list[tuple[str, str]]) -> None:
        try:
            reply = await self._invite("sendrecv", headers, meanwhile=self._progress)
        except TimeoutError:
            self._end(by="them", status=408, reason="no answer to the INVITE")
            return
        self.status, self.reason = reply.status, reply.start.partition(" ")[2]
        if reply.status < 300:
            self._up.set()
        else:
            self._end(by="them", status=reply.status, reason=self.reason)
        self._heard_of.set()

    def _progress(self, reply: SipMessage) -> None:
        self.status, self.reason = reply.status, reply.start.partition(" ")[2]
        self._follow(reply)
        self._heard_of.set()

    async def _invite(
        self,
        direction: str,
        headers: Sequence[tuple[str, str]] = (),
        *,
        meanwhile: Callable[[SipMessage], None] | None = None,
    ) -> SipMessage:
        """Also acknowledges, and proves who we are if asked."""
        self._version += 1
        body = offer(self.phone.host, self.media.port, direction=direction, version=self._version)
        more = [("Content-Type", "application/sdp"), *headers]
        request = self._request("INVITE", more=more, body=body)
        reply = await self._transact(request, meanwhile)
        if reply.status in {401, 407} and self.phone.password:
            more.append(self.phone.proof(reply, "INVITE", self.target))
            request = self._request("INVITE", more=more, body=body)
            reply = await self._transact(request, meanwhile)
        return reply

    async def _transact(self, request: SipMessage, meanwhile: Callable[[SipMessage], None] | None) -> SipMessage:
        self._invited = request
        reply = await self.phone.ask(request, meanwhile=meanwhile)
        if reply.status < 300:
            self._follow(reply)
        self._acknowledgement = self._request(
            "ACK", branch=request.branch if reply.status >= 300 else "", to=reply.get("To"), sequence=self._sequence
        )
        self.phone.send(self._acknowledgement)
        return reply

    def acknowledge_again(self) -> None:
        if self._acknowledgement is not None:
            self.phone.send(self._acknowledgement)

    def _follow(self, reply: SipMessage) -> None:
        """The dialogue that an answer opens, and where it wants to hear us: early media too."""
        self.remote = reply.get("To") or self.remote
        if reply.status < 300 and reply.get("Contact"):
            self.target = address(reply.get("Contact"))
        self._listen_to(reply.body)

    def _listen_to(self, body: str) -> Audio | None:
        audio = Audio.parse(body)
        if audio is not None:
            self.media.keys_payload = audio.keys
            self.media.send_to(audio.host, audio.port)
        return audio

    # Answering

    @property
    def caller(self) -> str:
        """The number that an arrived call shows."""
        return address(self.remote).partition(":")[2].partition("@")[0]

    @property
    def caller_name(self) -> str:
        return self.remote.partition("<")[0].strip().strip('"')

    def header(self, name: str) -> str:
        return self.invite.get(name) if self.invite else ""

    def answer_provisionally(self, status: int, reason: str) -> None:
        assert self.invite is not None, "a dialled call cannot be answered"
        tag = "" if status == 100 else self._tag
        self.phone.answer(self.invite, status, reason, tag=tag)

    def ring(self) -> None:
        self.answer_provisionally(180, "Ringing")

    def reject(self, status: int = 486, reason: str = "Busy Here") -> None:
        self.answer_provisionally(status, reason)
        self._end(by="us", status=status, reason=reason)

    async def answer(self, *, sound: bytes = b"") -> None:
        """Returns once the other side has taken note."""
        assert self.invite is not None, "a dialled call cannot be answered"
        self.media = await Media.open(self.phone.host)
        audio = self._listen_to(self.invite.body)
        self.media.play(sound)
        body = offer(self.phone.host, self.media.port, keys=audio.keys if audio else self.media.keys_payload)
        pause = 0.5
        while not self._acknowledged.is_set() and not self.ended:
            self._accept(self.invite, body)
            try:
                async with asyncio.timeout(pause):
                    await self._acknowledged.wait()
            except TimeoutError:
                pause *= 2
            if pause > PATIENCE:
                raise TimeoutError("nobody took note that the call was answered")
        self.status = 200
        self._up.set()

    def _accept(self, request: SipMessage, body: str) -> None:
        more = [("Contact", f"<{self.phone.contact()}>"), ("Content-Type", "application/sdp")]
        self.phone.answer(request, 200, "OK", tag=self._tag, more=more, body=body)

    def take(self, request: SipMessage) -> None:
        """A request within the call."""
        if request.method == "ACK":
            if parameter(request.get("To"), "tag") == self._tag:  # else it belongs to no call that we know of
                self._acknowledged.set()
        elif request.method == "BYE":
            self.phone.answer(request, 200, "OK", tag=self._tag)
            self._end(by="them", status=self.status, reason=request.get("Reason"))
        elif request.method == "CANCEL":
            self._cancelled(request)
        elif request.method in {"INVITE", "UPDATE"}:
            self._renegotiate(request)
        else:
            self._note(request)
            self.phone.answer(request, 200, "OK", tag=self._tag)

    def _cancelled(self, cancel: SipMessage) -> None:
        self.phone.answer(cancel, 200, "OK", tag=self._tag)
        if self.invite is not None and not self._up.is_set():
            self.phone.send(answer_to(self.invite, 487, "Request Terminated", tag=self._tag))
            self._end(by="them", status=487, reason=cancel.get("Reason"))

    def _renegotiate(self, request: SipMessage) -> None:
        if request.body:
            self._listen_to(request.body)
        if request.body or request.method == "INVITE":
            self._version += 1
            self._accept(request, offer(self.phone.host, self.media.port, version=self._version, keys=self.media.keys_payload))
        else:
            self.phone.answer(request, 200, "OK", tag=self._tag)

    def _note(self, request: SipMessage) -> None:
        if request.method == "NOTIFY" and request.body.startswith("SIP/2.0 "):
            self.transfer_status = int(request.body.split()[1])

    # Talking

    async def answered(self, *, seconds: float = PATIENCE) -> None:
        """Raises CallFailed if it ended before anybody answered."""
        await self._first_of(self._up, self._over, seconds=seconds, what="an answer to the call")
        if not self._up.is_set():
            raise CallFailed(self.status, self.reason)

    async def gone(self, *, seconds: float = PATIENCE) -> None:
        await self._first_of(self._over, seconds=seconds, what="the end of the call")

    async def _first_of(self, *events: asyncio.Event, seconds: float, what: str) -> None:
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            done, _ = await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        if not done:
            raise TimeoutError(f"waited {seconds:g} s for {what}; last answer: {self.status} {self.reason}")

    @property
    def ended(self) -> bool:
        return self._over.is_set()

    async def send_dtmf(self, digits: str) -> None:
        await self.media.type(digits)

    @property
    def heard_seconds(self) -> float:
        return len(self.media.heard) / SAMPLES_PER_SECOND

    @property
    def keys(self) -> str:
        """What the other side has typed."""
        return self.media.keys

    def energy(self, *, last: float | None = None) -> float:
        return self.media.energy(last=last)

    def dump(self, path: Path) -> None:
        self.media.dump(path)

    async def hears(self, *, loud: bool = True, last: float = 0.2, seconds: float = PATIENCE) -> None:
        """Until there has been sound, or none, for the `last` part of a second."""
        enough = last * SAMPLES_PER_SECOND

        def holds(media: Media) -> bool:
            return len(media.heard) >= enough and (media.energy(last=last) > AUDIBLE) is loud

        await self._until(holds, "sound" if loud else "silence", seconds)

    async def types(self, keys: str, *, seconds: float = PATIENCE) -> None:
        """Until the other side has typed these keys."""
        await self._until(lambda media: keys in media.keys, f"the keys {keys}", seconds)

    async def _until(self, holds: Callable[[Media], bool], what: str, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                while not holds(self.media):
                    self.media.changed.clear()
                    await self.media.changed.wait()
                    if self.media.dead:
                        raise CallFailed(self.status, f"the call ended before {what} came")
        except TimeoutError:
            raise TimeoutError(f"waited {seconds:g} s for {what} in the call") from None

    async def hold(self) -> int:
        return (await self._invite("sendonly")).status

    async def unhold(self) -> int:
        return (await self._invite("sendrecv")).status

    async def refer(self, number: str, *, replaces: "SipCall | None" = None) -> int:
        """Asks the other side to be connected with `number`, or with the far end of another call of ours."""
        uri = f"sip:{number}@{self.phone.server[0]}:{self.phone.server[1]}"
        if replaces is not None:
            to, mine = parameter(replaces.remote, "tag"), parameter(replaces.local, "tag")
            uri += f"?Replaces={replaces.call_id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{mine}"
        more = [("Refer-To", f"<{uri}>"), ("Referred-By", f"<{self.phone.contact()}>")]
        return (await self.phone.ask(self._request("REFER", more=more))).status

    # End

    async def hang_up(self) -> None:
        if self.ended:
            return
        if not self._up.is_set() and self.invite is not None:
            self.reject(603, "Decline")
            return
        if not self._up.is_set():
            await self._cancel()
        if not self.ended:
            request = self._request("BYE")
            self._end(by="us", status=self.status, reason="")
            await self.phone.ask(request)

    async def _cancel(self) -> None:
        """It may be answered at the same moment: then there is nothing to take back."""
        await self._first_of(self._heard_of, seconds=PATIENCE, what="any answer to the INVITE")
        if self._invited is not None and not self._up.is_set() and not self.ended:
            await self.phone.ask(cancel(self._invited))
            await self._first_of(self._up, self._over, seconds=PATIENCE, what="the end of a cancelled call")

    def _end(self, *, by: str, status: int, reason: str) -> None:
        if not self.ended:
            self.ended_by, self.status, self.reason = by, status, reason
            self.close()

    def close(self) -> None:
        self.phone.calls.pop(self.call_id, None)
        self.media.close()
        self._over.set()

    def _request(
        self,
        method: str,
        *,
        more: Sequence[tuple[str, str]] = (),
        body: str = "",
        branch: str = "",
        to: str = "",
        sequence: int = 0,
    ) -> SipMessage:
        if not sequence:
            self._sequence += 1
        headers = [("Via", self.phone.via(branch)), ("From", self.local), ("To", to or self.remote), ("Call-ID", self.call_id)]
        headers += [("CSeq", f"{sequence or self._sequence} {method}"), ("Contact", f"<{self.phone.contact()}>")]
        return SipMessage(f"{method} {self.target} SIP/2.0", [*headers, ("Max-Forwards", "70"), *more], body)
