"""What an agent's telephone and desk show of a call: who rings, from where, and what is known of this number. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import and_, bindparam, func, or_, select
from sqlalchemy.orm import Session

from hotline.services import core
from hotline.services.access import Me
from hotline.services.talk_time import TALKED_UNTIL
from hotline.services.telephone import number_places, telephone_rule
from hotline.settings import get_settings
from models import (
    Assignment,
    Call,
    CallEvent,
    CallLeg,
    CallStep,
    Case,
    CaseStatus,
    Contact,
    Direction,
    ExchangeState,
    Offer,
    PhoneLine,
    Presence,
    PresenceState,
    Role,
    Staff,
    StaffRole,
    Unit,
    now,
)
from models.base import UtcTime

REPEATS_WITHIN = timedelta(days=90)
MOST_CASES = 3
MOST_CALLS = 20
MOST_TARGETS = 300
# The process that speaks with the exchange says so every few seconds.
EXCHANGE_SILENT = timedelta(seconds=15)


@dataclass(frozen=True)
class OpenCase:
    """A case of this number that is not closed: what was promised, and until when."""

    number: str
    title: str
    status: CaseStatus
    unit: str
    answer_due_at: datetime | None


@dataclass(frozen=True)
class CallNow:
    """The call that rings at this person's telephone or that he or she is in."""

    call_id: UUID
    contact_id: UUID
    number: str | None
    place: str
    called_number: str
    placed: bool
    is_answered: bool
    since: datetime
    waited: timedelta
    calls_before: int
    open_cases: Sequence[OpenCase]
    recording_paused: bool


@dataclass(frozen=True)
class OfferNow:
    contact: Contact
    until: datetime


@dataclass(frozen=True)
class PhoneNow:
    call: CallNow | None
    offer: OfferNow | None
    seat: Presence | None
    wrap_up_until: datetime | None
    connected: bool


@dataclass(frozen=True)
class RingNow:
    """One of the three at most: who rings, the contact of the call that was answered, a text held out."""

    call: CallNow | None = None
    answered: UUID | None = None
    offer: OfferNow | None = None


@dataclass(frozen=True)
class Speaker:
    """Who of ours speaks with the citizen at this moment."""

    staff_id: UUID
    name: str


@dataclass(frozen=True)
class Target:
    """Somebody whom a call can be handed to: a colleague's line."""

    name: str
    extension: str
    state: PresenceState


def phone_now(session: Session, me: Me) -> PhoneNow:
    seat = session.get(Presence, me.staff_id)
    rule = telephone_rule.current(session)
    resting = seat is not None and seat.state == PresenceState.WRAP_UP
    return PhoneNow(
        call=call_now(session, me),
        offer=_offer(session, me),
        seat=seat,
        wrap_up_until=seat.since + timedelta(seconds=rule.wrap_up) if seat is not None and resting else None,
        connected=is_connected(session),
    )


def is_connected(session: Session) -> bool:
    state = session.get(ExchangeState, 1)
    return state is not None and state.connected and state.seen_at > now() - EXCHANGE_SILENT


def ring_now(session: Session, me: Me) -> RingNow:
    """Asked by every desk at each change of its telephone: what is known of a caller is looked up only while it rings."""
    found = _at_hand(session, me)
    if found is None:
        return RingNow(offer=_offer(session, me))
    return RingNow(answered=found.contact_id) if found.answered_at else RingNow(call=_shown(session, found))


def call_now(session: Session, me: Me) -> CallNow | None:
    found = _at_hand(session, me)
    return None if found is None else _shown(session, found)


class _AtHand(NamedTuple):
    """The columns of `_AT_HAND`."""

    call_id: UUID
    contact_id: UUID
    number: str | None
    number_hash: bytes | None
    called_number: str
    direction: Direction
    started_at: datetime
    queued_at: datetime | None
    rang_at: datetime
    answered_at: datetime | None


_AT_HAND = (
    select(
        Call.id.label("call_id"),
        Contact.id.label("contact_id"),
        Contact.number,
        Contact.number_hash,
        Call.called_number,
        Call.direction,
        Call.started_at,
        Call.queued_at,
        CallLeg.started_at.label("rang_at"),
        CallLeg.answered_at.label("leg_answered_at"),
    )
    .select_from(Call)
    .join(CallLeg, CallLeg.call_id == Call.id)
    .join(Contact, Contact.id == Call.contact_id)
    .where(CallLeg.staff_id == bindparam("person"), CallLeg.ended_at.is_(None), Call.ended_at.is_(None))
    .order_by(CallLeg.started_at.desc())
    .limit(1)
)
_CALLS_BEFORE = select(func.count()).where(
    Contact.number_hash == bindparam("caller"),
    Contact.id != bindparam("this"),
    Contact.created_at > bindparam("since", type_=UtcTime),
)
# Never confidential ones: a number is not a person.
_OPEN_CASES = (
    select(Case.number, Case.title, Case.status, Unit.name, Assignment.answer_due_at)
    .outerjoin(Unit, Unit.id == Case.lead_unit_id)
    .outerjoin(Assignment, and_(Assignment.case_id == Case.id, Assignment.lead, Assignment.unit_id == Case.lead_unit_id))
    .where(Case.number_hash == bindparam("caller"), Case.closed_at.is_(None), Case.confidential.is_(False))
    .order_by(Case.created_at.desc(), Assignment.dispatched_at.desc())
    .limit(MOST_CASES)
)
_OFFER = select(Offer.contact_id, Offer.until).where(
    Offer.staff_id == bindparam("person"), Offer.until > bindparam("moment", type_=UtcTime)
)


def _at_hand(session: Session, me: Me) -> _AtHand | None:
    rows = core.send(session, _AT_HAND, {"person": me.staff_id})
    return _AtHand._make(rows[0]) if rows else None


def _shown(session: Session, found: _AtHand) -> CallNow:
    return CallNow(
        call_id=found.call_id,
        contact_id=found.contact_id,
        number=found.number,
        place=number_places.place_of(found.number or "", folder=get_settings().data_dir),
        called_number=found.called_number,
        placed=found.direction == Direction.OUT,
        is_answered=found.answered_at is not None,
        since=found.answered_at or found.rang_at,
        waited=(found.answered_at or now()) - (found.queued_at or found.started_at),
        calls_before=_calls_before(session, found),
        open_cases=_open_cases(session, found),
        recording_paused=found.answered_at is not None and _is_paused(session, found.call_id),
    )


def _calls_before(session: Session, found: _AtHand) -> int:
    if found.number_hash is None:
        return 0
    asked = {"caller": found.number_hash, "this": found.contact_id, "since": now() - REPEATS_WITHIN}
    count: int = core.send(session, _CALLS_BEFORE, asked)[0][0]
    return count


def _open_cases(session: Session, found: _AtHand) -> Sequence[OpenCase]:
    if found.number_hash is None:
        return ()
    rows = core.send(session, _OPEN_CASES, {"caller": found.number_hash})
    return [OpenCase(number, title, status, unit or "", due) for number, title, status, unit, due in rows]


def _is_paused(session: Session, call_id: UUID) -> bool:
    last = session.scalar(
        select(CallEvent.step)
        .where(CallEvent.call_id == call_id, CallEvent.step.in_((CallStep.RECORDING_PAUSED, CallStep.RECORDING_RESUMED)))
        .order_by(CallEvent.at.desc())
        .limit(1)
    )
    return last == CallStep.RECORDING_PAUSED


def has_spoken(session: Session, me: Me, contact_id: UUID) -> bool:
    """Was in one of the contact's calls, whoever works on it now."""
    spoken = select(CallLeg.id).join(Call, Call.id == CallLeg.call_id).where(CallLeg.answered_at.is_not(None))
    return session.scalar(spoken.where(Call.contact_id == contact_id, CallLeg.staff_id == me.staff_id).limit(1)) is not None


def speaker(session: Session, contact: Contact) -> Speaker | None:
    """Of several in one call the first, as for whoever has the call in hand."""
    row = session.execute(
        select(Staff.id, Staff.name)
        .join(CallLeg, CallLeg.staff_id == Staff.id)
        .join(Call, Call.id == CallLeg.call_id)
        .where(Call.contact_id == contact.id, Call.ended_at.is_(None))
        .where(CallLeg.answered_at.is_not(None), CallLeg.ended_at.is_(None))
        .order_by(CallLeg.answered_at)
        .limit(1)
    ).first()
    return Speaker(*row) if row else None


def _offer(session: Session, me: Me) -> OfferNow | None:
    rows = core.send(session, _OFFER, {"person": me.staff_id, "moment": now()})
    return OfferNow(session.get_one(Contact, rows[0][0]), rows[0][1]) if rows else None


@dataclass(frozen=True)
class PastCall:
    """A call of a contact as its page tells it: when, how it ended, how long people waited and spoke."""

    call: Call
    agent: str
    talked_until: datetime | None

    @property
    def waited(self) -> timedelta | None:
        end = self.call.answered_at or self.call.ended_at
        return end - self.call.queued_at if self.call.queued_at and end else None

    @property
    def talked(self) -> timedelta | None:
        """Without the time that the caller was held."""
        if self.call.answered_at is None or self.talked_until is None:
            return None
        return self.talked_until - self.call.answered_at - timedelta(seconds=self.call.held_seconds)


def calls_of(session: Session, contact: Contact) -> Sequence[PastCall]:
    rows = session.execute(
        select(Call, Staff.name, TALKED_UNTIL)
        .outerjoin(Staff, Staff.id == Call.staff_id)
        .where(Call.contact_id == contact.id, Call.ended_at.is_not(None))
        .order_by(Call.started_at.desc())
        .limit(MOST_CALLS)
    )
    return [PastCall(call, name or "", talked_until) for call, name, talked_until in rows]


def targets(session: Session, me: Me, query: str) -> Sequence[Target]:
    """Colleagues with a telephone that is there, the free ones first; never oneself."""
    rows = session.execute(
        select(Staff.name, PhoneLine.extension, Presence.state)
        .join(PhoneLine, PhoneLine.staff_id == Staff.id)
        .join(Presence, Presence.staff_id == Staff.id)
        .join(StaffRole, StaffRole.staff_id == Staff.id)
        .where(PhoneLine.reachable, Staff.id != me.staff_id, Staff.active)
        .where(StaffRole.role.in_((Role.AGENT, Role.CALLBACK_AGENT, Role.SHIFT_LEADER, Role.SUPERVISOR)))
        .where(or_(Staff.name.contains(query, autoescape=True), PhoneLine.extension.startswith(query, autoescape=True)))
        .distinct()
        .order_by(Presence.state, Staff.name)
        .limit(MOST_TARGETS)
    )
    return [Target(name, extension, PresenceState(state)) for name, extension, state in rows]
