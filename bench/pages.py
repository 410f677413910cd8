"""The agent's desk and its queue with years of work in PostgreSQL, against the same pages with little."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench import service, years
from bench.browsing import ask, get, sign_in
from bench.figures import Figure, percentile
from bench.form import read_form
from bench.load import closed_loop, open_loop, request
from bench.service import Service
from bench.years import LARGE, LITTLE, MIDDLING, Size
from hotline.db import engine_for
from models import privacy
from tests.components import Postgres

PAGES = {"desk": "/desk", "queue": "/desk/queue"}
ROUNDS, WARM_UP, LOADS = 4, 10, 50
PER_SECOND = 8
# With all that a desk with a telephone shows; the exchange itself is not needed for that.
SETTINGS = {**service.DEMO, "HOTLINE_TELEPHONY": "on"}
P95_BAR_MS, GROWTH_BAR = 60.0, 1.5


@dataclass(frozen=True)
class Desk:
    """An agent at work on a contact, with so much in the database."""

    size: Size
    running: Service
    cookie: str
    seconds: dict[str, list[float]]


def pages(small: bool) -> Iterator[Figure]:
    with Postgres.temporary() as server, ExitStack() as stack:
        sizes = {"little": LITTLE, "much": MIDDLING if small else LARGE}
        little, much = (stack.enter_context(_desk(server.create_database(name), size)) for name, size in sizes.items())
        # In turns, so that whatever else the machine does meets both.
        for _ in range(ROUNDS):
            for name, path in PAGES.items():
                for desk in (little, much):
                    desk.seconds[name] += _load(desk.running, path, desk.cookie)
    for name in PAGES:
        p95, before = (1000 * percentile(desk.seconds[name], 0.95) for desk in (much, little))
        details = {"contacts": much.size.contacts, "cases": much.size.cases, "p50_ms": 1000 * percentile(much.seconds[name], 0.5)}
        yield Figure(f"page_{name}", "postgresql", p95, "ms p95", bar=P95_BAR_MS, details=details)
        p50_before = {"p50_ms": 1000 * percentile(little.seconds[name], 0.5)}
        yield Figure(f"page_{name}_growth", "postgresql", p95, "ms p95", before, GROWTH_BAR, details=p50_before)


@contextmanager
def _desk(url: str, size: Size) -> Iterator[Desk]:
    privacy.install(privacy.KeyRing([service.KEY]))
    with service.running(arguments=["--only", "web"], settings={**SETTINGS, "HOTLINE_DATABASE__URL": url}) as running:
        engine = engine_for(url)
        years.fill(engine, size)
        engine.dispose()
        cookie = sign_in(running, "agent1")
        _start_work(running, cookie)
        yield Desk(size, running, cookie, {name: [] for name in PAGES})


def _load(running: Service, path: str, cookie: str) -> list[float]:
    requests = [request("GET", path, headers={"Cookie": cookie})] * LOADS
    closed_loop(running.port, requests[:WARM_UP], connections=1)
    outcome = open_loop(running.port, requests, per_second=PER_SECOND)
    assert outcome.statuses() == {200}, outcome.statuses()
    return outcome.latencies


def _start_work(running: Service, cookie: str) -> None:
    """Available, and with one contact taken, so that the desk shows all that it has to show."""
    for name, filled in (("presence", {"state": "available"}), ("take-next", {})):
        form = read_form(get(running, "/desk", cookie).body.decode(), name, at="/desk")
        answer = ask(running, request("POST", form.action, headers={"Cookie": cookie}, content=form.body(filled)))
        assert answer.status in {200, 303}, f"{name}: {answer.status}"
    read_form(get(running, "/desk", cookie).body.decode(), "file", at="/desk")
