"""One connection to Asterisk's manager interface: bytes in, events and answers out. `ami` opens, watches and replaces it.

panoramisk reads answers and writes actions. Its own connection handling is left out: it loses characters that are cut by a
chunk's end, leaves futures open, and sends actions again after a reconnect, which could place a call twice. What Asterisk tells
unasked, three dozen times a call, is read here: it costs a fraction, and nothing where nobody wants it.
"""

import asyncio
import logging
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

from models.base import now

log = logging.getLogger(__name__)

END_OF_MESSAGE = b"\r\n\r\n"
# More than any message has; a peer that never ends one is not an Asterisk.
LONGEST_MESSAGE = 1 << 20
# Asterisk cuts a line after 1,024 bytes and reads the rest as a header of its own, and keeps 128 headers.
LONGEST_LINE = 1000
MOST_HEADERS = 120
REPEATABLE = "ChanVariable"
USER_EVENT = "UserEvent"
FULLY_BOOTED = "FullyBooted"
# panoramisk takes it for the end of the connection.
SHUTDOWN = "Shutdown"

_EVENT, _ANSWERS = "Event: ", "\r\nActionID: "

TAMPERED = "an event with headers of a caller's making was dropped"

Header = str | int | Sequence[str]


class AmiError(Exception):
    """Nothing was done, or nobody knows."""


class AmiUnavailable(AmiError):
    """No connection, or no answer in time: whether Asterisk acted is not known. The action is never sent again."""


class AmiRefused(AmiError):
    """Asterisk said no, with its own words; or the action was not fit to be sent."""


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """Something Asterisk told. Headers keep Asterisk's spelling; one that repeats has its values joined by line breaks."""

    name: str
    fields: dict[str, str]
    at: datetime

    def get(self, header: str) -> str:
        """Empty if Asterisk leaves it out or says that it does not know."""
        value = self.fields.get(header, "")
        return "" if value == "<unknown>" else value


@dataclass(frozen=True, slots=True)
class Answer:
    ok: bool
    message: str
    fields: dict[str, str] = field(default_factory=dict)
    events: tuple[AmiEvent, ...] = ()


class Pending(Action):  # type: ignore[misc]  # panoramisk has no types
    """An action that waits for its answer, which is a list only where Asterisk announces one.

    panoramisk guesses from the wording, and waits for ever after QueueAdd and for the called party after Originate.
    """

    @property
    def multi(self) -> bool:
        return str(self.responses[0].get("EventList", "")).lower() == "start"

    @property
    def completed(self) -> bool:
        return not self.multi or str(self.responses[-1].get("EventList", "")).lower() in {"complete", "cancelled"}

    def add_message(self, message: Message) -> bool:
        self.responses.append(message)
        if not self.completed:
            return False
        if not self.future.done():
            self.future.set_result(self.responses)
        return True


class Link(AMIProtocol):  # type: ignore[misc]  # panoramisk has no types
    """Also its own panoramisk factory: what a Manager would do with events and a lost connection is done here.

    `heard`: the names of the events that are handed over; without it all.
    """

    def __init__(self, on_event: Callable[[AmiEvent], None], heard: Container[str] | None = None) -> None:
        self.on_event = on_event
        self._heard = heard
        self.booted = asyncio.Event()  # or never will be: `closed` tells
        self.lost = asyncio.Event()
        self.closed = False
        self.responses: dict[str, Pending] = {}
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.factory = self
        self.encoding = "utf-8"

    def data_received(self, data: bytes) -> None:
        *messages, self._unread = (self._unread + data).split(END_OF_MESSAGE)
        for raw in messages:
            try:
                self._take(raw.decode("utf-8", "replace").strip())
            except Exception:
                log.exception("a message of Asterisk was not understood")
        if len(self._unread) > LONGEST_MESSAGE:
            self.abort()

    def _take(self, text: str) -> None:
        if text.startswith("Asterisk Call Manager/"):
            text = text.partition("\r\n")[2]
        if text.startswith(_EVENT) and _ANSWERS not in text:
            name = text[len(_EVENT) :].partition("\r\n")[0]
            if name != SHUTDOWN:
                self._take_event(name, text)
                return
        message = Message.from_line(text)
        if message is None:
            return
        if is_tampered(message):
            log.warning(TAMPERED)
            return
        self.handle_message(message)

    def _take_event(self, name: str, text: str) -> None:
        if name != FULLY_BOOTED and self._heard is not None and name not in self._heard:
            return
        event = read_event(name, text)
        if event is None:
            log.warning(TAMPERED)
        elif "Privilege" in event.fields:
            self._tell(event)

    def dispatch(self, message: Message) -> None:
        """Called by panoramisk for what answers no action.

        Asterisk's own events tell who may see them; the rest of a list that nobody waits for any more does not.
        """
        if "Privilege" not in message:
            return
        self._tell(as_event(message))

    def _tell(self, event: AmiEvent) -> None:
        if event.name == FULLY_BOOTED:
            self.booted.set()
        self.on_event(event)

    async def ask(self, headers: dict[str, Header]) -> Answer:
        """Waits as long as Asterisk takes: the caller limits it. Raises AmiUnavailable when the connection goes."""
        if self.closed:
            raise AmiUnavailable("the connection to Asterisk is gone")
        refuse_unfit(headers)
        pending = Pending(headers)
        future = self.send(pending)
        try:
            return as_answer(await future)
        finally:
            self.responses.pop(pending.id, None)

    def close(self) -> None:
        """Every action that waits learns that its answer will not come."""
        waiting, self.responses = list(self.responses.values()), {}
        for pending in waiting:
            if not pending.future.done():
                pending.future.set_exception(AmiUnavailable(f"the connection to Asterisk was lost during {pending['Action']}"))
        self.booted.set()
        if not self.closed:
            self.closed = True
            self.transport.close()

    def abort(self) -> None:
        """Without waiting for what has not been sent: a stopped Asterisk would not take it."""
        self.transport.abort()

    def connection_lost(self, exc: object) -> None:
        """By the network; or, with a message, by panoramisk on Asterisk's Shutdown event, and the network follows."""
        self.close()
        if not isinstance(exc, Message):
            self.lost.set()


def refuse_unfit(headers: dict[str, Header]) -> None:
    lines = list(as_lines(headers))
    if len(lines) > MOST_HEADERS:
        raise AmiRefused("too many headers")
    for line in lines:
        if "\r" in line or "\n" in line or "\0" in line:
            raise AmiRefused(f"a line break in header {line.partition(':')[0]!r}")
        if len(line.encode("utf-8", "replace")) > LONGEST_LINE:
            raise AmiRefused(f"header {line.partition(':')[0]!r} is too long")


def as_lines(headers: dict[str, Header]) -> Iterable[str]:
    for name, value in headers.items():
        for one in [value] if isinstance(value, str | int) else value:
            yield f"{name}: {one}"


def is_tampered(message: Message) -> bool:
    """A caller's number may hold line breaks (%0d%0a in a SIP address), which Asterisk passes on as they are.

    Headers of the caller's own then repeat true ones. Whole events of the caller's own are filtered in manager.conf.
    """
    if "Event" not in message or message["Event"] == USER_EVENT:
        return False
    repeated = (key for key, value in message.items() if isinstance(value, list))
    return any(not key.startswith(REPEATABLE) for key in repeated)


def read_event(name: str, text: str) -> AmiEvent | None:
    """As `as_event` and `is_tampered` would: None if a header of a caller's making repeats a true one."""
    fields: dict[str, str] = {}
    for line in text.split("\r\n"):
        key, found, value = line.partition(": ")
        if not found:
            continue
        if key not in fields or name == USER_EVENT:
            fields[key] = value  # of a user event the dialplan's own come last
        elif key.startswith(REPEATABLE):
            fields[key] += f"\n{value}"
        else:
            return None
    return AmiEvent(name=name, fields=fields, at=moment(fields.get("Timestamp", "")))


def as_event(message: Message) -> AmiEvent:
    fields = plain(message)
    return AmiEvent(name=fields.get("Event", ""), fields=fields, at=moment(fields.get("Timestamp", "")))


def as_answer(messages: Sequence[Message]) -> Answer:
    first, rest = messages[0], messages[1:]
    fields = plain(first)
    # The last of a list only counts it.
    events = tuple(as_event(one) for one in rest if "EventList" not in one)
    return Answer(ok=bool(first.success), message=fields.get("Message", ""), fields=fields, events=events)


def plain(message: Message) -> dict[str, str]:
    """A Message weighs 6 kB and ties everything to panoramisk; what is kept is a copy."""
    only = only_of_user_event if message.get("Event") == USER_EVENT else "\n".join
    headers = ((key, value) for key, value in message.items() if key != "content")
    return {key: only(value) if isinstance(value, list) else value for key, value in headers}


def only_of_user_event(values: list[str]) -> str:
    """The dialplan's own headers come last and may bear the name of one of the channel's, as Exten or Priority."""
    return values[-1]


def moment(stamp: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(stamp), UTC)
    except (ValueError, OverflowError):
        return now()
