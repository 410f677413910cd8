"""The cases of a system that the city had before: what would come and what is amiss; with --write, all of it or nothing."""

import argparse
from pathlib import Path
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.cli import beside
from hotline.db import reading, unit_of_work
from hotline.errors import Invalid, NotAllowed
from hotline.services.importing import mapping, taking_back, writing
from hotline.services.importing.passing import Files, Pass, Tally
from hotline.services.importing.rows import Problem
from hotline.services.telephone import recording_store
from hotline.settings import Settings
from models import Import, Role, Staff


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    cases = what.add_parser("cases", help="a report that changes nothing; with --write, all of it or nothing")
    cases.add_argument("file", type=Path, help="CSV or JSON lines, a row a case")
    cases.add_argument("--mapping", type=Path, required=True, help="YAML: their columns and codes to ours")
    cases.add_argument("--history", type=Path, help="CSV or JSON lines, a row a step, in the order of time")
    cases.add_argument("--recordings", type=Path, help="the folder of the files that the cases name")
    cases.add_argument("--write", action="store_true", help="bring them in; without it nothing is changed")
    cases.add_argument("--by", help="the administrator who answers for it; needed to write")
    what.add_parser("list", help="every import, and whether it was taken back")
    back = what.add_parser("take-back", help="all that one import brought, while nobody has worked on it")
    back.add_argument("id", type=UUID)
    back.add_argument("--reason", required=True)
    back.add_argument("--by", required=True, help="the administrator who answers for it")


def run(arguments: argparse.Namespace) -> int:
    settings = beside.prepare()
    if arguments.what == "list":
        return _list()
    return _take_back(arguments) if arguments.what == "take-back" else _import(arguments, settings)


def _import(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.write and not arguments.by:
        raise Invalid("--write needs --by: an administrator answers for it.")
    system = mapping.read(arguments.mapping)
    files = Files(arguments.file, arguments.history, arguments.recordings)
    # A look holds nobody up.
    with reading() as session, Pass(session, system, files, _tell) as through:
        for _ in through.cases():
            pass
        for _ in through.lines():
            pass
    _sum_up(through.tally)
    if through.tally.problems:
        print("nothing was changed; every problem has to be mended first, in the file or in the mapping")
        return 1
    if not arguments.write:
        print("nothing was changed; --write brings them in")
        return 0
    if not through.tally.new:
        print("nothing to do: all of it is here already")
        return 0
    if files.recordings is not None:
        recording_store.make_folder(settings)
    with unit_of_work() as session:
        made, _ = writing.write(session, system, files, by_id=_administrator(session, arguments.by))
    print(f"done: import {made.id}; `hotline import take-back` takes it back")
    return 0


def _tell(problem: Problem) -> None:
    print(f"row {problem.line}: {problem.field}: {problem.why}")


def _sum_up(tally: Tally) -> None:
    print(f"{tally.rows} rows: {tally.new} new, {tally.known} here already, {tally.left_out} left out")
    print(f"history: {tally.lines} lines come, {tally.passed_lines} belong to cases that do not")
    print(f"recordings: {tally.recordings}")
    print(f"problems: {tally.problems}")


def _list() -> int:
    with reading() as session:
        for made in taking_back.every(session):
            print(_in_a_line(made))
    return 0


def _in_a_line(made: Import) -> str:
    state = f"taken back {made.taken_back_at:%Y-%m-%d %H:%M} UTC" if made.taken_back_at else ""
    figures = f"{made.cases} cases, {made.lines} lines, {made.recordings} recordings"
    return f"{made.id} {made.created_at:%Y-%m-%d %H:%M} UTC {made.source}: {figures} {state}".rstrip()


def _take_back(arguments: argparse.Namespace) -> int:
    with unit_of_work() as session:
        by_id = _administrator(session, arguments.by)
        files = taking_back.take_back(session, arguments.id, reason=arguments.reason, by_id=by_id)
    # Not before it is stored that they are gone.
    taking_back.remove(files)
    print("taken back")
    return 0


def _administrator(session: Session, username: str) -> UUID:
    staff = session.scalars(select(Staff).where(Staff.username == username, Staff.active)).one_or_none()
    if staff is None or Role.ADMINISTRATOR not in staff.roles:
        raise NotAllowed()
    return staff.id
