"""Sends prepared HTTP requests over kept connections and times each answer; cheap, so that the server has the processors."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

PATIENCE = 30.0
# Servers close a connection after five quiet seconds.
REST = 2.0


@dataclass
class Answer:
    status: int
    seconds: float
    head: str
    body: bytes


@dataclass
class Outcome:
    """Every answer in the order of arrival, and how long the whole took."""

    answers: list[Answer] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, more: "Outcome") -> None:
        self.answers += more.answers
        self.seconds += more.seconds

    @property
    def rate(self) -> float:
        return len(self.answers) / self.seconds

    @property
    def latencies(self) -> list[float]:
        return [answer.seconds for answer in self.answers]

    def statuses(self) -> set[int]:
        return {answer.status for answer in self.answers}


def request(method: str, path: str, *, headers: dict[str, str] | None = None, content: tuple[str, bytes] | None = None) -> bytes:
    """The bytes of one request."""
    kind, body = content or ("", b"")
    lines = {"Host": "127.0.0.1", **(headers or {})}
    if content:
        lines |= {"Content-Type": kind, "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def closed_loop(port: int, requests: Sequence[bytes], *, connections: int) -> Outcome:
    """As fast as the server answers: each connection sends its next request when it has the last answer."""
    return asyncio.run(_closed_loop(port, requests, connections))


def open_loop(port: int, requests: Sequence[bytes], *, per_second: float) -> Outcome:
    """At a steady pace whether or not the last one is answered; time is counted from when a request was due."""
    return asyncio.run(_open_loop(port, requests, per_second))


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, content: bytes, *, since: float) -> Answer:
        self._writer.write(content)
        head = (await asyncio.wait_for(self._reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        body = await self._body(head.lower())
        return Answer(status, time.perf_counter() - since, head, body)

    async def _body(self, head: str) -> bytes:
        if "transfer-encoding: chunked" in head:
            body = b""
            while size := int(await self._reader.readline(), 16):
                body += (await self._reader.readexactly(size + 2))[:-2]
            await self._reader.readline()
            return body
        _, found, rest = head.partition("content-length:")
        return await self._reader.readexactly(int(rest.split("\r\n", 1)[0])) if found else b""

    def close(self) -> None:
        self._writer.close()


async def _closed_loop(port: int, requests: Sequence[bytes], connections: int) -> Outcome:
    outcome = Outcome()
    waiting = iter(requests)

    async def work(connection: Connection) -> None:
        for content in waiting:
            outcome.answers.append(await connection.send(content, since=time.perf_counter()))
        connection.close()

    opened = [await Connection.to(port) for _ in range(connections)]
    started = time.perf_counter()
    await asyncio.gather(*map(work, opened))
    outcome.seconds = time.perf_counter() - started
    return outcome


async def _open_loop(port: int, requests: Sequence[bytes], per_second: float) -> Outcome:
    outcome = Outcome()
    rested: deque[tuple[float, Connection]] = deque()

    async def one(content: bytes, due: float) -> None:
        connection = await _wake(rested, port)
        outcome.answers.append(await connection.send(content, since=due))
        rested.append((time.perf_counter(), connection))

    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for position, content in enumerate(requests):
            due = started + position / per_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(content, due))
    outcome.seconds = time.perf_counter() - started
    for _, connection in rested:
        connection.close()
    return outcome


async def _wake(rested: deque[tuple[float, Connection]], port: int) -> Connection:
    """The connection that was used last; those that the server may be about to close are closed first."""
    while rested and time.perf_counter() - rested[0][0] > REST:
        rested.popleft()[1].close()
    return rested.pop()[1] if rested else await Connection.to(port)
