"""Finds the place a text speaks of, down to the grid where the text determines it; asks where it does not, never guesses."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from classifier.mentions import Mention, MentionFinder
from classifier.outside import OutsideNames
from classifier.spellings import plain
from classifier.standing import Standing, may_narrow, standings
from classifier.types import EntryKind, Place, PlaceCandidate, PlaceEntry, PlaceKind

_MOST_CANDIDATES = 6
_SPOT_RANK = 2


@dataclass
class Areas:
    """The tree of area codes; a code lies below the longest known code that it starts with."""

    townships: dict[str, str] = field(default_factory=dict)
    communities: dict[str, str] = field(default_factory=dict)
    grids: set[str] = field(default_factory=set)
    _below: dict[str, frozenset[str]] = field(default_factory=dict)

    def township_of(self, code: str) -> str | None:
        return _longest_prefix(code, self.townships)

    def community_of(self, code: str) -> str | None:
        return _longest_prefix(code, self.communities)

    def below(self, code: str) -> frozenset[str]:
        if code not in self._below:
            parts = () if code in self.grids else (grid for grid in self.grids if grid.startswith(code))
            self._below[code] = frozenset(parts) or frozenset({code})
        return self._below[code]

    def path(self, code: str, last: str = "") -> str:
        names = [self.townships.get(self.township_of(code) or ""), self.communities.get(self.community_of(code) or ""), last]
        return " / ".join(dict.fromkeys(name for name in names if name))


def _longest_prefix(code: str, known: Mapping[str, str]) -> str | None:
    return next((code[:length] for length in range(len(code), 0, -1) if code[:length] in known), None)


@dataclass(frozen=True)
class _Finding:
    """The grids that a text leaves possible, the words that said so, and whether only the citizen can decide."""

    grids: frozenset[str]
    text: str
    places: tuple[tuple[str, str], ...] = ()
    is_open: bool = False


class Gazetteer:
    def __init__(self, areas: Areas, finder: MentionFinder, outside: OutsideNames) -> None:
        self._areas = areas
        self._finder = finder
        self._outside = outside

    @classmethod
    def from_places(cls, places: list[PlaceEntry]) -> "Gazetteer":
        areas = Areas()
        for entry in places:
            if entry.kind == EntryKind.TOWNSHIP:
                areas.townships[entry.area_code] = entry.place_name
            elif entry.kind == EntryKind.COMMUNITY:
                areas.communities[entry.area_code] = entry.place_name
            elif entry.kind != EntryKind.CITY:
                areas.grids.add(entry.area_code)
        own = [entry.name for entry in places if entry.kind == EntryKind.CITY]
        return cls(areas, MentionFinder(places), OutsideNames(own))

    def match(self, text: str, *, within: str | None = None) -> Place:
        """`within` is an area known otherwise; it settles what the text leaves open."""
        text = plain(text)
        strong, hints = self._finder.find(text)
        elsewhere = self._outside.find(text, strong)
        if elsewhere:
            return Place(PlaceKind.OUTSIDE, text=elsewhere)
        if strong:
            matter, others = self._stand(text, strong)
            return self._decide(self._settle(self._narrow(matter, others + hints), within))
        if within and self._areas.township_of(within):
            return self._decide(_Finding(self._areas.below(within), ""))
        return Place(PlaceKind.NONE)

    def _stand(self, text: str, strong: list[Mention]) -> tuple[list[Mention], list[Mention]]:
        """The mentions that give the matter's place, and those that may only narrow it."""
        stood = standings(text, strong, self._outside.own)
        matter = [mention for mention, standing in stood if standing == Standing.MATTER]
        beside = [mention for mention, standing in stood if standing == Standing.BESIDE]
        home = [mention for mention, standing in stood if standing == Standing.HOME and mention.is_area]
        return matter, beside + (home if may_narrow(text) else [])

    def _settle(self, finding: _Finding, within: str | None) -> _Finding:
        left = finding.grids & self._areas.below(within) if within else frozenset[str]()
        if not left or left == finding.grids:
            return finding
        return _Finding(left, finding.text, finding.places, finding.is_open and len(left) > 1)

    def _narrow(self, matter: list[Mention], hints: list[Mention]) -> _Finding:
        """Reads the most exact mention first and lets the others narrow it; two that exclude each other leave it open."""
        first, *others = sorted(matter, key=lambda one: (one.rank, one.start))
        grids, said = self._grids(first), [first]
        places = list(first.places)
        is_open = False
        for other in others:
            these = self._grids(other)
            if grids & these:
                # Once two places exclude each other, the area of one of them must not decide.
                grids, said = (grids if is_open and other.is_area else grids & these), [*said, other]
            elif not self._is_outranked(other, first, grids):
                grids, said, is_open = self._join(grids, these), [*said, other], True
                places += other.places
        for hint in hints:
            narrowed = self._beside(grids, hint)
            if narrowed and narrowed != grids:
                grids, said = narrowed, [*said, hint]
        is_open = (is_open and self._community_of(grids) is None) or self._is_homonym(first, grids)
        left = tuple((name, code) for name, code in dict.fromkeys(places) if self._areas.below(code) & grids)
        return _Finding(grids, _quote(said), left, is_open)

    def _is_outranked(self, other: Mention, first: Mention, grids: frozenset[str]) -> bool:
        """A long road in passing, or a neighbouring community named by mistake, doesn't shake a spot or a house number."""
        if first.rank > _SPOT_RANK or other.rank <= _SPOT_RANK:
            return False
        if not other.is_area:
            return True
        townships = {self._areas.township_of(grid) for grid in grids | self._grids(other)}
        return len(townships) == 1 and not self._is_homonym(first, grids)

    def _beside(self, grids: frozenset[str], hint: Mention) -> frozenset[str]:
        these = self._grids(hint)
        shared = set() if hint.is_area else self._communities(these)
        return grids & these or frozenset(grid for grid in grids if self._areas.community_of(grid) in shared)

    def _grids(self, mention: Mention) -> frozenset[str]:
        return frozenset[str]().union(*(self._areas.below(code) for _, code in mention.places))

    def _join(self, one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
        """Two streets that share no grid still meet in the community that they share."""
        shared = self._communities(one) & self._communities(other)
        return frozenset(grid for grid in one | other if not shared or self._areas.community_of(grid) in shared)

    def _is_homonym(self, mention: Mention, grids: frozenset[str]) -> bool:
        """One name, several places: differently from a long road, which is one place with several grids."""
        if mention.is_road or mention.is_area:
            return False
        homes: defaultdict[str, set[str]] = defaultdict(set)
        for name, code in mention.places:
            if any(grid.startswith(code) for grid in grids):
                homes[name].add(code)
        communities = {self._areas.community_of(code) for codes in homes.values() for code in codes}
        return len(communities) > 1 or any(len(codes) > 1 for codes in homes.values())

    def _communities(self, grids: frozenset[str]) -> set[str | None]:
        return {self._areas.community_of(grid) for grid in grids}

    def _community_of(self, grids: frozenset[str]) -> str | None:
        found = self._communities(grids)
        return found.pop() if len(found) == 1 else None

    def _decide(self, finding: _Finding) -> Place:
        townships = {self._areas.township_of(grid) for grid in finding.grids}
        if finding.is_open or len(townships) > 1 or None in townships:
            return Place(PlaceKind.ASK, text=finding.text, candidates=self._candidates(finding))
        township, community = townships.pop(), self._community_of(finding.grids)
        if community is None:
            return Place(PlaceKind.TOWNSHIP, township, text=finding.text)
        only = next(iter(finding.grids)) if len(finding.grids) == 1 else None
        if only is None or only == community:
            return Place(PlaceKind.COMMUNITY, township, community, text=finding.text)
        return Place(PlaceKind.GRID, township, community, only, finding.text)

    def _candidates(self, finding: _Finding) -> tuple[PlaceCandidate, ...]:
        """The exact code of a named place; of a road, whose sections nobody knows by grid, the community."""
        found: dict[str, PlaceCandidate] = {}
        sections = Counter(name for name, _ in finding.places)
        for name, code in finding.places:
            is_section = sections[name] > 1 and self._finder.is_road(name)
            area = (self._areas.community_of(code) or code) if is_section else code
            found.setdefault(area, PlaceCandidate(area, self._areas.path(area, name)))
        return tuple(found[area] for area in sorted(found))[:_MOST_CANDIDATES]


def _quote(said: list[Mention]) -> str:
    return "，".join(dict.fromkeys(one.text for one in sorted(said, key=lambda one: one.start)))
