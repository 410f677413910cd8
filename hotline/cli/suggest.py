"""Texts on standard input, one a line, to suggestions as JSON lines, as the desk would show them."""

import argparse
import json
import sys
from io import TextIOWrapper

from classifier import City, Gazetteer, ModelUnusable, city_from_reference, load, places_from_city
from hotline.db import reading
from hotline.errors import HotlineError, Unavailable
from hotline.seeds import files
from hotline.services.city import city_today, gazetteer
from hotline.settings import get_settings


def add_arguments(_: argparse.ArgumentParser) -> None:
    """It takes none: texts come on standard input, the model is HOTLINE_MODEL_DIR."""


def run(_: argparse.Namespace) -> int:
    places, today = city()
    try:
        classifier = load(get_settings().model_dir, places)
    except ModelUnusable as error:
        raise HotlineError(str(error)) from error
    classifier.know(today)
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # whatever the terminal's language says
    for line in sys.stdin:
        print(json.dumps(classifier.predict(line.strip()).as_dict(), ensure_ascii=False), flush=True)
    return 0


def city() -> tuple[Gazetteer, City]:
    """Places, categories and units as the running service knows them; before there is a database, as the reference files say."""
    try:
        with reading() as session:
            if known := city_today.load(session):
                return gazetteer.load(session), known
    except Unavailable:
        pass
    body = files.read("city.yaml")
    return Gazetteer.from_places(places_from_city(body)), city_from_reference(files.read("taxonomy.yaml"), body)
