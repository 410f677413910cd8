"""Names of places in a text: the longest known name at each position, with its house number if it is a road."""

import re
from collections import defaultdict
from dataclasses import dataclass

from classifier.numbers import house_number
from classifier.text import compact
from classifier.types import EntryKind, PlaceEntry

_AREA_ENDING = re.compile(r"(?:街道|社区|镇|乡|村)$")
_SPOTS = (EntryKind.COMPOUND, EntryKind.LANDMARK, EntryKind.HAMLET)
# Short names are ordinary words too (一中午, 白鹭飞过): alone they count only between words of place.
_BEFORE_SHORT = re.compile(r"(?:^|[在住到去来从是我们离经过，。,.、！!？?：:；;（(])$")
_AFTER_SHORT = re.compile(
    r"这边|那边|这里|那里|这片|片区|一带|附近|门口|对面|旁边|后面|前面|隔壁|街上|街道|里面|北门|南门|东门|西门|食堂"
)
_STANDS_FOR_TWO = 2


@dataclass(frozen=True)
class Mention:
    start: int
    text: str
    places: tuple[tuple[str, str], ...]
    rank: int
    is_road: bool = False
    is_area: bool = False


class MentionFinder:
    def __init__(self, places: list[PlaceEntry]) -> None:
        self._entries: defaultdict[str, list[PlaceEntry]] = defaultdict(list)
        self._short: defaultdict[str, list[PlaceEntry]] = defaultdict(list)
        for entry in places:
            if entry.kind == EntryKind.CITY:
                continue
            self._add(entry)
        self._by_head: defaultdict[str, list[str]] = defaultdict(list)
        for name in {*self._entries, *self._short}:
            self._by_head[name[:2]].append(name)
        for names in self._by_head.values():
            names.sort(key=len, reverse=True)

    def _add(self, entry: PlaceEntry) -> None:
        name = compact(entry.name)
        if entry.kind in (EntryKind.TOWNSHIP, EntryKind.COMMUNITY):
            self._entries[name].append(entry)
            base = _AREA_ENDING.sub("", name)
            if len(base) >= _STANDS_FOR_TWO and base != name:
                self._short[base].append(entry)
            if name.endswith("社区"):
                self._entries[base + "居委会"].append(entry)
        elif len(name) > _STANDS_FOR_TWO:
            self._entries[name].append(entry)
        else:
            self._short[name].append(entry)

    def is_road(self, name: str) -> bool:
        return any(entry.kind == EntryKind.ROAD for entry in self._entries.get(name, ()))

    def find(self, text: str) -> tuple[list[Mention], list[Mention]]:
        """The mentions that name a place by themselves, and the short names that only narrow them."""
        strong: list[Mention] = []
        hints: list[Mention] = []
        at = 0
        while at < len(text):
            name = next((one for one in self._by_head.get(text[at : at + 2], ()) if text.startswith(one, at)), None)
            if name is None:
                at += 1
                continue
            mention = self._mention(text, at, name)
            is_strong = name in self._entries or _is_placed(text, at, at + len(name))
            (strong if is_strong else hints).append(mention)
            at += len(mention.text)
        return strong, hints

    def _mention(self, text: str, at: int, name: str) -> Mention:
        entries = self._entries.get(name) or self._short[name]
        roads = [entry for entry in entries if entry.kind == EntryKind.ROAD]
        if roads:
            return _road_mention(text, at, name, roads)
        places = tuple(dict.fromkeys((entry.place_name, entry.area_code) for entry in entries))
        kinds = {entry.kind for entry in entries}
        is_area = kinds <= {EntryKind.COMMUNITY, EntryKind.TOWNSHIP}
        return Mention(at, name, places, _rank(kinds), is_area=is_area)


def _rank(kinds: set[str]) -> int:
    """How exactly a name tells a place: 0 is kept for a road with a number."""
    if kinds & {EntryKind.COMPOUND, EntryKind.HAMLET}:
        return 1
    order = {EntryKind.LANDMARK: 2, EntryKind.COMMUNITY: 4, EntryKind.TOWNSHIP: 5}
    return min(order[EntryKind(kind)] for kind in kinds)


def _road_mention(text: str, at: int, name: str, roads: list[PlaceEntry]) -> Mention:
    number = house_number(text, at + len(name))
    end = number[1] if number else at + len(name)
    numbered = [entry for entry in roads if number and _covers(entry, number[0])]
    places = tuple(dict.fromkeys((entry.place_name, entry.area_code) for entry in numbered or roads))
    return Mention(at, text[at:end], places, 0 if numbered else 3, is_road=True)


def _covers(entry: PlaceEntry, number: int) -> bool:
    if entry.from_no is not None and number < entry.from_no:
        return False
    if entry.to_no is not None and number > entry.to_no:
        return False
    return entry.parity == "all" or (entry.parity == "odd") == bool(number % 2)


def _is_placed(text: str, start: int, end: int) -> bool:
    return bool(_AFTER_SHORT.match(text, end)) or (
        bool(_BEFORE_SHORT.search(text[:start])) and (end == len(text) or text[end] in "，。,.、！!？?：:；;的有又停没")
    )
