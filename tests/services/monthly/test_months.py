"""Months by the city's clock."""

from datetime import UTC, datetime

import pytest

from hotline.errors import NotFound
from hotline.services.monthly.months import Month


def test_a_month_begins_at_midnight_in_the_city() -> None:
    month = Month.parse("2026-11")

    assert (month.start, month.end) == (datetime(2026, 10, 31, 16, tzinfo=UTC), datetime(2026, 11, 30, 16, tzinfo=UTC))
    assert Month.of(datetime(2026, 11, 30, 15, 59, tzinfo=UTC)) == month
    assert Month.of(datetime(2026, 11, 30, 16, tzinfo=UTC)) == month.after


def test_months_follow_each_other_over_the_turn_of_the_year_and_leap_days() -> None:
    february = Month.parse("2028-02")

    assert (february.days, str(february.year_before), february.year_before.days) == (29, "2027-02", 28)
    assert str(Month.parse("2026-12").after) == "2027-01"
    assert str(Month.parse("2027-01").before) == "2026-12"


@pytest.mark.parametrize("text", ["2026-13", "next", "2026-1", "", "2026-01-01"])
def test_what_is_no_month_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        Month.parse(text)
