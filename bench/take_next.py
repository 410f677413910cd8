"""Sixteen people take the next contact at once, against bare SKIP LOCKED on the same rows."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import takers
from bench.figures import Figure, percentile
from bench.service import KEY
from bench.takers import Race, Way
from hotline.db import engine_for
from models import privacy, schema
from tests.components import Postgres

WAITING, WAITING_SMALL = 1200, 400
ROUNDS = 3
RATE_BAR, LONGEST_MS = 0.5, 300.0


def take_next(small: bool) -> Iterator[Figure]:
    waiting = WAITING_SMALL if small else WAITING
    privacy.install(privacy.KeyRing([KEY]))
    with Postgres.temporary() as server:
        # In turns, so that whatever else the machine does meets both.
        pairs = [
            (
                _race(takers.bare, server.create_database("bare"), waiting),
                _race(takers.through_the_service, server.create_database("taken"), waiting),
            )
            for _ in range(ROUNDS)
        ]
    limit, service = (sorted(races, key=lambda each: each.rate)[ROUNDS // 2] for races in zip(*pairs, strict=True))
    waits = [1000 * wait for _, race in pairs for wait in race.waits]
    details = {"takers": takers.TAKERS, "p50_ms": percentile(waits, 0.5), "p99_ms": percentile(waits, 0.99)}
    yield Figure("take_next", "postgresql", service.rate, "takes/s", limit.rate, RATE_BAR, "more", details)
    yield Figure("take_next_wait", "postgresql", max(waits), "ms longest", bar=LONGEST_MS)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        alone = _race(takers.through_the_service, f"sqlite:///{Path(folder) / 'hotline.db'}", waiting)
    yield Figure("take_next", "sqlite", alone.rate, "takes/s", details={"longest_ms": 1000 * max(alone.waits)})


def _race(way: Way, url: str, waiting: int) -> Race:
    engine = engine_for(url)
    schema.upgrade(engine)
    people = takers.fill(engine, contacts=waiting)
    engine.dispose()
    race = takers.race(way, url, people)
    taken_before = takers.TAKERS * takers.WARM_UP
    assert len(set(race.taken)) == len(race.taken) == waiting - taken_before, "each contact goes to one person"
    return race
