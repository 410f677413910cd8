"""Loads one model in a fresh process and prints its times, its memory and, for a city's model, what it makes of unseen texts."""

import argparse
import csv
import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.figures import percentile
from classifier import Gazetteer, places_from_city, storage
from classifier.model import Classifier, Ranker
from classifier.types import Level

_SINGLES = 400
_BATCH = 2_000
_ALARMING = frozenset({"2001", "2002", "2004"})  # an emergency by what they are


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--city", type=Path)
    options = parser.parse_args()
    start = time.perf_counter()
    saved = storage.read(options.model)
    result: dict[str, Any] = {"load_s": time.perf_counter() - start}
    if options.city:
        places = places_from_city(yaml.safe_load(options.city.read_text(encoding="utf-8")))
        classifier = Classifier(saved.model, version=saved.version, gazetteer=Gazetteer.from_places(places))
        rows = [json.loads(line) for line in options.texts.read_text(encoding="utf-8").splitlines()]
        result |= quality(classifier, rows)
        result |= times(classifier.predict_batch, [row["text"] for row in rows])
    else:
        csv.field_size_limit(sys.maxsize)
        with options.texts.open(encoding="utf-8-sig", newline="") as file:
            texts = [row["text"] for row in csv.DictReader(file)][:_BATCH]
        (head,) = saved.model.heads
        result |= times(Ranker(saved.model).ranker_of(head), texts)
    result["resident_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(result))


def times(guess: Callable[[Sequence[str]], object], texts: Sequence[str]) -> dict[str, float]:
    guess(texts[:1])
    start = time.process_time()
    guess(texts)
    batch = time.process_time() - start
    singles = []
    for text in texts[:_SINGLES]:
        start = time.process_time()
        guess([text])
        singles.append((time.process_time() - start) * 1000)
    return {"texts_per_s": len(texts) / batch, "p50_ms": percentile(singles, 0.5), "p99_ms": percentile(singles, 0.99)}


def quality(classifier: Classifier, rows: Sequence[dict[str, str]]) -> dict[str, float]:
    found = classifier.predict_batch([row["text"] for row in rows])
    asked = [(one, row["category"]) for one, row in zip(found, rows, strict=True) if "category" in row]
    levels = [(row.get("urgency"), one.urgency.level, row.get("category")) for one, row in zip(found, rows, strict=True)]
    return {
        "top1": sum(one.category[0].code == code for one, code in asked) / len(asked),
        "top3": sum(code in {ranked.code for ranked in one.category} for one, code in asked) / len(asked),
        "unit": sum(one.unit[0].code == classifier.lead_unit(code) for one, code in asked) / len(asked),
        "missed_emergencies": sum(said == Level.EMERGENCY and level != Level.EMERGENCY for said, level, _ in levels),
        "false_emergencies": sum(
            said != Level.EMERGENCY and level == Level.EMERGENCY and code not in _ALARMING for said, level, code in levels
        ),
    }


if __name__ == "__main__":
    main()
