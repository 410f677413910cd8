"""The states of a case as a profile has them, drawn: the main line downwards, leaps at the right, ways back at the left."""

from collections.abc import Sequence
from dataclasses import dataclass

from hotline.services.profiles.profile_words import STEPS
from hotline.services.profiles.profiles import Profile
from hotline.words import word
from models import CaseStatus
from models.workflow import CASE_FINAL

WIDTH, HEIGHT, GAP, LANE, MARGIN = 132, 34, 40, 84, 12
# Ends of a case beside the main line: named in the box that leads there.
ASIDE = CASE_FINAL - {CaseStatus.ARCHIVED}


@dataclass(frozen=True)
class Box:
    x: int
    y: int
    name: str
    aside: str  # other ends that it leads to


@dataclass(frozen=True)
class Arrow:
    path: str
    label: str
    x: int
    y: int


@dataclass(frozen=True)
class Drawing:
    width: int
    height: int
    boxes: Sequence[Box]
    arrows: Sequence[Arrow]


@dataclass(frozen=True)
class _Edge:
    start: int
    end: int
    label: str

    @property
    def top(self) -> int:
        return min(self.start, self.end)

    @property
    def bottom(self) -> int:
        return max(self.start, self.end)


def draw(profile: Profile) -> Drawing:
    states: list[CaseStatus | None] = [None, *(status for status in STEPS if status in profile.reachable())]
    edges = _edges(profile, states)
    lanes_back = _lanes([edge for edge in edges if edge.end < edge.start])
    lanes_on = _lanes([edge for edge in edges if edge.end > edge.start + 1])
    left = MARGIN + LANE * len(lanes_back)
    places = {edge: left - LANE * number for number, lane in enumerate(lanes_back, 1) for edge in lane}
    places |= {edge: left + WIDTH + LANE * number for number, lane in enumerate(lanes_on, 1) for edge in lane}
    return Drawing(
        width=left + WIDTH + LANE * (len(lanes_on) + 1) + MARGIN,
        height=MARGIN * 2 + len(states) * (HEIGHT + GAP),
        boxes=[_box(profile, status, left, row) for row, status in enumerate(states)],
        arrows=[_arrow(edge, places.get(edge), left, number) for number, edge in enumerate(edges)],
    )


def _edges(profile: Profile, states: Sequence[CaseStatus | None]) -> list[_Edge]:
    rows = {status: number for number, status in enumerate(states)}
    found: dict[tuple[int, int], list[str]] = {}
    for status in states:
        for action, step in profile.ways_out(status).items():
            if (to := CaseStatus(step.to)) not in ASIDE:
                found.setdefault((rows[status], rows[to]), []).append(word("action", action))
    return [_Edge(start, end, "、".join(labels)) for (start, end), labels in found.items()]


def _lanes(edges: Sequence[_Edge]) -> list[list[_Edge]]:
    """Short ones inside; what would cross on one lane gets a further one."""
    lanes: list[list[_Edge]] = []
    for edge in sorted(edges, key=lambda each: (each.bottom - each.top, each.top)):
        free = next((lane for lane in lanes if all(edge.bottom < o.top or edge.top > o.bottom for o in lane)), None)
        if free is None:
            lanes.append([edge])
        else:
            free.append(edge)
    return lanes


def _box(profile: Profile, status: CaseStatus | None, x: int, row: int) -> Box:
    aside = [word("case_status", step.to) for step in profile.ways_out(status).values() if step.to in ASIDE]
    name = word("case_status", status) if status else word("profile", "filing")
    return Box(x, _top(row), name, "、".join(dict.fromkeys(aside)))


def _top(row: int) -> int:
    return MARGIN + row * (HEIGHT + GAP)


def _arrow(edge: _Edge, lane: int | None, left: int, number: int) -> Arrow:
    if lane is None:  # the next one below
        middle, start, end = left + WIDTH // 2, _top(edge.start) + HEIGHT, _top(edge.end)
        return Arrow(f"M{middle} {start}V{end}", edge.label, middle + 6, (start + end) // 2 + 4)
    side = left if lane < left else left + WIDTH
    # Where several meet at one box they do not lie upon one another.
    shift = (number % 5 - 2) * 5
    start, end = _top(edge.start) + HEIGHT // 2 + shift, _top(edge.end) + HEIGHT // 2 + shift
    return Arrow(f"M{side} {start}H{lane}V{end}H{side}", edge.label, lane + 4, (start + end) // 2)
