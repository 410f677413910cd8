"""The wire below `agi`: the header block, one command at a time, and what an answer means. panoramisk parses the answers."""

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import Any

from panoramisk.fast_agi import Request, parse_agi_result

HEADER = re.compile(r"(agi_\w+): ([^\x00-\x1f]*)")
ANSWER = re.compile(rb"\d{3}[ -]")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Asterisk reads commands of up to 2,048 bytes and would take the rest for another one.
LONGEST_COMMAND = 2000
DEAD_CHANNEL = 511
# panoramisk would read a value "hangup" as a hang-up, and a bracket in it as its end.
VALUE = re.compile(rb"200 result=1 \((.*)\)\n")
USAGE, END_OF_USAGE = b"520-", b"520 "


class Hangup(Exception):
    """The caller is gone."""


class AgiError(Exception):
    """Asterisk could not do it, though the caller is still there."""


@dataclass(frozen=True, slots=True)
class Reply:
    result: str
    data: str  # what stands in brackets
    fields: dict[str, str] = field(default_factory=dict)


class Line(Request):  # type: ignore[misc]  # panoramisk has no types
    """Asks one thing after the other. A hang-up shows in four shapes; all become Hangup, and a failed command does not."""

    def __init__(self, headers: dict[str, str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(None, headers, reader, writer)
        self.gone = False

    async def ask(self, command: str, *arguments: str) -> Reply:
        answer = await self._exchange(" ".join([command, *map(quoted, arguments)]))
        error = answer.get("error", "")
        if error in {"AGIAppError", "AGIResultHangup"} and await self._is_there():
            raise AgiError(f"Asterisk could not do {command}")
        if error:
            raise AgiError(f"Asterisk refused {command}: {answer['msg']}")
        values = {key: value for key, value in answer.items() if isinstance(value, tuple)}
        result, data = values.pop("result")
        return Reply(result, data, {key: value for key, (value, _) in values.items()})

    async def _is_there(self) -> bool:
        """The same answer stands for a missing sound, a full disk and a caller who hung up; or raises Hangup."""
        if (await self._exchange("CHANNEL STATUS")).get("error"):
            self.gone = True
            raise Hangup
        return True

    async def _exchange(self, command: str) -> dict[str, Any]:
        if self.gone:
            raise Hangup
        if len(command.encode()) > LONGEST_COMMAND:
            raise AgiError("the command is too long")
        try:
            answer: dict[str, Any] = await self.send_command(command)
        except ConnectionError:
            answer = {"status_code": DEAD_CHANNEL}
        if answer.get("status_code") == DEAD_CHANNEL:
            self.gone = True
            raise Hangup
        return answer

    async def _read_result(self) -> dict[str, Any]:
        """Called by panoramisk, which takes the end of the stream, and half an explanation of usage, for answers."""
        line = await self._read_answer()
        if value := VALUE.fullmatch(line):
            return {"status_code": 200, "result": ("1", value[1].decode("utf-8", "replace"))}
        if not line.startswith(USAGE):
            return dict(parse_agi_result(line.decode("utf-8", "replace").rstrip("\n")))
        while not line.startswith(END_OF_USAGE):
            line = await self._read_answer()
        return {"status_code": 520, "error": "AGIInvalidCommand", "msg": "wrong arguments"}

    async def _read_answer(self) -> bytes:
        """Leaves out what is no answer: the rest of a value that held a line break."""
        while not ANSWER.match(line := await self.reader.readline()):
            if line in {b"", b"HANGUP\n"}:
                raise ConnectionResetError
        return bytes(line)


class Forged(Exception):
    """A caller's number may hold line breaks (%0a in a SIP address), and so pretend headers, and answers after them."""


async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Line:
    """Reads the header block and makes sure that nothing but the answer to our own first command follows it."""
    block = (await reader.readuntil(b"\n\n")).decode("utf-8", "replace")
    headers: dict[str, str] = {}
    for line in block.removesuffix("\n\n").split("\n"):
        found = HEADER.fullmatch(line)
        if found is None or found[1] in headers:
            raise Forged(line)
        headers[found[1]] = found[2]
    token = secrets.token_hex(8)
    writer.write(f'GET FULL VARIABLE "{token}"\n'.encode())
    if await reader.readline() != f"200 result=1 ({token})\n".encode():
        raise Forged("no answer to the first command")
    return Line(headers, reader, writer)


def quoted(argument: str) -> str:
    clean = CONTROL.sub(" ", argument).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{clean}"'
