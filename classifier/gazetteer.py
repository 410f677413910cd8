"""Finds the place a text speaks of, down to the grid where the text determines it; asks where it does not, never guesses."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from classifier.mentions import Mention, MentionFinder
from classifier.outside import OutsideNames
from classifier.text import compact
from classifier.types import EntryKind, Place, PlaceCandidate, PlaceEntry, PlaceKind

_MOST_CANDIDATES = 6


@dataclass
class Areas:
    """The tree of area codes; a code lies below the longest known code that it starts with."""

    townships: dict[str, str] = field(default_factory=dict)
    communities: dict[str, str] = field(default_factory=dict)
    grids: set[str] = field(default_factory=set)

    def township_of(self, code: str) -> str | None:
        return _longest_prefix(code, self.townships)

    def community_of(self, code: str) -> str | None:
        return _longest_prefix(code, self.communities)

    def below(self, code: str) -> frozenset[str]:
        return frozenset(grid for grid in self.grids if grid.startswith(code)) or frozenset({code})

    def path(self, code: str, last: str = "") -> str:
        names = [self.townships.get(self.township_of(code) or ""), self.communities.get(self.community_of(code) or ""), last]
        return " / ".join(dict.fromkeys(name for name in names if name))


def _longest_prefix(code: str, known: Iterable[str]) -> str | None:
    return max((one for one in known if code.startswith(one)), key=len, default=None)


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
        text = compact(text)
        strong, hints = self._finder.find(text)
        elsewhere = self._outside.find(text, [one.start for one in strong])
        if elsewhere:
            return Place(PlaceKind.OUTSIDE, text=elsewhere)
        if strong:
            return self._decide(self._settle(self._narrow(strong, hints), within))
        if within and self._areas.township_of(within):
            return self._decide(_Finding(self._areas.below(within), ""))
        return Place(PlaceKind.NONE)

    def _settle(self, finding: _Finding, within: str | None) -> _Finding:
        left = finding.grids & self._areas.below(within) if within else frozenset[str]()
        if not left or left == finding.grids:
            return finding
        return _Finding(left, finding.text, finding.places, finding.is_open and len(left) > 1)

    def _narrow(self, strong: list[Mention], hints: list[Mention]) -> _Finding:
        """Reads the most exact mention first and lets the others narrow it; two that exclude each other leave it open."""
        ranked = sorted(strong, key=lambda one: (one.rank, one.start))
        first, *others = ranked
        grids, said = self._grids(first), [first]
        places = list(first.places)
        is_open = False
        for other in others:
            these = self._grids(other)
            if grids & these:
                grids, said = grids & these, [*said, other]
            elif other.rank == first.rank or other.is_area:
                grids, said, is_open = self._join(grids, these), [*said, other], True
                places += other.places
        for hint in hints:
            narrowed = grids & self._grids(hint)
            if narrowed and narrowed != grids:
                grids, said = narrowed, [*said, hint]
        is_open = (is_open and self._community_of(grids) is None) or self._is_homonym(first, grids)
        left = tuple((name, code) for name, code in dict.fromkeys(places) if self._areas.below(code) & grids)
        return _Finding(grids, _quote(said), left, is_open)

    def _grids(self, mention: Mention) -> frozenset[str]:
        return frozenset[str]().union(*(self._areas.below(code) for _, code in mention.places))

    def _join(self, one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
        """Two streets that share no grid still meet in the community that they share."""
        shared = self._communities(one) & self._communities(other)
        return frozenset(grid for grid in one | other if not shared or self._areas.community_of(grid) in shared)

    @staticmethod
    def _is_homonym(mention: Mention, grids: frozenset[str]) -> bool:
        """One name, several places: differently from a long road, which is one place with several grids."""
        if mention.is_road or mention.is_area:
            return False
        homes: defaultdict[str, set[str]] = defaultdict(set)
        for name, code in mention.places:
            if any(grid.startswith(code) for grid in grids):
                homes[name].add(code)
        return any(len(codes) > 1 for codes in homes.values())

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
        return tuple(found.values())[:_MOST_CANDIDATES]


def _quote(said: list[Mention]) -> str:
    return "，".join(dict.fromkeys(one.text for one in sorted(said, key=lambda one: one.start)))
