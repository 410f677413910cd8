"""FastAGI: a server that lives through anything a peer sends, and the call as a flow sees it.

Whatever goes wrong here, the socket is closed and Asterisk's dialplan goes on: to the queue. `agi_link` speaks with Asterisk.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from hotline.telephony.agi_link import AgiError, Forged, Hangup, Line, Reply, greet

__all__ = ["AgiCall", "AgiError", "AgiServer", "Hangup", "Recorded", "Route", "SoundMissing"]

log = logging.getLogger(__name__)

ALL_KEYS = "0123456789*#"
# More than any number that is asked for: whoever sends hundreds does not type them.
MOST_DIGITS = 32
SAMPLES_PER_SECOND = 8000
FILE_NAME = re.compile(r"[\w./-]+", re.ASCII)


class SoundMissing(AgiError):
    """The caller is there, the sound is not."""


@dataclass(frozen=True, slots=True)
class Recorded:
    seconds: float
    ended_by: str  # the key; empty after silence or at the limit


class AgiCall:
    """One call in a route. Every method raises Hangup once the caller is gone, and AgiError if Asterisk could not do it."""

    def __init__(self, headers: Mapping[str, str], line: Line) -> None:
        self.headers = headers
        self._line = line

    @property
    def script(self) -> str:
        """Which route: "ivr" of agi://host/ivr."""
        return self.headers.get("agi_network_script", "").partition("?")[0]

    @property
    def arguments(self) -> tuple[str, ...]:
        names = (f"agi_arg_{number}" for number in range(1, 100))
        return tuple(self.headers[name] for name in names if name in self.headers)

    @property
    def uniqueid(self) -> str:
        return self.headers.get("agi_uniqueid", "")

    @property
    def channel(self) -> str:
        return self.headers.get("agi_channel", "")

    @property
    def caller_number(self) -> str:
        """Empty if hidden."""
        return self._known("agi_callerid")

    @property
    def caller_name(self) -> str:
        return self._known("agi_calleridname")

    def _known(self, name: str) -> str:
        value = self.headers.get(name, "")
        return "" if value == "unknown" else value

    async def say(self, sounds: Sequence[str]) -> None:
        """Plays them all; keys do nothing. Raises SoundMissing at the first that is not there."""
        for sound in sounds:
            await self._play(sound, stop_at="")

    async def gather(self, sounds: Sequence[str], *, max_digits: int, timeout: float, end_key: str = "#") -> str:
        """Keys typed while the sounds play count and stop them. `timeout` runs from the last sound, and anew from each key.

        Empty if nothing was typed, or nothing but the end key; the end key itself is never part of it.
        """
        wanted = max(1, min(max_digits, MOST_DIGITS))
        first = await self._first_key(sounds)
        if first and first == end_key:
            return ""
        if len(first) == wanted:
            return first
        return first + await self._read(wanted - len(first), timeout=timeout, end_key=end_key)

    async def _first_key(self, sounds: Sequence[str]) -> str:
        for sound in sounds:
            if key := await self._play(sound, stop_at=ALL_KEYS):
                return key
        return ""

    async def _play(self, sound: str, *, stop_at: str) -> str:
        try:
            return as_key(await self._line.ask("STREAM FILE", fit(sound), stop_at))
        except AgiError as error:
            raise SoundMissing(sound) from error

    async def _read(self, digits: int, *, timeout: float, end_key: str) -> str:
        """By Asterisk's own Read: a key that comes between two AGI commands would be lost."""
        await self.exec_app("Read", "gathered", "", str(digits), f"t({end_key})", "1", f"{max(timeout, 0.1):g}")
        return await self.get_variable("gathered")

    async def record(self, path: str, *, seconds: float, end_key: str = "#", silence: float = 0) -> Recorded:
        """Writes `path`.wav; `silence` ends it after so many silent seconds. On a Hangup what was said until then is kept."""
        silent = [f"s={max(1, round(silence))}"] if silence else []
        answer = await self._line.ask("RECORD FILE", fit(path), "wav", end_key, str(int(seconds * 1000)), "0", *silent)
        return Recorded(int(answer.fields.get("endpos") or 0) / SAMPLES_PER_SECOND, as_key(answer))

    async def set_variable(self, name: str, value: str) -> None:
        """Control characters become spaces."""
        await self._line.ask("SET VARIABLE", name, value)

    async def get_variable(self, name: str) -> str:
        """Empty if unset."""
        return (await self._line.ask("GET VARIABLE", name)).data

    async def exec_app(self, name: str, *arguments: str) -> str:
        """The application's result, mostly "0". A comma within an argument begins another one."""
        answer = await self._line.ask("EXEC", name, ",".join(arguments))
        if answer.result == "-2":
            raise AgiError(f"Asterisk has no application {name}")
        return answer.result

    async def hang_up(self) -> None:
        """Ends the call; what is asked of it afterwards raises Hangup."""
        await self._line.ask("HANGUP")
        self._line.gone = True


Route = Callable[[AgiCall], Awaitable[None]]


class AgiServer:
    """`routes` by the script's name. A session takes at most `session_limit` seconds, its header block `header_limit`."""

    def __init__(self, routes: Mapping[str, Route], *, session_limit: float = 600.0, header_limit: float = 5.0) -> None:
        self._routes = routes
        self._session_limit = session_limit
        self._header_limit = header_limit
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._live = 0

    @property
    def live(self) -> int:
        """Calls that are in a route now."""
        return self._live

    async def start(self, host: str, port: int) -> int:
        """The port, chosen by the system if 0 was asked for."""
        self._server = await asyncio.start_server(self._connected, host, port)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self, *, grace: float = 5.0) -> None:
        """No new sessions. Those that run get `grace` seconds; then their sockets are closed and the dialplan goes on."""
        if self._server is None:
            return
        self._server.close()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if call := await self._greet(reader, writer):
                await self._run(call)
        finally:
            await close(writer)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AgiCall | None:
        """None for a port scan, a health check, or a peer that is no Asterisk."""
        try:
            async with asyncio.timeout(self._header_limit):
                line = await greet(reader, writer)
        except Forged:
            log.warning("an AGI session that a caller may have tampered with was left to the dialplan")
            return None
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError) as error:
            log.debug("not an AGI session", extra={"error": repr(error)})
            return None
        return AgiCall(line.headers, line)

    async def _run(self, call: AgiCall) -> None:
        route = self._routes.get(call.script)
        if route is None:
            log.warning("no such AGI route", extra={"script": call.script[:100]})
            return
        self._live += 1
        try:
            async with asyncio.timeout(self._session_limit):
                await route(call)
        except Hangup:
            log.debug("the caller hung up", extra={"call": call.uniqueid})
        except TimeoutError:
            log.warning("an AGI session took too long", extra={"call": call.uniqueid, "script": call.script})
        except Exception:
            log.exception("an AGI session failed", extra={"call": call.uniqueid, "script": call.script})
        finally:
            self._live -= 1


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    try:
        async with asyncio.timeout(1):
            await writer.wait_closed()
    except OSError:
        writer.transport.abort()


def fit(name: str) -> str:
    """Names of sounds and recordings come from our own files; anything else is a mistake, or an attack."""
    if not FILE_NAME.fullmatch(name):
        raise AgiError(f"not a file name: {name[:100]!r}")
    return name


def as_key(answer: Reply) -> str:
    key = chr(int(answer.result or 0))
    return key if key in ALL_KEYS else ""
