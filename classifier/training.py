"""Reads examples, fits a head for each question, and calibrates it on texts that its fold had not seen."""

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from scipy.optimize import minimize_scalar
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GroupKFold
from sklearn.svm import LinearSVC

from classifier.evaluation import calibration_error
from classifier.model import Calibration, Features, Head, Model, Routing, Scores
from classifier.text import Cutter, normalise
from classifier.types import EntryKind, Example, Level, PlaceEntry

_FOLDS = 5
_SEED = 12345
_MARGIN = 0.5  # of the linear classifier; 0.3 to 3 were within a point of each other on the seed examples
_MANY = 5_000  # from here on, what occurs once is noise and only makes the model big
_WORST_ERROR = 0.10
_FEWEST_SURE = 30
_HIGHEST = 0.995  # no run of examples is long enough to promise more


@dataclass(frozen=True)
class Lessons:
    """All that a model is trained from; `topics` are a category's everyday words, each an example of its own."""

    examples: Sequence[Example]
    topics: Sequence[tuple[str, str]] = ()
    words: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    routing: Routing = field(default_factory=Routing)


def read_examples(path: Path) -> list[Example]:
    with path.open(encoding="utf-8") as lines:
        return [_example(json.loads(line)) for line in lines if line.strip()]


def _example(row: Mapping[str, str]) -> Example:
    return Example(row["text"], {name: row[name] for name in ("category", "request_type")}, row.get("core", ""))


def read_table(path: Path, *, text: str, label: str) -> list[Example]:
    """The rows of a CSV that have both a text and a label."""
    csv.field_size_limit(sys.maxsize)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        missing = {text, label} - set(rows.fieldnames or ())
        if missing:
            raise ValueError(f"{path} has no column {', '.join(sorted(missing))}")
        return [Example(row[text], {label: row[label]}) for row in rows if row[text] and row[label]]


def lessons_from_city(
    examples: Sequence[Example], taxonomy: Mapping[str, Any], city: Mapping[str, Any], places: Sequence[PlaceEntry], topics: Path
) -> Lessons:
    categories = [second for first in taxonomy["categories"] for second in first["children"]]
    known = {category["code"] for category in categories}
    words = [(word, category["code"]) for category in categories for word in _own_words(category)]
    words += [(word, code) for code, word in _read_topics(topics) if code in known]
    return Lessons(
        examples=examples,
        topics=list(dict.fromkeys(words)),
        words=tuple(dict.fromkeys(word for category in categories for word in category["keywords"])),
        places=tuple(dict.fromkeys(place.name for place in places if place.kind != EntryKind.HAMLET)),
        routing=_routing(categories, city),
    )


def _own_words(category: Mapping[str, Any]) -> list[str]:
    return [category["name"], *(third["name"] for third in category.get("children") or ()), *category["keywords"]]


def _read_topics(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        code, words = line.split("\t")
        yield from ((code, word) for word in words.split())


def _routing(categories: Sequence[Mapping[str, Any]], city: Mapping[str, Any]) -> Routing:
    return Routing(
        lead_units={one["code"]: one["lead_unit"] for one in categories},
        area_leads=frozenset(one["code"] for one in categories if one["territorial"] == "area_leads"),
        township_units={str(one["code"]): one["unit"] for one in city["townships"]},
        urgencies={one["code"]: one.get("urgency") or _urgency_of_hint(one.get("routing_hint")) for one in categories},
        names={one["code"]: one["name"] for one in categories},
    )


def _urgency_of_hint(hint: str | None) -> Level:
    """What is put through to 110, 119 or 120 has no urgency of its own in the table: nothing is more urgent."""
    return Level.EMERGENCY if hint == "transfer" else Level.NORMAL


def train(lessons: Lessons) -> tuple[Model, dict[str, Any]]:
    """The model, and what it measured on texts held back from each fold, by head."""
    cutter = Cutter(lessons.words, lessons.places)
    texts = [*(example.text for example in lessons.examples), *(word for word, _ in lessons.topics)]
    features = Features(fewest=1 if len(lessons.examples) < _MANY else 2)
    rows = features.fit_transform([" ".join(cutter.cut(text)) for text in texts])
    features.freeze()
    model = Model(features, {}, lessons.words, lessons.places, lessons.routing)
    measures: dict[str, Any] = {}
    groups = _groups(lessons.examples)
    for name in lessons.examples[0].labels:
        extra = [code for _, code in lessons.topics] if name == "category" else []
        targets = np.array([*(example.labels[name] for example in lessons.examples), *extra])
        model.heads[name], measures[name], threshold = _train_head(rows[: len(targets)], targets, groups)
        if name == "category":
            model.threshold = threshold
    return model, measures


def _groups(examples: Sequence[Example]) -> Scores:
    keys: dict[str, int] = {}
    return np.array([keys.setdefault(example.group or normalise(example.text), len(keys)) for example in examples])


def _train_head(rows: sparse.csr_matrix, targets: Any, groups: Scores) -> tuple[Head, dict[str, Any], float | None]:
    head = _fit(rows, targets)
    seen = len(groups)
    truth = np.searchsorted(head.labels, targets[:seen])
    scores, folds = _scores_of_unseen(head, rows, targets, groups)
    head.calibration = _calibrate(scores, truth)
    honest = np.empty_like(scores)
    for fold in np.unique(folds):
        here = folds == fold
        honest[here] = _calibrate(scores[~here], truth[~here]).confidences(scores[here])
    best = honest.argmax(axis=1)
    confidence, is_right = honest.max(axis=1), best == truth
    threshold = _threshold(confidence, is_right)
    top3 = np.argsort(-scores, axis=1)[:, :3]
    measures = {
        "n": seen,
        "top1": round(float(is_right.mean()), 4),
        "top3": round(float((top3 == truth[:, None]).any(axis=1).mean()), 4),
        "ece": round(calibration_error(confidence, is_right), 4),
        "sure_share": 0.0 if threshold is None else round(float((confidence >= threshold).mean()), 4),
    }
    return head, measures, threshold


def _fit(rows: sparse.csr_matrix, targets: Any) -> Head:
    svm = LinearSVC(C=_MARGIN, random_state=_SEED).fit(rows, targets)
    weights, bias = svm.coef_, svm.intercept_
    if len(svm.classes_) == 2:  # scikit-learn keeps one column for two classes
        weights, bias = np.vstack([-weights, weights]), np.concatenate([-bias, bias])
    labels = tuple(str(label) for label in svm.classes_)
    return Head(labels, np.ascontiguousarray(weights.T, dtype=np.float32), bias.astype(np.float32), Calibration())


def _scores_of_unseen(whole: Head, rows: sparse.csr_matrix, targets: Any, groups: Scores) -> tuple[Scores, Scores]:
    """For every example, the scores from a fit that saw neither it nor another telling of its story; topics are always seen."""
    seen = len(groups)
    scores = np.full((seen, len(whole.labels)), -2.0, dtype=np.float32)
    folds = np.zeros(seen, dtype=int)
    splitter = GroupKFold(min(_FOLDS, len(set(groups))), shuffle=True, random_state=_SEED)
    always = np.arange(seen, rows.shape[0])
    for number, (learn, ask) in enumerate(splitter.split(np.zeros(seen), groups=groups)):
        part = np.concatenate([learn, always])
        head = _fit(rows[part], targets[part])
        columns = np.searchsorted(whole.labels, head.labels)
        scores[np.ix_(ask, columns)] = rows[ask] @ head.weights + head.bias
        folds[ask] = number
    return scores, folds


def _calibrate(scores: Scores, truth: Any) -> Calibration:
    """The temperature under which unseen texts surprise least, and how often its best was right at each height."""
    wide = scores.astype(np.float64)

    def surprise(log_temperature: float) -> float:
        shares = Calibration(float(np.exp(log_temperature))).softened(wide)
        return float(-np.log(shares[np.arange(len(truth)), truth] + 1e-9).mean())

    temperature = float(np.exp(minimize_scalar(surprise, bounds=(-5, 3), method="bounded").x))
    shares = Calibration(temperature).softened(wide)
    curve = IsotonicRegression(y_min=0.0, y_max=_HIGHEST).fit(shares.max(axis=1), shares.argmax(axis=1) == truth)
    return Calibration(temperature, tuple(map(float, curve.X_thresholds_)), tuple(map(float, curve.y_thresholds_)))


def _threshold(confidence: Scores, is_right: Any) -> float | None:
    """The lowest confidence above which at most a tenth was wrong; None if there is none, and the model is never sure."""
    order = np.argsort(-confidence, kind="stable")
    errors = np.cumsum(~is_right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(errors <= _WORST_ERROR)
    if not len(good) or good[-1] + 1 < _FEWEST_SURE:
        return None
    return round(float(confidence[order[good[-1]]]), 4)
