"""What administrators look at: accounts, rules, reference data, the calendar, messages, who opened what. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from hotline.services.profiles import profiles
from models import (
    AccessLog,
    Area,
    AreaKind,
    CalendarDay,
    Case,
    Category,
    Contact,
    OutboxMessage,
    PlaceName,
    Presence,
    RoutingRule,
    Rule,
    Staff,
    StaffSession,
    System,
    TaxonomyVersion,
    Unit,
    UnitKind,
    now,
)
from models.base import CITY_TIME

MOST_STAFF = 1000
MOST_LOG = 200
MOST_MESSAGES = 100


@dataclass(frozen=True)
class StaffLine:
    staff: Staff
    sessions: int
    presence: str


def staff(session: Session) -> Sequence[StaffLine]:
    """Of people: units' systems stand on a page of their own."""
    of_people = ~exists().where(System.staff_id == Staff.id)
    people = session.scalars(
        select(Staff).where(of_people).options(joinedload(Staff.unit)).order_by(Staff.username).limit(MOST_STAFF)
    ).all()
    open_ones = select(StaffSession.staff_id, func.count()).where(
        StaffSession.revoked_at.is_(None), StaffSession.expires_at > now()
    )
    sessions = {staff_id: count for staff_id, count in session.execute(open_ones.group_by(StaffSession.staff_id))}
    states = {staff_id: state for staff_id, state in session.execute(select(Presence.staff_id, Presence.state))}
    return [StaffLine(person, sessions.get(person.id, 0), states.get(person.id, "offline")) for person in people]


def person(session: Session, staff_id: UUID) -> Staff | None:
    return session.get(Staff, staff_id, options=[joinedload(Staff.unit)])


def rules(session: Session) -> Sequence[Rule]:
    """Every edition in force, the profile apart."""
    return session.scalars(select(Rule).where(Rule.current, Rule.kind != profiles.KIND).order_by(Rule.kind, Rule.code)).all()


@dataclass(frozen=True)
class Reference:
    taxonomy: TaxonomyVersion | None
    categories: Sequence[tuple[str, str, int]]
    units: Sequence[tuple[Unit, int]]
    townships: Sequence[tuple[str, str, int, int]]
    counts: Mapping[str, int]
    rules: int
    names: int


def reference(session: Session) -> Reference:
    taxonomy = session.scalars(select(TaxonomyVersion).where(TaxonomyVersion.current)).first()
    counts = session.execute(select(Area.kind, func.count()).where(Area.valid_to.is_(None)).group_by(Area.kind))
    return Reference(
        taxonomy=taxonomy,
        categories=_first_level(session, taxonomy),
        units=_units_with_people(session),
        townships=_townships(session),
        counts={str(kind): count for kind, count in counts},
        rules=session.scalar(select(func.count()).select_from(RoutingRule)) or 0,
        names=session.scalar(select(func.count()).select_from(PlaceName)) or 0,
    )


def _first_level(session: Session, taxonomy: TaxonomyVersion | None) -> Sequence[tuple[str, str, int]]:
    """With how many are below each."""
    below = aliased(Category)
    rows = session.execute(
        select(Category.code, Category.name, func.count(below.id))
        .outerjoin(below, (below.parent_code == Category.code) & (below.taxonomy_id == Category.taxonomy_id))
        .where(Category.level == 1, Category.taxonomy_id == (taxonomy.id if taxonomy else None))
        .group_by(Category.code, Category.name)
        .order_by(Category.code)
    )
    return [(code, name, count) for code, name, count in rows]


def _units_with_people(session: Session) -> Sequence[tuple[Unit, int]]:
    people = select(Staff.unit_id, func.count().label("people")).where(Staff.active).group_by(Staff.unit_id).subquery()
    rows = session.execute(
        select(Unit, func.coalesce(people.c.people, 0))
        .outerjoin(people, people.c.unit_id == Unit.id)
        .where(Unit.active, Unit.kind.not_in((UnitKind.COMMUNITY, UnitKind.GRID)))
        .order_by(Unit.kind, Unit.code)
        .limit(500)
    )
    return [(unit, count) for unit, count in rows]


def _townships(session: Session) -> Sequence[tuple[str, str, int, int]]:
    """With how many communities and grids each has."""
    township, community, grid = aliased(Area), aliased(Area), aliased(Area)
    rows = session.execute(
        select(township.code, township.name, func.count(community.id.distinct()), func.count(grid.id.distinct()))
        .outerjoin(community, (community.parent_code == township.code) & community.valid_to.is_(None))
        .outerjoin(grid, (grid.parent_code == community.code) & grid.valid_to.is_(None))
        .where(township.kind == AreaKind.TOWNSHIP, township.valid_to.is_(None))
        .group_by(township.code, township.name)
        .order_by(township.code)
    )
    return [(code, name, communities, grids) for code, name, communities, grids in rows]


@dataclass(frozen=True)
class Calendar:
    year: int
    years: Sequence[int]
    provisional_years: Sequence[int]
    months: Sequence[tuple[int, int, Sequence[CalendarDay]]]  # month, weekday of the first (0 is Monday), its days
    free: int


def calendar(session: Session, year: int | None) -> Calendar:
    days = select(CalendarDay.day, CalendarDay.provisional)
    known: dict[int, bool] = {}
    for day, provisional in session.execute(days):
        known[day.year] = known.get(day.year, False) or provisional
    shown = year or now().astimezone(CITY_TIME).year
    rows = session.scalars(
        select(CalendarDay)
        .where(CalendarDay.day >= date(shown, 1, 1), CalendarDay.day <= date(shown, 12, 31))
        .order_by(CalendarDay.day)
    ).all()
    months = [(month, [row for row in rows if row.day.month == month]) for month in range(1, 13)]
    return Calendar(
        year=shown,
        years=sorted(known),
        provisional_years=sorted(each for each, provisional in known.items() if provisional),
        months=[(month, days[0].day.weekday(), days) for month, days in months if days],
        free=sum(not row.working for row in rows),
    )


def stuck(session: Session) -> Sequence[OutboxMessage]:
    return session.scalars(
        select(OutboxMessage)
        .where(OutboxMessage.done_at.is_(None), OutboxMessage.stuck)
        .order_by(OutboxMessage.created_at)
        .limit(MOST_MESSAGES)
    ).all()


@dataclass(frozen=True)
class LogLine:
    at: datetime
    who: str
    subject_kind: str
    subject: str
    what: str
    reason: str


def access_log(session: Session, *, who: str = "", number: str = "") -> Sequence[LogLine]:
    """The latest readings; of one person, or of one case or contact."""
    query = (
        select(AccessLog, Staff.name, Staff.username, Case.number, Contact.reference)
        .join(Staff, Staff.id == AccessLog.staff_id)
        .outerjoin(Case, Case.id == AccessLog.subject_id)
        .outerjoin(Contact, Contact.id == AccessLog.subject_id)
    )
    if who:
        query = query.where(Staff.username == who)
    if number:
        query = query.where((Case.number == number) | (Contact.reference == number))
    rows = session.execute(query.order_by(AccessLog.id.desc()).limit(MOST_LOG))
    return [
        LogLine(row.created_at, f"{name} {username}", row.subject_kind, case_number or reference or "", row.what, row.reason)
        for row, name, username, case_number, reference in rows
    ]
