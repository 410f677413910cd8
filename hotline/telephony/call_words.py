"""Which events of the exchange tell what of which call. No database: what comes out are facts to be told to `calling`."""

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.services.telephone import call_rows, calling
from hotline.telephony.ami import AmiEvent
from models import CallStep, TryOutcome

log = logging.getLogger(__name__)

INBOUND = frozenset({"from-trunk", "intake"})
TRUNK = "PJSIP/trunk-"
LINE = re.compile(r"PJSIP/(\d{4})(?:-|$)")
# Who speaks with a citizen that a flow has rung.
FLOW = "flow"
# The exchange ends a telephone that fell silent with this cause, a normal end has 16.
SILENT = "44"
OUTCOMES = {
    "BUSY": TryOutcome.BUSY,
    "NOANSWER": TryOutcome.NO_ANSWER,
    "CANCEL": TryOutcome.NO_ANSWER,
    "CHANUNAVAIL": TryOutcome.FAILED,
    "CONGESTION": TryOutcome.FAILED,
}
# Of an unanswered call these say more than the outcome of dialling (Q.850).
CAUSES = {"17": TryOutcome.BUSY, "21": TryOutcome.REFUSED, "18": TryOutcome.NO_ANSWER, "19": TryOutcome.NO_ANSWER}

Telling = Callable[[Session], object]


@dataclass(eq=False, slots=True)
class Live:
    """A call as far as its events must be told apart: the legs by their ids, with the extension of each."""

    linkedid: str
    placed: bool = False
    legs: dict[str, str] = field(default_factory=dict)
    spoken: set[str] = field(default_factory=set)
    # Of the legs those that no queue rings, and of which therefore no queue tells that nobody answered.
    direct: set[str] = field(default_factory=set)
    bridges: set[str] = field(default_factory=set)
    outcome: TryOutcome | None = None
    is_answered: bool = False
    is_lost: bool = False
    # Placed by a command that is no call to a citizen: somebody listens, or a third party is rung.
    is_strange: bool = False


@dataclass(slots=True)
class Fact:
    """`urgent`: somebody waits for it at a screen. `seat`: it moves a seat."""

    linkedid: str
    tell: Telling
    live: Live | None = None
    urgent: bool = False
    seat: bool = False


class Translator:
    def __init__(self) -> None:
        self._live: dict[str, Live] = {}
        self._legs: dict[str, Live] = {}
        self._bridges: dict[str, Live] = {}
        self._ways: dict[str, Callable[[AmiEvent], Iterable[Fact]]] = {
            "Newchannel": self._new_channel,
            "QueueCallerJoin": self._joined,
            "AgentCalled": self._rings,
            "DialBegin": self._rings_directly,
            "AgentConnect": self._connected,
            "AgentRingNoAnswer": self._not_answered,
            "DialEnd": self._dialled,
            "BridgeEnter": self._entered,
            "Hold": partial(self._held, tell=calling.held),
            "Unhold": partial(self._held, tell=calling.resumed),
            "BlindTransfer": self._blind_transfer,
            "AttendedTransfer": self._attended_transfer,
            "UserEvent": self._said,
            "Hangup": self._hung_up,
        }

    @property
    def heard(self) -> frozenset[str]:
        """The events that tell anything of a call."""
        return frozenset(self._ways)

    def facts(self, event: AmiEvent) -> Iterable[Fact]:
        way = self._ways.get(event.name)
        return () if way is None else way(event)

    def forget(self) -> None:
        """The exchange may have lost its calls; `follow` names those that live."""
        self._live.clear()
        self._legs.clear()
        self._bridges.clear()

    def follow(self, linkedid: str, *, placed: bool = False) -> Live:
        return self._live.setdefault(linkedid, Live(linkedid, placed=placed))

    def follow_leg(self, live: Live, unique_id: str, extension: str, *, bridge: str = "", spoken: bool = False) -> None:
        self._legs[unique_id] = live
        live.legs[unique_id] = extension
        if spoken:
            live.spoken.add(unique_id)
            live.is_answered = live.is_answered or not live.placed
        self._follow_bridge(live, bridge)

    def _follow_bridge(self, live: Live, bridge: str) -> None:
        if bridge:
            live.bridges.add(bridge)
            self._bridges[bridge] = live

    def follows(self, linkedid: str) -> bool:
        return linkedid in self._live

    def _of(self, event: AmiEvent) -> Live | None:
        return self._live.get(event.get("Linkedid"))

    # -- beginning

    def _new_channel(self, event: AmiEvent) -> Iterator[Fact]:
        linkedid = event.get("Linkedid")
        if event.get("Uniqueid") != linkedid:
            return
        if event.get("Context") in INBOUND:
            live = self.follow(linkedid)
            yield Fact(linkedid, partial(_arrived, event=event), live)
        elif command_id := command_of(linkedid):
            live = self.follow(linkedid, placed=True)
            if extension := extension_of(event.get("Channel")):
                self.follow_leg(live, linkedid, extension)
            yield Fact(
                linkedid, partial(place, live=live, command_id=command_id, at=event.at, channel=event.get("Channel")), live
            )

    def _joined(self, event: AmiEvent) -> Iterator[Fact]:
        if live := self._of(event):
            yield _fact(live, calling.queued, event, queue=event.get("Queue"))

    def _rings(self, event: AmiEvent) -> Iterator[Fact]:
        live, extension = self._of(event), extension_of(event.get("Interface") or event.get("DestChannel"))
        if live and extension:
            yield self._rung(live, event, extension)

    def _rung(self, live: Live, event: AmiEvent, extension: str) -> Fact:
        unique_id, channel = event.get("DestUniqueid"), event.get("DestChannel")
        self.follow_leg(live, unique_id, extension)
        return _fact(live, calling.rang, event, urgent=True, extension=extension, unique_id=unique_id, channel_name=channel)

    def _rings_directly(self, event: AmiEvent) -> Iterator[Fact]:
        """After a transfer, or because its person has the first claim. What a queue rings it has told of just before."""
        live, extension = self._of(event) or self._asked_about(event), extension_of(event.get("DestChannel"))
        unique_id = event.get("DestUniqueid")
        if live and extension and not live.placed and unique_id not in live.legs:
            live.direct.add(unique_id)
            yield self._rung(live, event, extension)

    def _asked_about(self, event: AmiEvent) -> Live | None:
        """Whoever speaks with a caller asks a colleague first, in a call of their own, before handing the caller over."""
        asking = extension_of(event.get("Channel"))
        if not asking:
            return None
        return next((live for live in self._live.values() if any(live.legs[each] == asking for each in live.spoken)), None)

    def _not_answered(self, event: AmiEvent) -> Iterator[Fact]:
        live, extension = self._of(event), extension_of(event.get("Interface"))
        if live and extension:
            unique_id = event.get("DestUniqueid")
            self._drop_leg(live, unique_id)
            yield _fact(live, calling.not_answered, event, extension=extension, unique_id=unique_id)

    # -- talking

    def _connected(self, event: AmiEvent) -> Iterator[Fact]:
        live, extension = self._of(event), extension_of(event.get("Interface") or event.get("DestChannel"))
        if live and extension:
            yield from self._speaks(live, event, event.get("DestUniqueid"), extension)

    def _entered(self, event: AmiEvent) -> Iterator[Fact]:
        """A telephone of ours in the caller's bridge that no queue has put there: after a transfer, or as a third one."""
        bridge, unique_id, extension = event.get("BridgeUniqueid"), event.get("Uniqueid"), extension_of(event.get("Channel"))
        live = self._bridges.get(bridge) or self._of(event)
        if live is None:
            return
        if unique_id == live.linkedid:
            self._follow_bridge(live, bridge)
        if extension and not live.placed and unique_id not in live.spoken:
            yield from self._speaks(live, event, unique_id, extension)

    def _speaks(self, live: Live, event: AmiEvent, unique_id: str, extension: str) -> Iterator[Fact]:
        """In a call that we placed the citizen is still to be rung."""
        self.follow_leg(live, unique_id, extension, spoken=True)
        live.is_lost = False
        if not live.placed:
            yield _fact(live, calling.answered, event, urgent=True, extension=extension, unique_id=unique_id)

    def _held(self, event: AmiEvent, tell: Callable[..., object]) -> Iterator[Fact]:
        live = self._legs.get(event.get("Uniqueid"))
        if live is not None:
            yield _fact(live, tell, event, extension=live.legs[event.get("Uniqueid")])

    def _blind_transfer(self, event: AmiEvent) -> Iterator[Fact]:
        live = self._legs.get(event.get("TransfererUniqueid")) or self._live.get(event.get("TransfereeLinkedid"))
        if live is not None:
            by = extension_of(event.get("TransfererChannel"))
            yield step(live, CallStep.BLIND_TRANSFER, event.at, by=by, detail=event.get("Extension"))

    def _attended_transfer(self, event: AmiEvent) -> Iterator[Fact]:
        first, second = (event.get(f"{which}TransfererUniqueid") for which in ("Orig", "Second"))
        live = self._legs.get(first) or self._legs.get(second)
        if live is not None:
            by = extension_of(event.get("OrigTransfererChannel"))
            to = extension_of(event.get("TransferTargetChannel"))
            yield step(live, CallStep.ATTENDED_TRANSFER, event.at, by=by, detail=to)

    # -- calls that we placed

    def _dialled(self, event: AmiEvent) -> Iterator[Fact]:
        live = self._live.get(event.get("DestLinkedid") or event.get("Linkedid"))
        if live is None or not live.placed or not event.get("DestChannel").startswith(TRUNK):
            return
        status = event.get("DialStatus")
        if status == "ANSWER":
            yield from self._citizen_answered(live, event)
        elif status in OUTCOMES and live.outcome is None:
            yield self._outcome(live, OUTCOMES[status], event)

    def _citizen_answered(self, live: Live, event: AmiEvent) -> Iterator[Fact]:
        live.is_answered = True
        unique_id = next(iter(live.spoken or live.legs), "")
        extension = live.legs.get(unique_id, FLOW)
        yield _fact(live, calling.answered, event, urgent=True, extension=extension, unique_id=unique_id or live.linkedid)

    def _outcome(self, live: Live, outcome: TryOutcome, event: AmiEvent) -> Fact:
        live.outcome = outcome
        return _fact(live, calling.citizen_said, event, outcome=outcome)

    # -- what the dialplan says

    def _said(self, event: AmiEvent) -> Iterable[Fact]:
        what = event.get("UserEvent")
        if what in ("Refused", "OutRefused"):
            log.warning("a call outside was refused", extra={"channel": event.get("Channel")})
        live = self._of(event)
        return () if live is None else self._said_of(live, what, event)

    def _said_of(self, live: Live, what: str, event: AmiEvent) -> Iterator[Fact]:
        if what == "HotlineIvrDown":
            yield step(live, CallStep.FLOW_DOWN, event.at, detail=f"{event.get('Flow')} {event.get('Status')}".strip())
        elif what == "WantsCallback":
            position = event.get("Position")
            yield _fact(live, calling.wants_callback, event, position=int(position) if position.isdecimal() else None)
        elif what == "HotlineNoAgent":
            yield _fact(live, calling.no_agent, event)
        elif what == "VoiceMessage" and event.get("Status") != "ERROR":
            yield _fact(live, calling.voice_message, event)
        elif what == "Held" and not live.is_lost:
            live.is_lost = True
            yield step(live, CallStep.PHONE_LOST, event.at, detail=extension_of(event.get("Member")))

    # -- ending

    def _hung_up(self, event: AmiEvent) -> Iterable[Fact]:
        unique_id, cause = event.get("Uniqueid"), event.get("Cause")
        live = self._live.get(unique_id)
        if live is not None:
            return self._ended(live, cause, event)
        if live := self._legs.get(unique_id):
            return self._left(live, unique_id, cause, event)
        live = self._of(event)
        return self._refused(live, cause, event) if live is not None else ()

    def _ended(self, live: Live, cause: str, event: AmiEvent) -> Iterator[Fact]:
        yield from self._refused(live, cause, event)
        had_a_seat = bool(live.legs)
        del self._live[live.linkedid]
        for unique_id in list(live.legs):
            self._drop_leg(live, unique_id)
        for bridge in live.bridges:
            self._bridges.pop(bridge, None)
        yield _fact(live, calling.ended, event, seat=had_a_seat)

    def _refused(self, live: Live, cause: str, event: AmiEvent) -> Iterator[Fact]:
        """The citizen's telephone, rung by us. The call ends with its cause, and may do so before that end is told."""
        is_theirs = event.get("Channel").startswith(TRUNK) or live.outcome is not None
        if live.placed and not live.is_answered and is_theirs and cause in CAUSES:
            yield self._outcome(live, CAUSES[cause], event)

    def _left(self, live: Live, unique_id: str, cause: str, event: AmiEvent) -> Iterator[Fact]:
        """A telephone that a queue rang is closed with its call; one that spoke leaves its person with notes to write."""
        extension, spoke, direct = live.legs[unique_id], unique_id in live.spoken, unique_id in live.direct
        self._drop_leg(live, unique_id)
        if spoke or direct:
            live.is_lost = live.is_lost or (spoke and cause == SILENT)
            lost = spoke and live.is_lost
            yield _fact(live, calling.agent_left, event, seat=True, extension=extension, unique_id=unique_id, lost=lost)

    def _drop_leg(self, live: Live, unique_id: str) -> None:
        live.legs.pop(unique_id, None)
        live.spoken.discard(unique_id)
        live.direct.discard(unique_id)
        self._legs.pop(unique_id, None)


def _fact(
    live: Live, tell: Callable[..., object], event: AmiEvent, *, urgent: bool = False, seat: bool = False, **about: object
) -> Fact:
    return Fact(live.linkedid, partial(_tell, tell=tell, linkedid=live.linkedid, at=event.at, about=about), live, urgent, seat)


def _tell(session: Session, *, tell: Callable[..., object], linkedid: str, at: datetime, about: dict[str, object]) -> object:
    return tell(session, linkedid, at=at, **about)


def _arrived(session: Session, *, event: AmiEvent) -> None:
    calling.arrived(
        session,
        linkedid=event.get("Linkedid"),
        channel_name=event.get("Channel"),
        number=event.get("CallerIDNum"),
        name=event.get("CallerIDName"),
        called=event.get("Exten"),
        at=event.at,
    )


def place(session: Session, *, live: Live, command_id: UUID, at: datetime, channel: str) -> None:
    call = calling.placed_by_command(session, live.linkedid, command_id, at=at, channel_name=channel)
    live.is_strange = call is None


def step(live: Live, which: CallStep, at: datetime, *, by: str = "", detail: str = "") -> Fact:
    def tell(session: Session) -> None:
        staff_id = call_rows.staff_of(session, by) if by else None
        calling.step(session, live.linkedid, which, at=at, staff_id=staff_id, detail=detail)

    return Fact(live.linkedid, tell, live)


def extension_of(channel: str) -> str:
    """2001 of PJSIP/2001-0000001a; empty for what is no line of ours."""
    found = LINE.match(channel)
    return found[1] if found else ""


def command_of(unique_id: str) -> UUID | None:
    """A call that we place has the command's id for its own."""
    try:
        return UUID(unique_id)
    except ValueError:
        return None
