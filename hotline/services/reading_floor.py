"""The floor as its leader sees it: every seat with its telephone and call, who waits, who asks for something. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Subquery, and_, func, select
from sqlalchemy.orm import Session

from hotline.services import reading_callbacks, reading_calls, reading_phone
from hotline.services.reading_callbacks import Owed
from hotline.services.telephone import floor, routing
from hotline.services.telephone.floor import Posted
from models import (
    Announcement,
    BreakRequest,
    BreakState,
    Call,
    CallLeg,
    Contact,
    HelpCall,
    PhoneLine,
    Presence,
    PresenceState,
    Role,
    Staff,
    StaffRole,
    Urgency,
    now,
)

MOST_SEATS = 1000
MOST_CALLERS = 50
A_NIGHT = timedelta(hours=12)
# How long a desk shows that a break was refused.
REFUSAL_TOLD = timedelta(minutes=5)


@dataclass(frozen=True)
class BoardSeat:
    """One person: where he or she stands, the telephone, and the call at it."""

    staff_id: UUID
    name: str
    state: PresenceState
    reason: str
    since: datetime
    extension: str
    reachable: bool
    call_id: UUID | None
    number: str | None
    call_since: datetime | None
    answered: bool
    held: bool
    taken_today: int


@dataclass(frozen=True)
class Caller:
    """A caller whom nobody has answered yet."""

    contact_id: UUID
    number: str | None
    queue: str
    since: datetime
    urgency: Urgency


@dataclass(frozen=True)
class Asked:
    """What somebody asks of the leader: help at once, or a break."""

    id: UUID
    name: str
    at: datetime
    contact_id: UUID | None = None
    reason: str = ""
    minutes: int = 0


@dataclass(frozen=True)
class Board:
    seats: Sequence[BoardSeat]
    callers: Sequence[Caller]
    help: Sequence[Asked]
    breaks: Sequence[Asked]
    notices: Sequence[Posted]
    owed: Sequence[Owed]
    announcement: Announcement | None
    connected: bool
    # Urgent texts past their clock, which nobody has taken.
    late_urgent: int

    def count(self, state: PresenceState) -> int:
        return sum(seat.state == state for seat in self.seats)

    @property
    def free(self) -> int:
        """Who is available and speaks with nobody."""
        return sum(seat.state == PresenceState.AVAILABLE and not seat.answered for seat in self.seats)

    @property
    def talking(self) -> int:
        return sum(seat.answered for seat in self.seats)


def board(session: Session) -> Board:
    return Board(
        seats=_seats(session),
        callers=_callers(session),
        help=_help(session),
        breaks=_breaks(session),
        notices=floor.posted(session),
        owed=reading_callbacks.to_ring(session),
        announcement=floor.announcement(session),
        connected=reading_phone.is_connected(session),
        late_urgent=len(routing.late_urgent_texts(session)),
    )


def _seats(session: Session) -> Sequence[BoardSeat]:
    today = _taken_today()
    agents = select(StaffRole.staff_id).where(StaffRole.role.in_((Role.AGENT, Role.CALLBACK_AGENT)))
    rows = session.execute(
        select(
            Staff.id, Staff.name, Presence, PhoneLine.extension, PhoneLine.reachable, Call, CallLeg, Contact.number, today.c.taken
        )
        .join(Presence, Presence.staff_id == Staff.id)
        .outerjoin(PhoneLine, and_(PhoneLine.staff_id == Staff.id, PhoneLine.signed_in_at.is_not(None)))
        .outerjoin(CallLeg, and_(CallLeg.staff_id == Staff.id, CallLeg.ended_at.is_(None)))
        .outerjoin(Call, and_(Call.id == CallLeg.call_id, Call.ended_at.is_(None)))
        .outerjoin(Contact, Contact.id == Call.contact_id)
        .outerjoin(today, today.c.staff_id == Staff.id)
        .where(Presence.state != PresenceState.OFFLINE, Staff.id.in_(agents))
        # Of two telephones the one that was signed in last counts.
        .order_by(Presence.state, Staff.name, PhoneLine.signed_in_at.desc())
        .limit(MOST_SEATS)
    )
    seats: dict[UUID, BoardSeat] = {}
    for row in rows:
        staff_id, call = row[0], row[5]
        if staff_id not in seats or call is not None:
            seats[staff_id] = _seat(*row)
    return list(seats.values())


def _taken_today() -> Subquery:
    midnight = reading_calls.midnight()
    return (
        select(Call.staff_id, func.count().label("taken"))
        # The index is over when calls began; one from before midnight may be answered after it.
        .where(Call.started_at >= midnight - A_NIGHT, Call.answered_at >= midnight)
        .group_by(Call.staff_id)
        .subquery()
    )


def _seat(
    staff_id: UUID,
    name: str,
    presence: Presence,
    extension: str | None,
    reachable: bool | None,
    call: Call | None,
    leg: CallLeg | None,
    number: str | None,
    taken: int | None,
) -> BoardSeat:
    return BoardSeat(
        staff_id=staff_id,
        name=name,
        state=PresenceState(presence.state),
        reason=presence.reason,
        since=presence.since,
        extension=extension or "",
        reachable=bool(reachable),
        call_id=call.id if call else None,
        number=number if call else None,
        call_since=(leg.answered_at or leg.started_at) if call and leg else None,
        answered=bool(call and leg and leg.answered_at),
        held=bool(call and call.held_since),
        taken_today=taken or 0,
    )


def _callers(session: Session) -> Sequence[Caller]:
    rows = session.execute(
        select(Contact.id, Contact.number, Call.queue, func.coalesce(Call.queued_at, Call.started_at), Contact.urgency)
        .join(Contact, Contact.id == Call.contact_id)
        .where(Call.ended_at.is_(None), Call.answered_at.is_(None), Call.queued_at.is_not(None))
        .order_by(Call.queued_at)
        .limit(MOST_CALLERS)
    )
    return [Caller(*row) for row in rows]


def _help(session: Session) -> Sequence[Asked]:
    rows = session.execute(
        select(HelpCall.id, Staff.name, HelpCall.created_at, HelpCall.contact_id)
        .join(Staff, Staff.id == HelpCall.staff_id)
        .where(HelpCall.answered_at.is_(None))
        .order_by(HelpCall.created_at)
    )
    return [Asked(help_id, name, at, contact_id) for help_id, name, at, contact_id in rows]


def _breaks(session: Session) -> Sequence[Asked]:
    rows = session.execute(
        select(BreakRequest.id, Staff.name, BreakRequest.created_at, BreakRequest.reason, BreakRequest.minutes)
        .join(Staff, Staff.id == BreakRequest.staff_id)
        .where(BreakRequest.state == BreakState.ASKED)
        .order_by(BreakRequest.created_at)
    )
    return [Asked(request_id, name, at, reason=reason, minutes=minutes) for request_id, name, at, reason, minutes in rows]


class Wish(NamedTuple):
    """What became of the break that a person asked for last."""

    open: BreakRequest | None = None  # nobody has decided, or it has been granted and is not over
    refused: BreakRequest | None = None  # a short while ago


def wish_of(session: Session, staff_id: UUID) -> Wish:
    of_person = select(BreakRequest).where(BreakRequest.staff_id == staff_id).order_by(BreakRequest.created_at.desc())
    last = session.scalars(of_person.limit(1).execution_options(populate_existing=True)).one_or_none()
    if last is None:
        return Wish()
    if last.state in (BreakState.ASKED, BreakState.GRANTED):
        return Wish(open=last)
    is_new = last.decided_at is not None and last.decided_at >= now() - REFUSAL_TOLD
    return Wish(refused=last if last.state == BreakState.REFUSED and is_new else None)
