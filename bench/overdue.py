"""How long the sweep takes to look at 100,000 open cases in PostgreSQL: all at once, after an hour without it, and once more."""

import time
from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy import func, select

from bench import years
from bench.figures import Figure
from bench.years import Size
from hotline.db import Database
from hotline.services.clocks import alarms
from models import Assignment, AssignmentStatus, now
from models.base import as_if

OPEN = Size(contacts=400_000, cases=200_000, open_cases=100_000)
OPEN_SMALL = Size(contacts=40_000, cases=20_000, open_cases=10_000)
BAR_S = 10.0


def overdue(small: bool) -> Iterator[Figure]:
    with years.database(OPEN_SMALL if small else OPEN) as url:
        database = Database(url, pool_size=2)
        with database.reading() as session:
            at_work = select(func.count()).where(Assignment.status == AssignmentStatus.IN_PROGRESS)
            open_cases = session.scalar(at_work)
        with as_if(now() - timedelta(hours=1)):
            first, said_first = _sweep(database)
        seconds, said = _sweep(database)
        again, said_again = _sweep(database)
        database.dispose()
    details = {"open_cases": open_cases, "said": said}
    yield Figure("overdue", "postgresql", seconds, "s after an hour", bar=BAR_S, details=details)
    yield Figure("overdue_again", "postgresql", again, "s", bar=BAR_S, details={"said": said_again})
    # No clock had been looked at before, and nearly half of them are near their end or past it.
    yield Figure("overdue_first", "postgresql", first, "s", details={"said": said_first})


def _sweep(database: Database) -> tuple[float, int]:
    started = time.perf_counter()
    said = alarms.sweep(database)
    return time.perf_counter() - started, said
