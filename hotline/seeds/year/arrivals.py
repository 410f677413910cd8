"""When citizens turn to the hotline: by season, weekday and hour, and all at once in a storm."""

import random
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from models.base import CITY_TIME

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
# January to December; spring festival is quiet, summer and the heating season are not.
OF_MONTH = (1.0, 0.7, 0.9, 0.9, 1.0, 1.15, 1.3, 1.25, 1.0, 0.9, 1.0, 1.1)
# Monday to Sunday.
OF_WEEKDAY = (1.25, 1.15, 1.1, 1.05, 1.05, 0.75, 0.65)
OF_HOUR = (2, 1, 1, 1, 1, 2, 5, 12, 26, 34, 32, 24, 16, 20, 26, 27, 24, 20, 17, 17, 16, 13, 8, 4)
STORM_MONTHS = (7, 6, 8)
STORM_SHARE, STORM_LEAST = 0.01, 24
# Trees first, then the water, then the power: each wave within so long of the one before.
WAVE, BETWEEN_WAVES = timedelta(minutes=18), timedelta(minutes=70)


def usual(first: datetime, end: datetime, count: int, chance: random.Random) -> list[datetime]:
    """So many moments, the earliest first."""
    days = [first + DAY * number for number in range((end - first).days + 1)]
    weights = [OF_MONTH[day.month - 1] * OF_WEEKDAY[day.weekday()] for day in (each.astimezone(CITY_TIME) for each in days)]
    moments: list[datetime] = []
    while len(moments) < count:
        day = chance.choices(days, weights)[0].astimezone(CITY_TIME).date()
        hour = chance.choices(range(24), OF_HOUR)[0]
        at = datetime.combine(day, time(hour), CITY_TIME) + MINUTE * chance.uniform(0, 60)
        if first <= at < end:
            moments.append(at)
    return sorted(moments)


def storm_day(first: datetime, end: datetime) -> date:
    """In summer if there is one, else in the middle; never so late that nothing of it could be solved."""
    start, length = first.astimezone(CITY_TIME).date(), (end - first).days
    inside = [start + timedelta(days=number) for number in range(length // 4, max(length // 4 + 1, length * 3 // 4))]
    summer = [day for month in STORM_MONTHS for day in inside if (day.month, day.day) == (month, 18)]
    return summer[0] if summer else inside[len(inside) // 2]


def storm(day: date, count: int, waves: int, chance: random.Random) -> list[Sequence[datetime]]:
    """From two in the afternoon on."""
    begins = datetime.combine(day, time(14), CITY_TIME)
    each = max(STORM_LEAST, round(count * STORM_SHARE)) // waves
    return [
        sorted(start + WAVE * chance.random() for _ in range(each))
        for start in (begins + BETWEEN_WAVES * number for number in range(waves))
    ]
