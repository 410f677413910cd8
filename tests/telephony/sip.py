"""A small scripted SIP phone for tests and benches: citizens on the trunk, agents with a registered line, any caller id.

async with SipPhone(local=("127.0.0.2", 0), server=("127.0.0.1", 5060)) as citizen:
    call = await citizen.call("12345", caller="13800000000", name="张三丰")
"""

import asyncio
import contextlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Self, TypeVar

from tests.telephony.sip_call import CallFailed, SipCall
from tests.telephony.sip_messages import SipMessage, answer_to, authorization, quoted

__all__ = ["CallFailed", "SipCall", "SipPhone", "within"]

PATIENCE = 10.0
FIRST_RESEND, LAST_RESEND = 0.5, 4.0
REMEMBERED = 500
T = TypeVar("T")


async def within(seconds: float, waiting: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(seconds):
            return await waiting
    except TimeoutError:
        raise TimeoutError(f"waited {seconds:g} s for {what}") from None


class SipPhone(asyncio.DatagramProtocol):
    """`on_call` decides about each incoming call at once; without it they wait for `incoming()`."""

    def __init__(
        self, *, local: tuple[str, int], server: tuple[str, int], on_call: Callable[[SipCall], None] | None = None
    ) -> None:
        self.host, self._wanted_port = local
        self.port = 0
        self.server = server
        self.user = "anonymous"
        self.password = ""
        self.registered = False
        self.calls: dict[str, SipCall] = {}
        self._on_call = on_call
        self._arrived: asyncio.Queue[SipCall] = asyncio.Queue()
        self._waiting: dict[tuple[str, str], asyncio.Queue[SipMessage]] = {}
        self._answered: dict[tuple[str, str], bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._transport: asyncio.DatagramTransport | None = None
        self._registration = (secrets.token_hex(8), secrets.token_hex(4))
        self._registrations = 0

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, self._wanted_port))
        self._transport = transport
        self.port = transport.get_extra_info("sockname")[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Hangs up what still lives and signs off, a second long at most: the exchange may be dead."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.gather(*(call.hang_up() for call in list(self.calls.values())), return_exceptions=True)
                if self.registered:
                    await self.register(self.user, self.password, seconds=0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for call in list(self.calls.values()):
            call.close()
        if self._transport is not None:
            self._transport.close()

    def keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def register(self, user: str, password: str, *, seconds: int = 120) -> int:
        """The final status: 200, or 401 with a wrong password."""
        self.user, self.password = user, password
        uri = f"sip:{self.server[0]}:{self.server[1]}"
        reply = await self.ask(self._register(uri, seconds))
        if reply.status == 401:
            reply = await self.ask(self._register(uri, seconds, self.proof(reply, "REGISTER", uri)))
        self.registered = reply.status == 200 and seconds > 0
        return reply.status

    def _register(self, uri: str, seconds: int, proof: tuple[str, str] | None = None) -> SipMessage:
        call_id, tag = self._registration
        self._registrations += 1
        mine = f"<sip:{self.user}@{self.server[0]}>"
        headers = [("Via", self.via()), ("From", f"{mine};tag={tag}"), ("To", mine), ("Call-ID", call_id)]
        headers += [("CSeq", f"{self._registrations} REGISTER"), ("Contact", f"<{self.contact()}>"), ("Expires", str(seconds))]
        return SipMessage(f"REGISTER {uri} SIP/2.0", [*headers, *([proof] if proof else []), ("Max-Forwards", "70")])

    def proof(self, refusal: SipMessage, method: str, uri: str) -> tuple[str, str]:
        proxy = refusal.status == 407
        challenges = refusal.all("Proxy-Authenticate" if proxy else "WWW-Authenticate")
        value = authorization(challenges, user=self.user, password=self.password, method=method, uri=uri)
        return ("Proxy-Authorization" if proxy else "Authorization", value)

    async def call(
        self,
        number: str,
        *,
        caller: str = "",
        name: str = "",
        from_header: str = "",
        headers: Sequence[tuple[str, str]] = (),
        sound: bytes = b"",
    ) -> SipCall:
        """Dials and returns at once. `caller` stands raw in the address; `from_header` replaces the whole of it."""
        shown = f"{quoted(name)} " if name else ""
        me = from_header or f"{shown}<sip:{caller or self.user}@{self.host}>"
        call = await SipCall.dial(self, number, me=me, headers=headers)
        call.media.play(sound)
        return call

    async def incoming(self, *, seconds: float = PATIENCE) -> SipCall:
        return await within(seconds, self._arrived.get(), f"a call for {self.user}")

    async def ask(
        self, request: SipMessage, *, meanwhile: Callable[[SipMessage], None] | None = None, seconds: float = PATIENCE
    ) -> SipMessage:
        """The final answer. An INVITE that rings may take as long as it likes."""
        key = (request.branch, request.method)
        replies = self._waiting[key] = asyncio.Queue()
        try:
            reply = await within(seconds, self._first_reply(request, replies), f"an answer to {request.start}")
            while reply.status < 200:
                if meanwhile is not None:
                    meanwhile(reply)
                reply = await replies.get()
            return reply
        finally:
            del self._waiting[key]

    async def _first_reply(self, request: SipMessage, replies: asyncio.Queue[SipMessage]) -> SipMessage:
        pause = FIRST_RESEND
        while True:
            self.send(request)
            try:
                async with asyncio.timeout(pause):
                    return await replies.get()
            except TimeoutError:
                pause = min(pause * 2, LAST_RESEND)

    def send(self, message: SipMessage) -> None:
        self.send_bytes(message.encode())

    def send_bytes(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, self.server)

    def answer(
        self, request: SipMessage, status: int, reason: str, *, tag: str, more: Sequence[tuple[str, str]] = (), body: str = ""
    ) -> None:
        """Kept for the case that the request comes again."""
        message = answer_to(request, status, reason, tag=tag, more=more)
        message.body = body
        if len(self._answered) >= REMEMBERED:
            self._answered.pop(next(iter(self._answered)))
        self._answered[request.branch, request.method] = message.encode()
        self.send(message)

    def via(self, branch: str = "") -> str:
        return f"SIP/2.0/UDP {self.host}:{self.port};rport;branch={branch or 'z9hG4bK' + secrets.token_hex(8)}"

    def contact(self) -> str:
        return f"sip:{self.user}@{self.host}:{self.port}"

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        message = SipMessage.parse(data)
        if message.status:
            self._take_reply(message)
        elif message.method != "ACK" and (message.branch, message.method) in self._answered:
            self.send_bytes(self._answered[message.branch, message.method])
        elif message.get("Call-ID"):
            self._take_request(message)

    def _take_reply(self, reply: SipMessage) -> None:
        waiting = self._waiting.get((reply.branch, reply.method))
        call = self.calls.get(reply.get("Call-ID"))
        if waiting is not None:
            waiting.put_nowait(reply)
        elif call is not None and reply.method == "INVITE" and reply.status >= 200:
            call.acknowledge_again()

    def _take_request(self, request: SipMessage) -> None:
        call = self.calls.get(request.get("Call-ID"))
        if call is not None:
            call.take(request)
        elif request.method == "INVITE":
            self._ring(request)
        elif request.method != "ACK":
            known = request.method in {"OPTIONS", "NOTIFY"}
            self.answer(request, *((200, "OK") if known else (481, "No such call")), tag=secrets.token_hex(4))

    def _ring(self, invite: SipMessage) -> None:
        call = SipCall.arrived(self, invite)
        call.answer_provisionally(100, "Trying")
        if self._on_call is not None:
            self._on_call(call)
        else:
            self._arrived.put_nowait(call)
