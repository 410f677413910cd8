"""`drill --year`: a year of the demo city, in a database of its own."""

import argparse
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline import db, process, seeds
from hotline.cli import seed
from hotline.db import Database
from hotline.errors import HotlineError
from hotline.seeds import views
from hotline.seeds.staff import usernames
from hotline.services.telephone import number_places
from models import Alert, Call, Case, Contact, PressureSign, ScorePeriod, Staff, Survey, now
from models.base import CITY_TIME

CONTACTS, SEED = 3000, 12345
SHORTEST, LONGEST = timedelta(days=14), timedelta(days=366)
SHOWN = (Contact, Call, Case, Survey, Alert, PressureSign, ScorePeriod)


class NotEmpty(HotlineError):
    code = "not_empty"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--year", action="store_true", help="load a simulated year into an empty database instead")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="its first day; it ends now (default: a year ago)")
    parser.add_argument("--seed", type=int, default=SEED, help="another number, another year")


def run(arguments: argparse.Namespace) -> int:
    settings = process.prepare()
    if not settings.demo:
        raise HotlineError("A simulated year is the demo's: set HOTLINE_DEMO=true, and HOTLINE_DATA_DIR to a folder of its own.")
    first, end = _span(arguments.first)
    seed.migrate()
    number_places.prepare(settings.data_dir)
    with db.database().unit_of_work() as session:
        _refuse_used(session)
        seeds.load_reference(session)
    seeds.load_people(db.database(), settings)
    # Only now, for it loads the classifier.
    from hotline.seeds import year

    began, busy_before = time.monotonic(), time.process_time()
    played = year.play(
        db.database().unit_of_work, settings, first=first, end=end, contacts=arguments.contacts or CONTACTS, seed=arguments.seed
    )
    seconds, busy = time.monotonic() - began, time.process_time() - busy_before
    with db.database().unit_of_work() as session:
        views.load_views(session)
    for line in _counts(db.database()):
        print(line)
    print(f"storm on {played.storm} in {played.township}")
    print(f"{played.contacts} contacts in {seconds:.1f} s, {played.contacts / busy:.1f} a second of processor time")
    return 0


def _span(first: date | None) -> tuple[datetime, datetime]:
    end = now()
    start = datetime.combine(first, datetime.min.time(), CITY_TIME) if first else end - timedelta(days=365)
    if not SHORTEST <= end - start <= LONGEST:
        raise HotlineError("--from is a day between two weeks and a year ago.")
    return start, end


def _refuse_used(session: Session) -> None:
    """Nothing of a year may be mixed with what people have done, nor with the demo's own cases."""
    strange = select(Staff.id).where(Staff.username.not_in(usernames(session)))
    for used in (select(Contact.id), strange):
        if session.scalar(used.limit(1)) is not None:
            raise NotEmpty("This database is in use: a simulated year wants an empty one. Set HOTLINE_DATA_DIR to a new folder.")


def _counts(of: Database) -> Iterator[str]:
    with of.reading() as session:
        for table in SHOWN:
            yield f"{session.scalar(select(func.count()).select_from(table)):7} {table.__tablename__}"
