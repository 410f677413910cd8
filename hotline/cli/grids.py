"""A city's grids cut anew from a file: what would change and what is amiss with it; with --apply, all of it or nothing."""

import argparse
from datetime import date
from pathlib import Path

from hotline.cli import beside
from hotline.db import reading, unit_of_work
from hotline.errors import HotlineError
from hotline.services.city import grid_cutting, grid_files
from hotline.services.city.grid_cutting import Plan
from models import today


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="CSV, or GeoJSON with outlines; all grids of the communities that it names")
    parser.add_argument("--from", dest="day", type=date.fromisoformat, help="the first day of the new grids; today if left out")
    parser.add_argument("--apply", action="store_true", help="cut them; without it nothing is changed")


def run(arguments: argparse.Namespace) -> int:
    beside.prepare()
    day = arguments.day or today()
    file = grid_files.read(_content(arguments.file), name=arguments.file.name)
    # A look holds nobody up.
    with unit_of_work() if arguments.apply else reading() as session:
        made = grid_cutting.plan(session, file, day=day)
        _tell(made)
        if arguments.apply:
            grid_cutting.apply(session, made)
    if made.problems:
        return 1
    print("done" if arguments.apply else "nothing was changed; --apply does it")
    return 0


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise HotlineError("{file} cannot be read: {why}.", file=file, why=error.strerror) from error


def _tell(made: Plan) -> None:
    figures = f"{len(made.added)} new, {len(made.changed)} changed, {len(made.ended)} end, {made.unchanged} stay"
    print(f"from {made.day}: {figures}")
    for sign, codes in (("+", made.added), ("~", made.changed), ("-", made.ended)):
        for code in codes:
            print(f"  {sign} {code}")
    for problem in made.problems:
        print(f"problem: {problem}")
    for finding in made.findings:
        print(finding)
