"""Who gets what when calls and texts wait side by side: whether a free agent is offered a text, and what becomes of the offer.

Calls are given by the exchange; these decisions only say whose telephone rests meanwhile, and for which text.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.services import core, presence, queue_rule, queueing, ranking
from hotline.services.telephone import lines, switching, telephone_rule
from hotline.services.telephone.lines import Seat
from hotline.services.telephone.telephone_rule import TelephoneRule
from models import Call, CallLeg, Contact, Offer, PhoneLine, Presence, PresenceState, QueueEntry, Staff, Urgency, now
from models.base import UtcTime

MISSED = "三次未接"
OFFER_OVER = "This offer is over; the contact waits for everybody again."


@dataclass(frozen=True)
class Floor:
    """All that the router looks at, in a moment."""

    seats: list[Seat]
    offers: dict[UUID, UUID]  # contact by person
    offers_in_doubt: bool  # one is over, or a caller may have come first meanwhile
    text_waits: bool
    rule: TelephoneRule

    def is_wrapped_up(self, seat: Seat) -> bool:
        since = seat.since
        return seat.state == PresenceState.WRAP_UP and since is not None and since <= _ago(self.rule.wrap_up)

    def is_deaf(self, seat: Seat) -> bool:
        """Let too many calls ring in a row."""
        return seat.state == PresenceState.AVAILABLE and seat.missed_rings >= self.rule.missed_rings


@dataclass(frozen=True)
class UrgentCaller:
    """A caller who waits and is more urgent than others."""

    call: Call
    weight: int


def _ago(seconds: int) -> datetime:
    return now() - timedelta(seconds=seconds)


def look(session: Session) -> Floor:
    offers = core.send(session, _OFFERS, {"moment": now()})
    return Floor(
        seats=lines.desired(session),
        offers={staff_id: contact_id for staff_id, contact_id, _ in offers},
        offers_in_doubt=any(in_doubt for _, _, in_doubt in offers),
        text_waits=bool(core.send(session, _TEXT_WAITS, {})),
        rule=telephone_rule.current(session),
    )


# Nobody took it in time, or the text or the person is no longer there.
_OVER = or_(
    Offer.until <= bindparam("moment", type_=UtcTime),
    ~exists().where(QueueEntry.contact_id == Offer.contact_id),
    ~exists().where(Presence.staff_id == Offer.staff_id, Presence.state == PresenceState.AVAILABLE),
)
_OFFERS = select(Offer.staff_id, Offer.contact_id, or_(_OVER, exists().where(~ranking.IS_TEXT)).label("in_doubt"))
_TEXT_WAITS = select(QueueEntry.contact_id).where(ranking.IS_TEXT).limit(1)


def choose(session: Session, staff_id: UUID) -> UUID | None:
    """The text that this person should be offered now; None if a call comes first, or nothing suits."""
    asked = _asked(session, staff_id)
    text: UUID | None = core.run(session, _first_text(), asked).scalar()
    return None if text is None or _call_before(session, text, asked) else text


def _asked(session: Session, staff_id: UUID) -> dict[str, Any]:
    return {**ranking.person(session.get_one(Staff, staff_id)), "at": now().timestamp()}


def _call_before(session: Session, text: UUID, asked: dict[str, Any], *which: ColumnElement[bool]) -> UUID | None:
    """The call, of those that are meant, that this person should have before the text."""
    call: UUID | None = core.run(session, _next_call(telephone_rule.current(session), *which), asked).scalar()
    if call is None:
        return None
    values = {**asked, "owed": _owed(session, asked), "two": [text, call]}
    return call if core.run(session, _first_of_two(), values).scalar() == call else None


@cache
def _first_text() -> Select[Any]:
    on_offer = exists().where(Offer.contact_id == QueueEntry.contact_id)
    return (
        select(QueueEntry.contact_id)
        .where(ranking.SUITS, ranking.IS_TEXT, ranking.FITS, ~on_offer)
        .order_by(*ranking.ORDER)
        .limit(1)
    )


def _next_call(rule: TelephoneRule, *which: ColumnElement[bool]) -> Select[Any]:
    """The call that the exchange would give this person: the heaviest queue's, whatever waits in the others."""
    queues = [
        (and_(QueueEntry.skill == queue.skill, QueueEntry.language == queue.language), queue.weight)
        for queue in rule.queues.values()
    ]
    weight: ColumnElement[int] = case(*queues, else_=0)
    return (
        select(QueueEntry.contact_id)
        .where(ranking.SUITS, ~ranking.IS_TEXT, *which)
        .order_by(weight.desc(), QueueEntry.urgency_weight.desc(), QueueEntry.clock_from)
        .limit(1)
    )


@cache
def _first_of_two() -> Select[Any]:
    two = QueueEntry.contact_id.in_(bindparam("two", expanding=True))
    return select(QueueEntry.contact_id).where(two).order_by(*ranking.ORDER_WITH_OWED).limit(1)


def _owed(session: Session, asked: dict[str, Any]) -> list[str]:
    """The skills whose late text comes before calls for this person."""
    late = core.run(session, _late_skills(), asked).scalars().all()
    if not late:
        return []
    return ranking.owing_text(session, late, share=queue_rule.current(session).text_share)


@cache
def _late_skills() -> Select[Any]:
    return select(QueueEntry.skill).where(ranking.SUITS, ranking.IS_TEXT, ranking.IS_PAST).distinct()


def offer(session: Session, contact_id: UUID, staff_id: UUID) -> Offer | None:
    """Hold the text out to this person. None if it waits no more, or the person is no longer there or has another."""
    seat = session.get(Presence, staff_id, with_for_update=True, populate_existing=True)
    if seat is None or seat.state != PresenceState.AVAILABLE or session.get(QueueEntry, contact_id) is None:
        return None
    until = now() + timedelta(seconds=telephone_rule.current(session).offer)
    values = {"contact_id": contact_id, "staff_id": staff_id, "until": until}
    if session.scalar(select(Offer.contact_id).where((Offer.contact_id == contact_id) | (Offer.staff_id == staff_id)).limit(1)):
        return None
    core.insert_once(session, Offer, values, unique=("contact_id",))
    return session.get(Offer, contact_id)


def accept_offer(session: Session, staff: Staff) -> Contact:
    """The text is this person's; the telephone rests until it is done."""
    held = _held_out(session, staff.id)
    if held is None or held.until <= now():
        raise RuleBroken(OFFER_OVER)
    contact = queueing.take(session, staff, held.contact_id)
    _withdraw(session, Offer.staff_id == staff.id)
    return contact


def decline_offer(session: Session, staff: Staff) -> None:
    """It waits for everybody again, and is not held out to this person for a while. Harmless if it is over already."""
    _withdraw(session, Offer.staff_id == staff.id)


def _held_out(session: Session, staff_id: UUID) -> Offer | None:
    return session.scalar(select(Offer).where(Offer.staff_id == staff_id))


def lapse(session: Session, free: Collection[str] = ()) -> list[UUID]:
    """Withdraws the offers that are over, and those whose person a waiting caller needs by now: nobody waits for an answer that
    may not come. In the queues in `free` a telephone is free for whoever waits. Returns whom the offers were held out to.
    """
    return [*_withdraw(session, _OVER), *_withdraw(session, Offer.staff_id.in_(_needed(session, free)))]


def _needed(session: Session, free: Collection[str]) -> list[UUID]:
    """One person for each caller who comes before the text, rings nowhere, and has no free telephone to ring."""
    offers = session.execute(select(Offer.staff_id, Offer.contact_id).order_by(Offer.until)).all()
    needed: dict[UUID, UUID] = {}
    for staff_id, text in offers:
        others = QueueEntry.contact_id.not_in(needed)
        caller = _call_before(session, text, _asked(session, staff_id), ~_is_seen_to(free), others)
        if caller is not None:
            needed[caller] = staff_id
    return list(needed.values())


def _is_seen_to(free: Collection[str]) -> ColumnElement[bool]:
    rings = exists().where(CallLeg.call_id == Call.id, CallLeg.staff_id.is_not(None), CallLeg.ended_at.is_(None))
    seen_to = or_(Call.queue.in_(free), rings)
    return exists().where(Call.contact_id == QueueEntry.contact_id, Call.ended_at.is_(None), seen_to)


def _withdraw(session: Session, which: ColumnElement[bool]) -> list[UUID]:
    gone = delete(Offer).where(which).returning(Offer.staff_id).execution_options(synchronize_session=False)
    return list(session.scalars(gone, {"moment": now()}))


def end_wrap_up(session: Session, staff_id: UUID) -> bool:
    """The time for notes is over. False if the person has gone elsewhere meanwhile."""
    seat = session.get(Presence, staff_id, with_for_update=True, populate_existing=True)
    if seat is None or seat.state != PresenceState.WRAP_UP:
        return False
    presence.shift(session, seat, PresenceState.AVAILABLE)
    return True


def pause_deaf(session: Session, staff_id: UUID) -> None:
    """Let too many calls ring: the seat rests until the person says otherwise."""
    presence.move(session, staff_id, PresenceState.PAUSED, MISSED)
    session.execute(update(PhoneLine).where(PhoneLine.staff_id == staff_id).values(missed_rings=0))


def late_urgent_texts(session: Session) -> Sequence[UUID]:
    """Urgent texts past their clock: whoever leads the shift is alarmed."""
    asked = {"at": now().timestamp(), "least": queue_rule.current(session).weight(Urgency.URGENT)}
    return [contact_id for (contact_id,) in core.send(session, _late_urgent(), asked)]


@cache
def _late_urgent() -> Select[Any]:
    late = (ranking.IS_TEXT, ranking.IS_PAST, QueueEntry.urgency_weight >= bindparam("least"))
    return select(QueueEntry.contact_id).where(*late).order_by(QueueEntry.contact_id)


def urgent_callers(session: Session) -> list[UrgentCaller]:
    """Callers in the exchange's queues who should go ahead of others."""
    if not core.send(session, _ANY_URGENT, {}):
        return []
    rows = session.execute(
        select(Call, QueueEntry.urgency_weight)
        .join(QueueEntry, QueueEntry.contact_id == Call.contact_id)
        .where(~ranking.IS_TEXT, QueueEntry.urgency_weight > 0, Call.ended_at.is_(None), Call.queue != "")
    )
    return [UrgentCaller(call, weight) for call, weight in rows]


_ANY_URGENT = select(QueueEntry.contact_id).where(~ranking.IS_TEXT, QueueEntry.urgency_weight > 0).limit(1)


def put_ahead(session: Session, caller: UrgentCaller) -> None:
    switching.urge(session, caller.call, priority=caller.weight)
