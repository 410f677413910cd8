"""Stretches of the city's time that figures are told for: an hour, a day, a week, a month, a quarter, a year."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Self

from models.base import CITY_TIME

DAY = timedelta(days=1)


class Span(StrEnum):
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


MONTHS = {Span.MONTH: 1, Span.QUARTER: 3, Span.YEAR: 12}


def day_of(at: datetime) -> date:
    return at.astimezone(CITY_TIME).date()


def midnight(day: date) -> datetime:
    """When the city's day begins."""
    return datetime.combine(day, time(), CITY_TIME).astimezone(UTC)


def month_of(day: date) -> date:
    return day.replace(day=1)


def later(month: date, count: int) -> date:
    """The first day of the month so many months on, or back."""
    years, index = divmod(month.year * 12 + month.month - 1 + count, 12)
    return date(years, index + 1, 1)


@dataclass(frozen=True)
class Stretch:
    span: Span
    first: date
    end: date  # the day after the last
    hour: int = 0  # of an hour

    @classmethod
    def around(cls, span: Span, at: datetime) -> Self:
        local = at.astimezone(CITY_TIME)
        return cls.of(span, local.date(), hour=local.hour)

    @classmethod
    def of(cls, span: Span, day: date, *, hour: int = 0) -> Self:
        if span == Span.HOUR:
            return cls(span, day, day + DAY, hour)
        if span == Span.DAY:
            return cls(span, day, day + DAY)
        if span == Span.WEEK:
            monday = day - DAY * day.weekday()
            return cls(span, monday, monday + 7 * DAY)
        length = MONTHS[span]
        first = date(day.year, (day.month - 1) // length * length + 1, 1)
        return cls(span, first, later(first, length))

    @property
    def since(self) -> datetime:
        return midnight(self.first) + timedelta(hours=self.hour)

    @property
    def until(self) -> datetime:
        return self.since + timedelta(hours=1) if self.span == Span.HOUR else midnight(self.end)

    def before(self) -> "Stretch":
        return Stretch.around(self.span, self.since - timedelta(hours=1))

    def after(self) -> "Stretch":
        return Stretch.around(self.span, self.until)
