"""What the core asks of the outside, and in which words the outside speaks to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class File:
    """A file as it came from outside, unchecked."""

    name: str
    content: bytes


@dataclass(frozen=True)
class Media:
    """A file that the provider keeps for us for a while, by the name or address under which it gives it out."""

    reference: str
    media_type: str = ""


@dataclass(frozen=True)
class Position:
    """Where a citizen says that something is: degrees, and the words that came with them."""

    latitude: float
    longitude: float
    label: str = ""


@dataclass(frozen=True)
class Inbound:
    """One arrival, from whatever channel: a message, or a call (then `text` is empty and `external_id` the Linkedid).

    `sender` is what the channel identifies a citizen by (number, open id, address); the same sender joins one conversation.
    `about` is the reference of an earlier contact or case that this remarks on; the door has checked the citizen's right to it.
    """

    channel: str
    external_id: str
    sender: str
    text: str
    received_at: datetime
    gateway: str = ""
    sent_at: datetime | None = None
    sender_kind: str = "person"
    name: str = ""
    number: str = ""
    place: str = ""
    area_code: str = ""
    wished_kind: str = ""
    confidential: bool = False
    consent: str = ""
    source: str = "citizen"
    about: str = ""
    files: tuple[File, ...] = ()
    media: tuple[Media, ...] = ()
    position: Position | None = None


class SignalKind(StrEnum):
    SUBSCRIBED = "subscribed"
    UNSUBSCRIBED = "unsubscribed"
    MENU = "menu"
    OPENED = "opened"
    SCANNED = "scanned"
    LOCATED = "located"
    OTHER = "other"
    OPTED_OUT = "opted_out"
    OPTED_IN = "opted_in"


@dataclass(frozen=True)
class Signal:
    """What a citizen did on a channel that is no message: followed the account, pressed a menu key, wants no more texts.

    A key of the menu that opens something on the telephone by itself is `opened`; to any other the citizen waits for an answer.
    """

    kind: SignalKind
    channel: str
    external_id: str
    sender: str
    at: datetime
    value: str = ""


@dataclass(frozen=True)
class RawRequest:
    """A provider's HTTP request as it came in; `url` as the provider knows it (public URL, query included).

    `gateway` and `secret` are the parts of the path after the channel's kind; `address` is the caller's.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    gateway: str = ""
    secret: str = ""
    address: str = ""


@dataclass(frozen=True)
class HttpAnswer:
    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Post:
    """Something that a unit's system is to be told, signed and ready to go out."""

    url: str
    body: bytes
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Posted:
    """What it answered; without a status it did not, and `error` says why."""

    status: int | None
    milliseconds: int
    error: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class ReceiptState(StrEnum):
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    TRY_LATER = "try_later"
    UNREACHABLE = "unreachable"
    ABSENT = "absent"


@dataclass(frozen=True)
class Receipt:
    """What a provider said of a sent message.

    `unknown`: it may have arrived; ask, don't repeat blindly. `try_later`: not sent, the provider is busy or keeps us to a pace.
    `unreachable`: not sent, and never will be this way (no longer followed, too late to answer): another way is tried. `absent`,
    of a message that was looked up: the provider has never got it, so that it may go out again.

    `retry_after` is how long the provider asks us to wait; `key` is our own of the message, if a delivery state brings it back.
    """

    state: ReceiptState
    provider_id: str = ""
    reason: str = ""
    retry_after: timedelta | None = None
    key: str = ""


@dataclass(frozen=True)
class Parsed:
    """A callback in our words: messages and signals, delivery states of what we sent, and the answer the provider expects."""

    messages: tuple[Inbound, ...] = ()
    signals: tuple[Signal, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    answer: HttpAnswer = HttpAnswer()


class Refusal(StrEnum):
    NOT_GENUINE = "not_genuine"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Answered:
    """The citizen's message that is answered, and what was said before it, as the provider names them, oldest first.

    `first_line` is empty where it must not be said again.
    """

    external_id: str
    before: tuple[str, ...] = ()
    first_line: str = ""


@dataclass(frozen=True)
class Outbound:
    """A message to a citizen; `key` is the same at every try, so that a provider can drop repeats.

    `purpose` and `values` are for providers that send approved templates only: they name the template and fill it. `heard_at` is
    when the citizen last wrote on this channel; `answered` is for channels where a message says which one it answers.
    """

    key: str
    recipient: str
    text: str
    purpose: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    heard_at: datetime | None = None
    gateway: str = ""
    answered: Answered | None = None


@dataclass(frozen=True)
class Token:
    """What a provider gave out just now, and for how long it holds."""

    text: str
    lasting: timedelta


@dataclass(frozen=True)
class PoliceOrder:
    """A case for the police platform; `key` is the same at every try, so that it is one order there."""

    key: str
    body: Mapping[str, str]


@dataclass(frozen=True)
class PoliceWord:
    """What the police platform says of an order: received, done, or returned because it is ours after all."""

    key: str
    state: str
    number: str = ""
    said: str = ""


class TokenStore(Protocol):
    """Provider tokens shared by all processes, renewed by one of them."""

    def token(self, name: str, fetch: Callable[[], Token], *, refused: str = "") -> str:
        """One that holds for a while yet, and is not the one that the provider has just `refused`.

        `fetch` is called by one process at a time, outside any transaction, when there is none or it ends soon.
        """


class Channel(Protocol):
    """One way citizens reach us and we reach them. It never looks at the database."""

    kind: str

    def parse(self, raw: RawRequest) -> Parsed: ...
    def refuse(self, reason: Refusal) -> HttpAnswer: ...
    def send(self, message: Outbound) -> Receipt: ...


@runtime_checkable
class Routing(Protocol):
    """A channel of several gateways."""

    def route(self, gateway: str) -> str:
        """The gateway that sends what was given to this one, or to none. Empty where it is neither of ours."""
        ...


@runtime_checkable
class Fetching(Protocol):
    """A channel whose files are fetched from its provider, after the message is stored."""

    def fetch(self, media: Media) -> File: ...


@runtime_checkable
class Asking(Protocol):
    """A channel whose provider can be asked what became of a message. What is not clear is `unknown`: asked later."""

    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt: ...


@runtime_checkable
class Polling(Protocol):
    """A channel whose provider calls nobody: it is asked for what is new, and told what has been stored."""

    kind: str

    def collect(self) -> Sequence[Inbound | Receipt]: ...
    def stored(self, found: Sequence[Inbound | Receipt]) -> None: ...


class Switchboard(Protocol):
    """What the core may ask of the telephone exchange; asked by rows, never by a connection of its own."""

    def originate(self, *, key: str, number: str, expires_at: datetime) -> None: ...
