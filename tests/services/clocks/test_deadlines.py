"""Natural time and working days, shifted days, years without a list."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from hotline.services.clocks import deadlines
from hotline.services.clocks.deadlines import Due, Limit, due_at, fill_calendar, in_words
from models import CalendarDay, now
from models.base import CITY_TIME


def at(text: str) -> datetime:
    """A time in the city."""
    return datetime.fromisoformat(f"{text}+08:00")


@pytest.mark.parametrize(
    ("limit", "due"),
    [("30m", "2026-11-20T17:30"), ("2h", "2026-11-20T19:00"), ("72h", "2026-11-23T17:00"), ("7d", "2026-11-27T17:00")],
)
def test_natural_time_runs_at_night_and_at_weekends(session: Session, limit: str, due: str) -> None:
    assert due_at(session, at("2026-11-20T17:00"), Limit.parse(limit)) == Due(at(due), provisional=False)


@pytest.mark.parametrize(
    ("start", "limit", "due"),
    [
        ("2026-11-19T09:00", "1wd", "2026-11-21T00:00"),  # Thursday: the end of Friday
        ("2026-11-20T17:00", "1wd", "2026-11-24T00:00"),  # Friday: the end of Monday
        ("2026-11-21T12:00", "1wd", "2026-11-24T00:00"),  # Saturday: the same
        ("2026-11-20T17:00", "5wd", "2026-11-28T00:00"),
        ("2026-09-30T12:00", "1wd", "2026-10-09T00:00"),  # over the National Day holiday
        ("2026-02-13T12:00", "1wd", "2026-02-15T00:00"),  # Saturday 14 February is worked (调休)
        ("2026-11-20T00:30", "1wd", "2026-11-24T00:00"),  # still Thursday in UTC
    ],
)
def test_working_days_are_counted_from_the_next_day_to_midnight(session: Session, start: str, limit: str, due: str) -> None:
    fill_calendar(session, [2026])

    assert due_at(session, at(start), Limit.parse(limit)) == Due(at(due), provisional=False)


@pytest.mark.parametrize(
    ("moment", "end"),
    [
        ("2026-11-23T10:00", "2026-11-30T00:00"),  # Monday: over the weekend
        ("2026-11-29T10:00", "2026-11-30T00:00"),  # Sunday
        ("2026-09-28T10:00", "2026-10-08T00:00"),  # before the National Day holiday: over it
        ("2026-02-13T10:00", "2026-02-24T00:00"),  # Saturday 14 February is worked, then it is Spring Festival
        ("2026-11-29T23:59", "2026-11-30T00:00"),
    ],
)
def test_a_working_week_lasts_over_the_rest_days_after_it(session: Session, moment: str, end: str) -> None:
    fill_calendar(session, [2026])

    assert deadlines.end_of_week(session, at(moment)) == at(end)


def test_a_year_without_a_list_makes_due_times_provisional(session: Session) -> None:
    fill_calendar(session, [2031])

    due = due_at(session, at("2031-04-30T12:00"), Limit.parse("1wd"))

    assert due == Due(at("2031-05-06T00:00"), provisional=True)  # 1 and 2 May are fixed holidays, 3 and 4 a weekend


def test_days_beyond_the_calendar_count_as_weekdays_provisionally(session: Session) -> None:
    session.execute(delete(CalendarDay))

    assert due_at(session, at("2026-11-20T17:00"), Limit.parse("1wd")) == Due(at("2026-11-24T00:00"), provisional=True)


def test_a_list_that_arrives_corrects_what_was_assumed_and_says_so(session: Session) -> None:
    session.execute(delete(CalendarDay))
    assumed = date(2026, 2, 14)  # a Saturday that turned out to be worked
    session.add(CalendarDay(day=assumed, working=False, provisional=True))
    session.flush()

    changes = fill_calendar(session, [2026])

    assert changes == [deadlines.DayChange(assumed, was_working=False, is_working=True)]
    assert session.get_one(CalendarDay, assumed).provisional is False
    assert session.scalar(select(func.count()).select_from(CalendarDay)) == 365


def test_what_an_administrator_set_stays(session: Session) -> None:
    fill_calendar(session, [2026])
    flood_day = session.get_one(CalendarDay, date(2026, 7, 15))
    flood_day.working, flood_day.note = False, "防汛停工"
    session.flush()

    assert fill_calendar(session, [2026]) == []
    assert flood_day.working is False


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])  # it only reads the calendar
@given(
    start=st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 -- the zone is added below
    amount=st.integers(1, 30),
    unit=st.sampled_from(["m", "h", "d", "wd"]),
)
def test_a_longer_limit_is_never_due_earlier(session: Session, start: datetime, amount: int, unit: str) -> None:
    begun = start.replace(tzinfo=CITY_TIME)

    shorter, longer = (due_at(session, begun, Limit(n, unit)).at for n in (amount, amount + 1))

    assert begun < shorter < longer


@pytest.mark.parametrize("text", ["", "2", "h", "0h", "-1h", "2 h", "1.5h", "2w", None])
def test_what_is_no_limit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="time limit"):
        Limit.parse(text)


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(hours=2, minutes=10), "还剩 2 小时 10 分"),
        (timedelta(minutes=5), "还剩 5 分钟"),
        (timedelta(days=3, hours=4, minutes=59), "还剩 3 天 4 小时"),
        (timedelta(0), "还剩 0 分钟"),
        (-timedelta(minutes=90), "已超 1 小时 30 分"),
    ],
)
def test_time_left_is_said_in_words(away: timedelta, words: str) -> None:
    at_ = now()

    assert in_words(at_ + away, at_) == words
