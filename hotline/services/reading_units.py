"""What the units' desk shows: the assignments of a liaison's unit and those below it, by the time that is left. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, Select, and_, bindparam, case, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from hotline.services import core, numbering, scoring
from hotline.services.access import GONE, Me
from hotline.services.city import gazetteer
from hotline.services.clocks import deadlines
from hotline.services.counting import how_many
from hotline.services.scoring import UnitScore
from hotline.services.units import arbitration, ledger
from hotline.services.units.arbitration import Meeting
from models import (
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    Contact,
    Mark,
    MarkKind,
    Request,
    RequestKind,
    RequestState,
    RequestType,
    Standing,
    Unit,
    UnitKind,
    now,
)
from models.base import CITY_TIME
from models.workflow import AT_UNIT

MOST_ROWS = 100
GIVEN = (AssignmentStatus.ANSWERED, AssignmentStatus.DONE)
IS_OVERDUE = Assignment.due_at < bindparam("at")
IS_DUE_TODAY = and_(Assignment.due_at >= bindparam("at"), Assignment.due_at < bindparam("end_of_day"))
IS_DUE_THIS_WEEK = and_(Assignment.due_at >= bindparam("at"), Assignment.due_at < bindparam("end_of_week"))

IS_SUPERVISED = exists().where(
    Mark.assignment_id == Assignment.id, Mark.kind == MarkKind.SUPERVISION, Mark.cleared_at.is_(None), Mark.answered_at.is_(None)
)


_follower = aliased(Case)
_FOLLOWS = and_(Assignment.lead, Assignment.case_id.in_(select(_follower.id).where(_follower.follows_id.is_not(None))))
# What follows another case of its incident is answered with that one; past its time it is shown all the same.
IS_OWN_WORK = or_(~_FOLLOWS, Assignment.due_at < bindparam("at"))

# 二次办理: its answer was sent back, or its citizen was right that it was closed too early.
IS_DONE_AGAIN = or_(
    Case.rework_count > 0, exists().where(CaseEvent.case_id == Case.id, CaseEvent.to_status == CaseStatus.REOPENED)
)


class Tab(StrEnum):
    IN_HAND = "in_hand"
    TO_SIGN = "to_sign"
    AT_WORK = "at_work"
    TODAY = "today"
    WEEK = "week"
    OVERDUE = "overdue"
    RETURNING = "returning"
    SUPERVISED = "supervised"
    ANSWERED = "answered"


@dataclass(frozen=True)
class Row:
    id: UUID
    number: str
    title: str
    status: AssignmentStatus
    urgency: str
    channel: str
    place: str
    requester: tuple[str | None, str | None]
    confidential: bool
    standing: Standing
    lead_name: str
    unit_id: UUID
    unit_name: str
    dispatched_at: datetime
    due_at: datetime | None
    answered_at: datetime | None
    returning: bool
    again: bool = False
    paused_until: datetime | None = None
    marked: frozenset[str] = frozenset()  # urged, or the measure of supervision


def title_for_units(subject: Case) -> str:
    return subject.unit_summary[:60] if subject.is_shielded else subject.title


def counts(session: Session, me: Me, *, week_ends: datetime) -> dict[Tab, int]:
    """How many in each tab, in one statement; what is answered grows for ever and is not counted."""
    row = core.run(session, _counting(me.unit_path), _clock(week_ends)).one()
    counted = (Tab.IN_HAND, Tab.TO_SIGN, Tab.AT_WORK, Tab.TODAY, Tab.WEEK, Tab.OVERDUE, Tab.RETURNING, Tab.SUPERVISED)
    return dict(zip(counted, map(int, row), strict=True))


@lru_cache(maxsize=128)
def _counting(unit_path: str) -> Executable:
    return select(
        func.count(),
        how_many(Assignment.status == AssignmentStatus.DISPATCHED),
        how_many(Assignment.status == AssignmentStatus.IN_PROGRESS),
        how_many(IS_DUE_TODAY),
        how_many(IS_DUE_THIS_WEEK),
        how_many(IS_OVERDUE),
        select(func.count()).select_from(_open_returns(unit_path).subquery()).scalar_subquery(),
        how_many(IS_SUPERVISED),
    ).where(Assignment.unit_id.in_(_below(unit_path)), Assignment.status.in_(AT_UNIT), IS_OWN_WORK)


def _clock(week_ends: datetime) -> dict[str, datetime]:
    """The parameters of IS_DUE_TODAY, IS_DUE_THIS_WEEK and IS_OVERDUE."""
    at = now()
    midnight = at.astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    return {"at": at, "end_of_day": midnight + timedelta(days=1), "end_of_week": week_ends}


def rows(session: Session, me: Me, tab: Tab, *, week_ends: datetime, search: str = "") -> Sequence[Row]:
    """The assignments of a tab, the least time left first; answered ones the latest first. `search`: a number, or a title."""
    found = session.execute(_of_unit(me.unit_path, tab, search), _clock(week_ends)).all()
    names = gazetteer.names_of(session, [subject for _, subject, *_ in found])
    found_marks = marked(session, [subject.id for _, subject, *_ in found])
    return [replace(_row(*each, names=names[each[1].id]), marked=found_marks.get(each[1].id, frozenset())) for each in found]


@lru_cache(maxsize=128)
def _of_unit(unit_path: str, tab: Tab, search: str) -> Select[Assignment, Case, str, str, str, UUID, bool]:
    of_unit = Assignment.unit_id.in_(_below(unit_path))
    wanted = and_(of_unit, _of_tab(tab))
    # Whose citizen came back goes before the others; no clock is moved by that.
    first = Assignment.answered_at.desc() if tab == Tab.ANSWERED else case((Case.repeat_count > 0, 0), else_=1)
    order = (first, Assignment.due_at, Assignment.id)
    if numbering.REFERENCE.fullmatch(search):  # found in any tab, and by an index; not what was taken from the unit
        wanted = and_(of_unit, Case.number == search, Assignment.status.not_in(GONE))
    elif search:
        wanted = and_(wanted, _is_titled(search))
    elif tab == Tab.ANSWERED:
        # What is answered grows for ever: the latest are found before anything is read that stands beside them.
        wanted = Assignment.id.in_(select(Assignment.id).where(wanted).order_by(*order).limit(MOST_ROWS))
    return _listed().where(wanted).order_by(*order).limit(MOST_ROWS)


def _is_titled(words: str) -> ColumnElement[bool]:
    """The title of a case that is closed to units is not to be guessed by searching for it."""
    open_to_units = and_(Case.confidential.is_(False), Case.request_type != RequestType.REPORT)
    return and_(open_to_units, Case.title.contains(words, autoescape=True))


def _listed() -> Select[Assignment, Case, str, str, str, UUID, bool]:
    lead_unit = select(Unit.id, Unit.short).subquery()
    own = select(Unit.id, Unit.short).subquery()
    open_return = and_(
        Request.assignment_id == Assignment.id, Request.kind == RequestKind.RETURN, Request.state == RequestState.OPEN
    )
    return (
        select(Assignment, Case, Contact.channel, own.c.short, lead_unit.c.short, Request.id, IS_DONE_AGAIN)
        .join(Case, Case.id == Assignment.case_id)
        .join(Contact, Contact.id == Case.contact_id)
        .join(own, own.c.id == Assignment.unit_id)
        .outerjoin(lead_unit, lead_unit.c.id == Case.lead_unit_id)
        .outerjoin(Request, open_return)
    )


def _row(
    assignment: Assignment,
    subject: Case,
    channel: str,
    unit_name: str,
    lead_name: str | None,
    request_id: UUID | None,
    again: bool,
    *,
    names: dict[str, str],
) -> Row:
    closed = subject.is_shielded
    codes = (subject.township_code, subject.community_code)
    return Row(
        id=assignment.id,
        number=subject.number,
        title=title_for_units(subject),
        status=AssignmentStatus(assignment.status),
        urgency=subject.urgency,
        channel=channel,
        place=" ".join(names[code] for code in codes if code in names),
        requester=(None, None) if closed else (subject.requester_name, subject.number_of_requester),
        confidential=closed,
        standing=assignment.standing,
        lead_name=lead_name or "",
        unit_id=assignment.unit_id,
        unit_name=unit_name,
        dispatched_at=assignment.dispatched_at,
        due_at=assignment.due_at,
        answered_at=assignment.answered_at,
        returning=request_id is not None,
        again=again,
        paused_until=assignment.paused_until,
    )


def _below(unit_path: str) -> Select[UUID]:
    """The person's unit and those under it; nothing for somebody without a unit."""
    return select(Unit.id).where(Unit.path.startswith(unit_path or "\0", autoescape=True))


def _open_returns(unit_path: str) -> Select[UUID]:
    return (
        select(Request.id)
        .join(Assignment, Assignment.id == Request.assignment_id)
        .where(Request.kind == RequestKind.RETURN, Request.state == RequestState.OPEN, Assignment.unit_id.in_(_below(unit_path)))
    )


def _of_tab(tab: Tab) -> ColumnElement[bool]:
    in_hand = and_(Assignment.status.in_(AT_UNIT), IS_OWN_WORK)
    conditions: dict[Tab, ColumnElement[bool]] = {
        Tab.IN_HAND: in_hand,
        Tab.TO_SIGN: and_(in_hand, Assignment.status == AssignmentStatus.DISPATCHED),
        Tab.AT_WORK: and_(in_hand, Assignment.status == AssignmentStatus.IN_PROGRESS),
        Tab.TODAY: and_(in_hand, IS_DUE_TODAY),
        Tab.WEEK: and_(in_hand, IS_DUE_THIS_WEEK),
        Tab.OVERDUE: and_(in_hand, IS_OVERDUE),
        Tab.RETURNING: and_(in_hand, Request.id.is_not(None)),
        Tab.SUPERVISED: and_(in_hand, IS_SUPERVISED),
        Tab.ANSWERED: Assignment.status.in_(GIVEN),
    }
    return conditions[tab]


SHOWN_MARKS = (MarkKind.URGED, MarkKind.SUPERVISION, MarkKind.LEDGER, MarkKind.INSTRUCTION)
WORD_OVERDUE = "word_overdue"


def marked(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, frozenset[str]]:
    """What stands on each case: a measure by its name, other marks by their kind, and that the word on the ledger is overdue."""
    if not case_ids:
        return {}
    is_late = and_(Mark.kind == MarkKind.LEDGER, ledger.owes_word())
    marks = select(Mark.case_id, Mark.kind, Mark.measure, is_late).where(
        Mark.case_id.in_(case_ids), Mark.kind.in_(SHOWN_MARKS), Mark.cleared_at.is_(None)
    )
    found: dict[UUID, frozenset[str]] = {}
    for case_id, kind, measure, is_late_word in session.execute(marks):
        found[case_id] = found.get(case_id, frozenset()) | {str(measure or kind), *([WORD_OVERDUE] if is_late_word else ())}
    return found


@dataclass(frozen=True)
class UnitHead:
    """Whose desk this is, and how the unit has done since the first of the month."""

    name: str
    has_units_below: bool
    week_ends: datetime
    score: UnitScore | None
    meetings: Sequence[Meeting] = ()


def head(session: Session, me: Me, *, with_score: bool) -> UnitHead | None:
    below = select(Unit.id).where(Unit.parent_id == me.unit_id, Unit.active).exists()
    query, today = select(Unit, below, deadlines.WEEK_BEGINS_AGAIN).where(Unit.id == me.unit_id), deadlines.today_of(now())
    found = session.execute(query, today).one_or_none() if me.unit_id else None
    if found is None:
        return None
    unit, has_units_below, week_begins_again = found
    week_ends = deadlines.week_until(week_begins_again, now())
    if not with_score:
        return UnitHead(unit.name, has_units_below, week_ends, None)
    return UnitHead(unit.name, has_units_below, week_ends, _score_of_month(session, unit), arbitration.meetings_of(session, unit))


def _score_of_month(session: Session, unit: Unit) -> UnitScore | None:
    month = now().astimezone(CITY_TIME).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return next(iter(scoring.scoreboard(session, month, now(), unit_id=unit.id)), None)


class Choice(NamedTuple):
    id: UUID
    code: str
    name: str
    above: UUID | None


_UNITS = select(Unit.id, Unit.code, Unit.name, Unit.parent_id).where(Unit.active)
# Grids are many, and get their work from the unit above them.
_CHOICES = _UNITS.where(Unit.kind != UnitKind.GRID).order_by(Unit.kind, Unit.code)
_BELOW = _UNITS.where(Unit.parent_id == bindparam("above")).order_by(Unit.code)


def choices(session: Session) -> Sequence[Choice]:
    """The units that a case can be sent to, for pickers."""
    return [Choice(row.id, row.code, row.name, row.parent_id) for row in core.run(session, _CHOICES, {})]


def choices_below(session: Session, unit_id: UUID) -> Sequence[Choice]:
    return [Choice(row.id, row.code, row.name, row.parent_id) for row in core.run(session, _BELOW, {"above": unit_id})]


def all_units(session: Session) -> Sequence[Choice]:
    """Grids too, in the order of the tree: where people can belong."""
    return [Choice(row.id, row.code, row.name, row.parent_id) for row in session.execute(_UNITS.order_by(Unit.path))]
