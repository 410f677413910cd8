"""The roster of a unit as its liaison and administrators write it: shifts of the week, of named days, or from a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from uuid import UUID

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session, lazyload

from hotline.errors import Invalid, NotFound
from hotline.services import access
from hotline.services.access import Me
from hotline.services.rosters import roster_files, team
from hotline.services.rosters.roster_files import RosterRow
from hotline.services.rosters.shifts import WEEKDAYS
from models import DutyShift, Staff, Unit, today


@dataclass(frozen=True)
class Wanted:
    """A shift as the form gives it: on a weekday, or on a day."""

    weekday: int | None
    day: date | None
    begins: time
    ends: time
    staff_id: UUID
    deputy_id: UUID | None = None


def add_shift(session: Session, unit: Unit, wanted: Wanted, *, by: Me) -> DutyShift:
    team.require_editor(by, unit)
    if (wanted.weekday is None) == (wanted.day is None) or (wanted.weekday is not None and wanted.weekday not in WEEKDAYS):
        raise Invalid("Please choose a weekday or a date.", field="day")
    if wanted.day is not None and wanted.day < today():
        raise Invalid("This day is past.", field="day")
    if wanted.deputy_id == wanted.staff_id:
        raise Invalid("Nobody stands in for himself.", field="deputy_id")
    person = team.member(session, unit, wanted.staff_id)
    deputy = team.member(session, unit, wanted.deputy_id) if wanted.deputy_id else None
    shift = _shift(unit, wanted.weekday, wanted.day, wanted.begins, wanted.ends, person.id, deputy.id if deputy else None)
    session.add(shift)
    session.flush()
    access.note_look(session, by, "unit", unit.id, "roster changed")
    return shift


def remove_shift(session: Session, unit: Unit, shift_id: UUID, *, by: Me) -> None:
    team.require_editor(by, unit)
    shift = session.get(DutyShift, shift_id)
    if shift is None or shift.unit_id != unit.id:
        raise NotFound()
    session.delete(shift)
    access.note_look(session, by, "unit", unit.id, "roster changed")


def load(session: Session, unit: Unit, content: bytes, *, by: Me) -> tuple[int, Sequence[str]]:
    """Takes the place of the shifts of every weekday and day that the file names; nothing if anything in it is wrong.

    Returns how many shifts it has, and the problems.
    """
    team.require_editor(by, unit)
    read = roster_files.read(content)
    people = _people(session, unit)
    problems = [*read.problems, *(problem for row in read.rows for problem in _problems(row, people))]
    if problems or not read.rows:
        return 0, problems
    weekdays = {row.weekday for row in read.rows if row.weekday is not None}
    days = {row.day for row in read.rows if row.day is not None}
    named = or_(DutyShift.weekday.in_(weekdays), DutyShift.day.in_(days))
    session.execute(delete(DutyShift).where(DutyShift.unit_id == unit.id, named))
    session.add_all(
        _shift(unit, row.weekday, row.day, row.begins, row.ends, people[row.person][0], _of(people, row.deputy))
        for row in read.rows
    )
    session.flush()
    access.note_look(session, by, "unit", unit.id, "roster loaded", reason=str(len(read.rows)))
    return len(read.rows), ()


def _of(people: dict[str, list[UUID]], name: str) -> UUID | None:
    return people[name][0] if name else None


def _people(session: Session, unit: Unit) -> dict[str, list[UUID]]:
    """By user name and by name; two of one name are told apart by their user names only."""
    found: dict[str, list[UUID]] = {}
    query = select(Staff).where(Staff.unit_id == unit.id, Staff.active).options(lazyload(Staff.role_rows))
    for staff in session.scalars(query):
        for name in {staff.username, staff.name}:
            found.setdefault(name, []).append(staff.id)
    return found


def _problems(row: RosterRow, people: dict[str, list[UUID]]) -> Sequence[str]:
    problems = []
    for name in filter(None, (row.person, row.deputy)):
        if name not in people:
            problems.append(f"{row.line}：本单位没有“{name}”这个人")
        elif len(people[name]) > 1:
            problems.append(f"{row.line}：有几位“{name}”，请写用户名")
    if row.person == row.deputy:
        problems.append(f"{row.line}：值班人和副班是同一个人")
    if row.day is not None and row.day < today():
        problems.append(f"{row.line}：{row.day} 已经过去")
    return problems


def _shift(
    unit: Unit, weekday: int | None, day: date | None, begins: time, ends: time, staff_id: UUID, deputy_id: UUID | None
) -> DutyShift:
    return DutyShift(unit_id=unit.id, weekday=weekday, day=day, begins=begins, ends=ends, staff_id=staff_id, deputy_id=deputy_id)
