"""`python -m bench [NAME ...] [--json] [--small]`: run these benches, or all of them; one line for each figure."""

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence

from bench import (
    actions,
    arrivals,
    callbacks,
    memory,
    minute,
    overdue,
    pages,
    places,
    rankings,
    recount,
    same_matter,
    screen_pop,
    search,
    take_next,
    telephone,
    wall,
)
from bench.figures import Figure

BENCHES: dict[str, Callable[[bool], Iterator[Figure]]] = {
    "arrivals": arrivals.rate,
    "arrivals_p99": arrivals.tail,
    "arrivals_cost": arrivals.cost,
    "callbacks": callbacks.rate,
    "wechat_p99": callbacks.answer,
    "minute": minute.minute,
    "take_next": take_next.take_next,
    "pages": pages.pages,
    "actions": actions.actions,
    "same_matter": same_matter.same_matter_found,
    "overdue": overdue.overdue,
    "rankings": rankings.rankings,
    "recount": recount.recount,
    "search": search.search,
    "sheet": search.sheet,
    "memory": memory.memory,
    "places": places.places,
    "telephone": telephone.telephone,
    "screen_pop": screen_pop.screen_pop,
    "wall": wall.wall,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """0 if every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of words")
    parser.add_argument(
        "--small", action="store_true", help="a tenth of the work, to see that a bench runs; its figures mean little"
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}")
    missed = 0
    for name in asked.names or BENCHES:
        for figure in BENCHES[name](asked.small):
            print(figure.as_json() if asked.json else figure.as_words(), flush=True)
            missed += figure.holds is False
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
