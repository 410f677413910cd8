"""python -m classifier train | evaluate | predict | places: reads the files that its options name, writes JSON lines."""

import argparse
import json
import sys
from dataclasses import replace
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import yaml

from classifier import place_check, storage, training
from classifier.evaluation import Guess, evaluate
from classifier.gazetteer import Gazetteer
from classifier.linear import RECIPES
from classifier.model import Classifier, Ranker
from classifier.places import places_from_city
from classifier.types import ModelUnusable

_TOPICS = Path(__file__).parent / "data" / "topic_words.tsv"


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except (ModelUnusable, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m classifier", description="Train, measure and try the suggestion model.")
    commands = parser.add_subparsers(required=True)

    train = commands.add_parser("train", help="train from the city's examples, or from one column of a CSV")
    source = train.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--examples", type=Path, help="JSON lines: text, category, request_type, the core they retell, their own urgency"
    )
    source.add_argument("--data", type=Path, help="CSV with a header")
    train.add_argument("--taxonomy", type=Path, help="with --examples: categories, their units and their urgency")
    train.add_argument("--city", type=Path, help="with --examples: townships with their units, names of places")
    train.add_argument("--topics", type=Path, default=_TOPICS, help="with --examples: everyday words of each category")
    train.add_argument("--text", default="text", help="with --data: column of the text")
    train.add_argument("--label", default="label", help="with --data: column of the label")
    train.add_argument("--recipe", choices=RECIPES, help="how to build it: city for few examples of a city, table for thousands")
    train.add_argument("--out", type=Path, required=True)
    train.set_defaults(run=_train)

    measure = commands.add_parser("evaluate", help="measure a model on a CSV; the last line is one JSON object")
    measure.add_argument("--model", type=Path, required=True)
    measure.add_argument("--data", type=Path, required=True)
    measure.add_argument("--text", default="text")
    measure.add_argument("--label", default="label")
    measure.add_argument("--json", action="store_true", help="print only the JSON object")
    measure.set_defaults(run=_evaluate)

    predict = commands.add_parser("predict", help="one text a line in, one JSON object a line out")
    predict.add_argument("--model", type=Path, required=True)
    predict.add_argument("--city", type=Path, help="recognise the places of this city file")
    predict.set_defaults(run=_predict)

    places = commands.add_parser("places", help="measure how well a city's places are found; one JSON object")
    places.add_argument("--city", type=Path, required=True)
    places.add_argument(
        "--data", type=Path, default=place_check.EXAMPLES, help="JSON lines with text and what it says of the place"
    )
    places.add_argument("--half", choices=["mending", "held_out"], help="only this half of the sentences")
    places.set_defaults(run=_places)
    return parser


def _train(options: argparse.Namespace) -> None:
    lessons = (
        _city_lessons(options)
        if options.examples
        else training.lessons_from_table(options.data, text=options.text, label=options.label)
    )
    if not lessons.examples:
        raise ValueError("There is nothing to learn from: no row has both a text and a label.")
    if options.recipe:
        lessons = replace(lessons, recipe=RECIPES[options.recipe])
    model, measures = training.train(lessons)
    about = {**lessons.about(), "taxonomy": _taxonomy_version(options), "measures": measures}
    version = storage.save(model, options.out, places=lessons.places, about=about)
    _say({"version": version, "threshold": model.threshold, "measures": measures})


def _taxonomy_version(options: argparse.Namespace) -> str | None:
    return storage.fingerprint(options.taxonomy.read_bytes()) if options.taxonomy else None


def _city_lessons(options: argparse.Namespace) -> training.Lessons:
    if not (options.taxonomy and options.city):
        raise ValueError("--examples needs --taxonomy and --city.")
    city = _read_yaml(options.city)
    examples = training.read_examples(options.examples)
    return training.lessons_from_city(examples, _read_yaml(options.taxonomy), city, places_from_city(city), options.topics)


def _evaluate(options: argparse.Namespace) -> None:
    rows = training.read_table(options.data, text=options.text, label=options.label)
    if not rows:
        raise ValueError(f"{options.data} has no row with both a text and a label.")
    guess = _guesser(storage.read(options.model), options.label)
    result = evaluate(guess, [row.text for row in rows], [row.labels[options.label] for row in rows])
    if not options.json:
        sys.stdout.write(f"{result['n']} texts, {result['accuracy']:.1%} right, {result['top3']:.1%} among the first three\n")
    _say(result)


def _guesser(saved: storage.Saved, label: str) -> Guess:
    """The head named like the column; a model with one head answers whatever the column is called."""
    heads = saved.model.heads
    if label == "unit" and saved.model.routing.lead_units:
        classifier = Classifier(saved.model, version=saved.version)
        return lambda texts: [one.unit for one in classifier.predict_batch(texts)]
    head = label if label in heads else next(iter(heads))
    if head != label and len(heads) > 1:
        raise ValueError(f"The model answers {', '.join(heads)} and unit, not {label}.")
    return Ranker(saved.model).ranker_of(head)


def _predict(options: argparse.Namespace) -> None:
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")  # whatever the terminal's language says
    saved = storage.read(options.model)
    if "category" not in saved.model.heads:
        (name,) = saved.model.heads
        guess = Ranker(saved.model).ranker_of(name)
        for line in sys.stdin:
            _say({name: [one.as_dict() for one in guess([line])[0]], "model_version": saved.version})
        return
    gazetteer = Gazetteer.from_places(places_from_city(_read_yaml(options.city))) if options.city else None
    classifier = Classifier(saved.model, version=saved.version, gazetteer=gazetteer)
    for line in sys.stdin:
        _say(classifier.predict(line.rstrip("\n")).as_dict())


def _places(options: argparse.Namespace) -> None:
    examples = [one for one in place_check.read_examples(options.data) if options.half in (None, one.half)]
    if not examples:
        raise ValueError(f"{options.data} has no sentence to measure on.")
    _say(place_check.check(Gazetteer.from_places(places_from_city(_read_yaml(options.city))), examples))


def _read_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _say(result: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
