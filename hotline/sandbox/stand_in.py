"""What every stand-in can do, and what the end of a number makes happen to a message."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import httpx
from starlette.requests import Request
from starlette.types import ASGIApp

SECONDS = 10


@dataclass
class Sent:
    """A message that the service has sent: `number` is its name here, `state` the provider's own word."""

    number: str
    recipient: str
    text: str
    key: str = ""
    state: str = ""
    at: float = field(default_factory=time.time)


class StandIn(Protocol):
    """One provider: what it has been given to send, and what a citizen writes, with the status of the service's answer."""

    name: str
    received: list[Sent]

    def inject(self, sender: str, text: str, pictures: Sequence[bytes] = ()) -> int: ...


class WebStandIn(StandIn, Protocol):
    """One that is spoken with by HTTP."""

    @property
    def app(self) -> ASGIApp: ...


class Fate(StrEnum):
    ARRIVES = "arrives"
    BUSY_ONCE = "busy_once"
    SILENT = "silent"
    OPTED_OUT = "opted_out"
    RETURNED = "returned"  # mail only: taken, and sent back later


ENDINGS = {"0001": Fate.BUSY_ONCE, "0002": Fate.SILENT, "0003": Fate.OPTED_OUT, "0004": Fate.RETURNED}


@dataclass
class Script:
    """Errors by the last four digits; `busy_once` is over after the first time for each number."""

    _turned_away: set[str] = field(default_factory=set)

    def fate_of(self, number: str) -> Fate:
        fate = ENDINGS.get(number[-4:], Fate.ARRIVES)
        if fate == Fate.BUSY_ONCE and number in self._turned_away:
            return Fate.ARRIVES
        if fate == Fate.BUSY_ONCE:
            self._turned_away.add(number)
        return fate


async def say_nothing(request: Request) -> None:
    """Hold the line until the caller hangs up: the message was taken, and nobody says so."""
    while (await request.receive())["type"] != "http.disconnect":
        continue


def post(url: str, content: bytes, headers: dict[str, str]) -> int:
    """The status of the service's answer to a callback."""
    with httpx.Client(timeout=SECONDS) as client:
        return client.post(url, content=content, headers=headers).status_code
