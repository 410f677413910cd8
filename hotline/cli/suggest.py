"""Texts on standard input, one a line, to suggestions as JSON lines, as the desk would show them."""

import argparse
import json
import sys

from classifier import Gazetteer, ModelUnusable, load, places_from_city
from hotline.db import reading
from hotline.errors import HotlineError, Unavailable
from hotline.seeds import files
from hotline.services import gazetteer
from hotline.settings import get_settings
from models import PlaceName


def add_arguments(_: argparse.ArgumentParser) -> None:
    """It takes none: texts come on standard input, the model is HOTLINE_MODEL_DIR."""


def run(_: argparse.Namespace) -> int:
    try:
        classifier = load(get_settings().model_dir, places())
    except ModelUnusable as error:
        raise HotlineError(str(error)) from error
    for line in sys.stdin:
        if text := line.strip():
            print(json.dumps(classifier.predict(text).as_dict(), ensure_ascii=False), flush=True)
    return 0


def places() -> Gazetteer:
    """The city as the running service knows it; before there is a database, as the reference files say."""
    try:
        with reading() as session:
            if session.query(PlaceName.id).first():
                return gazetteer.load(session)
    except Unavailable:
        pass
    return Gazetteer.from_places(places_from_city(files.read("city.yaml")))
