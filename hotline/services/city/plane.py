"""Arithmetic of areas on a plane: rings of points, even-odd, so that a hole is a ring within a ring. No database, no map."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

Point = tuple[float, float]
Ring = Sequence[Sequence[float]]
Shape = Sequence[Ring]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class _Edge:
    """From its lower to its higher end; level ones are left out, for they bound nothing between two heights."""

    low: Point
    high: Point
    shape: int

    def x_at(self, y: float) -> float:
        (x1, y1), (x2, y2) = self.low, self.high
        return x1 + (x2 - x1) * (y - y1) / (y2 - y1)


def rectangle(box: Sequence[float]) -> Shape:
    left, bottom, right, top = box
    return [[(left, bottom), (right, bottom), (right, top), (left, top)]]


def box_of(shape: Shape) -> Box:
    xs = [point[0] for ring in shape for point in ring]
    ys = [point[1] for ring in shape for point in ring]
    return min(xs), min(ys), max(xs), max(ys)


def boxes_meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def meeting(boxes: Sequence[Box]) -> Iterator[tuple[int, int]]:
    """The pairs of boxes that have ground in common, by their places in the list; from left to right."""
    there: list[int] = []
    for number in sorted(range(len(boxes)), key=lambda number: boxes[number][0]):
        there = [other for other in there if boxes[other][2] > boxes[number][0]]
        yield from ((other, number) for other in there if boxes_meet(boxes[other], boxes[number]))
        there.append(number)


def holds(shape: Shape, x: float, y: float) -> bool:
    """Whether the place lies inside; of a border between two, exactly one has it."""
    crossed = 0
    for edge in _edges(shape, 0):
        if edge.low[1] <= y < edge.high[1] and x < edge.x_at(y):
            crossed += 1
    return crossed % 2 == 1


def area(shape: Shape) -> float:
    return _measure([shape], lambda inside: inside == {0})


def overlap(one: Shape, other: Shape) -> float:
    """The ground that both have."""
    box, beside = box_of(one), box_of(other)
    if not boxes_meet(box, beside):
        return 0.0
    common = (max(box[1], beside[1]), min(box[3], beside[3]))
    return _measure([one, other], lambda inside: inside == {0, 1}, between=common)


def uncovered(ground: Iterable[Shape], cover: Iterable[Shape]) -> float:
    """What lies in any shape of the ground and in none of the cover."""
    grounds, covers = list(ground), list(cover)
    if not grounds:
        return 0.0
    first_cover = len(grounds)
    return _measure(
        [*grounds, *covers],
        lambda inside: bool(inside) and all(number < first_cover for number in inside),
    )


def _measure(shapes: Sequence[Shape], counts: Callable[[set[int]], bool], *, between: tuple[float, float] | None = None) -> float:
    """The area of all places, between two heights if they are given, for which the set of shapes around them counts.

    Between two neighbouring heights at which an edge ends or two edges cross, edges keep their order: the ground between two
    of them is a trapezium, wholly inside the same shapes.
    """
    edges = [edge for number, shape in enumerate(shapes) for edge in _edges(shape, number)]
    if between is not None:
        edges = [edge for edge in edges if edge.low[1] < between[1] and edge.high[1] > between[0]]
    ends = {y for edge in edges for y in (edge.low[1], edge.high[1])} | set(_crossings(edges))
    heights = sorted(ends if between is None else {*between, *(y for y in ends if between[0] < y < between[1])})
    edges.sort(key=lambda edge: edge.low[1])
    found, begun, there = 0.0, 0, list[_Edge]()
    for low, high in pairwise(heights):
        while begun < len(edges) and edges[begun].low[1] <= low:
            there.append(edges[begun])
            begun += 1
        there = [edge for edge in there if edge.high[1] > low]
        found += _of_slab(there, low, high, counts)
    return found


def _of_slab(edges: Sequence[_Edge], low: float, high: float, counts: Callable[[set[int]], bool]) -> float:
    middle = (low + high) / 2
    across = sorted((edge.x_at(middle), edge.shape) for edge in edges)
    inside, found = set[int](), 0.0
    for (x, shape), (next_x, _) in pairwise(across):
        inside ^= {shape}
        if counts(inside):
            found += (next_x - x) * (high - low)
    return found


def _edges(shape: Shape, number: int) -> Iterator[_Edge]:
    for ring in shape:
        points = [(float(point[0]), float(point[1])) for point in ring]
        for one, other in pairwise([*points, points[0]]):
            if one[1] != other[1]:
                low, high = sorted((one, other), key=lambda point: point[1])
                yield _Edge(low, high, number)


def _crossings(edges: Sequence[_Edge]) -> Iterator[float]:
    """The heights at which two edges cross. Only those are compared that are at the same heights."""
    waiting = sorted(edges, key=lambda edge: edge.low[1])
    there: list[_Edge] = []
    for edge in waiting:
        there = [each for each in there if each.high[1] > edge.low[1]]
        for other in there:
            if (y := _crossing(edge, other)) is not None:
                yield y
        there.append(edge)


def _crossing(one: _Edge, other: _Edge) -> float | None:
    low, high = max(one.low[1], other.low[1]), min(one.high[1], other.high[1])
    before, after = one.x_at(low) - other.x_at(low), one.x_at(high) - other.x_at(high)
    if before * after >= 0:
        return None
    return low + (high - low) * before / (before - after)
