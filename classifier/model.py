"""The suggestion model: text features, a linear head for each question, and the tables that turn a category into a unit."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

from classifier.gazetteer import Gazetteer
from classifier.rules import UrgencyRules
from classifier.text import Cutter
from classifier.types import Level, Place, PlaceKind, Prediction, Ranked, Urgency

TOP = 3
_MOST_WORDS = 5
_HEIGHT = {Level.NORMAL: 0, Level.URGENT: 1, Level.EMERGENCY: 2}
Scores = NDArray[Any]


class Features:
    """Words and the characters inside them, as TF-IDF weights side by side."""

    def __init__(self, *, fewest: int) -> None:
        self._words = TfidfVectorizer(analyzer=str.split, sublinear_tf=True, dtype=np.float32, min_df=fewest)
        self._signs = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 3), sublinear_tf=True, dtype=np.float32, min_df=fewest)

    def fit_transform(self, cut: Sequence[str]) -> sparse.csr_matrix:
        return sparse.hstack([self._words.fit_transform(cut), self._signs.fit_transform(cut)], format="csr")

    def transform(self, cut: Sequence[str]) -> sparse.csr_matrix:
        return sparse.hstack([self._words.transform(cut), self._signs.transform(cut)], format="csr")

    def freeze(self) -> None:
        self._names = self._words.get_feature_names_out()

    def deciding_words(self, row: sparse.csr_matrix, weights: Scores) -> tuple[str, ...]:
        """The words of the text that spoke most for a label."""
        share = {
            str(self._names[column]): float(value * weights[column])
            for column, value in zip(row.indices, row.data, strict=True)
            if column < len(self._names) and weights[column] > 0
        }
        return tuple(sorted(share, key=lambda word: -share[word])[:_MOST_WORDS])


@dataclass
class Head:
    """One question's linear scores; its calibration turns them into confidences that hold what they promise."""

    labels: tuple[str, ...]
    weights: Scores  # a row for each feature, a column for each label
    bias: Scores
    calibration: "Calibration"

    def confidences(self, rows: sparse.csr_matrix) -> Scores:
        return self.calibration.confidences(rows @ self.weights + self.bias)


@dataclass(frozen=True)
class Calibration:
    """Scores become confidences: a softmax at a temperature, whose best is then moved onto the curve of what proved right.

    A text that means something else than its words say is wrong at full score; a temperature alone cannot express that.
    """

    temperature: float = 1.0
    claimed: tuple[float, ...] = (0.0, 1.0)
    proved: tuple[float, ...] = (0.0, 1.0)

    def softened(self, scores: Scores) -> Scores:
        scaled = scores / self.temperature
        powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def confidences(self, scores: Scores) -> Scores:
        """Mixes each row with an even share to lower its best, or with the best alone to raise it: the order stays."""
        shares = self.softened(scores)
        best = shares.max(axis=1, keepdims=True)
        even = 1 / scores.shape[1]
        wanted = np.maximum(np.interp(best, self.claimed, self.proved), even)
        lower = np.clip((best - wanted) / np.maximum(best - even, 1e-9), 0, 1)
        raised = np.clip((wanted - best) / np.maximum(1 - best, 1e-9), 0, 1)
        alone = np.arange(scores.shape[1]) == shares.argmax(axis=1)[:, None]
        mixed = (1 - lower - raised) * shares + lower * even + raised * alone
        return np.asarray(mixed, dtype=np.float32)


@dataclass(frozen=True)
class Routing:
    """What the city's tables say of a category: who leads, whether the area leads, how urgent it is by default."""

    lead_units: Mapping[str, str] = field(default_factory=dict)
    area_leads: frozenset[str] = frozenset()
    township_units: Mapping[str, str] = field(default_factory=dict)
    urgencies: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def unit(self, category: str, area: str | None) -> str:
        if area and category in self.area_leads:
            return next((unit for code, unit in self.township_units.items() if area.startswith(code)), self.lead_units[category])
        return self.lead_units[category]


@dataclass
class Model:
    """Everything that training leaves behind and a saved folder holds."""

    features: Features
    heads: dict[str, Head]
    words: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    routing: Routing = field(default_factory=Routing)
    threshold: float | None = None


class Ranker:
    """Ranks the labels of each head of a model; knows nothing of places, units and urgency."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._cutter = Cutter(model.words, model.places)

    def rows(self, texts: Sequence[str]) -> sparse.csr_matrix:
        return self.model.features.transform([" ".join(self._cutter.cut(text)) for text in texts])

    def ranker_of(self, head: str) -> Callable[[Sequence[str]], list[tuple[Ranked, ...]]]:
        def rank(texts: Sequence[str]) -> list[tuple[Ranked, ...]]:
            rows = self.rows(texts)
            confidences = self.model.heads[head].confidences(rows)
            return [self.ranked(head, rows[at], confidences[at]) for at in range(len(texts))]

        return rank

    def ranked(self, head: str, row: sparse.csr_matrix, confidences: Scores) -> tuple[Ranked, ...]:
        chosen = self.model.heads[head]
        best = np.argsort(-confidences, kind="stable")[:TOP]
        words = self.model.features.deciding_words
        return tuple(Ranked(chosen.labels[one], float(confidences[one]), words(row, chosen.weights[:, one])) for one in best)


class Classifier:
    """Suggests kind, category, unit, urgency and place of a citizen's text."""

    def __init__(self, model: Model, *, version: str, gazetteer: Gazetteer | None = None) -> None:
        self.version = version
        self._ranker = Ranker(model)
        self._routing = model.routing
        self._threshold = model.threshold
        self._gazetteer = gazetteer
        self._rules = UrgencyRules()

    def predict(self, text: str, *, area: str | None = None) -> Prediction:
        """`area` is the code of the area that the citizen chose, if any; it settles what the text leaves open."""
        return self._predict([text], area)[0]

    def predict_batch(self, texts: Sequence[str]) -> list[Prediction]:
        return self._predict(texts, None) if texts else []

    def _predict(self, texts: Sequence[str], area: str | None) -> list[Prediction]:
        rows = self._ranker.rows(texts)
        kinds, categories = (self._ranker.model.heads[name].confidences(rows) for name in ("request_type", "category"))
        return [self._one(text, rows[at], kinds[at], categories[at], area) for at, text in enumerate(texts)]

    def _one(self, text: str, row: sparse.csr_matrix, kinds: Scores, categories: Scores, area: str | None) -> Prediction:
        place = self._gazetteer.match(text, within=area) if self._gazetteer else Place(PlaceKind.NONE)
        category = self._ranker.ranked("category", row, categories)
        return Prediction(
            request_type=self._ranker.ranked("request_type", row, kinds),
            category=category,
            unit=self._units(row, categories, area or place.township),
            sure=self._threshold is not None and category[0].confidence >= self._threshold,
            urgency=self._urgency(text, category[0].code),
            place=place,
            model_version=self.version,
        )

    def _units(self, row: sparse.csr_matrix, categories: Scores, area: str | None) -> tuple[Ranked, ...]:
        """A unit is as likely as all the categories it would lead; the likeliest of them lends its words."""
        head = self._ranker.model.heads["category"]
        shares: defaultdict[str, float] = defaultdict(float)
        leading: dict[str, int] = {}
        for at in np.argsort(-categories, kind="stable"):
            unit = self._routing.unit(head.labels[at], area)
            shares[unit] += float(categories[at])
            leading.setdefault(unit, int(at))
        words = self._ranker.model.features.deciding_words
        best = sorted(shares, key=lambda unit: -shares[unit])[:TOP]
        return tuple(Ranked(unit, min(shares[unit], 1.0), words(row, head.weights[:, leading[unit]])) for unit in best)

    def _urgency(self, text: str, category: str) -> Urgency:
        by_words = self._rules.judge(text)
        usual = Level(self._routing.urgencies.get(category, Level.NORMAL))
        if _HEIGHT[usual] <= _HEIGHT[Level(by_words.level)]:
            return by_words
        label = "特急" if usual == Level.EMERGENCY else "紧急"
        return Urgency(usual, f"事项“{self._routing.names.get(category, category)}”默认为{label}")
