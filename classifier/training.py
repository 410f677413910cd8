"""Reads examples, fits a head for each question, and calibrates it on texts that its fold had not seen."""

import csv
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from classifier.linear import RECIPES, Bounds, Choice, Fit, Recipe, weighted
from classifier.model import DANGER, TOP, Head, Memory, Model
from classifier.storage import fingerprint
from classifier.text import compact, lexicon, normalise
from classifier.types import EntryKind, Example, Level, PlaceEntry

_SCENES = Path(__file__).parent / "data" / "scenes.jsonl"
_MOST_TEXTS = 20_000  # more would not be learnt in a quarter of an hour; the last ones are kept
_WORST_ERROR = 0.10
_FEWEST_SURE = 30
_TRYING, _LEAST_GAIN = 2, 0.004  # on so many folds a smaller gain may be chance


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
    dangers: Sequence[Example] = ()  # emergencies and others, for a question that has more texts than the rest

    def fingerprint(self) -> str:
        """Changes with any text, label or word that is learnt from."""
        taught = (*self.examples, *self.dangers)
        lines = [*(f"{one.text}\t{sorted(one.labels.items())}" for one in taught), *map("\t".join, self.topics)]
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


def _read_scenes(path: Path) -> list[Example]:
    """Dangers told by what is seen and calm texts with the same scenery; of no category, each a story of its own."""
    rows = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    return [Example(row["text"], {DANGER: row["urgency"]}, row["text"]) for row in rows]


def _example(row: Mapping[str, str]) -> Example:
    labels = {name: row[name] for name in ("category", "request_type")}
    if "urgency" in row:
        labels[DANGER] = row["urgency"]
    return Example(row["text"], labels, row.get("core", ""))


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
    routing = routing_from_reference(taxonomy, city)
    return Lessons(
        examples=[*map(_plain, examples)],
        dangers=[*_read_scenes(_SCENES), *_dangers(examples, routing)],
        topics=list(dict.fromkeys(words)),
        words=tuple(dict.fromkeys(word for category in categories for word in category["keywords"])),
        places=tuple(dict.fromkeys(place.name for place in places if place.kind != EntryKind.HAMLET)),
        routing=routing,
        recipe=RECIPES["city"],
    )


def _dangers(examples: Sequence[Example], routing: Routing) -> Iterator[Example]:
    """Whether each is an emergency: it says so itself, or its category usually is."""
    for one in examples:
        level = one.labels.get(DANGER) or routing.urgencies.get(one.labels["category"])
        yield Example(one.text, {DANGER: Level.EMERGENCY if level == Level.EMERGENCY else Level.NORMAL}, one.group)


def _plain(example: Example) -> Example:
    return replace(example, labels={name: label for name, label in example.labels.items() if name != DANGER})


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
    scenes = sorted({one.text for one in lessons.dangers}.difference(texts))
    features = learn(reader, [*texts, *scenes], fewest=recipe.fewest, most=recipe.columns(most_labels), opening=recipe.opening)
    school = _School(features.rows(texts), _groups(examples), features.bounds, recipe)
    targets = {name: _targets(lessons, examples, name) for name in examples[0].labels}
    if len(features.openings) and not school.gains_by_openings(next(iter(targets.values()))):
        features, school = features.without_openings(), school.without_openings()
    model = Model(recipe, features, {}, lessons.routing)
    measures: dict[str, Any] = {}
    for name in targets:
        model.heads[name], measures[name], threshold = school.head(targets[name])
        if name == "category":
            model.threshold = threshold
    if dangers := lessons.dangers[-_MOST_TEXTS:]:
        asked = _School(features.rows([one.text for one in dangers]), _groups(dangers), features.bounds, recipe)
        model.heads[DANGER], measures[DANGER], _ = asked.head(np.array([one.labels[DANGER] for one in dangers]))
    if recipe.keeps_examples:
        model.memory = _memory(model, school, examples)
    return model, measures


def _targets(lessons: Lessons, examples: Sequence[Example], name: str) -> Numbers:
    extra = [code for _, code in lessons.topics] if name == lessons.topics_of else []
    return np.array([*(example.labels[name] for example in examples), *extra])


def _memory(model: Model, school: "_School", examples: Sequence[Example]) -> Memory:
    """One telling of each story is enough to show."""
    first = np.sort(np.unique(school.groups, return_index=True)[1])
    rows = weighted(school.rows[first], model.heads["category"].fitted.scale, school.bounds)
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
    bounds: Bounds
    recipe: Recipe

    def head(self, targets: Numbers) -> tuple[Head, dict[str, Any], float | None]:
        labels, numbers = self._numbered(targets)
        truth = numbers[: len(self.groups)]
        unseen, choice = self._unseen(numbers)
        (fitted,) = self._fits(np.arange(len(numbers)), numbers, [choice])
        fitted = fitted.rounded()
        calibration = calibrate(unseen.scores, truth)
        measures, threshold = _measures(unseen, truth)
        chosen = dict(zip(("cost", "margins"), choice, strict=True))
        return Head(tuple(map(str, labels)), fitted, calibration), measures | chosen, threshold

    def gains_by_openings(self, targets: Numbers) -> bool:
        """Where texts have titles, how they begin tells much; where all begin alike, its columns only make more noise."""
        _, numbers = self._numbered(targets)
        folds = self._folds(numbers)[:_TRYING]
        choice = self.recipe.choices[0]
        with_them, without = (
            np.mean([school._served(*fold, numbers, choice) for fold in folds]) for school in (self, self.without_openings())
        )
        return bool(with_them - without >= _LEAST_GAIN)

    def without_openings(self) -> "_School":
        last = self.bounds[-2]
        return replace(self, rows=self.rows[:, :last], bounds=(*self.bounds[:-1], last))

    def _numbered(self, targets: Numbers) -> tuple[Numbers, Numbers]:
        labels, numbers = np.unique(targets, return_inverse=True)
        if len(labels) < 2:
            raise ValueError("There is nothing to learn from: all rows have the same label.")
        if self.groups.max() == 0:
            raise ValueError("There is nothing to learn from: all rows say the same.")
        return labels, numbers

    def _folds(self, numbers: Numbers) -> list[tuple[Numbers, Numbers]]:
        """What is learnt and what is asked; no telling of a story is on both sides."""
        always = np.arange(len(self.groups), len(numbers))
        split = GroupKFold(min(self.recipe.folds, int(self.groups.max()) + 1)).split(self.groups, groups=self.groups)
        return [(np.concatenate([learnt, always]), asked) for learnt, asked in split]

    def _fits(self, chosen: Numbers, numbers: Numbers, choices: Sequence[Choice]) -> Iterator[Fit]:
        emphasis = np.where(chosen < len(self.groups), 1.0, self.recipe.topic_emphasis).astype(np.float32)
        return fit(Lesson(self.rows[chosen], _one_hot(chosen, numbers), emphasis), self.bounds, self.recipe, choices)

    def _unseen(self, numbers: Numbers) -> tuple["_Unseen", Choice]:
        """For every example, what a fit says that saw neither it nor another telling of its story; and the choice that served."""
        seen = len(self.groups)
        choices = self.recipe.choices
        scores = np.zeros((len(choices), seen, int(numbers.max()) + 1), np.float32)
        fold_of = np.zeros(seen, int)
        for fold, (learnt, asked) in enumerate(self._folds(numbers)):
            fold_of[asked] = fold
            for at, fitted in enumerate(self._fits(learnt, numbers, choices)):
                scores[at, asked] = fitted.scores(self.rows[asked], self.bounds)
        best = int(np.argmax([_right(each, numbers[:seen]) for each in scores]))
        return _Unseen(scores[best], fold_of), choices[best]

    def _served(self, learnt: Numbers, asked: Numbers, numbers: Numbers, choice: Choice) -> float:
        (fitted,) = self._fits(learnt, numbers, [choice])
        return _right(fitted.scores(self.rows[asked], self.bounds), numbers[asked])


def _right(scores: Numbers, truth: Numbers) -> float:
    """How often, at first and among the first few."""
    return top_share(scores, truth, 1) + top_share(scores, truth, TOP)


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
