"""When people answer, and when they do so next."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from hotline.services.opening_hours import Hours, is_open, opens_at
from models.base import CITY_TIME

WORKDAYS = [1, 2, 3, 4, 5]


def hours(*stretches: tuple[Sequence[int], str, str]) -> list[Hours]:
    bodies: list[dict[str, Any]] = [{"days": list(days), "from": begin, "to": end} for days, begin, end in stretches]
    return [Hours.model_validate(body) for body in bodies]


OFFICE = hours((WORKDAYS, "09:00", "12:00"), (WORKDAYS, "14:00", "18:00"))
NIGHTS = hours(((1, 5), "20:00", "06:00"))


def in_the_city(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of the week of Monday, 23 November 2026, as the service keeps it."""
    return datetime(2026, 11, day, hour, minute, tzinfo=CITY_TIME).astimezone(UTC)


@pytest.mark.parametrize(
    ("day", "hour", "minute", "staffed"),
    [(23, 9, 0, True), (23, 11, 59, True), (23, 12, 0, False), (23, 17, 59, True), (28, 10, 0, False)],
)
def test_a_stretch_ends_when_its_end_strikes(day: int, hour: int, minute: int, staffed: bool) -> None:
    assert is_open(OFFICE, in_the_city(day, hour, minute)) is staffed


@pytest.mark.parametrize(
    ("day", "hour", "staffed"),
    [
        (23, 5, False),  # nobody began on Sunday
        (23, 20, True),
        (24, 5, True),
        (24, 6, False),
        (24, 20, False),
        (27, 23, True),
        (28, 0, True),
        (28, 20, False),
    ],
)
def test_hours_that_end_earlier_than_they_begin_last_until_the_next_day(day: int, hour: int, staffed: bool) -> None:
    assert is_open(NIGHTS, in_the_city(day, hour)) is staffed


def test_hours_that_end_when_they_begin_last_the_clock_round() -> None:
    monday = hours(((1,), "00:00", "00:00"))

    assert [is_open(monday, in_the_city(day, hour)) for day, hour in ((22, 23), (23, 0), (23, 23), (24, 0))] == [
        False,
        True,
        True,
        False,
    ]


def test_without_hours_people_answer_always() -> None:
    assert is_open([], in_the_city(29, 3))
    assert opens_at([], in_the_city(29, 3)) == in_the_city(29, 3)


@pytest.mark.parametrize(
    ("moment", "opening"),
    [
        (in_the_city(23, 10), in_the_city(23, 10)),
        (in_the_city(23, 13), in_the_city(23, 14)),
        (in_the_city(23, 18), in_the_city(24, 9)),
        (in_the_city(27, 23), in_the_city(30, 9)),
    ],
)
def test_it_is_known_when_people_answer_next(moment: datetime, opening: datetime) -> None:
    assert opens_at(OFFICE, moment) == opening


def test_a_night_is_found_open_where_it_begins() -> None:
    assert opens_at(NIGHTS, in_the_city(24, 7)) == in_the_city(27, 20)
    assert opens_at(NIGHTS, in_the_city(28, 5)) == in_the_city(28, 5)


def test_a_city_that_opens_once_a_week_is_found_open_a_week_later() -> None:
    assert opens_at(hours(((1,), "09:00", "10:00")), in_the_city(23, 10)) == in_the_city(30, 9)


def test_hours_that_never_come_promise_nothing_later() -> None:
    assert opens_at(hours(((), "09:00", "10:00")), in_the_city(23, 10)) == in_the_city(23, 10)
