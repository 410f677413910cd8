"""What an agent's telephone and desk show of a call: who rings, from where, and what is known of this number. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from hotline.services import number_places, telephone_rule
from hotline.services.access import Me
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


def call_now(session: Session, me: Me) -> CallNow | None:
    row = session.execute(
        select(Call, CallLeg, Contact)
        .join(CallLeg, CallLeg.call_id == Call.id)
        .join(Contact, Contact.id == Call.contact_id)
        .where(CallLeg.staff_id == me.staff_id, CallLeg.ended_at.is_(None), Call.ended_at.is_(None))
        .order_by(CallLeg.started_at.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    call, leg, contact = row
    return CallNow(
        call_id=call.id,
        contact_id=contact.id,
        number=contact.number,
        place=number_places.place_of(contact.number or "", folder=get_settings().data_dir),
        called_number=call.called_number,
        placed=call.direction == Direction.OUT,
        is_answered=leg.answered_at is not None,
        since=leg.answered_at or leg.started_at,
        waited=(leg.answered_at or now()) - (call.queued_at or call.started_at),
        calls_before=_calls_before(session, contact),
        open_cases=_open_cases(session, contact),
        recording_paused=_is_paused(session, call),
    )


def _calls_before(session: Session, contact: Contact) -> int:
    if contact.number_hash is None:
        return 0
    same = (Contact.number_hash == contact.number_hash, Contact.id != contact.id)
    count = session.scalar(select(func.count()).select_from(Contact).where(*same, Contact.created_at > now() - REPEATS_WITHIN))
    return count or 0


def _open_cases(session: Session, contact: Contact) -> Sequence[OpenCase]:
    """Never confidential ones: a number is not a person."""
    if contact.number_hash is None:
        return ()
    rows = session.execute(
        select(Case.number, Case.title, Case.status, Unit.name, Assignment.answer_due_at)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
        .outerjoin(Assignment, and_(Assignment.case_id == Case.id, Assignment.lead, Assignment.unit_id == Case.lead_unit_id))
        .where(Case.number_hash == contact.number_hash, Case.closed_at.is_(None), Case.confidential.is_(False))
        .order_by(Case.created_at.desc(), Assignment.dispatched_at.desc())
        .limit(MOST_CASES)
    )
    return [OpenCase(number, title, status, unit or "", due) for number, title, status, unit, due in rows]


def _is_paused(session: Session, call: Call) -> bool:
    last = session.scalar(
        select(CallEvent.step)
        .where(CallEvent.call_id == call.id, CallEvent.step.in_((CallStep.RECORDING_PAUSED, CallStep.RECORDING_RESUMED)))
        .order_by(CallEvent.at.desc())
        .limit(1)
    )
    return last == CallStep.RECORDING_PAUSED


def _offer(session: Session, me: Me) -> OfferNow | None:
    row = session.execute(
        select(Contact, Offer.until)
        .join(Offer, Offer.contact_id == Contact.id)
        .where(Offer.staff_id == me.staff_id, Offer.until > now())
    ).first()
    return None if row is None else OfferNow(row[0], row[1])


@dataclass(frozen=True)
class PastCall:
    """A call of a contact as its page tells it: when, how it ended, how long people waited and spoke."""

    call: Call
    agent: str

    @property
    def waited(self) -> timedelta | None:
        end = self.call.answered_at or self.call.ended_at
        return end - self.call.queued_at if self.call.queued_at and end else None

    @property
    def talked(self) -> timedelta | None:
        """Without the time that the caller was held."""
        if self.call.answered_at is None or self.call.ended_at is None:
            return None
        return self.call.ended_at - self.call.answered_at - timedelta(seconds=self.call.held_seconds)


def calls_of(session: Session, contact: Contact) -> Sequence[PastCall]:
    rows = session.execute(
        select(Call, Staff.name)
        .outerjoin(Staff, Staff.id == Call.staff_id)
        .where(Call.contact_id == contact.id, Call.ended_at.is_not(None))
        .order_by(Call.started_at.desc())
        .limit(MOST_CALLS)
    )
    return [PastCall(call, name or "") for call, name in rows]


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
