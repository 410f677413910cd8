"""Brings the database to the newest revision and loads reference data; what is there already is left alone."""

import argparse
import time

from hotline import process, seeds
from hotline.db import database
from hotline.services.telephone import number_places
from models import schema


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none: the settings say what to load and where."""


def run(_: argparse.Namespace) -> int:
    migrate()
    return load()


def migrate() -> None:
    process.prepare()
    if not schema.is_current(database().engine):
        schema.upgrade(database().engine)


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
