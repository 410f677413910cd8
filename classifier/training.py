"""Reads examples, fits a head for each question, and calibrates it on texts that its fold had not seen."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.model_selection import GroupKFold

from classifier.calibration import calibrate, calibration_error, decided_share, macro_f1, top_share
from classifier.city import Routing, own_words, routing_from_reference, second_level
from classifier.confidence import Calibration
from classifier.cutting import Dictionary
from classifier.duplicates import near_duplicates
from classifier.features import Reader, learn
from classifier.fitting import Lesson, fit
from classifier.grams import Numbers
from classifier.linear import RECIPES, Fit, Recipe, weighted
from classifier.model import TOP, Head, Memory, Model
from classifier.storage import fingerprint
from classifier.text import compact, lexicon, normalise
from classifier.types import EntryKind, Example, PlaceEntry

_MOST_TEXTS = 20_000  # more would not be learnt in a quarter of an hour; the last ones are kept
_WORST_ERROR = 0.10
_FEWEST_SURE = 30


@dataclass(frozen=True)
class Lessons:
    """All that a model is trained from; `topics` are everyday words of a label, or its name, each an example of its own."""

    examples: Sequence[Example]
    topics: Sequence[tuple[str, str]] = ()
    topics_of: str = "category"
    words: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    routing: Routing = field(default_factory=Routing)
    recipe: Recipe = RECIPES["table"]

    def fingerprint(self) -> str:
        """Changes with any text, label or word that is learnt from."""
        lines = [*(f"{one.text}\t{sorted(one.labels.items())}" for one in self.examples), *map("\t".join, self.topics)]
        return fingerprint("\n".join(sorted(lines)).encode("utf-8", "surrogatepass"))

    def about(self) -> dict[str, Any]:
        """What a manifest says of them: their fingerprint, and how many there are of each label."""
        heads = self.examples[0].labels if self.examples else ()
        return {
            "data": self.fingerprint(),
            "labels": {name: Counter(one.labels[name] for one in self.examples) for name in heads},
        }


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


def lessons_from_table(path: Path, *, text: str, label: str) -> Lessons:
    """A label's name says in a word what its texts are about."""
    examples = read_table(path, text=text, label=label)
    return Lessons(examples, topics=[(name, name) for name in sorted({one.labels[label] for one in examples})], topics_of=label)


def lessons_from_city(
    examples: Sequence[Example], taxonomy: Mapping[str, Any], city: Mapping[str, Any], places: Sequence[PlaceEntry], topics: Path
) -> Lessons:
    categories = second_level(taxonomy)
    known = {category["code"] for category in categories}
    words = [(word, category["code"]) for category in categories for word in own_words(category)]
    words += [(word, code) for code, word in _read_topics(topics) if code in known]
    return Lessons(
        examples=examples,
        topics=list(dict.fromkeys(words)),
        words=tuple(dict.fromkeys(word for category in categories for word in category["keywords"])),
        places=tuple(dict.fromkeys(place.name for place in places if place.kind != EntryKind.HAMLET)),
        routing=routing_from_reference(taxonomy, city),
        recipe=RECIPES["city"],
    )


def _read_topics(path: Path) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        code, words = line.split("\t")
        yield from ((code, word) for word in words.split())


def train(lessons: Lessons) -> tuple[Model, dict[str, Any]]:
    """The model, and what it measured on texts held back from each fold, by head."""
    examples = lessons.examples[-_MOST_TEXTS:]
    recipe = lessons.recipe
    dictionary = Dictionary.of_chinese([*lexicon("user_dict.txt"), *lessons.words, *map(compact, lessons.places)])
    reader = Reader(dictionary, lessons.places, longest=recipe.longest_run)
    texts = [*(example.text for example in examples), *(word for word, _ in lessons.topics)]
    most_labels = max(len({example.labels[name] for example in examples}) for name in examples[0].labels)
    features = learn(reader, texts, fewest=recipe.fewest, most=recipe.columns(most_labels))
    school = _School(features.rows(texts), _groups(examples), len(features.signs), recipe)
    model = Model(recipe, features, {}, lessons.routing)
    measures: dict[str, Any] = {}
    for name in examples[0].labels:
        extra = [code for _, code in lessons.topics] if name == lessons.topics_of else []
        targets = np.array([*(example.labels[name] for example in examples), *extra])
        model.heads[name], measures[name], threshold = school.head(targets)
        if name == "category":
            model.threshold = threshold
    if recipe.keeps_examples:
        model.memory = _memory(model, school, examples)
    return model, measures


def _memory(model: Model, school: "_School", examples: Sequence[Example]) -> Memory:
    """One telling of each story is enough to show."""
    first = np.sort(np.unique(school.groups, return_index=True)[1])
    rows = weighted(school.rows[first], model.heads["category"].fitted.scale, school.first_word)
    rows.data = rows.data.astype(np.float16).astype(np.float32)
    return Memory(rows, tuple(examples[at].text for at in first), tuple(examples[at].labels["category"] for at in first))


def _groups(examples: Sequence[Example]) -> Numbers:
    """Tellings of one story, or texts that are almost the same."""
    if not examples[0].group:
        return near_duplicates([normalise(example.text) for example in examples])
    keys: dict[str, int] = {}
    return np.array([keys.setdefault(example.group or normalise(example.text), len(keys)) for example in examples])


@dataclass(frozen=True)
class _School:
    """All rows that are learnt from; those behind the groups are topics, which no fold asks for."""

    rows: sparse.csr_matrix
    groups: Numbers
    first_word: int
    recipe: Recipe

    def head(self, targets: Numbers) -> tuple[Head, dict[str, Any], float | None]:
        labels, numbers = np.unique(targets, return_inverse=True)
        if len(labels) < 2:
            raise ValueError("There is nothing to learn from: all rows have the same label.")
        if self.groups.max() == 0:
            raise ValueError("There is nothing to learn from: all rows say the same.")
        truth = numbers[: len(self.groups)]
        unseen, cost = self._unseen(numbers)
        fitted = self._fit(np.arange(len(numbers)), numbers, cost).rounded()
        calibration = calibrate(unseen.scores, truth)
        measures, threshold = _measures(unseen, truth)
        return Head(tuple(map(str, labels)), fitted, calibration), measures | {"cost": cost}, threshold

    def _fits(self, chosen: Numbers, numbers: Numbers, costs: tuple[float, ...]) -> Iterator[Fit]:
        emphasis = np.where(chosen < len(self.groups), 1.0, self.recipe.topic_emphasis).astype(np.float32)
        return fit(Lesson(self.rows[chosen], _one_hot(chosen, numbers), emphasis), self.first_word, self.recipe, costs)

    def _fit(self, chosen: Numbers, numbers: Numbers, cost: float) -> Fit:
        (fitted,) = self._fits(chosen, numbers, (cost,))
        return fitted

    def _unseen(self, numbers: Numbers) -> tuple["_Unseen", float]:
        """For every example, what a fit says that saw neither it nor another telling of its story; and the cost that served."""
        seen = len(self.groups)
        always = np.arange(seen, len(numbers))
        split = GroupKFold(min(self.recipe.folds, int(self.groups.max()) + 1)).split(self.groups, groups=self.groups)
        folds = [(np.concatenate([learnt, always]), asked) for learnt, asked in split]
        cost = self._best_cost(*folds[0], numbers)
        scores = np.zeros((seen, int(numbers.max()) + 1), np.float32)
        fold_of = np.zeros(seen, int)
        for fold, (learnt, asked) in enumerate(folds):
            scores[asked] = self._fit(learnt, numbers, cost).scores(self.rows[asked], self.first_word)
            fold_of[asked] = fold
        return _Unseen(scores, fold_of), cost

    def _best_cost(self, learnt: Numbers, asked: Numbers, numbers: Numbers) -> float:
        """The one under which the first fold is most often right, at first and among the first few."""
        costs = self.recipe.costs
        if len(costs) == 1:
            return costs[0]
        asking, truth = self.rows[asked], numbers[asked]
        scores = (fitted.scores(asking, self.first_word) for fitted in self._fits(learnt, numbers, costs))
        return costs[int(np.argmax([top_share(each, truth, 1) + top_share(each, truth, TOP) for each in scores]))]


def _one_hot(chosen: Numbers, numbers: Numbers) -> Numbers:
    shares = np.zeros((len(chosen), int(numbers.max()) + 1), np.float32)
    shares[np.arange(len(chosen)), numbers[chosen]] = 1
    return shares


@dataclass(frozen=True)
class _Unseen:
    """What fits say of texts that they had not seen, and the fold of each."""

    scores: Numbers
    folds: Numbers


def _measures(unseen: _Unseen, truth: Numbers) -> tuple[dict[str, Any], float | None]:
    """Each fold is calibrated by the others."""
    honest = np.empty_like(unseen.scores)
    for fold in np.unique(unseen.folds):
        here = unseen.folds == fold
        others = calibrate(unseen.scores[~here], truth[~here]) if (~here).any() else Calibration()
        honest[here] = others.confidences(unseen.scores[here])
    confidence, is_right = honest.max(axis=1), honest.argmax(axis=1) == truth
    threshold = _threshold(confidence, is_right)
    return {
        "n": len(truth),
        "top1": round(float(is_right.mean()), 4),
        "top3": round(top_share(honest, truth, TOP), 4),
        "macro_f1": round(macro_f1(truth, honest.argmax(axis=1), fewest=1), 4),
        "macro_f1_of_10": round(macro_f1(truth, honest.argmax(axis=1), fewest=10), 4),
        "ece": round(calibration_error(confidence, is_right), 4),
        "decided_at_5": round(decided_share(confidence, is_right, worst=0.05), 4),
        "decided_at_2": round(decided_share(confidence, is_right, worst=0.02), 4),
        "sure_share": 0.0 if threshold is None else round(float((confidence >= threshold).mean()), 4),
    }, threshold


def _threshold(confidence: Numbers, is_right: Numbers) -> float | None:
    """The lowest confidence above which at most a tenth was wrong; None if there is none, and the model is never sure."""
    order = np.argsort(-confidence, kind="stable")
    errors = np.cumsum(~is_right[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(errors <= _WORST_ERROR)
    if not len(good) or good[-1] + 1 < _FEWEST_SURE:
        return None
    return round(float(confidence[order[good[-1]]]), 4)
