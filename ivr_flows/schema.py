"""What a flow file may contain: nodes by kind, and the ways that lead from one to another."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator


class Kind(StrEnum):
    SAY = "say"
    NOTE = "note"
    MENU = "menu"
    DIGITS = "digits"
    RECORD = "record"
    LOOKUP = "lookup"
    QUEUE = "queue"
    GOTO = "goto"
    HANGUP = "hangup"


VARIABLE = re.compile(r"\{(?P<name>[a-z][a-z0-9_]*)(?P<digits>:digits)?\}")

NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
Name = Annotated[str, Field(pattern=rf"^{NAME.pattern}$")]
Key = Annotated[str, Field(pattern=r"^[0-9*#]$")]
Piece = Annotated[str, Field(pattern=r"^([a-z][a-z0-9_]*|\{[a-z][a-z0-9_]*(:digits)?\})$", max_length=80)]
Seconds = Annotated[int, Field(ge=1, le=600)]


def _in_a_row(value: object) -> object:
    return [value] if isinstance(value, str) else value


# A prompt's key, `{value}` said as a number, `{value:digits}` said digit by digit; one, or several in a row.
Spoken = Annotated[tuple[Piece, ...], BeforeValidator(_in_a_row), Field(min_length=1)]


@dataclass(frozen=True)
class Way:
    """From a node to the next: what makes the caller go there, and where the file says so."""

    on: str
    to: str
    at: tuple[str, ...]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Node(Strict):
    kind: ClassVar[Kind]
    asks: ClassVar[bool] = False  # the caller has to do something before the call goes on

    def ways(self) -> Iterator[Way]:
        yield from ()

    def says(self) -> tuple[str, ...]:
        return ()

    def learns(self) -> tuple[str, ...]:
        """Values that later nodes may say or look up."""
        return ()

    @property
    def ends(self) -> bool:
        """The flow may be over here."""
        return False

    @property
    def is_service(self) -> bool:
        """A person attends to the caller, now or by calling back."""
        return False


class Onward(Node):
    """A node with one way on, or the end."""

    next: Name | None = None
    hangup: Literal[True] | None = None

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if bool(self.next) == bool(self.hangup):
            raise ValueError("a dead end: say either 'next' or 'hangup: true'")
        return self

    def ways(self) -> Iterator[Way]:
        if self.next:
            yield Way("next", self.next, ("next",))

    @property
    def ends(self) -> bool:
        return bool(self.hangup)


class Say(Onward):
    kind = Kind.SAY
    say: Spoken
    keep_place: Literal[True] | None = None
    call_back: Literal[True] | None = None

    @model_validator(mode="after")
    def _promises_one_thing(self) -> Self:
        if self.keep_place and self.call_back:
            raise ValueError("'keep_place' is a call back already")
        return self

    def says(self) -> tuple[str, ...]:
        return self.say

    @property
    def is_service(self) -> bool:
        return bool(self.keep_place or self.call_back)


class Note(Onward):
    kind = Kind.NOTE
    note: Annotated[dict[Name, Name], Field(min_length=1)]


class Asking(Node):
    """A node that wants keys: three tries, then `otherwise`; `silence` where pressing nothing means something else."""

    asks = True
    keys: dict[Key, Name] = {}
    timeout_seconds: Annotated[int, Field(ge=1, le=30)] = 5
    otherwise: Name
    silence: Name | None = None

    def ways(self) -> Iterator[Way]:
        yield from (Way(key, to, ("keys", key)) for key, to in self.keys.items())
        yield Way("otherwise", self.otherwise, ("otherwise",))
        if self.silence:
            yield Way("silence", self.silence, ("silence",))

    @property
    def most_digits(self) -> int:
        return 1

    @property
    def ends_with(self) -> str | None:
        return None


class Menu(Asking):
    kind = Kind.MENU
    menu: Spoken
    keys: Annotated[dict[Key, Name], Field(min_length=1)]

    def says(self) -> tuple[str, ...]:
        return self.menu


class Digits(Asking):
    """Asks for a number. `keep` it for later nodes, or `save` it as a fact at once. `keys` are ways out of the question."""

    kind = Kind.DIGITS
    digits: Spoken
    keep: Name | None = None
    save: Name | None = None
    min_digits: Annotated[int, Field(ge=1, le=40)] = 1
    max_digits: Annotated[int, Field(ge=1, le=40)] = 1
    one_of: Annotated[str, Field(pattern=r"^[0-9]+$")] | None = None
    end_key: Literal["#"] | None = None
    next: Name

    @model_validator(mode="after")
    def _can_be_typed(self) -> Self:
        if bool(self.keep) == bool(self.save):
            raise ValueError("say either 'keep' or 'save'")
        if self.min_digits > self.max_digits:
            raise ValueError("'min_digits' is more than 'max_digits'")
        if self.max_digits > 1 and (self.one_of or set(self.keys) - {"*"}):
            raise ValueError("a number of several digits takes no 'one_of', and '*' alone as a key")
        if self.max_digits == 1 and (self.end_key or set(self.keys) & set(self.one_of or "0123456789")):
            raise ValueError("a single digit takes no 'end_key', and no key that is an answer too")
        return self

    def ways(self) -> Iterator[Way]:
        yield Way(self.one_of or "digits", self.next, ("next",))
        yield from super().ways()

    def says(self) -> tuple[str, ...]:
        return self.digits

    def learns(self) -> tuple[str, ...]:
        return (self.keep,) if self.keep else ()

    def accepts(self, entry: str) -> bool:
        fits = entry.isdecimal() and self.min_digits <= len(entry) <= self.max_digits
        return fits and (self.one_of is None or entry in self.one_of)

    @property
    def most_digits(self) -> int:
        return self.max_digits

    @property
    def ends_with(self) -> str | None:
        return self.end_key


class Record(Onward):
    kind = Kind.RECORD
    asks = True
    record: Spoken
    save: Name
    max_seconds: Seconds
    end_key: Key = "#"

    def says(self) -> tuple[str, ...]:
        return self.record


class Lookup(Node):
    """Asks the service; `otherwise` when it has no answer, or none that is named here."""

    kind = Kind.LOOKUP
    lookup: Name
    give: tuple[Name, ...] = ()
    gives: tuple[Name, ...] = ()
    outcomes: Annotated[dict[Name, Name], Field(min_length=1)]
    otherwise: Name

    def ways(self) -> Iterator[Way]:
        yield from (Way(outcome, to, ("outcomes", outcome)) for outcome, to in self.outcomes.items())
        yield Way("otherwise", self.otherwise, ("otherwise",))

    def learns(self) -> tuple[str, ...]:
        return self.gives


class Queue(Node):
    """Waits for a person; `offer` are keys that leave the queue, `otherwise` is what follows when nobody answers."""

    kind = Kind.QUEUE
    asks = True
    queue: Name
    offer: dict[Key, Name] = {}
    otherwise: Name

    def ways(self) -> Iterator[Way]:
        yield from (Way(key, to, ("offer", key)) for key, to in self.offer.items())
        yield Way("otherwise", self.otherwise, ("otherwise",))

    @property
    def ends(self) -> bool:
        return True

    @property
    def is_service(self) -> bool:
        return True


class Goto(Node):
    """Hands the call to another flow."""

    kind = Kind.GOTO
    goto: Name

    @property
    def ends(self) -> bool:
        return True


class Hangup(Node):
    kind = Kind.HANGUP
    hangup: Literal[True]

    @property
    def ends(self) -> bool:
        return True


AnyNode = Say | Note | Menu | Digits | Record | Lookup | Queue | Goto | Hangup
KINDS: dict[Kind, type[AnyNode]] = {kind.kind: kind for kind in (Say, Note, Menu, Digits, Record, Lookup, Queue, Goto, Hangup)}


class Head(Strict):
    """A flow file but for its nodes. `given` are values that whoever starts the flow brings along."""

    start: Name
    given: tuple[Name, ...] = ()
