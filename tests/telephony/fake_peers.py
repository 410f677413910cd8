"""Scripted Asterisks over real sockets, for what a real one does only on a bad day: a manager interface and an AGI client."""

import asyncio
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
PATIENCE = 5.0


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Runs a test of coroutines; it may not leave any behind."""

    async def run(*args: Any, **kwargs: Any) -> None:
        await test(*args, **kwargs)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"left running: {left}"

    @functools.wraps(test)
    def sync(*args: Any, **kwargs: Any) -> None:
        asyncio.run(run(*args, **kwargs))

    return sync


async def until(holds: Callable[[], bool], what: str, *, seconds: float = PATIENCE) -> None:
    try:
        async with asyncio.timeout(seconds):
            while not holds():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise TimeoutError(f"waited {seconds:g} s for {what}") from None


Action = dict[str, str]
Script = Callable[["FakeAmi", Action], None]


class FakeAmi:
    """Accepts any sign-in and answers pings; `script` answers the rest. Every action that arrived stands in `actions`."""

    def __init__(self, script: Script | None = None, *, booted: bool = True, secret: str = "") -> None:
        self.actions: list[Action] = []
        self.sessions = 0
        self.silent = False
        self._script, self._booted, self._secret = script, booted, secret
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def running(cls, script: Script | None = None, **options: Any) -> AsyncIterator["FakeAmi"]:
        fake = cls(script, **options)
        await fake.open()
        try:
            yield fake
        finally:
            await fake.close()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    def send(self, *messages: dict[str, str]) -> None:
        self.send_bytes(b"".join(encoded(message) for message in messages))

    def send_bytes(self, data: bytes) -> None:
        assert self._writer is not None, "nobody is connected"
        self._writer.write(data)

    def answer(self, action: Action, *, response: str = "Success", **headers: str) -> None:
        self.send({"Response": response, "ActionID": action["ActionID"], **headers})

    def names(self) -> list[str]:
        return [action["Action"] for action in self.actions if action["Action"] not in {"Login", "Ping"}]

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._session(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _session(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.sessions += 1
        writer.write(BANNER)
        try:
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                pairs = (line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
                action = dict(pairs)
                self.actions.append(action)
                if not self.silent:
                    self._react(action)
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()

    def _react(self, action: Action) -> None:
        if action["Action"] == "Login":
            self._sign_in(action)
        elif action["Action"] == "Ping":
            self.answer(action, Ping="Pong")
        elif self._script is not None:
            self._script(self, action)

    def _sign_in(self, action: Action) -> None:
        if self._secret and action["Secret"] != self._secret:
            self.answer(action, response="Error", Message="Authentication failed")
            return
        self.answer(action, Message="Authentication accepted")
        if self._booted:
            self.send({"Event": "FullyBooted", "Privilege": "system,all", "Status": "Fully Booted"})


def encoded(message: dict[str, str]) -> bytes:
    return "\r\n".join([*(f"{name}: {value}" for name, value in message.items()), "", ""]).encode()


HEADERS = {
    "agi_network": "yes",
    "agi_network_script": "ivr",
    "agi_channel": "PJSIP/trunk-00000001",
    "agi_uniqueid": "hotline-1795289344.6",
    "agi_callerid": "13800000000",
    "agi_calleridname": "张三丰",
    "agi_threadid": "140",
    "agi_arg_1": "main",
}


class FakeAgi:
    """Asterisk's side of one AGI session: sends the headers, then answers commands as the test says."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    @asynccontextmanager
    async def calling(cls, port: int, *, greeted: bool = True, **headers: str) -> AsyncIterator["FakeAgi"]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        fake = cls(reader, writer)
        try:
            lines = [f"{name}: {value}" for name, value in {**HEADERS, **headers}.items()]
            fake.send("\n".join([*lines, "", ""]))
            if greeted:
                await fake.greet()
            yield fake
        finally:
            writer.close()
            await writer.wait_closed()

    def send(self, text: str) -> None:
        self.writer.write(text.encode())

    async def greet(self) -> None:
        """Echoes the token that the server asks for."""
        command = await self.command()
        token = command.removeprefix('GET FULL VARIABLE "').removesuffix('"')
        self.send(f"200 result=1 ({token})\n")

    async def command(self) -> str:
        """The next command; empty when the server has closed the session."""
        async with asyncio.timeout(PATIENCE):
            return (await self.reader.readline()).decode().removesuffix("\n")

    async def expect(self, start: str, answer: str) -> str:
        command = await self.command()
        assert command.startswith(start), f"expected {start}, got {command!r}"
        self.send(f"{answer}\n")
        return command
