"""A roster in time: which shifts there are on which days, and what they leave open. Knows no database."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from hotline.services.rosters.notice_rule import OfficeHours
from models import DutyShift
from models.base import CITY_TIME

ONE_DAY = timedelta(days=1)
SUNDAY, HOLIDAYS = 7, 8
WEEKDAYS = range(1, HOLIDAYS + 1)


@dataclass(frozen=True)
class Spell:
    shift: DutyShift
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Gap:
    begins: datetime
    ends: datetime


def days(first: date, count: int) -> list[date]:
    return [first + ONE_DAY * n for n in range(count)]


def spells(shifts: Collection[DutyShift], on: Iterable[date], worked: Collection[date]) -> list[Spell]:
    """The shifts that begin on these days, in their order."""
    found = [_spell(shift, day) for day in on for shift in _of_day(shifts, day, is_worked=day in worked)]
    return sorted(found, key=lambda spell: (spell.begins, spell.ends))


def _of_day(shifts: Collection[DutyShift], day: date, *, is_worked: bool) -> list[DutyShift]:
    """A named day has its own shifts only. A public holiday has its own pattern, or that of Sundays."""
    named = [shift for shift in shifts if shift.day == day]
    if named:
        return named
    weekday = day.isoweekday()
    is_holiday = not is_worked and weekday < 6
    holidays = [shift for shift in shifts if shift.weekday == HOLIDAYS]
    if is_holiday and holidays:
        return holidays
    return [shift for shift in shifts if shift.weekday == (SUNDAY if is_holiday else weekday)]


def _spell(shift: DutyShift, day: date) -> Spell:
    last = day + ONE_DAY if shift.ends <= shift.begins else day
    return Spell(shift, _at(day, shift.begins), _at(last, shift.ends))


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, CITY_TIME)


def at_moment(found: Sequence[Spell], moment: datetime) -> Spell | None:
    """Of several, the one that began last."""
    return next((spell for spell in reversed(found) if spell.begins <= moment < spell.ends), None)


def gaps(found: Sequence[Spell], on: Sequence[date], worked: Collection[date], office: OfficeHours) -> list[Gap]:
    """What lies outside the office's hours on these days and has nobody on duty."""
    if not on:
        return []
    manned = [(spell.begins, spell.ends) for spell in found]
    manned += [(_at(day, office.from_), _at(day, office.to)) for day in on if day in worked]
    open_from, end, left = _at(on[0], time()), _at(on[-1] + ONE_DAY, time()), []
    for begins, ends in sorted(manned):
        if begins > open_from:
            left.append(Gap(open_from, min(begins, end)))
        open_from = max(open_from, ends)
        if open_from >= end:
            return left
    return [*left, Gap(open_from, end)]
