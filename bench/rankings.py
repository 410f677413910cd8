"""How long rankings take in PostgreSQL among a million cases: every dimension, every stretch, the cases behind a number."""

import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench import years
from bench.figures import Figure, percentile
from hotline.db import Database
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import behind, boards, recount, sums
from hotline.services.scores.spans import Span, Stretch, midnight
from models import Case, Dimension, Score, ScoreSum

BAR_MS = 300.0
AGAIN = 7
# A judge's marks are of a few cases only.
INDICATORS = tuple(str(each) for each in Indicator if each != Indicator.FIT)


def rankings(small: bool) -> Iterator[Figure]:
    with years.database(years.LITTLE if small else years.LARGEST, indicators=INDICATORS) as url:
        database = Database(url, pool_size=2)
        yield _add_up(database)
        with database.reading() as session:
            details = {"cases": session.scalar(select(func.count()).select_from(Case)), "sums": _count(session)}
            latest = session.scalars(select(func.max(Score.scored_on))).one()
            for name, look in _looks(session, latest).items():
                yield Figure(name, "postgresql", _worst_ms(look), "ms p95", bar=BAR_MS, details=details)
        database.dispose()


def _add_up(database: Database) -> Figure:
    with database.reading() as session:
        days = recount.days(session)
    started = time.perf_counter()
    for first in range(0, len(days), sums.SWEEP):
        with database.unit_of_work() as session:
            sums.refresh_days(session, days[first : first + sums.SWEEP])
    seconds = time.perf_counter() - started
    return Figure("rankings_day", "postgresql", 1000 * seconds / len(days), "ms a day's sums", details={"days": len(days)})


def _count(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(ScoreSum)) or 0


def _looks(session: Session, day: date) -> dict[str, Callable[[], object]]:
    """Around the last day that has scores."""
    at = midnight(day)
    found: dict[str, Callable[[], object]] = {}
    for span in Span:
        for dimension in (Dimension.UNIT, Dimension.GRID, Dimension.AGENT, Dimension.CATEGORY):
            stretch = Stretch.around(span, at)
            found[f"{dimension}_{span}"] = partial(boards.board, session, dimension, stretch)
    year, code = Stretch.around(Span.YEAR, at), boards.board(session, Dimension.UNIT, Stretch.around(Span.YEAR, at)).lines[0].key
    found["behind_unit"] = lambda: behind.cases(session, Dimension.UNIT, code, Indicator.RESOLUTION, year, only="missed")
    found["behind_city"] = lambda: behind.cases(session, Dimension.CITY, boards.CITY, Indicator.RESOLUTION, year)
    return found


def _worst_ms(look: Callable[[], object]) -> float:
    taken = []
    for _ in range(AGAIN):
        started = time.perf_counter()
        look()
        taken.append(1000 * (time.perf_counter() - started))
    return percentile(taken, 0.95)
