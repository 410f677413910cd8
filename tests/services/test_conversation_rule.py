"""When people answer messages."""

from datetime import UTC, datetime

import pytest

from hotline.services import conversation_rule


@pytest.mark.parametrize(
    ("begin", "end", "moment", "staffed"),
    [
        ("20:00", "06:00", datetime(2026, 11, 23, 14, tzinfo=UTC), True),  # Monday 22:00
        ("20:00", "06:00", datetime(2026, 11, 23, 20, tzinfo=UTC), True),  # Tuesday 04:00
        ("20:00", "06:00", datetime(2026, 11, 24, 14, tzinfo=UTC), False),  # Tuesday 22:00
        ("08:00", "18:00", datetime(2026, 11, 23, 10, tzinfo=UTC), False),  # Monday 18:00
    ],
)
def test_hours_may_run_over_midnight(begin: str, end: str, moment: datetime, staffed: bool) -> None:
    rule = conversation_rule._shipped().model_copy(update={"hours": [conversation_rule.Hours(days=[1], begin=begin, end=end)]})
    assert rule.is_staffed(moment) is staffed
    assert rule.opens_after(moment) >= moment
