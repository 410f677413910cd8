"""The suggestion model: columns of a text, a linear head for each question; answers in the city's labels of today."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from classifier.city import City, Routing
from classifier.confidence import Calibration
from classifier.features import Features, Words
from classifier.gazetteer import Gazetteer
from classifier.grams import Numbers
from classifier.linear import Fit, Recipe, weighted
from classifier.rules import UrgencyRules
from classifier.text import shorten
from classifier.today import Today, added
from classifier.types import Level, Neighbour, Place, PlaceKind, Prediction, Ranked, Urgency
from classifier.unseen import unknown_words

TOP = 3
DANGER = "danger"  # the head that tells emergencies from all else
_MOST_WORDS = 5
_NEIGHBOURS = 3
_BLOCK = 256
_CHINESE = re.compile("[\u4e00-\u9fff]")
_DOUBTFUL = 0.3  # less than that of one category of emergencies is no emergency yet
_ALARM = 0.4  # the share of all categories of emergencies together, or of danger in whatever words
_HEIGHT = {Level.NORMAL: 0, Level.URGENT: 1, Level.EMERGENCY: 2}


@dataclass
class Head:
    """One question's linear scores; its calibration turns them into confidences that hold what they promise."""

    labels: tuple[str, ...]
    fitted: Fit
    calibration: Calibration


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

    def read(self, texts: Sequence[str]) -> tuple[sparse.csr_matrix, Words]:
        return self.model.features.read(texts)

    def confidences(self, head: str, rows: sparse.csr_matrix) -> Numbers:
        asked = self.model.heads[head]
        return asked.calibration.confidences(asked.fitted.scores(rows, self.model.features.bounds))

    def weighted(self, head: str, rows: sparse.csr_matrix) -> sparse.csr_matrix:
        return weighted(rows, self.model.heads[head].fitted.scale, self.model.features.bounds)

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


class _Matter:
    """What a text is about, in today's categories: what the model says, and words that were heard beside it."""

    def __init__(self, today: Today, said: _Said, text: str, learnt: Numbers, carried: Numbers) -> None:
        self._today = today
        self._said = said
        self._text = text
        self._learnt = learnt
        self._heard = today.matters(text)
        self.shares = added(carried, self._heard)
        self._best = np.argsort(-self.shares, kind="stable")[:TOP].tolist()

    def ranked(self) -> tuple[Ranked, ...]:
        return tuple(Ranked(self._today.labels[at], float(self.shares[at]), self._words(at)) for at in self._best)

    @property
    def is_learnt(self) -> bool:
        """No example has proved what only a new word says."""
        return self._best[0] not in self._heard

    def units(self, area: str | None) -> tuple[Ranked, ...]:
        """A unit is as likely as all the categories it would lead; the likeliest of them lends its words."""
        offices = self._today.offices(self._text, area, self.shares, most=TOP)
        return tuple(
            Ranked(each.code, each.share, each.words if each.category is None else self._words(each.category), each.reason)
            for each in offices
        )

    def _words(self, label: int) -> tuple[str, ...]:
        heard, source = self._heard.get(label), self._today.source(label, self._learnt)
        words = [*(heard.words if heard else ()), *(self._said.deciding("category", source) if source is not None else ())]
        return tuple(dict.fromkeys(words))[:_MOST_WORDS]


class Classifier:
    """Suggests kind, category, unit, urgency and place of a citizen's text."""

    def __init__(self, model: Model, *, version: str, gazetteer: Gazetteer | None = None) -> None:
        self.version = version
        self._model = model
        self._ranker = Ranker(model)
        self._gazetteer = gazetteer
        self._rules = UrgencyRules()
        asked = model.heads.get(DANGER)
        self._endangered = asked.labels.index(Level.EMERGENCY) if asked else 0
        self.know(None)

    def know(self, city: City | None) -> None:
        """From now on suggest what this city has and nothing else; without one, what the model was trained for."""
        memory = self._model.memory
        seen = tuple(zip(memory.texts, memory.codes, strict=True)) if memory else ()
        self._today = Today(self._model.heads["category"].labels, self._model.routing, seen, city)

    def predict(self, text: str, *, area: str | None = None) -> Prediction:
        """`area` is the code of the area that the citizen chose, if any; it settles what the text leaves open."""
        return next(self._predict([text], area))

    def predict_batch(self, texts: Sequence[str]) -> list[Prediction]:
        return [one for at in range(0, len(texts), _BLOCK) for one in self._predict(texts[at : at + _BLOCK], None)]

    def unknown_words(self, texts: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        """Of each text how many words it has, and those that the model has never read."""
        return unknown_words(self._model.features, texts)

    def lead_unit(self, category: str) -> str:
        """Who leads a category where the area does not."""
        return self._today.routing.lead_units[category]

    def _predict(self, texts: Sequence[str], area: str | None) -> Iterator[Prediction]:
        today = self._today  # another thread may hand over a newer city meanwhile
        short = [shorten(text) for text in texts]
        rows, words = self._ranker.read([text for text, _ in short])
        kinds, learnt = (self._ranker.confidences(name, rows) for name in ("request_type", "category"))
        carried = today.carried(learnt)
        # A model that was never asked for danger hears none.
        dangers = self._ranker.confidences(DANGER, rows) if DANGER in self._model.heads else np.zeros((len(texts), 1))
        known = self._ranker.weighted("category", rows)
        for at, (text, cut) in enumerate(short):
            said = _Said(self._ranker, words, at)
            matter = _Matter(today, said, text, learnt[at], carried[at])
            place = self._gazetteer.match(text, within=area) if self._gazetteer else Place(PlaceKind.NONE)
            category = matter.ranked()
            emergencies = float(matter.shares[today.alarming].sum())
            sure = self._is_sure(category[0], matter)
            yield Prediction(
                request_type=self._ranker.ranked("request_type", said, kinds[at]),
                category=category,
                unit=matter.units(area or place.township),
                sure=sure,
                urgency=self._urgency(today, text, category[0], self._alarm(text, emergencies, dangers[at])),
                place=place,
                model_version=self.version,
                neighbours=() if sure else self._neighbours(today, known, at),
                shortened=cut,
            )

    def _alarm(self, text: str, emergencies: float, shares: Numbers) -> float:
        """How likely an emergency is, by category or by danger; a bare telephone number only looks like one."""
        return max(emergencies, float(shares[self._endangered])) if _CHINESE.search(text) else 0.0

    def _is_sure(self, category: Ranked, matter: _Matter) -> bool:
        """Never of a text without one whole word that speaks for the category: a single sign, Latin letters, another script."""
        threshold = self._model.threshold
        has_word = any(len(word) > 1 for word in category.words)
        return threshold is not None and category.confidence >= threshold and matter.is_learnt and has_word

    def _neighbours(self, today: Today, known: sparse.csr_matrix, at: int) -> tuple[Neighbour, ...]:
        memory = self._model.memory
        nearest = memory.nearest(known, at) if memory else ()
        return tuple(replace(each, code=code) for each in nearest if (code := today.code_now(each.code)))

    def _urgency(self, today: Today, text: str, category: Ranked, alarm: float) -> Urgency:
        """Words lead, then what the category usually is; where an emergency is likely, a doubtful one counts."""
        by_words = self._rules.judge(text)
        if by_words.level != Level.EMERGENCY and alarm >= _ALARM:
            return Urgency(Level.EMERGENCY, "像突发或危险事件，请先核实")
        # What no word speaks for is the likeliest of many unlikely ones: its usual urgency says nothing.
        usual = Level(today.routing.urgencies.get(category.code, Level.NORMAL)) if category.words else Level.NORMAL
        is_doubtful = usual == Level.EMERGENCY and category.confidence < _DOUBTFUL
        usual = Level.URGENT if is_doubtful else usual
        if _HEIGHT[usual] <= _HEIGHT[Level(by_words.level)]:
            return by_words
        name = today.routing.names.get(category.code, category.code)
        label = "特急" if usual == Level.EMERGENCY else "紧急"
        return Urgency(usual, f"像“{name}”，请先核实" if is_doubtful else f"事项“{name}”默认为{label}")
