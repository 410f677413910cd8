"""The register of handlers: which function runs after which event, and how."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from hotline import events
from hotline.events import Event


class Lane(StrEnum):
    """What waits for a network waits in a lane of its own kind: a unit's dead system delays no citizen's message."""

    MESSAGES = "messages"
    SYSTEMS = "systems"


@dataclass(frozen=True)
class Handler:
    name: str
    run: Callable[..., None]
    prepare: Callable[[Session, Any], Any] | None = None
    # Opens its own short transactions with the network between them: the delivery of what goes out only.
    outside: bool = False
    lane: Lane = Lane.MESSAGES
    # Who is waited for: one that hangs keeps nobody waiting who waits for another.
    awaits: Callable[[Session, Any], str] | None = None


HANDLERS: dict[type[Event], list[Handler]] = {cls: [] for cls in events.ALL.values()}


def handles(
    *kinds: type[Event],
    prepare: Callable[[Session, Any], Any] | None = None,
    outside: bool = False,
    lane: Lane = Lane.MESSAGES,
    awaits: Callable[[Session, Any], str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function to run after each of these events."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        for kind in kinds:
            HANDLERS[kind].append(Handler(function.__name__, function, prepare, outside, lane, awaits))
        return function

    return register
