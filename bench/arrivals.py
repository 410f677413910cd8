"""Letters through the mailbox's HTTP door to their commit, against the bare endpoint; and what one letter costs in all."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench import doors
from bench.doors import POSTGRESQL, SQLITE, Door
from bench.figures import Figure, percentile
from bench.load import Outcome, closed_loop, open_loop
from tests.components import wait_until

CONNECTIONS = 16
WARM_UP = 60
PER_SECOND = 30
# The two doors take turns, so that whatever else the machine does meets both.
ROUNDS = 4
RATE_BAR, TAIL_BAR, COST_BAR_MS = 0.6, 2.0, 15.0


@dataclass(frozen=True)
class Size:
    """Letters in one round at full speed, seconds of one round at a steady pace."""

    letters: int
    seconds: int


FULL, SMALL = Size(letters=250, seconds=8), Size(letters=60, seconds=1)


def rate(small: bool) -> Iterator[Figure]:
    """Letters a second, as fast as the door takes them. What follows from them waits in the outbox."""
    count = (SMALL if small else FULL).letters
    for kind in (SQLITE, POSTGRESQL):
        with doors.pair(kind, part="web") as (bare, mailbox):
            limit, reached = _in_turns(bare, mailbox, count, lambda port, sent: closed_loop(port, sent, connections=CONNECTIONS))
        yield Figure(
            "arrivals",
            kind,
            reached.rate,
            "arrivals/s",
            limit.rate,
            RATE_BAR,
            "more",
            _percentiles(reached) | _costs(bare, mailbox),
        )


def tail(small: bool) -> Iterator[Figure]:
    """The slowest letters at a busy city's pace, with all that follows from them running beside the door."""
    count = PER_SECOND * (SMALL if small else FULL).seconds
    for kind in (SQLITE, POSTGRESQL):
        with doors.pair(kind, part="all-in-one") as (bare, mailbox):
            limit, reached = _in_turns(bare, mailbox, count, lambda port, sent: open_loop(port, sent, per_second=PER_SECOND))
        slowest, slowest_bare = (1000 * percentile(each.latencies, 0.99) for each in (reached, limit))
        unit = f"ms p99 at {PER_SECOND}/s"
        yield Figure("arrivals_p99", kind, slowest, unit, slowest_bare, TAIL_BAR, details=_percentiles(reached))


def cost(small: bool) -> Iterator[Figure]:
    """Processor time of all processes for one letter, until nothing that follows from it is left to do."""
    count = PER_SECOND * (SMALL if small else FULL).seconds * ROUNDS
    with doors.mailbox(SQLITE, part="all-in-one") as door:
        requests = door.letters(WARM_UP + count)
        open_loop(door.port, requests[:WARM_UP], per_second=PER_SECOND)
        wait_until(lambda: door.look.is_quiet, "what follows from the first letters", seconds=120)
        before, suggested = door.cpu_seconds(), door.look.count("suggestion")
        outcome = open_loop(door.port, requests[WARM_UP:], per_second=PER_SECOND)
        wait_until(lambda: door.look.is_quiet, "what follows from the letters", seconds=300)
        used = door.cpu_seconds() - before
        assert outcome.statuses() == {200}, outcome.statuses()
        assert door.look.count("suggestion") - suggested == count, "a letter without a suggestion: is the model there?"
    yield Figure("arrivals_cost", "embedded", 1000 * used / count, "ms CPU/arrival", bar=COST_BAR_MS)


def _in_turns(bare: Door, mailbox: Door, count: int, send: Callable[[int, list[bytes]], Outcome]) -> tuple[Outcome, Outcome]:
    waiting = [(door, door.letters(WARM_UP + count * ROUNDS), Outcome()) for door in (bare, mailbox)]
    for door, requests, _ in waiting:
        send(door.port, requests[:WARM_UP])
    for turn in range(ROUNDS):
        for door, requests, outcome in waiting:
            first = WARM_UP + turn * count
            outcome.add(_measured(door, requests[first : first + count], send))
    (_, _, limit), (_, _, reached) = waiting
    return limit, reached


def _measured(door: Door, requests: list[bytes], send: Callable[[int, list[bytes]], Outcome]) -> Outcome:
    """Every letter must be acknowledged, and must have written the rows that both doors have to write."""
    rows, used = door.look.rows(), door.cpu_seconds()
    outcome = send(door.port, requests)
    door.spent.append((door.cpu_seconds() - used) / len(requests))
    written = {table: count - rows[table] for table, count in door.look.rows().items()}
    assert outcome.statuses() == {200}, outcome.statuses()
    assert written["contact"] == written["message"] == written["queue_entry"] == len(requests), written
    assert written["outbox_message"] >= 3 * len(requests), written
    return outcome


def _percentiles(outcome: Outcome) -> dict[str, float]:
    return {f"p{100 * share:.0f}_ms": 1000 * percentile(outcome.latencies, share) for share in (0.5, 0.95, 0.99)}


def _costs(bare: Door, mailbox: Door) -> dict[str, float]:
    """Processor time of the web process alone, without the database's."""
    return {f"{door.name}_cpu_ms": 1000 * sum(door.spent) / len(door.spent) for door in (bare, mailbox)}
