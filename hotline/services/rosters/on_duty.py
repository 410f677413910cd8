"""Who is told for a unit at a moment: who is on duty, then who stands in, then the others of its team."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from hotline.services.clocks import deadlines
from hotline.services.rosters import shifts
from hotline.services.rosters.notice_rule import NoticeRule
from hotline.services.rosters.shifts import Gap
from models import DutyShift, Staff, StaffLeave, StaffRole, TeamMember, Unit
from models.base import CITY_TIME
from models.workflow import UNIT_ROLES

LAST = 1_000  # the place of whoever has been given none


@dataclass(frozen=True)
class Person:
    staff_id: UUID
    unit_id: UUID
    name: str
    username: str
    place: int = LAST
    number: str | None = None
    email: str | None = None
    may_sign: bool = False


@dataclass(frozen=True)
class Roster:
    """All that is known of the people of some units around some days."""

    people: Mapping[UUID, Person]
    teams: Mapping[UUID, Sequence[Person]]  # by unit, in their order
    shifts: Mapping[UUID, Sequence[DutyShift]]
    leaves: Sequence[StaffLeave]
    worked: Collection[date] = field(default_factory=frozenset)

    def line(self, unit_id: UUID, moment: datetime) -> list[Person]:
        """Everybody of the unit who is there, in the order in which they are told."""
        on = self.on_duty(unit_id, moment)
        named = [on.staff_id, on.deputy_id] if on else []
        order = [*named, *(person.staff_id for person in self.teams.get(unit_id, ()))]
        day = moment.astimezone(CITY_TIME).date()
        there = (each for staff_id in order if staff_id for each in self._there(staff_id, day))
        return list({person.staff_id: person for person in there}.values())

    def on_duty(self, unit_id: UUID, moment: datetime) -> DutyShift | None:
        """By the roster."""
        today = moment.astimezone(CITY_TIME).date()
        found = shifts.spells(self.shifts.get(unit_id, ()), (today - shifts.ONE_DAY, today), self.worked)
        spell = shifts.at_moment(found, moment)
        return spell.shift if spell else None

    def gaps(self, unit_id: UUID, first: date, count: int, rule: NoticeRule) -> list[Gap]:
        """The shifts of the night before reach into the first day."""
        on = shifts.days(first, count)
        found = shifts.spells(self.shifts.get(unit_id, ()), [first - shifts.ONE_DAY, *on], self.worked)
        return shifts.gaps(found, on, self.worked, rule.office)

    def away(self, staff_id: UUID, day: date) -> StaffLeave | None:
        mine = (leave for leave in self.leaves if leave.staff_id == staff_id)
        return next((leave for leave in mine if leave.begins_on <= day <= leave.ends_on), None)

    def _there(self, staff_id: UUID, day: date) -> Iterable[Person]:
        """The person; while that one is away, whoever stands in, if that one is not away too."""
        leave = self.away(staff_id, day)
        standing_in = leave.deputy_id if leave else staff_id
        if standing_in and standing_in in self.people and not self.away(standing_in, day):
            yield self.people[standing_in]


def look(session: Session, unit_ids: Collection[UUID], first: date, count: int = 1) -> Roster:
    """The rosters of these units for these days."""
    people = _people(session, unit_ids)
    teams: dict[UUID, list[Person]] = {}
    for person in sorted(people, key=lambda each: (each.place, each.username)):
        teams.setdefault(person.unit_id, []).append(person)
    leaves = session.scalars(
        select(StaffLeave)
        .where(StaffLeave.staff_id.in_([each.staff_id for each in people]), StaffLeave.ends_on >= first)
        .order_by(StaffLeave.begins_on, StaffLeave.created_at)
    ).all()
    known = {person.staff_id: person for person in people}
    return replace(look_at_shifts(session, unit_ids, first, count), people=known, teams=teams, leaves=leaves)


def look_at_shifts(session: Session, unit_ids: Collection[UUID], first: date, count: int = 1) -> Roster:
    """Without the people: enough to see which shifts nobody has."""
    known: dict[UUID, list[DutyShift]] = {}
    for shift in session.scalars(select(DutyShift).where(DutyShift.unit_id.in_(unit_ids)).order_by(DutyShift.begins)):
        known.setdefault(shift.unit_id, []).append(shift)
    worked = deadlines.worked_days(session, first - shifts.ONE_DAY, first + timedelta(days=count))
    return Roster({}, {}, known, (), worked)


def _people(session: Session, unit_ids: Collection[UUID]) -> list[Person]:
    """Those who may act for the unit."""
    may_act = select(StaffRole.staff_id).where(StaffRole.role.in_(UNIT_ROLES))
    rows = session.execute(
        select(Unit.id, Staff, TeamMember)
        .join(Unit, Unit.id == Staff.unit_id)
        .outerjoin(TeamMember, TeamMember.staff_id == Staff.id)
        .where(Unit.id.in_(unit_ids), Staff.active, Staff.id.in_(may_act))
        .options(lazyload(Staff.role_rows))
    )
    return [_person(*row) for row in rows]


def _person(unit_id: UUID, staff: Staff, member: TeamMember | None) -> Person:
    if member is None:
        return Person(staff.id, unit_id, staff.name, staff.username)
    reached = (member.place, member.number, member.email, bool(member.code_hash))
    return Person(staff.id, unit_id, staff.name, staff.username, *reached)
