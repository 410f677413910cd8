"""Brings the database to the newest revision and loads reference data; what is there already is left alone."""

import argparse
import time

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from hotline import process, seeds
from hotline.cli import keys
from hotline.db import database
from hotline.services.telephone import number_places
from hotline.settings import get_settings
from models import schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none: the settings say what to load and where."""


def run(_: argparse.Namespace) -> int:
    migrate()
    return load()


def migrate() -> None:
    """Refuses a database that it cannot use or that other keys have written, before anything is stored there."""
    process.prepare()
    try:
        _bring_up_to_date(database().engine)
    except DBAPIError as error:
        url, why = database().engine.url, " ".join(str(error.orig).split())
        todo = "; start it, or mend HOTLINE_DATABASE__URL" if get_settings().database.url else ""
        raise process.NotConfigured("The database {url} cannot be used: {why}{todo}", url=url, why=why, todo=todo) from error
    keys.refuse_others()


def _bring_up_to_date(engine: Engine) -> None:
    if schema.is_newer(engine):
        raise process.NotConfigured("The database was used by a newer release: start that one, or restore an older backup.")
    if not schema.is_current(engine):
        schema.upgrade(engine)


def load() -> int:
    started = time.monotonic()
    settings = process.prepare()
    number_places.prepare(settings.data_dir)
    added = seeds.load(database(), settings)
    for what, count in added.items():
        print(f"{count:6} {what}")
    if added:
        print(f"loaded in {time.monotonic() - started:.1f} s", flush=True)
    return 0
