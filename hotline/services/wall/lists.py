"""What stands behind a number of the wall: the cases or arrivals that were counted. Titles of sealed cases stay hidden."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from hotline.services.messages import outgoing
from hotline.services.profiles.profiles import Indicator
from hotline.services.reading_wall import HALF_HOUR, NEAR, OPINIONS_OF, first_id_of, midnight
from hotline.services.wall import scores
from models import Action, Area, Case, CaseEvent, CaseStatus, Contact, Unit, Urgency, now
from models.workflow import CASE_AT_UNIT

MOST = 200


class Of(StrEnum):
    """What was counted."""

    OVERDUE = "overdue"
    NEAR = "near"
    OPEN = "open"
    AREA = "area"
    FILED = "filed"
    DIRECT = "direct"
    DISPATCHED = "dispatched"
    CLOSED = "closed"
    UNSOLVED = "unsolved"
    DISSATISFIED = "dissatisfied"
    EMERGENCY = "emergency"


TODAYS = {
    Of.FILED: CaseEvent.from_status.is_(None),
    Of.DIRECT: CaseEvent.action == Action.ANSWER_DIRECTLY,
    Of.DISPATCHED: CaseEvent.action == Action.DISPATCH,
    Of.CLOSED: (CaseEvent.to_status == CaseStatus.CLOSED) & CaseEvent.from_status.is_distinct_from(CaseEvent.to_status),
}
OPINIONS = {Of.UNSOLVED: Indicator.RESOLUTION, Of.DISSATISFIED: Indicator.SATISFACTION}


@dataclass(frozen=True)
class Line:
    case: Case
    unit: str
    place: str
    sealed: bool


@dataclass(frozen=True)
class Listing:
    lines: Sequence[Line]
    subject: str  # of which unit or area
    more: bool


def cases(session: Session, of: Of, *, unit: str = "", area: str = "", category: str = "", week: bool = False) -> Listing:
    """Newest first; of what is late, the latest first. `week`: of what citizens said, seven days and not the one."""
    asked = select(Case, Unit.short, Area.name).outerjoin(Unit, Unit.id == Case.lead_unit_id)
    asked = asked.outerjoin(Area, (Area.code == Case.community_code) & Area.valid_to.is_(None))
    asked = asked.where(*_conditions(of, area, category, week=week))
    if unit:
        asked = asked.where(Unit.code == unit)
    order = Case.due_at.asc() if of in (Of.OVERDUE, Of.NEAR, Of.OPEN) else Case.created_at.desc()
    rows = session.execute(asked.order_by(order, Case.id).limit(MOST + 1)).all()
    lines = [Line(case, short or "", place or "", outgoing.is_sealed(case)) for case, short, place in rows[:MOST]]
    return Listing(lines, _subject(session, unit, area), len(rows) > MOST)


def arrivals(session: Session, slot: int | None = None) -> Sequence[Contact]:
    """Of one half hour of today in their order, or the latest of today."""
    start = midnight(now())
    if slot is None:
        return session.scalars(
            select(Contact).where(Contact.received_at >= start).order_by(Contact.received_at.desc()).limit(MOST)
        ).all()
    begins = start + timedelta(seconds=slot * HALF_HOUR)
    between = (Contact.received_at >= begins, Contact.received_at < begins + timedelta(seconds=HALF_HOUR))
    return session.scalars(select(Contact).where(*between).order_by(Contact.received_at).limit(MOST)).all()


def _conditions(of: Of, area: str, category: str, *, week: bool) -> list[ColumnElement[bool]]:
    at = now()
    start = midnight(at)
    if of in TODAYS:
        since = (CaseEvent.id >= first_id_of(start), CaseEvent.at >= start, CaseEvent.assignment_id.is_(None))
        return [Case.id.in_(select(CaseEvent.case_id).where(*since, TODAYS[of]))]
    if of in OPINIONS:
        return [Case.id.in_(scores.failed(OPINIONS[of], at - OPINIONS_OF if week else start))]
    if of == Of.AREA:
        return _in_area(area, category, start)
    return _at_work(of, at)


def _in_area(area: str, category: str, start: datetime) -> list[ColumnElement[bool]]:
    there = or_(Case.township_code == area, Case.community_code == area, Case.grid_code == area)
    matter = [Case.category_code == category] if category else []
    return [Case.id >= first_id_of(start), Case.created_at >= start, there, *matter]


def _at_work(of: Of, at: datetime) -> list[ColumnElement[bool]]:
    if of == Of.EMERGENCY:
        return [Case.status.in_([CaseStatus.TO_DISPATCH, *CASE_AT_UNIT]), Case.urgency == Urgency.EMERGENCY]
    due = {Of.OVERDUE: [Case.due_at < at], Of.NEAR: [Case.due_at >= at, Case.due_at < at + NEAR]}
    return [Case.status.in_(CASE_AT_UNIT), *due.get(of, [])]


def _subject(session: Session, unit: str, area: str) -> str:
    if unit:
        return session.scalar(select(Unit.short).where(Unit.code == unit)) or unit
    if area:
        return session.scalar(select(Area.name).where(Area.code == area, Area.valid_to.is_(None)).limit(1)) or area
    return ""
