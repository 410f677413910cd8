"""From what a model learnt of the labels of its time to the city's labels of today: renamed, merged, gone, new."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain
from math import prod

import numpy as np

from classifier.city import City, Move, Routing
from classifier.grams import Numbers
from classifier.text import compact
from classifier.types import Level

# What a word says at most that the city has given to a label and no model has learnt: no examples have proved it.
_TRUST = 0.7
_SHORTEST = 2


@dataclass(frozen=True)
class Heard:
    """How far words that no model has learnt speak for a label, and which they are."""

    share: float
    words: tuple[str, ...]


class Listener:
    """Hears words that labels have and training did not know. A word inside a longer one of the city's is not heard."""

    def __init__(self, fresh: Mapping[str, Iterable[str]], every: Iterable[str], seen: Sequence[tuple[str, str]]) -> None:
        owners: dict[str, list[str]] = {}
        for code, words in fresh.items():
            for word in dict.fromkeys(map(compact, words)):
                if len(word) >= _SHORTEST:
                    owners.setdefault(word, []).append(code)
        known = set(map(compact, every)) if owners else set()
        self._owners = owners
        self._weights = {word: _TRUST * _weight(word, seen) / len(codes) for word, codes in owners.items()}
        self._longer = {word: [other for other in known if word in other and other != word] for word in owners}

    def hear(self, text: str) -> dict[str, Heard]:
        if not self._owners:
            return {}
        text = compact(text)
        found: dict[str, Heard] = {}
        for word in (word for word in self._owners if word in text and self._stands_alone(word, text)):
            for code in self._owners[word]:
                before = found.get(code, Heard(0.0, ()))
                found[code] = Heard(1 - (1 - before.share) * (1 - self._weights[word]), (*before.words, word))
        return found

    def _stands_alone(self, word: str, text: str) -> bool:
        for longer in self._longer[word]:
            text = text.replace(longer, "\n")
        return word in text


def _weight(word: str, seen: Sequence[tuple[str, str]]) -> float:
    """Near one for a word that nobody has used yet or of one matter only, near nought for one that is used of everything."""
    counts: dict[str, int] = {}
    for text, code in seen:
        if word in text:
            counts[code] = counts.get(code, 0) + 1
    return (1 + max(counts.values(), default=0)) / (1 + sum(counts.values()))


def added(shares: Numbers, heard: Mapping[int, Heard]) -> Numbers:
    """The shares of labels with what was heard for some of them; the others make room."""
    if not heard:
        return shares
    kept = prod(1 - one.share for one in heard.values())
    total = sum(one.share for one in heard.values())
    shares = shares * kept
    for at, one in heard.items():
        shares[at] += (1 - kept) * one.share / total
    return shares


@dataclass(frozen=True)
class Leads:
    """The units that lead anything in an area, and which of them leads each category; -1 where none does."""

    units: list[str]
    of_category: Numbers
    reasons: list[str]  # of each category, where another unit leads than the tables say

    def shares(self, categories: Numbers) -> Numbers:
        led = self.of_category >= 0
        return np.bincount(self.of_category[led], weights=categories[led], minlength=len(self.units))

    def leading(self, unit: str, categories: Numbers) -> int:
        """The likeliest category of those that a unit leads."""
        return int(np.where(self.of_category == self.units.index(unit), categories, -1).argmax())


@dataclass(frozen=True)
class Office:
    """A unit that may be suggested: by words of its duties, or by the likeliest category that it leads."""

    code: str
    share: float
    words: tuple[str, ...] = ()
    category: int | None = None
    reason: str = ""


class Today:
    """What may be suggested. Without a city it is what the model knew, as its own tables say."""

    def __init__(self, learnt: Sequence[str], then: Routing, seen: Sequence[tuple[str, str]], city: City | None) -> None:
        self.routing = city.routing if city else then
        self.labels = tuple(city.routing.names) if city else tuple(learnt)
        self._city = city
        self._moves: dict[str, list[Move]] = {}
        for move in city.moves if city else ():
            self._moves.setdefault(move.category, []).append(move)
        self._at = {code: at for at, code in enumerate(self.labels)}
        self._now = np.array([self._at.get(self._category_now(code, then), -1) for code in learnt])
        self.alarming = [at for at, code in enumerate(self.labels) if self.routing.urgencies.get(code) == Level.EMERGENCY]
        self._now_of = dict(zip(learnt, self._now.tolist(), strict=True))
        self._carry = (self._now[:, None] == np.arange(len(self.labels))).astype(np.float32)
        self._leads: dict[str | None, Leads] = {}
        self._areas = self._particular_areas()
        fresh = self._fresh_words(then) if city else {}
        offices = self._fresh_duties(then) if city else {}
        every = list(chain(*self.routing.words.values(), *self.routing.duties.values()))
        compacted = [(compact(text), code) for text, code in seen] if fresh or offices else []
        self._matters = Listener(fresh, every, compacted)
        self._offices = Listener(offices, every, compacted)

    def carried(self, learnt: Numbers) -> Numbers:
        """Shares of the model's labels as shares of today's: those that became one add up, those that are gone are lost."""
        return np.asarray(learnt @ self._carry) if self._city else learnt

    def source(self, label: int, learnt: Numbers) -> int | None:
        """The likeliest label of the model that has become this one."""
        among = np.flatnonzero(self._now == label)
        return int(among[learnt[among].argmax()]) if len(among) else None

    def code_now(self, learnt: str) -> str | None:
        """What a category of the model's time is today; nothing if it is gone."""
        at = self._now_of.get(learnt, -1)
        return self.labels[at] if at >= 0 else None

    def matters(self, text: str) -> dict[int, Heard]:
        return {self._at[code]: heard for code, heard in self._matters.hear(text).items()}

    def leads(self, area: str | None) -> Leads:
        area = next((code for code in self._areas if area and area.startswith(code)), None)
        if area not in self._leads:
            leads = [self._lead(label, area) for label in self.labels]
            units = list(dict.fromkeys(unit for unit, _ in leads if unit))
            of_category = np.array([units.index(unit) if unit else -1 for unit, _ in leads], int)
            self._leads[area] = Leads(units, of_category, [reason for _, reason in leads])
        return self._leads[area]

    def offices(self, text: str, area: str | None, categories: Numbers, *, most: int) -> list[Office]:
        """The likeliest units: by all that they lead, and by what duties say that no model has learnt."""
        leads, heard = self.leads(area), self._offices.hear(text)
        units = list(dict.fromkeys([*leads.units, *heard]))
        shares = np.zeros(len(units))
        shares[: len(leads.units)] = leads.shares(categories)
        shares = added(shares, {units.index(code): one for code, one in heard.items()})
        best = np.argsort(-shares, kind="stable")[:most].tolist()
        return [self._office(units[at], min(float(shares[at]), 1.0), heard.get(units[at]), leads, categories) for at in best]

    def _office(self, code: str, share: float, heard: Heard | None, leads: Leads, categories: Numbers) -> Office:
        if heard:
            return Office(code, share, words=heard.words)
        category = leads.leading(code, categories)
        return Office(code, share, category=category, reason=leads.reasons[category])

    def _lead(self, category: str, area: str | None) -> tuple[str, str]:
        """The unit, and why it is not the one that the tables name."""
        unit = self._unit_now(self.routing.unit(category, area))
        moves = [move for move in self._moves.get(category, ()) if move.unit == unit and (area or "").startswith(move.area)]
        if not moves:
            return unit, ""
        move = max(moves, key=lambda move: len(move.area))
        return self._unit_now(move.to), move.reason

    def _unit_now(self, code: str) -> str:
        return self._city.unit_now(code) if self._city else code

    def _category_now(self, code: str, then: Routing) -> str:
        return self._city.category_now(code, then.names.get(code)) if self._city else code

    def _fresh_words(self, then: Routing) -> dict[str, set[str]]:
        became = {self.labels[at] for at in self._now if at >= 0}
        words = {code: own for code, own in self.routing.words.items() if code in self._at}
        return _fresh(words, then.words, became, lambda code: self._category_now(code, then))

    def _fresh_duties(self, then: Routing) -> dict[str, set[str]]:
        led = chain(then.duties, then.lead_units.values(), then.township_units.values())
        return _fresh(self.routing.duties, then.duties, set(map(self._unit_now, led)), self._unit_now)

    def _particular_areas(self) -> list[str]:
        """The most particular first."""
        ruled = chain.from_iterable(self.routing.area_units.values())
        moved = (move.area for moves in self._moves.values() for move in moves if move.area)
        return sorted({*self.routing.township_units, *ruled, *moved}, key=len, reverse=True)


def _fresh(
    words: Mapping[str, Sequence[str]], then: Mapping[str, Sequence[str]], became: Set[str], now: Callable[[str], str]
) -> dict[str, set[str]]:
    """All words of a label that no earlier one became; of the others those that they did not have then, if that is known."""
    taught: dict[str, set[str]] = {}
    for code, own in then.items():
        taught.setdefault(now(code), set()).update(own)
    fresh = {code: set(own) - taught.get(code, set()) for code, own in words.items() if code in taught or code not in became}
    return {code: own for code, own in fresh.items() if own}
