"""Time limits and the calendar of working days: when something is due, and how that is said."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

import chinese_calendar
from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from hotline import words
from hotline.events import CalendarChanged
from hotline.services.outbox import emit
from models import CalendarDay
from models.base import CITY_TIME

ONE_DAY = timedelta(days=1)

# What stands fast in a year whose list is not published yet; the lunar holidays do not (全国年节及纪念日放假办法, 2024).
FIXED_HOLIDAYS = frozenset({(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)})


@dataclass(frozen=True)
class Limit:
    """A length of time as city rules write it: 30m, 2h and 7d run at night and on holidays, 3wd counts working days."""

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: object) -> "Limit":
        found = re.fullmatch(r"([1-9]\d{0,3})(m|h|d|wd)", str(text))
        if found is None:
            raise ValueError("A time limit is written 30m, 2h, 7d or 3wd.")
        return cls(int(found[1]), found[2])

    @property
    def natural(self) -> timedelta:
        """The length by the clock on the wall; of working days, at their shortest."""
        return self.amount * {"m": timedelta(minutes=1), "h": timedelta(hours=1)}.get(self.unit, ONE_DAY)


@dataclass(frozen=True)
class Due:
    """`provisional`: counted over days of which no official list is known yet."""

    at: datetime
    provisional: bool


def due_at(session: Session, start: datetime, limit: Limit) -> Due:
    """When a limit that starts then runs out.

    Working days are counted from the day after, and the last one ends at midnight (Civil Code, articles 201 and 203).
    """
    if limit.unit != "wd":
        return Due(start + limit.natural, provisional=False)
    day, left, provisional = start.astimezone(CITY_TIME).date(), limit.amount, False
    known = _known_days(session, day, day + ONE_DAY * (2 * limit.amount + 30))
    while left:
        day += ONE_DAY
        entry = known.get(day)
        provisional |= entry is None or entry.provisional
        left -= entry.working if entry else day.weekday() < 5
    return Due(datetime.combine(day + ONE_DAY, time(), CITY_TIME), provisional)


def _known_days(session: Session, first: date, last: date) -> dict[date, CalendarDay]:
    rows = session.scalars(select(CalendarDay).where(CalendarDay.day >= first, CalendarDay.day <= last))
    return {row.day: row for row in rows}


def worked_days(session: Session, first: date, last: date) -> frozenset[date]:
    """Of these days; a day that the calendar does not hold is taken for what it is in most weeks."""
    known = _known_days(session, first, last)
    days = (first + ONE_DAY * n for n in range((last - first).days + 1))
    return frozenset(day for day in days if (known[day].working if day in known else day.weekday() < 5))


_rest = select(func.min(CalendarDay.day)).where(CalendarDay.day >= bindparam("today"), CalendarDay.working.is_(False))
# The first day of work after the next rest, as a column beside others, for callers that count their statements.
WEEK_BEGINS_AGAIN = (
    select(func.min(CalendarDay.day)).where(CalendarDay.day > _rest.scalar_subquery(), CalendarDay.working).scalar_subquery()
)


def end_of_week(session: Session, at: datetime) -> datetime:
    """The midnight at which work begins again: a working week lasts over the rest days after it, shifted days in their own."""
    return week_until(session.scalar(select(WEEK_BEGINS_AGAIN), today_of(at)), at)


def today_of(at: datetime) -> dict[str, date]:
    """The parameter of WEEK_BEGINS_AGAIN."""
    return {"today": at.astimezone(CITY_TIME).date()}


def week_until(begins_again: date | None, at: datetime) -> datetime:
    """As the calendar says; beyond it, the next Monday."""
    today = at.astimezone(CITY_TIME).date()
    return datetime.combine(begins_again or today + ONE_DAY * (7 - today.weekday()), time(), CITY_TIME)


@dataclass(frozen=True)
class DayChange:
    """A day that was assumed to be one thing and turned out to be another."""

    day: date
    was_working: bool
    is_working: bool


def fill_calendar(session: Session, years: Iterable[int]) -> list[DayChange]:
    """Add the days of these years, and correct provisional ones where the official list is known by now.

    Days that are official, or that an administrator has set, stay as they are. Due times that were given out provisionally
    are counted again; the answer names the days on which the assumption was wrong.
    """
    changes, confirmed = [], False
    for year in years:
        known = _known_days(session, date(year, 1, 1), date(year, 12, 31))
        for day in _days_of(year):
            entry, (working, provisional) = known.get(day), _is_working(day)
            if entry is None:
                session.add(CalendarDay(day=day, working=working, provisional=provisional))
            elif entry.provisional and not provisional:
                if entry.working != working:
                    changes.append(DayChange(day, entry.working, working))
                entry.working, entry.provisional, confirmed = working, False, True
    if confirmed:
        emit(session, CalendarChanged())
    session.flush()
    return changes


def _days_of(year: int) -> Iterable[date]:
    first = date(year, 1, 1)
    return (first + ONE_DAY * n for n in range((date(year + 1, 1, 1) - first).days))


def _is_working(day: date) -> tuple[bool, bool]:
    """Whether the day is worked, and whether that is an assumption. Shifted days (调休) are in the official list."""
    try:
        return chinese_calendar.is_workday(day), False
    except NotImplementedError:
        return day.weekday() < 5 and (day.month, day.day) not in FIXED_HOLIDAYS, True


def in_words(due: datetime, at: datetime) -> str:
    """The time left, or how long it has been past due, in the two largest units."""
    minutes = int(abs(due - at).total_seconds()) // 60
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        length = words.say("{days} d {hours} h", days=days, hours=hours)
    elif hours:
        length = words.say("{hours} h {minutes} min", hours=hours, minutes=rest)
    else:
        length = words.say("{minutes} min", minutes=rest)
    return words.say("{length} left" if due >= at else "{length} past due", length=length)
