"""One line a day, outside the database, that stands for everything that happened to cases on that day.

Whoever could rewrite the database and knew the key would still have to rewrite these lines, wherever they were copied to.
"""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import history
from models import CaseEvent, today
from models.base import CITY_TIME

FILE = "history-heads.jsonl"  # in the data folder
MOST_AT_ONCE = 31


def keep(session: Session, path: Path) -> int:
    """Append the heads of the days that ended since the last line; returns how many. Safe to run twice."""
    missing = list(_missing(session, path))
    with path.open("a", encoding="utf-8") as file:
        for day in missing:
            head = history.day_head(session, day)
            file.write(json.dumps({"day": day.isoformat(), "events": head.events, "digest": head.digest}) + "\n")
    return len(missing)


def read(path: Path) -> dict[date, history.DayHead]:
    """The lines kept so far, by day."""
    if not path.exists():
        return {}
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    heads = [history.DayHead(date.fromisoformat(line["day"]), line["events"], line["digest"]) for line in lines]
    return {head.day: head for head in heads}


def _missing(session: Session, path: Path) -> Iterator[date]:
    kept = read(path)
    begun = session.scalar(select(func.min(CaseEvent.at)))
    if begun is None:
        return
    day = max(kept) + timedelta(days=1) if kept else begun.astimezone(CITY_TIME).date()
    for _ in range(MOST_AT_ONCE):
        if day >= today():
            return
        yield day
        day += timedelta(days=1)
