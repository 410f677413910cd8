"""Names of places in a text: the longest known name at each position, with its house number if it is a road."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from classifier.numbers import HouseNumbers, house_numbers
from classifier.spellings import base_of, other_names, plain
from classifier.types import EntryKind, PlaceEntry

# Short names are ordinary words too (一中午, 白鹭飞过): alone they count only between words of place.
_BEFORE_SHORT = re.compile(r"(?:^|[在住到去来从是我们咱俺离经过于给的,。.、!?:;()])$")
_AFTER_SHORT = re.compile(
    r"[这那][边里儿块头片]|片区|一带|附近|周边|门口|门前|[正大后侧]门|斜?对面|旁|后面|前面|隔壁|跟前|边上|街上|镇上|乡里|街道|街办"
    r"|里[面头]|[东南西北]门|出站|[一二三四五六七八九十\d]{1,3}[组队]|食堂|停车场|厕所|急诊|境内|辖区"
    r"|[放上开]学|挂号|看病|住院"
)
# A landmark's short name needs less: 去妇幼生孩子, 在一中被打; but not 在一中午.
_BEFORE_LANDMARK = re.compile(r"(?:[在去到]|投诉|反映|举报)$")
_NO_LANDMARK = frozenset("午心间央院学号层楼级国")
_ENDS_SHORT = frozenset(",。.、!?:;()的有又停没和跟与")
# 周家冲 is no place in 周家冲突, nor 科创路 in 科创路演.
_WORD_GOES_ON = re.compile(
    r"(?<=冲)[突洗动击撞刺着]|(?<=岗)[位亭哨]|(?<=路)(?:[演径由]|桥(?:公司|集团|建设|工程|有限)|人(?!行|家))|(?<=巷)战"
)
_ACROSS = re.compile(r"的?(?:马路|街道?|路|正)?对(?:面|过|门)")
_STANDS_FOR_TWO = 2


@dataclass(frozen=True)
class Mention:
    start: int
    text: str
    places: tuple[tuple[str, str], ...]
    rank: int
    is_road: bool = False
    is_area: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class MentionFinder:
    def __init__(self, places: list[PlaceEntry]) -> None:
        self._entries: defaultdict[str, list[PlaceEntry]] = defaultdict(list)
        self._short: defaultdict[str, list[PlaceEntry]] = defaultdict(list)
        for entry in places:
            if entry.kind != EntryKind.CITY:
                self._add(entry)
        self._add_other_names(places)
        self._by_head: defaultdict[str, list[str]] = defaultdict(list)
        for name in {*self._entries, *self._short}:
            self._by_head[name[:2]].append(name)
        for names in self._by_head.values():
            names.sort(key=len, reverse=True)

    def _add(self, entry: PlaceEntry) -> None:
        name = plain(entry.name)
        is_area = entry.kind in (EntryKind.TOWNSHIP, EntryKind.COMMUNITY)
        if is_area or len(name) > _STANDS_FOR_TWO:
            self._entries[name].append(entry)
        elif name:
            self._short[name].append(entry)
        base = base_of(name)
        if is_area and len(base) >= _STANDS_FOR_TWO and base != name:
            self._short[base].append(entry)

    def _add_other_names(self, places: list[PlaceEntry]) -> None:
        """A listed name always goes before one that was only derived, and a spot before an area."""
        own = sorted((plain(entry.name) for entry in places if entry.kind == EntryKind.CITY), key=len, reverse=True)
        areas: defaultdict[str, set[str]] = defaultdict(set)
        for name in (plain(one.name) for one in places if _is_area(one)):
            areas[name[:2]].add(name)
        listed = set(self._entries)
        for entry in sorted(places, key=_is_area):
            for name in () if entry.kind == EntryKind.CITY else other_names(entry, own, areas[entry.name[:2]]):
                is_taken = name in listed or (_is_area(entry) and name in self._entries)
                if not is_taken or self._is_other_name_of_its_kind(name, entry, listed):
                    self._entries[name].append(entry)

    def _is_other_name_of_its_kind(self, name: str, entry: PlaceEntry, listed: set[str]) -> bool:
        return name not in listed and all(_is_area(one) == _is_area(entry) for one in self._entries[name])

    def is_road(self, name: str) -> bool:
        return any(entry.kind == EntryKind.ROAD for entry in self._entries.get(plain(name), ()))

    def find(self, text: str) -> tuple[list[Mention], list[Mention]]:
        """The mentions that name a place by themselves, and the short names that only narrow them."""
        strong: list[Mention] = []
        hints: list[Mention] = []
        at = 0
        while at < len(text):
            name = next(self._names_at(text, at), None)
            if name is None:
                at += 1
                continue
            mention = self._mention(text, at, name)
            is_strong = name in self._entries or _is_placed(text, at, mention)
            (strong if is_strong else hints).append(mention)
            at = mention.end
        return strong, hints

    def _names_at(self, text: str, at: int) -> Iterator[str]:
        for name in self._by_head.get(text[at : at + 2], ()):
            if text.startswith(name, at) and not _WORD_GOES_ON.match(text, at + len(name)):
                yield name

    def _mention(self, text: str, at: int, name: str) -> Mention:
        entries = self._entries.get(name) or self._short[name]
        roads = [entry for entry in entries if entry.kind == EntryKind.ROAD]
        if roads:
            return _road_mention(text, at, name, roads)
        kinds = {entry.kind for entry in entries}
        is_area = kinds <= {EntryKind.COMMUNITY, EntryKind.TOWNSHIP}
        return Mention(at, name, _places(entries), _rank(kinds), is_area=is_area)


def _is_area(entry: PlaceEntry) -> bool:
    return entry.kind in (EntryKind.COMMUNITY, EntryKind.TOWNSHIP)


def _places(entries: list[PlaceEntry]) -> tuple[tuple[str, str], ...]:
    """By code: entries come in any order, answers in one."""
    return tuple(sorted({(entry.place_name, entry.area_code) for entry in entries}, key=lambda one: (one[1], one[0])))


def _rank(kinds: set[str]) -> int:
    """How exactly a name tells a place: 0 is kept for a road with a number."""
    if kinds & {EntryKind.COMPOUND, EntryKind.HAMLET}:
        return 1
    order = {EntryKind.LANDMARK: 2, EntryKind.COMMUNITY: 4, EntryKind.TOWNSHIP: 5}
    return min(order[EntryKind(kind)] for kind in kinds)


def _road_mention(text: str, at: int, name: str, roads: list[PlaceEntry]) -> Mention:
    said = house_numbers(text, at + len(name))
    numbered = [entry for entry in roads if said and _covers(entry, said)]
    if said and numbered and _ACROSS.match(text, said.end):
        numbered += [entry for entry in roads if any(_covers_number(entry, _across(one)) for one in said.numbers)]
    end = said.end if said else at + len(name)
    return Mention(at, text[at:end], _places(numbered or roads), 0 if numbered else 3, is_road=True)


def _covers(entry: PlaceEntry, said: HouseNumbers) -> bool:
    if said.side:
        return entry.parity in ("all", said.side)
    return any(_covers_number(entry, number) for number in said.numbers)


def _covers_number(entry: PlaceEntry, number: int) -> bool:
    if entry.from_no is not None and number < entry.from_no:
        return False
    if entry.to_no is not None and number > entry.to_no:
        return False
    return entry.parity == "all" or (entry.parity == "odd") == bool(number % 2)


def _across(number: int) -> int:
    return number + 1 if number % 2 else number - 1


def _is_placed(text: str, start: int, mention: Mention) -> bool:
    before, following = text[max(0, start - 2) : start], text[mention.end : mention.end + 1]
    if _AFTER_SHORT.match(text, mention.end):
        return True
    if not mention.is_area and _BEFORE_LANDMARK.search(before):
        return not following or following not in _NO_LANDMARK
    return bool(_BEFORE_SHORT.search(before[-1:])) and (not following or following in _ENDS_SHORT)
