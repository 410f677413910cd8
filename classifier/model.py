"""The suggestion model: columns of a text, a linear head for each question, and the tables that turn a category into a unit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import sparse

from classifier.confidence import Calibration
from classifier.features import Features, Words
from classifier.gazetteer import Gazetteer
from classifier.grams import Numbers
from classifier.linear import Fit, Recipe, weighted
from classifier.rules import UrgencyRules
from classifier.text import shorten
from classifier.types import Level, Neighbour, Place, PlaceKind, Prediction, Ranked, Urgency

TOP = 3
_MOST_WORDS = 5
_NEIGHBOURS = 3
_BLOCK = 256
_ALARM = 0.4  # the share of all categories of emergencies together
_HEIGHT = {Level.NORMAL: 0, Level.URGENT: 1, Level.EMERGENCY: 2}


@dataclass
class Head:
    """One question's linear scores; its calibration turns them into confidences that hold what they promise."""

    labels: tuple[str, ...]
    fitted: Fit
    calibration: Calibration


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


@dataclass(frozen=True)
class Memory:
    """The examples themselves, where a city's model keeps them: whoever is not sure shows the nearest."""

    rows: sparse.csr_matrix
    texts: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()

    def nearest(self, known: sparse.csr_matrix, at: int) -> tuple[Neighbour, ...]:
        asked = np.zeros(known.shape[1], np.float32)
        here = slice(known.indptr[at], known.indptr[at + 1])
        asked[known.indices[here]] = known.data[here]
        likeness = self.rows @ asked / 2  # two blocks, each of length one
        best = np.argsort(-likeness, kind="stable")[:_NEIGHBOURS]
        return tuple(Neighbour(self.texts[at], self.codes[at], float(likeness[at])) for at in best if likeness[at] > 0)


@dataclass
class Model:
    """Everything that training leaves behind and a saved folder holds."""

    recipe: Recipe
    features: Features
    heads: dict[str, Head]
    routing: Routing = field(default_factory=Routing)
    memory: Memory | None = None
    threshold: float | None = None


class Ranker:
    """Ranks the labels of each head of a model; knows nothing of places, units and urgency."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._first_word = len(model.features.signs)

    def read(self, texts: Sequence[str]) -> tuple[sparse.csr_matrix, Words]:
        return self.model.features.read(texts)

    def confidences(self, head: str, rows: sparse.csr_matrix) -> Numbers:
        asked = self.model.heads[head]
        return asked.calibration.confidences(asked.fitted.scores(rows, self._first_word))

    def weighted(self, head: str, rows: sparse.csr_matrix) -> sparse.csr_matrix:
        return weighted(rows, self.model.heads[head].fitted.scale, self._first_word)

    def ranker_of(self, head: str) -> Callable[[Sequence[str]], list[tuple[Ranked, ...]]]:
        def rank(texts: Sequence[str]) -> list[tuple[Ranked, ...]]:
            answers: list[tuple[Ranked, ...]] = []
            for at in range(0, len(texts), _BLOCK):
                rows, words = self.read([shorten(text)[0] for text in texts[at : at + _BLOCK]])
                confidences = self.confidences(head, rows)
                answers += [self.ranked(head, _Said(self, words, one), confidences[one]) for one in range(rows.shape[0])]
            return answers

        return rank

    def ranked(self, head: str, said: "_Said", confidences: Numbers) -> tuple[Ranked, ...]:
        labels = self.model.heads[head].labels
        best = np.argsort(-confidences, kind="stable")[:TOP]
        return tuple(Ranked(labels[one], float(confidences[one]), said.deciding(head, int(one))) for one in best)


class _Said:
    """The words of one text and the columns they stand for."""

    def __init__(self, ranker: Ranker, words: Words, owner: int) -> None:
        column_of = ranker.model.features.column_of_word
        known = ((word, column_of(key)) for word, key in dict(words.of(owner)).items())
        found = [(word, column) for word, column in known if column is not None and word.isalnum() and word != "0"]
        self._words = [word for word, _ in found]
        self._columns = np.array([column for _, column in found], int)
        self._heads = ranker.model.heads

    def deciding(self, head: str, label: int) -> tuple[str, ...]:
        """The words of the text that spoke most for a label."""
        if not self._words:
            return ()
        fitted = self._heads[head].fitted
        speaks = fitted.scale[self._columns] * fitted.weights[self._columns, label]
        best = [at for at in np.argsort(-speaks, kind="stable")[:_MOST_WORDS] if speaks[at] > 0]
        return tuple(self._words[at] for at in best)


class Classifier:
    """Suggests kind, category, unit, urgency and place of a citizen's text."""

    def __init__(self, model: Model, *, version: str, gazetteer: Gazetteer | None = None) -> None:
        self.version = version
        self._ranker = Ranker(model)
        self._routing = model.routing
        self._threshold = model.threshold
        self._memory = model.memory
        self._gazetteer = gazetteer
        self._rules = UrgencyRules()
        self._leading: dict[str | None, tuple[list[str], Numbers]] = {}
        labels = model.heads["category"].labels
        self._alarming = [at for at, code in enumerate(labels) if model.routing.urgencies.get(code) == Level.EMERGENCY]

    def predict(self, text: str, *, area: str | None = None) -> Prediction:
        """`area` is the code of the area that the citizen chose, if any; it settles what the text leaves open."""
        return self._predict([text], area)[0]

    def predict_batch(self, texts: Sequence[str]) -> list[Prediction]:
        return [one for at in range(0, len(texts), _BLOCK) for one in self._predict(texts[at : at + _BLOCK], None)]

    def lead_unit(self, category: str) -> str:
        """Who leads a category where the area does not."""
        return self._routing.lead_units[category]

    def _predict(self, texts: Sequence[str], area: str | None) -> list[Prediction]:
        short = [shorten(text) for text in texts]
        rows, words = self._ranker.read([text for text, _ in short])
        kinds, categories = (self._ranker.confidences(name, rows) for name in ("request_type", "category"))
        known = self._ranker.weighted("category", rows)
        return [
            self._one(text, cut, _Said(self._ranker, words, at), (kinds[at], categories[at]), (known, at), area)
            for at, (text, cut) in enumerate(short)
        ]

    def _one(
        self,
        text: str,
        cut: bool,
        said: _Said,
        confidences: tuple[Numbers, Numbers],
        known: tuple[sparse.csr_matrix, int],
        area: str | None,
    ) -> Prediction:
        kinds, categories = confidences
        place = self._gazetteer.match(text, within=area) if self._gazetteer else Place(PlaceKind.NONE)
        category = self._ranker.ranked("category", said, categories)
        sure = self._threshold is not None and category[0].confidence >= self._threshold
        return Prediction(
            request_type=self._ranker.ranked("request_type", said, kinds),
            category=category,
            unit=self._units(said, categories, area or place.township),
            sure=sure,
            urgency=self._urgency(text, category[0].code, categories),
            place=place,
            model_version=self.version,
            neighbours=() if sure or self._memory is None else self._memory.nearest(*known),
            shortened=cut,
        )

    def _units(self, said: _Said, categories: Numbers, area: str | None) -> tuple[Ranked, ...]:
        """A unit is as likely as all the categories it would lead; the likeliest of them lends its words."""
        units, leads = self._leads(area)
        shares = np.bincount(leads, weights=categories, minlength=len(units))
        best = np.argsort(-shares, kind="stable")[:TOP].tolist()
        leading = [int(np.where(leads == unit, categories, -1).argmax()) for unit in best]
        return tuple(
            Ranked(units[unit], min(float(shares[unit]), 1.0), said.deciding("category", label))
            for unit, label in zip(best, leading, strict=True)
        )

    def _leads(self, area: str | None) -> tuple[list[str], Numbers]:
        """The units, and which of them leads each category in this area."""
        area = next((code for code in self._routing.township_units if area and area.startswith(code)), None)
        if area not in self._leading:
            leads = [self._routing.unit(label, area) for label in self._ranker.model.heads["category"].labels]
            units = list(dict.fromkeys(leads))
            self._leading[area] = units, np.array([units.index(unit) for unit in leads])
        return self._leading[area]

    def _urgency(self, text: str, category: str, categories: Numbers) -> Urgency:
        """Words lead, then what the category usually is; where emergencies together are likely, a doubtful one counts."""
        by_words = self._rules.judge(text)
        if by_words.level != Level.EMERGENCY and float(categories[self._alarming].sum()) >= _ALARM:
            return Urgency(Level.EMERGENCY, "像突发或危险事件，请先核实")
        usual = Level(self._routing.urgencies.get(category, Level.NORMAL))
        if _HEIGHT[usual] <= _HEIGHT[Level(by_words.level)]:
            return by_words
        label = "特急" if usual == Level.EMERGENCY else "紧急"
        return Urgency(usual, f"事项“{self._routing.names.get(category, category)}”默认为{label}")
