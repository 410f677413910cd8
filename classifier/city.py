"""The city of today: its categories and units, whose they are, their words. A model is trained once, the city goes on."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from classifier.types import Level

_REDIRECT = "redirect"


@dataclass(frozen=True)
class Routing:
    """What the city's tables say of a category: who leads, whether the area leads, how urgent it is by default."""

    lead_units: Mapping[str, str] = field(default_factory=dict)
    area_leads: frozenset[str] = frozenset()
    township_units: Mapping[str, str] = field(default_factory=dict)
    urgencies: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    # Of a category: its name, the names below it, its keywords.
    words: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Of every unit that there is: its name and what it is there for.
    duties: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Category and area, where a place has a rule of its own.
    area_units: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def unit(self, category: str, area: str | None) -> str:
        """The most particular rule wins; a category without any has no unit."""
        own = self.area_units.get(category, {})
        if area and (found := [code for code in own if area.startswith(code)]):
            return own[max(found, key=len)]
        usual = self.lead_units.get(category, "")
        if area and category in self.area_leads:
            return next((unit for code, unit in self.township_units.items() if area.startswith(code)), usual)
        return usual


@dataclass(frozen=True)
class Move:
    """A unit that proved not to be the right one for a category, and the one that is; everywhere if no area is named."""

    category: str
    unit: str
    to: str
    area: str = ""
    reason: str = ""  # shown beside the suggestion


@dataclass(frozen=True)
class City:
    """Its categories are those that the routing names, its units those that have duties there, be they none."""

    routing: Routing
    # From codes of categories and units that were renamed or merged to those that took their place.
    categories_now: Mapping[str, str] = field(default_factory=dict)
    units_now: Mapping[str, str] = field(default_factory=dict)
    moves: tuple[Move, ...] = ()

    def category_now(self, code: str, name: str | None = None) -> str:
        """Itself, or what took its place, or what has its name under another code; nothing if it is gone."""
        if code in self.routing.names:
            return code
        same = next((other for other, its in self.routing.names.items() if its == name), "")
        return _followed(code, self.categories_now, self.routing.names) or same

    def unit_now(self, code: str) -> str:
        """Itself, or the unit that took its place; nothing if none did."""
        return code if code in self.routing.duties else _followed(code, self.units_now, self.routing.duties)


def _followed(code: str, followers: Mapping[str, str], there: Collection[str]) -> str:
    for _ in followers:
        code = followers.get(code, "")
        if code in there:
            return code
    return ""


def city_from_reference(taxonomy: Mapping[str, Any], city: Mapping[str, Any]) -> City:
    """The city as its two reference files describe it."""
    return City(
        routing_from_reference(taxonomy, city),
        categories_now=dict(_former(second_level(taxonomy))),
        units_now=dict(_former(taxonomy["units"])),
    )


def second_level(taxonomy: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The categories that are suggested."""
    return [second for first in taxonomy["categories"] for second in first["children"]]


def routing_from_reference(taxonomy: Mapping[str, Any], city: Mapping[str, Any]) -> Routing:
    categories = second_level(taxonomy)
    units = [unit for unit in taxonomy["units"] if unit["kind"] != _REDIRECT]
    return Routing(
        lead_units={one["code"]: one["lead_unit"] for one in categories},
        area_leads=frozenset(one["code"] for one in categories if one["territorial"] == "area_leads"),
        township_units={str(one["code"]): one["unit"] for one in city["townships"]},
        urgencies={one["code"]: one.get("urgency") or urgency_of_hint(one.get("routing_hint")) for one in categories},
        names={one["code"]: one["name"] for one in categories},
        words={one["code"]: own_words(one) for one in categories},
        duties={one["code"]: duty_words(one["name"], one.get("duties", "")) for one in units},
    )


def urgency_of_hint(hint: str | None) -> Level:
    """What is put through to 110, 119 or 120 has no urgency of its own in the table: nothing is more urgent."""
    return Level.EMERGENCY if hint == "transfer" else Level.NORMAL


def own_words(category: Mapping[str, Any]) -> list[str]:
    return [category["name"], *(third["name"] for third in category.get("children") or ()), *category["keywords"]]


def duty_words(name: str, duties: str) -> list[str]:
    """Duties are written as one line: 户政、治安、犬只."""
    return [word.strip() for word in (name, *duties.replace("，", "、").split("、")) if word.strip()]


def _former(rows: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    return chain.from_iterable(((str(code), row["code"]) for code in row.get("formerly", ())) for row in rows)
