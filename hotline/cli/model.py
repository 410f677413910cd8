"""Train a model from the project's examples and from what people decided; an administrator lets it listen on /admin/model."""

import argparse
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import classifier
from classifier import City, places_from_city, storage, training
from classifier.city import city_from_reference
from classifier.training import Lessons
from classifier.types import Example
from hotline.cli import beside
from hotline.db import reading
from hotline.errors import RuleBroken
from hotline.seeds import files
from hotline.services.learning import lessons, model_versions
from hotline.settings import get_settings
from models import now

DATA = Path(classifier.__file__).parent / "data"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    what = parser.add_subparsers(dest="what", required=True)
    train = what.add_parser("train", help="a new model into data_dir/models/NAME")
    train.add_argument("name", help="small letters, digits, - and _")
    train.add_argument(
        "--examples", type=Path, default=DATA / "seed_examples.jsonl", help="JSON lines to begin with, beside the decisions"
    )


def run(arguments: argparse.Namespace) -> int:
    beside.prepare()
    if not NAME.fullmatch(arguments.name):
        raise RuleBroken("A model's name has small letters, digits, - and _.")
    folder = model_versions.folder(arguments.name, get_settings())
    if folder.exists():
        raise RuleBroken("There is a model of this name.")
    with reading() as session:
        decided = lessons.examples(session)
    seeds = training.read_examples(arguments.examples)
    version = train(seeds, decided, folder, taxonomy=files.read("taxonomy.yaml"), city=files.read("city.yaml"))
    print(f"{arguments.name}: version {version}, learnt from {len(decided)} decided cases; let it listen on /admin/model")
    return 0


def train(
    seeds: list[Example], decided: list[Example], folder: Path, *, taxonomy: Mapping[str, Any], city: Mapping[str, Any]
) -> str:
    """The manifest says what it learnt from."""
    known = _of_today(seeds, city_from_reference(taxonomy, city))
    taught: Lessons = training.lessons_from_city(
        [*known, *decided], taxonomy, city, places_from_city(city), DATA / "topic_words.tsv"
    )
    model, measures = training.train(taught)
    about: dict[str, Any] = {
        **taught.about(),
        "taxonomy": files.digest("taxonomy.yaml")[:12],
        "decisions": {"count": len(decided), "until": now().isoformat(timespec="seconds")},
        "measures": measures,
    }
    return storage.save(model, folder, places=taught.places, about=about)


def _of_today(examples: list[Example], city: City) -> list[Example]:
    """Without those of categories that are gone."""
    pairs = ((each, city.category_now(each.labels["category"])) for each in examples)
    return [Example(each.text, {**each.labels, "category": code}, each.group) for each, code in pairs if code]
