"""A line a day outside the database shows what was changed or cut off inside it."""

from datetime import date, timedelta
from pathlib import Path

import time_machine
from sqlalchemy import text
from sqlalchemy.orm import Session

from hotline.services import heads, history
from tests.factories_cases import make_case


def test_a_day_that_ended_is_kept_once(session: Session, clock: time_machine.Traveller, tmp_path: Path) -> None:
    path = tmp_path / "heads.jsonl"
    make_case(session)
    assert heads.keep(session, path) == 0, "today is not over"
    clock.shift(timedelta(days=2))

    assert heads.keep(session, path) == 2
    assert heads.keep(session, path) == 0
    assert heads.read(path)[date(2026, 11, 23)].events > 0
    assert heads.read(path)[date(2026, 11, 24)].events == 0


def test_a_history_that_lost_its_tail_no_longer_fits_its_day(
    session: Session, clock: time_machine.Traveller, tmp_path: Path
) -> None:
    path, day = tmp_path / "heads.jsonl", date(2026, 11, 23)
    case = make_case(session)
    clock.shift(timedelta(days=1))
    heads.keep(session, path)
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ALTER TABLE case_event DISABLE TRIGGER USER"))
    else:
        session.execute(text("DROP TRIGGER case_event_no_delete"))
    session.execute(text("DELETE FROM event_note"))
    session.execute(text("DELETE FROM case_event WHERE serial = (SELECT max(serial) FROM case_event)"))

    assert history.verify(session, case) is None, "the chain alone cannot know what followed"
    assert history.day_head(session, day) != heads.read(path)[day]
