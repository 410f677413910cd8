"""Stretches of the week in which people answer, in the city's time. None at all means round the clock."""

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from hotline.words import say, word
from models.base import CITY_TIME


class Hours(BaseModel):
    """A stretch that begins on each of these days (1 is Monday).

    One that does not end later than it begins goes on into the next day.
    """

    days: list[Annotated[int, Field(ge=1, le=7)]] = Field(default_factory=lambda: list(range(1, 8)))
    from_: time = Field(alias="from")
    to: time

    def include(self, moment: datetime) -> bool:
        local = moment.astimezone(CITY_TIME)
        began, at = local.isoweekday() in self.days, local.time()
        if self.from_ < self.to:
            return began and self.from_ <= at < self.to
        began_yesterday = (local - timedelta(days=1)).isoweekday() in self.days
        return (began and at >= self.from_) or (began_yesterday and at < self.to)


def is_open(hours: Sequence[Hours], moment: datetime) -> bool:
    return not hours or any(stretch.include(moment) for stretch in hours)


def opens_at(hours: Sequence[Hours], moment: datetime) -> datetime:
    """The moment itself while people answer, else when they do so next."""
    if is_open(hours, moment):
        return moment
    local = moment.astimezone(CITY_TIME)
    days = [local.date() + timedelta(days=number) for number in range(8)]
    openings = [datetime.combine(day, stretch.from_, CITY_TIME) for day in days for stretch in hours]
    following = [opening for opening in openings if opening > moment and is_open(hours, opening)]
    return min(following, default=moment).astimezone(moment.tzinfo)


def in_words(hours: Sequence[Hours]) -> str:
    """As citizens are told them."""
    told = (f"{_days(stretch.days)} {stretch.from_:%H:%M}—{stretch.to:%H:%M}" for stretch in hours)
    return "；".join(told) or say("round the clock")


def _days(days: Iterable[int]) -> str:
    """Days that follow each other by the first and the last of them."""
    runs: list[list[int]] = []
    for day in sorted(set(days)):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return "、".join("至".join(word("weekday", day) for day in dict.fromkeys((run[0], run[-1]))) for run in runs)
