"""What pages show of rosters: a unit's own, and for the centre who is on duty today. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hotline.services.access import Me
from hotline.services.rosters import notice_rule, on_duty, shifts, team
from hotline.services.rosters.on_duty import Person, Roster
from hotline.services.rosters.shifts import Gap, Spell
from models import ChatGroup, DutyShift, Role, StaffLeave, TeamMember, Unit, UnitKind, now, today
from models.base import CITY_TIME

AHEAD_DAYS = 14
WARNED_DAYS = 7
MOST_UNITS = 200
NOT_STAFFED = (UnitKind.REDIRECT, UnitKind.GRID)


@dataclass(frozen=True)
class Day:
    day: date
    is_worked: bool
    spells: Sequence[Spell]
    gaps: Sequence[Gap]


@dataclass(frozen=True)
class UnitRoster:
    unit: Unit
    roster: Roster
    team: Sequence[Person]
    now_on: Sequence[Person]
    weekly: Sequence[tuple[int, Sequence[DutyShift]]]
    days: Sequence[Day]
    leaves: Sequence[StaffLeave]
    may_edit: bool
    group: ChatGroup | None
    locked: bool  # the looking person's code was typed wrongly too often

    @property
    def gaps(self) -> Sequence[Gap]:
        return [gap for day in self.days for gap in day.gaps]

    def name(self, staff_id: UUID | None) -> str:
        person = self.roster.people.get(staff_id) if staff_id else None
        return person.name if person else "已停用" if staff_id else ""


def of_unit(session: Session, me: Me, unit: Unit) -> UnitRoster:
    day = today()
    found = on_duty.look(session, [unit.id], day, AHEAD_DAYS)
    own = found.shifts.get(unit.id, ())
    mine = session.get(TeamMember, me.staff_id)
    return UnitRoster(
        unit=unit,
        roster=found,
        team=found.teams.get(unit.id, ()),
        now_on=found.line(unit.id, now()),
        weekly=[(weekday, [shift for shift in own if shift.weekday == weekday]) for weekday in shifts.WEEKDAYS],
        days=_days(session, found, unit, day),
        leaves=found.leaves,
        may_edit=me.has(Role.ADMINISTRATOR, Role.LIAISON),
        group=session.get(ChatGroup, unit.id),
        locked=mine is not None and mine.wrong_codes >= team.MOST_WRONG_CODES,
    )


def _days(session: Session, found: Roster, unit: Unit, first: date) -> list[Day]:
    rule = notice_rule.current(session)
    on = shifts.days(first, AHEAD_DAYS)
    open_parts = found.gaps(unit.id, first, AHEAD_DAYS, rule)
    return [
        Day(
            day,
            day in found.worked,
            shifts.spells(found.shifts.get(unit.id, ()), [day], found.worked),
            [gap for gap in open_parts if gap.begins.astimezone(CITY_TIME).date() == day],
        )
        for day in on
    ]


def gaps_ahead(session: Session, unit_id: UUID | None) -> Sequence[Gap]:
    """Of a unit in the days to come."""
    if unit_id is None:
        return ()
    day = today()
    found = on_duty.look_at_shifts(session, [unit_id], day, WARNED_DAYS)
    return found.gaps(unit_id, day, WARNED_DAYS, notice_rule.current(session))


@dataclass(frozen=True)
class Line:
    """A unit today."""

    unit: Unit
    duty: Person | None
    deputy: Person | None
    by_roster: bool
    gaps: int
    reached: bool  # somebody of it can be told


def units_today(session: Session, *, search: str = "") -> list[Line]:
    """The units that have people, by their codes; those without anybody who can be told first."""
    query = select(Unit).where(Unit.active, Unit.kind.not_in(NOT_STAFFED)).order_by(Unit.code).limit(MOST_UNITS)
    if search:
        query = query.where(or_(Unit.name.contains(search, autoescape=True), Unit.code == search))
    units = session.scalars(query).all()
    day = today()
    found = on_duty.look(session, [unit.id for unit in units], day, WARNED_DAYS)
    rule = notice_rule.current(session)
    lines = []
    for unit in units:
        line = found.line(unit.id, now())
        if not line and not search:
            continue
        duty, deputy = [*line, None, None][:2]
        gaps = len(found.gaps(unit.id, day, WARNED_DAYS, rule))
        by_roster = found.on_duty(unit.id, now()) is not None
        reached = any(person.number or person.email for person in line)
        lines.append(Line(unit, duty, deputy, by_roster, gaps, reached))
    return sorted(lines, key=lambda each: each.reached)
