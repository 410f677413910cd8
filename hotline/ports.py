"""What the core asks of the outside, and in which words the outside speaks to it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True)
class File:
    """A file as it came from outside, unchecked."""

    name: str
    content: bytes


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


@dataclass(frozen=True)
class RawRequest:
    """A provider's HTTP request as it came in; `url` as the provider knows it (public URL, query included)."""

    method: str
    url: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class HttpAnswer:
    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class ReceiptState(StrEnum):
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Receipt:
    """What a provider said of a sent message. `unknown`: it may have arrived; ask, don't repeat blindly."""

    state: ReceiptState
    provider_id: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Parsed:
    """A callback in our words: messages, delivery states of what we sent, and the answer the provider expects."""

    messages: tuple[Inbound, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    answer: HttpAnswer = HttpAnswer()


class Refusal(StrEnum):
    NOT_GENUINE = "not_genuine"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True)
class Outbound:
    """A message to a citizen; `key` is the same at every try, so that a provider can drop repeats."""

    key: str
    recipient: str
    text: str


class TokenStore(Protocol):
    """Provider tokens shared by all processes, renewed by one of them."""

    def get(self, name: str) -> str | None: ...
    def put(self, name: str, token: str, *, expires_at: datetime) -> None: ...


class Channel(Protocol):
    """One way citizens reach us and we reach them. It never looks at the database."""

    kind: str

    def parse(self, raw: RawRequest) -> Parsed: ...
    def refuse(self, reason: Refusal) -> HttpAnswer: ...
    def send(self, message: Outbound) -> Receipt: ...


class Switchboard(Protocol):
    """What the core may ask of the telephone exchange; asked by rows, never by a connection of its own."""

    def originate(self, *, key: str, number: str, expires_at: datetime) -> None: ...
