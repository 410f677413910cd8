"""The wall with fifty of them open, and a month's report, with a million cases in PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bench import service, years
from bench.browsing import sign_in
from bench.figures import Figure, percentile
from bench.load import closed_loop, open_loop, request
from bench.service import Service
from bench.years import LARGEST, MIDDLING, Size
from hotline.db import engine_for
from hotline.services.monthly.months import Month
from models import now, privacy
from tests.components import Postgres

WALLS, SECONDS, PAINTS = 50, 12, 10
FIRST_BAR_S, REFRESH_BAR_MS, REPORT_BAR_S = 1.0, 150.0, 10.0
SETTINGS = {**service.DEMO, "HOTLINE_TELEPHONY": "on"}


def wall(small: bool) -> Iterator[Figure]:
    """Each wall asks once a second, as in a minute full of hints; meanwhile others are opened."""
    size: Size = MIDDLING if small else LARGEST
    privacy.install(privacy.KeyRing([service.KEY]))
    with Postgres.temporary() as server:
        url = server.create_database("years")
        with service.running(arguments=["--only", "web"], settings={**SETTINGS, "HOTLINE_DATABASE__URL": url}) as running:
            engine = engine_for(url)
            years.fill(engine, size)
            engine.dispose()
            yield from _measured(running, size)


def _measured(running: Service, size: Size) -> Iterator[Figure]:
    cookies = [sign_in(running, "supervisor1") for _ in range(WALLS)]
    details = {"walls": WALLS, "cases": size.cases}
    cold = _seconds(running, "/wall", cookies[0])[0]
    refreshes = [request("GET", "/wall/now", headers={"Cookie": cookie}) for cookie in cookies] * SECONDS
    with ThreadPoolExecutor(1) as beside:
        painted = beside.submit(_seconds, running, "/wall", cookies[0], PAINTS)
        outcome = open_loop(running.port, refreshes, per_second=WALLS)
        first = painted.result()
    assert outcome.statuses() == {200}, outcome.statuses()
    yield Figure("wall_first_cold", "postgresql", cold, "s", bar=FIRST_BAR_S, details=details)
    yield Figure("wall_first", "postgresql", max(first), "s of 10, longest", bar=FIRST_BAR_S, details=details)
    p95 = 1000 * percentile(outcome.latencies, 0.95)
    p50 = {"p50_ms": 1000 * percentile(outcome.latencies, 0.5)}
    yield Figure("wall_refresh", "postgresql", p95, "ms p95", bar=REFRESH_BAR_MS, details={**details, **p50})
    month = Month.of(now()).before
    report = _seconds(running, f"/reports/monthly/{month}", cookies[0])[0]
    yield Figure("month_report", "postgresql", report, "s", bar=REPORT_BAR_S, details={"cases": size.cases})


def _seconds(running: Service, path: str, cookie: str, times: int = 1) -> list[float]:
    outcome = closed_loop(running.port, [request("GET", path, headers={"Cookie": cookie})] * times, connections=1)
    assert outcome.statuses() == {200}, outcome.statuses()
    return outcome.latencies
