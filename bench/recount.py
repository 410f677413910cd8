"""Scores of 100,000 closed cases computed from their history in PostgreSQL, then once more and compared to the last digit."""

import time
from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from bench import years
from bench.figures import Figure
from bench.rankings import INDICATORS
from bench.years import Size
from hotline.db import Database
from hotline.services.scores import recount as scores

MANY, FEW = Size(contacts=206_000, cases=103_000), Size(contacts=10_000, cases=5_000)


def recount(small: bool) -> Iterator[Figure]:
    with years.database(FEW if small else MANY, indicators=INDICATORS) as url:
        database = Database(url, pool_size=2)
        with database.reading() as session:
            batches = list(scores.batches(session))
        cases = sum(map(len, batches))
        found: list[scores.Difference] = []

        def again(ids: Sequence[UUID]) -> None:
            with database.unit_of_work() as session:
                scores.again(session, ids)

        def compare(ids: Sequence[UUID]) -> None:
            with database.reading() as session:
                found.extend(scores.compare(session, ids))

        yield Figure("recount", "postgresql", _ms(again, batches) / cases, "ms a case", details={"cases": cases})
        yield Figure("recount_check", "postgresql", _ms(compare, batches) / cases, "ms a case", details={"cases": cases})
        database.dispose()
    yield Figure("recount_differences", "postgresql", float(len(found)), "", bar=0.0, details={"cases": cases})


def _ms(act: Callable[[Sequence[UUID]], None], batches: Sequence[Sequence[UUID]]) -> float:
    started = time.perf_counter()
    for ids in batches:
        act(ids)
    return 1000 * (time.perf_counter() - started)
