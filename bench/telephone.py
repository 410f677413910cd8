"""Calls at a steady pace through a real Asterisk and the whole service: none lost, none twice, and what each costs."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from bench import sip_load, telephone_seats, telephone_stack
from bench.figures import Figure, percentile
from bench.telephone_seats import Seat
from bench.telephone_stack import Stack
from models import Call, CallEnding, Recording, now
from tests.components import wait_until

COST_BAR = 0.6
# Of what CEL says; AMI and CEL each take their own moment for the same fact.
TRUTHFUL_SECONDS = 0.25
IDLE_SECONDS = 5.0
SETTLED_SECONDS = 120.0
# A telephone whose last call ended badly may still be busy for a while.
MOST = 0.9
SHAPE = "postgresql"
QUEUE = "main"


@dataclass(frozen=True)
class Pace:
    name: str
    per_second: float
    calls: int
    talk: float
    first_number: int


@dataclass(frozen=True)
class Size:
    seats: int
    steady: Pace
    stress: Pace


FULL = Size(60, Pace("steady", 5, 600, 8.0, 13900000000), Pace("stress", 20, 400, 1.0, 13800000000))
SMALL = Size(6, Pace("steady", 1, 6, 2.0, 13900000000), Pace("stress", 5, 10, 1.0, 13800000000))


@dataclass
class Round:
    """What came of one pace: by the load, by the exchange, by the service."""

    pace: Pace
    outcomes: Counter[str]
    desks: Sequence[dict[str, int]]
    written: dict[str, telephone_stack.Written]
    cdr: int
    exported: Counter[str]
    calls: dict[str, Call]
    recordings: int
    used: dict[str, float]
    seconds: float

    @property
    def failed(self) -> int:
        """Not spoken with a person, by what the load met or the service noted."""
        spoken = sum(call.ending == CallEnding.SPOKEN for call in self.calls.values())
        return self.pace.calls - min(spoken, self.outcomes.total() - self._refused)

    @property
    def _refused(self) -> int:
        return sum(count for what, count in self.outcomes.items() if what.startswith("failed"))

    @property
    def lost(self) -> int:
        """Calls that reached the exchange and are not exactly one contact; and those that never got there."""
        not_once = sum(self.exported[linkedid] != 1 for linkedid in self.written)
        return not_once + max(0, self.pace.calls - len(self.written)) + abs(self.cdr - len(self.written))

    def untruthful(self) -> int:
        return sum(not self._is_truthful(linkedid) for linkedid in self.written)

    def _is_truthful(self, linkedid: str) -> bool:
        call, written = self.calls.get(linkedid), self.written[linkedid]
        if call is None or call.ended_at is None:
            return False
        pairs = ((call.started_at, written.started), (call.answered_at, written.connected), (call.ended_at, written.ended))
        return all(_near(ours, theirs) for ours, theirs in pairs)

    def milliseconds(self, *parts: str) -> float:
        return 1000 * sum(self.used[part] for part in parts) / self.pace.calls

    def details(self) -> dict[str, Any]:
        return {
            "calls": self.pace.calls,
            "per_second": self.pace.per_second,
            "outcomes": dict(self.outcomes),
            "endings": dict(Counter(str(call.ending) for call in self.calls.values())),
            "at_the_exchange": len(self.written),
            "cdr": self.cdr,
            "recordings": self.recordings,
            "looks": sum(desks["looks"] for desks in self.desks),
            "callers_shown": sum(desks["callers"] for desks in self.desks),
            "wait_p95_s": percentile(waits, 0.95) if (waits := self._waits()) else None,
            "seconds": self.seconds,
        }

    def _waits(self) -> list[float]:
        calls = self.calls.values()
        return [(each.answered_at - each.queued_at).total_seconds() for each in calls if each.answered_at and each.queued_at]


def telephone(small: bool) -> Iterator[Figure]:
    size = SMALL if small else FULL
    with telephone_stack.running(size.seats) as stack:
        seats = telephone_seats.take_seats(stack.running, stack.engine, size.seats)
        idle = _idle(stack)
        steady = _play(stack, seats, size.steady)
        yield from _figures(steady)
        yield _cost(steady, idle)
        yield from _figures(_play(stack, seats, size.stress))


def _figures(each: Round) -> Iterator[Figure]:
    name = f"telephone_{each.pace.name}"
    if each.pace.name == "steady":
        yield Figure(f"{name}_failed", SHAPE, each.failed, "calls", bar=0, details=each.details())
    yield Figure(f"{name}_lost", SHAPE, each.lost, "calls", bar=0, details=each.details())
    yield Figure(f"{name}_untruthful", SHAPE, each.untruthful(), "calls", bar=0, details={"calls": each.pace.calls})


def _cost(each: Round, idle: dict[str, float]) -> Figure:
    """Idle work of the same time is part of it; the details tell it apart."""
    ours = [part for part in each.used if part != "asterisk"]
    details: dict[str, Any] = {part: each.milliseconds(part) for part in ours}
    details |= {f"idle_{part}_percent": 100 * share for part, share in idle.items()}
    return Figure(
        "telephone_cost",
        SHAPE,
        each.milliseconds(*ours),
        "ms CPU a call",
        each.milliseconds("asterisk"),
        COST_BAR,
        details=details,
    )


def _idle(stack: Stack) -> dict[str, float]:
    """The share of a processor that each part takes while nobody calls."""
    before = stack.processor_seconds()
    time.sleep(IDLE_SECONDS)
    return {part: (used - before.get(part, 0.0)) / IDLE_SECONDS for part, used in stack.processor_seconds().items()}


def _play(stack: Stack, seats: list[Seat], pace: Pace) -> Round:
    with ExitStack() as ends:
        shared = {"url": stack.running.url, "sip_port": stack.sip_port, "talk": pace.talk}
        loads = sip_load.agents({**shared, "desks": True}, seats)
        for load in loads:
            ends.enter_context(load)
            load.wait_ready()
        for seat in seats:
            telephone_seats.make_available(stack.running, seat)
        wait_until(lambda: _free_members(stack) >= MOST * len(seats), "the agents to be in the queue")
        since, before = now(), stack.processor_seconds()
        plan = {**shared, "calls": pace.calls, "per_second": pace.per_second, "first_number": pace.first_number}
        with sip_load.citizens(plan) as citizens:
            outcomes = Counter[str](citizens.finish()["outcomes"])
        wait_until(lambda: _settled(stack, since), "the calls to be stored", seconds=SETTLED_SECONDS)
        seconds = (now() - since).total_seconds()
        used = {part: value - before.get(part, 0.0) for part, value in stack.processor_seconds().items()}
        desks = [told for load in loads if (told := load.finish())]
    return Round(pace, outcomes, desks, used=used, seconds=seconds, **_found(stack, since))


def _found(stack: Stack, since: datetime) -> dict[str, Any]:
    exported = [json.loads(line) for line in stack.running.run("export", "contacts", "--since", since.isoformat()).splitlines()]
    with stack.engine.connect() as connection:
        rows = connection.execute(select(Call.__table__).where(Call.started_at >= since)).mappings().all()
        recordings = connection.execute(_recordings(since)).scalar()
    return {
        "written": telephone_stack.written_calls(stack, since),
        "cdr": telephone_stack.cdr_count(stack, since),
        "exported": Counter(each for row in exported if row["channel"] == "voice" for each in row["external_ids"]),
        "calls": {row["linkedid"]: Call(**row) for row in rows},
        "recordings": recordings,
    }


def _recordings(since: datetime) -> Any:
    return select(func.count()).select_from(Recording).join(Call, Call.id == Recording.call_id).where(Call.started_at >= since)


def _settled(stack: Stack, since: datetime) -> bool:
    """Every call has its end, and every conversation its recordings."""
    mine = Call.started_at >= since
    with stack.engine.connect() as connection:
        is_open = connection.execute(select(func.count()).where(mine, Call.ended_at.is_(None))).scalar()
        spoken = connection.execute(select(func.count()).where(mine, Call.answered_at.is_not(None))).scalar()
        recorded = connection.execute(select(func.count(Recording.call_id.distinct())).join(Call).where(mine)).scalar()
    return is_open == 0 and recorded == spoken


def _free_members(stack: Stack) -> int:
    with stack.console() as console:
        console.ask("QueueSummary", Queue=QUEUE)
        return int(console.wait_for("QueueSummary", Queue=QUEUE)["Available"])


def _near(ours: datetime | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is None and theirs is None
    return abs(ours.timestamp() - theirs) <= TRUTHFUL_SECONDS
