"""Rows for the gazetteer, expanded from a city file: every name and alias of every road, compound, landmark and area."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from classifier.types import EntryKind, PlaceEntry

# 翠湖苑一期 and 翠湖苑二期 are both called 翠湖苑 by those who live there.
_PHASE = re.compile(r"^(.{3,}?)(?:[一二三四五六]期|[东南西北]区)$")


def places_from_city(city: Mapping[str, Any]) -> list[PlaceEntry]:
    return [*_city_names(city), *_area_entries(city)]


def _city_names(city: Mapping[str, Any]) -> Iterator[PlaceEntry]:
    for level in ("province", "prefecture", "county"):
        area = city.get(level) or {}
        for name in dict.fromkeys((area.get("name"), area.get("short"))):
            if name:
                yield PlaceEntry(EntryKind.CITY, name, str(area["code"]))


def _area_entries(city: Mapping[str, Any]) -> Iterator[PlaceEntry]:
    road_aliases = city.get("road_aliases") or {}
    for township in city["townships"]:
        yield PlaceEntry(EntryKind.TOWNSHIP, township["name"], str(township["code"]))
        for community in township["communities"]:
            yield PlaceEntry(EntryKind.COMMUNITY, community["name"], str(community["code"]))
            for grid in community["grids"]:
                yield from _grid_entries(grid, road_aliases)
    yield from _ambiguous_entries(city)


def _grid_entries(grid: Mapping[str, Any], road_aliases: Mapping[str, list[str]]) -> Iterator[PlaceEntry]:
    code = str(grid["code"])
    yield PlaceEntry(EntryKind.LANDMARK, grid["name"], code)
    for road in grid.get("roads") or ():
        entry = PlaceEntry(
            EntryKind.ROAD, road["name"], code, _whole(road.get("from")), _whole(road.get("to")), road.get("parity") or "all"
        )
        yield entry
        for alias in road_aliases.get(road["name"], ()):
            yield replace(entry, name=alias, canonical=road["name"])
    for name in grid.get("compounds") or ():
        yield from _named(EntryKind.COMPOUND, name, code)
    for name in grid.get("hamlets") or ():
        yield PlaceEntry(EntryKind.HAMLET, name, code)
    for landmark in grid.get("landmarks") or ():
        yield from _named(EntryKind.LANDMARK, landmark["name"], code)
        for alias in landmark.get("aliases") or ():
            yield PlaceEntry(EntryKind.LANDMARK, alias, code, canonical=landmark["name"])


def _whole(number: int | str | None) -> int | None:
    return None if number is None else int(number)


def _named(kind: EntryKind, name: str, code: str) -> Iterator[PlaceEntry]:
    yield PlaceEntry(kind, name, code)
    phase = _PHASE.match(name)
    if phase:
        yield PlaceEntry(kind, phase[1], code, canonical=name)


def _ambiguous_entries(city: Mapping[str, Any]) -> Iterator[PlaceEntry]:
    """A homonym that the grids do not list stands for its whole community, so that it is still asked about."""
    codes: dict[str, str] = {}
    for township in city["townships"]:
        for community in township["communities"]:
            codes[township["name"] + community["name"]] = str(community["code"])
    for name, homes in (city.get("ambiguous_names") or {}).items():
        for home in homes:
            if home in codes and not _lists(city, codes[home], name):
                yield PlaceEntry(EntryKind.COMPOUND, name, codes[home])


def _lists(city: Mapping[str, Any], community_code: str, name: str) -> bool:
    return any(
        name in (grid.get("compounds") or ())
        for township in city["townships"]
        for community in township["communities"]
        if str(community["code"]) == community_code
        for grid in community["grids"]
    )
