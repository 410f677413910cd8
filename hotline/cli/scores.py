"""Scores computed again from history: compared with what is stored (--check), or put right."""

import argparse

from hotline.cli import beside
from hotline.db import reading, unit_of_work
from hotline.services.scores import recount, sums

MOST_TOLD = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=["recompute"])
    parser.add_argument("--check", action="store_true", help="change nothing; exit code 1 where anything differs")


def run(arguments: argparse.Namespace) -> int:
    beside.prepare()
    return _check() if arguments.check else _recompute()


def _check() -> int:
    found: list[recount.Difference] = []
    with reading() as session:
        cases = 0
        for ids in recount.batches(session):
            found += recount.compare(session, ids)
            cases += len(ids)
            session.expunge_all()
        unsettled = sums.unsettled(session)
        days = [day for day in recount.days(session) if day not in unsettled]
        for day in days:
            found += recount.compare_sums(session, day)
        found += recount.compare_periods(session)
    for difference in found[:MOST_TOLD]:
        print(difference)
    print(f"{len(unsettled)} days are still to be added up: {', '.join(map(str, sorted(unsettled)[:MOST_TOLD]))}")
    print(f"{cases} cases, {len(days)} days: {len(found)} differences")
    return 1 if found else 0


def _recompute() -> int:
    with reading() as session:
        batches = list(recount.batches(session))
    for ids in batches:
        with unit_of_work() as session:
            recount.again(session, ids)
    with reading() as session:
        days = recount.days(session)
    for first in range(0, len(days), sums.SWEEP):
        with unit_of_work() as session:
            sums.refresh_days(session, days[first : first + sums.SWEEP])
    print(f"{sum(map(len, batches))} cases, {len(days)} days computed again")
    return 0
