"""The city's ground for the wall: townships, communities and grids as a cartogram, and how many cases each has today."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services.wall.layout import Box, Piece, lay_out
from models import Area, AreaKind, Case

GROUND = Box(0, 0, 900, 960)
NAME_STRIP, MARGIN = 30, 3
# Beyond this many grids the communities are the smallest pieces that an eye can tell apart.
MOST_GRIDS = 2500
HEATS = 5


@dataclass(frozen=True)
class Plot:
    """One area where the cartogram draws it."""

    code: str
    name: str
    kind: AreaKind
    box: Box
    households: int


@dataclass(frozen=True)
class Ground:
    townships: Sequence[Plot]
    communities: Sequence[Plot]
    plots: Sequence[Plot]  # the smallest pieces: grids, or communities in a large city

    @property
    def of_grids(self) -> bool:
        return any(plot.kind == AreaKind.GRID for plot in self.plots)


@dataclass(frozen=True)
class Heat:
    """How much came from an area today: 0 to 5, the strongest where most came for each household."""

    plot: Plot
    count: int
    heat: int


@dataclass
class _Place:
    area: Area
    households: int = 0
    east: float = 0
    north: float = 0
    children: int = 0

    def add(self, other: "_Place") -> None:
        self.households += other.households
        self.east += other.east
        self.north += other.north
        self.children += 1

    def piece(self) -> Piece:
        """Everybody's home takes the same room; the root keeps a crowded quarter from hiding a wide one."""
        parts = max(self.children, 1)
        return Piece(self.area.code, max(self.households, 1) ** 0.7, self.east / parts, self.north / parts)


def survey(session: Session) -> Ground:
    """Laid out anew each time: ask for it seldom."""
    areas = session.scalars(select(Area).where(Area.valid_to.is_(None)).order_by(Area.code)).all()
    kinds = {kind: [area for area in areas if area.kind == kind] for kind in AreaKind}
    smallest = AreaKind.GRID if 0 < len(kinds[AreaKind.GRID]) <= MOST_GRIDS else AreaKind.COMMUNITY
    places = {area.code: _Place(area) for area in areas}
    _measure(places, kinds)
    townships = lay_out([places[area.code].piece() for area in kinds[AreaKind.TOWNSHIP]], GROUND)
    communities = _within(townships, kinds[AreaKind.COMMUNITY], places, head=NAME_STRIP)
    plots = communities if smallest == AreaKind.COMMUNITY else _within(communities, kinds[AreaKind.GRID], places)
    return Ground(_plots(townships, places), _plots(communities, places), _plots(plots, places))


def heats(session: Session, ground: Ground, start: datetime, *, first_id: object) -> tuple[list[Heat], Mapping[str, int]]:
    """The smallest pieces with their cases since `start`; and the cases of every area, whatever its size."""
    counts = _counts(session, start, first_id)
    of_plots = [(plot, counts[plot.code]) for plot in ground.plots]
    usual = sum(plot.households for plot in ground.plots) / max(len(ground.plots), 1) or 1.0
    rates = [count / (plot.households or usual) for plot, count in of_plots]
    # A quiet day stays pale: the strongest colour means as much as five cases in a piece of usual size.
    most = max([HEATS / usual, *rates])
    drawn = [Heat(plot, count, _heat(rate, most)) for (plot, count), rate in zip(of_plots, rates, strict=True)]
    return drawn, counts


def _heat(rate: float, most: float) -> int:
    """Whatever is above nothing is seen. A hair of rounding is no step more."""
    return min(HEATS, ceil(HEATS * rate / most - 1e-9))


def _counts(session: Session, start: datetime, first_id: object) -> Counter[str]:
    rows = session.execute(
        select(Case.township_code, Case.community_code, Case.grid_code, func.count())
        .where(Case.id >= first_id, Case.created_at >= start)
        .group_by(Case.township_code, Case.community_code, Case.grid_code)
    )
    counts = Counter[str]()
    for *codes, count in rows:
        counts.update({code: count for code in codes if code})
    return counts


def _measure(places: Mapping[str, _Place], kinds: Mapping[AreaKind, Iterable[Area]]) -> None:
    """From the grids upwards; where only larger areas are measured, from those."""
    for kind in (AreaKind.GRID, AreaKind.COMMUNITY, AreaKind.TOWNSHIP):
        for area in kinds[kind]:
            place = places[area.code]
            if not place.children:
                place.households = area.households or 0
                if area.bounds:
                    left, bottom, right, top = area.bounds
                    place.east, place.north = (left + right) / 2, (bottom + top) / 2
            if parent := places.get(area.parent_code or ""):
                parent.add(_averaged(place))


def _averaged(place: _Place) -> _Place:
    parts = max(place.children, 1)
    return _Place(place.area, place.households, place.east / parts, place.north / parts)


def _within(outer: Mapping[str, Box], areas: Iterable[Area], places: Mapping[str, _Place], *, head: float = 0) -> dict[str, Box]:
    members: dict[str, list[Piece]] = {code: [] for code in outer}
    for area in areas:
        if area.parent_code in members:
            members[area.parent_code].append(places[area.code].piece())
    found: dict[str, Box] = {}
    for code, pieces in members.items():
        found |= lay_out(pieces, outer[code].inside(MARGIN if head else 1, head))
    return found


def _plots(boxes: Mapping[str, Box], places: Mapping[str, _Place]) -> list[Plot]:
    return [
        Plot(code, places[code].area.name, places[code].area.kind, box.drawn(), places[code].households)
        for code, box in sorted(boxes.items())
    ]
