"""What the engine is given and what it returns: where a call stands, what its caller did, what to do next.

Whoever carries out a step does its turns in order. `Say` and `Save` want no answer; the last turn either waits for one
(`Gather`, `Record`, `Lookup`, `Queue`) or ends the flow (`Goto`, `Hangup`). Prompts are keys of the prompt file, and the names
of its sound files; numbers are cut into such keys already.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict


class Position(BaseModel):
    """Where a call stands in its flow: `model_dump_json` out, `model_validate_json` in. It holds what the caller typed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flow: str
    version: str
    node: str
    tries: int = 0
    ahead: str = ""
    values: dict[str, str] = {}
    ended: bool = False


@dataclass(frozen=True)
class Say:
    """Play the prompts. Keys pressed meanwhile belong to the next `Gather`; a `Say` right before one may be cut short by them."""

    prompts: tuple[str, ...]


@dataclass(frozen=True)
class Save:
    """Keep a fact about this call; it stands before whatever is said afterwards, so a caller who hangs up then loses nothing."""

    what: str
    value: str


@dataclass(frozen=True)
class Gather:
    """Collect keys until `max_digits`, the end key or `timeout_seconds` without one: answered by `Keys`.

    `typed` are keys that came early: play nothing, collect what is missing, and answer with them in front.
    """

    prompts: tuple[str, ...]
    max_digits: int
    timeout_seconds: int
    end_key: str | None = None
    typed: str = ""


@dataclass(frozen=True)
class Record:
    """Play the prompts and a tone, record until `end_key` or `max_seconds`: answered by `Recorded`, also after a hang-up."""

    prompts: tuple[str, ...]
    max_seconds: int
    name: str
    end_key: str = "#"


@dataclass(frozen=True)
class Lookup:
    """Ask the service `name` with these values: answered by `Found`."""

    name: str
    values: Mapping[str, str]


@dataclass(frozen=True)
class Queue:
    """Wait for a person. The dialplan does it: `offers` (key to node) and `otherwise` say what the flow means by them."""

    name: str
    offers: Mapping[str, str]
    otherwise: str


@dataclass(frozen=True)
class Goto:
    """This flow is over; start the one of this name."""

    flow: str


@dataclass(frozen=True)
class Hangup:
    """This flow is over, and so is the call."""


Turn = Say | Save | Gather | Record | Lookup | Queue | Goto | Hangup


@dataclass(frozen=True)
class Step:
    """The turns to carry out, and the position to resume from once the last one is answered."""

    position: Position
    turns: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Keys:
    """What was pressed, the end key left out; empty after silence. Keys beyond what was asked for are kept for later."""

    pressed: str


@dataclass(frozen=True)
class Recorded:
    """How long the caller spoke; 0 when there is no recording, or none worth keeping."""

    seconds: float
    ahead: str = ""


@dataclass(frozen=True)
class Found:
    """A look-up's answer; an outcome that the flow does not name, or a value that is missing, leads to its `otherwise`."""

    outcome: str
    values: Mapping[str, str] = field(default_factory=dict)
    ahead: str = ""


@dataclass(frozen=True)
class Answered:
    """Somebody in the queue has taken the call."""


@dataclass(frozen=True)
class Unanswered:
    """The queue gave up."""


@dataclass(frozen=True)
class HungUp:
    """The caller is gone; fits everywhere."""


Input = Keys | Recorded | Found | Answered | Unanswered | HungUp
