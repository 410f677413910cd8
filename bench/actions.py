"""Dispatch, sign and answer over years of cases in PostgreSQL, beside bare endpoints that write as many rows."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from urllib.parse import urlencode

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from bench import doors, service, years
from bench.browsing import sign_in
from bench.figures import Figure, percentile
from bench.form import read_form
from bench.load import Outcome, closed_loop, open_loop, request
from bench.service import Service
from bench.years import LARGE, LITTLE
from hotline.db import engine_for
from models import Staff, Unit, privacy
from tests.components import Postgres

DISPATCHER, LIAISON = "dispatcher1", "liaison1"
PER_SECOND = 30
# The two doors take turns, so that whatever else the machine does meets both.
ROUNDS, WARM_UP = 4, 20
COUNT, COUNT_SMALL = 240, 30
P95_BAR_MS = 30.0
ANSWER = "经现场核实，路灯已于今日修复并恢复照明，感谢您的反映。"
# The rows that an act adds before the person is told; the bare endpoint must add the same.
WRITTEN = {
    "dispatch": {"assignment": 1, "case_event": 2, "answer": 0, "outbox_message": 2},
    "sign": {"assignment": 0, "case_event": 2, "answer": 0, "outbox_message": 2},
    "answer": {"assignment": 0, "case_event": 2, "answer": 1, "outbox_message": 2},
}
FORM = "application/x-www-form-urlencoded"
OF_CASES = "ANY(CAST(:cases AS uuid[]))"
COUNTED = {
    "assignment": f"assignment WHERE case_id = {OF_CASES}",
    "case_event": f"case_event WHERE case_id = {OF_CASES}",
    "answer": f"answer JOIN assignment ON assignment.id = answer.assignment_id WHERE assignment.case_id = {OF_CASES}",
    "outbox_message": "outbox_message",
}


@dataclass(frozen=True)
class Subject:
    """A case on its way through the three acts."""

    number: str
    case_id: str
    assignment_id: str = ""


@dataclass
class Bare:
    """The limit's endpoints."""

    port: int
    unit_id: str
    liaison_id: str
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def round(self, engine: Engine, subjects: Sequence[Subject]) -> Iterator[tuple[str, Outcome]]:
        for action in WRITTEN:
            requests = [self._request(action, each) for each in subjects]
            outcome = _paced(engine, self.port, action, requests, subjects, status=200)
            if action == "dispatch":
                subjects = _with_assignments(engine, subjects)
            yield action, outcome

    def _request(self, action: str, subject: Subject) -> bytes:
        fields = {"case_id": subject.case_id, "assignment_id": subject.assignment_id}
        fields |= {"unit_id": self.unit_id, "by_id": self.liaison_id, "public_text": ANSWER}
        return request("POST", f"/{action}", content=(FORM, urlencode(fields).encode()))


@dataclass
class Desks:
    """A dispatcher and a liaison at their pages, as a browser without script has them."""

    running: Service
    unit_code: str
    cookies: Mapping[str, str]
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def round(self, engine: Engine, subjects: Sequence[Subject]) -> Iterator[tuple[str, Outcome]]:
        pages = {f"/verify/to_dispatch/{each.number}": each for each in subjects}
        yield "dispatch", self._act(engine, "dispatch", pages, DISPATCHER, {"unit": self.unit_code})
        pages = {f"/unit/{each.assignment_id}": each for each in _with_assignments(engine, subjects)}
        yield "sign", self._act(engine, "sign", pages, LIAISON, {})
        yield "answer", self._act(engine, "answer", pages, LIAISON, {"public_text": ANSWER, "closure": "solved"})

    def _act(self, engine: Engine, name: str, pages: Mapping[str, Subject], who: str, filled: Mapping[str, str]) -> Outcome:
        """The pages are fetched for their forms before the clock starts: they have a bench of their own."""
        headers = {"Cookie": self.cookies[who]}
        requests = []
        fetched = closed_loop(self.running.port, [request("GET", page, headers=headers) for page in pages], connections=1)
        for page, shown in zip(pages, fetched.answers, strict=True):
            form = read_form(shown.body.decode(), name, at=page)
            form.fields.pop("assists", None)  # to one unit, so that each dispatch writes the same
            requests.append(request("POST", form.action, headers=headers, content=form.body(filled)))
        return _paced(engine, self.running.port, name, requests, list(pages.values()), status=303)


def actions(small: bool) -> Iterator[Figure]:
    size, count, rounds = (LITTLE, COUNT_SMALL, 1) if small else (LARGE, COUNT, ROUNDS)
    privacy.install(privacy.KeyRing([service.KEY]))
    with Postgres.temporary() as server, ExitStack() as stack:
        url = server.create_database("actions")
        settings = {**service.DEMO, "HOTLINE_DATABASE__URL": url}
        running = stack.enter_context(service.running(arguments=["--only", "web"], settings=settings))
        engine = engine_for(url)
        stack.callback(engine.dispose)
        years.fill(engine, size)
        subjects = iter(_to_dispatch(engine, 2 * (WARM_UP + rounds * count)))
        lead, liaison_id = _unit_and_liaison(engine)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        port, _ = stack.enter_context(doors.endpoint("bench.bare_actions", url, folder))
        bare = Bare(port, str(lead.id), liaison_id)
        desks = Desks(running, lead.code, {who: sign_in(running, who) for who in (DISPATCHER, LIAISON)})
        for counts, part in ((False, WARM_UP), *[(True, count)] * rounds):
            for door in (bare, desks):
                for action, outcome in door.round(engine, list(islice(subjects, part))):
                    if counts:
                        door.seconds.setdefault(action, []).extend(outcome.latencies)
    for action in WRITTEN:
        p95, limit = (1000 * percentile(door.seconds[action], 0.95) for door in (desks, bare))
        unit = f"ms p95 at {PER_SECOND}/s"
        details = {"cases": size.cases, "p50_ms": 1000 * percentile(desks.seconds[action], 0.5)}
        yield Figure(f"act_{action}", "postgresql", p95, unit, bar=P95_BAR_MS, details=details)
        yield Figure(f"act_{action}_bare", "postgresql", p95, unit, limit)


def _paced(
    engine: Engine, port: int, action: str, requests: Sequence[bytes], subjects: Sequence[Subject], *, status: int
) -> Outcome:
    """Every act must be done, and must have written what both doors have to write."""
    before = _rows(engine, subjects)
    outcome = open_loop(port, requests, per_second=PER_SECOND)
    assert outcome.statuses() == {status}, [answer.body[:300] for answer in outcome.answers if answer.status != status][:1]
    written = {table: count - before[table] for table, count in _rows(engine, subjects).items()}
    assert written == {table: rows * len(requests) for table, rows in WRITTEN[action].items()}, (action, written)
    return outcome


def _rows(engine: Engine, subjects: Sequence[Subject]) -> dict[str, int]:
    """Of these cases; of all that is told, for the web process alone tells."""
    cases = {"cases": [each.case_id for each in subjects]}
    with engine.connect() as connection:
        counts = {table: f"SELECT count(*) FROM {rows}" for table, rows in COUNTED.items()}  # noqa: S608 -- our own names
        return {table: connection.execute(text(count), cases).scalar_one() for table, count in counts.items()}


def _to_dispatch(engine: Engine, many: int) -> list[Subject]:
    """The newest of the cases that were filled in, back to the moment after they were filed."""
    newest = """SELECT id FROM "case" WHERE status = 'in_progress' AND number LIKE '990181-20240101-%'
                ORDER BY created_at DESC LIMIT :many"""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        cases = {"cases": [str(id) for id in connection.execute(text(newest), {"many": many}).scalars()]}
        connection.execute(text(f"DELETE FROM assignment WHERE case_id = {OF_CASES}"), cases)  # noqa: S608 -- our own words
        connection.execute(text(f"DELETE FROM case_event WHERE serial > 1 AND case_id = {OF_CASES}"), cases)  # noqa: S608
        back = "SET status = 'to_dispatch', lead_unit_id = NULL, due_at = now() + interval '1 day'"
        rows = connection.execute(text(f'UPDATE "case" {back} WHERE id = {OF_CASES} RETURNING number, id'), cases).all()
    assert len(rows) == many, len(rows)
    return [Subject(number, str(case_id)) for number, case_id in rows]


def _with_assignments(engine: Engine, subjects: Sequence[Subject]) -> list[Subject]:
    with engine.connect() as connection:
        rows = connection.execute(
            text(f"SELECT case_id, id FROM assignment WHERE case_id = {OF_CASES}"),  # noqa: S608
            {"cases": [each.case_id for each in subjects]},
        )
        assigned = {str(case_id): str(id) for case_id, id in rows}
    return [Subject(each.number, each.case_id, assigned[each.case_id]) for each in subjects]


def _unit_and_liaison(engine: Engine) -> tuple[Unit, str]:
    with Session(engine) as session:
        liaison = session.scalars(select(Staff).where(Staff.username == LIAISON)).one()
        return session.get_one(Unit, liaison.unit_id), str(liaison.id)
