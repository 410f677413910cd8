"""Where to put boxes and lines so that a flow can be read from top to bottom: layers, few crossings, nothing on top of anything.

A line that spans layers passes through a small slot in each of them, and its label has a slot of its own, so that space is kept
for all of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

GAP = 22.0
SWEEPS = 12


@dataclass(frozen=True)
class Size:
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    source: str
    target: str
    label: Size


@dataclass
class Spot:
    """A box, or a line's slot in one layer."""

    size: Size
    layer: int
    is_slot: bool = False
    is_label: bool = False
    x: float = 0.0  # the middle
    y: float = 0.0  # the top
    up: list["Spot"] = field(default_factory=list)
    down: list["Spot"] = field(default_factory=list)


@dataclass(frozen=True)
class Route:
    """A line as the spots it passes, from its source to its target, and the one that holds its label."""

    line: Line
    spots: tuple[Spot, ...]
    label: Spot


@dataclass(frozen=True)
class Plan:
    boxes: Mapping[str, Spot]
    routes: tuple[Route, ...]
    size: Size


def arrange(boxes: Mapping[str, Size], lines: Sequence[Line], *, first: str, layer_gap: float) -> Plan:
    """Every box can be reached from the first; a box's lines to itself are left to whoever draws it."""
    forward = _without_circles(boxes, lines, first)
    depth = _depths(boxes, forward.values())
    # Two layers for each step: boxes stand in the even ones, labels in between.
    spots = {name: Spot(size, 2 * depth[name]) for name, size in boxes.items()}
    routes = [_route(line, spots, turned=forward[line][0] != line.source) for line in forward]
    slots = [spot for route in routes for spot in route.spots[1:-1]]
    layers = _layers([*spots.values(), *slots])
    _untangle(layers)
    _place_across(layers)
    height = _place_down(layers, layer_gap)
    left = min(spot.x - spot.size.width / 2 for spot in [*spots.values(), *slots])
    for spot in [*spots.values(), *slots]:
        spot.x += GAP - left
    width = max(spot.x + spot.size.width / 2 for spot in [*spots.values(), *slots]) + GAP
    return Plan(spots, tuple(routes), Size(width, height))


def _without_circles(boxes: Iterable[str], lines: Sequence[Line], first: str) -> dict[Line, tuple[str, str]]:
    """Each line as it is laid out: those that lead back up are turned round."""
    rank = {name: place for place, name in enumerate(_in_order(boxes, lines, first))}
    ends = {line: (line.source, line.target) for line in lines}
    return {line: (upper, lower) if rank[upper] < rank[lower] else (lower, upper) for line, (upper, lower) in ends.items()}


def _in_order(boxes: Iterable[str], lines: Sequence[Line], first: str) -> list[str]:
    """Boxes in an order in which lines lead onward, but for those that close a circle (depth first, last finished foremost)."""
    onward = {name: iter([line.target for line in lines if line.source == name]) for name in boxes}
    finished: list[str] = []
    seen, trail = {first}, [first]
    while trail:
        target = next((target for target in onward[trail[-1]] if target not in seen), None)
        if target:
            seen.add(target)
            trail.append(target)
        else:
            finished.append(trail.pop())
    return finished[::-1]


def _depths(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """The longest way from the top to each box."""
    pairs = list(edges)
    depth = dict.fromkeys(names, 0)
    changed = True
    while changed:
        changed = False
        for upper, lower in pairs:
            if depth[lower] <= depth[upper]:
                depth[lower] = depth[upper] + 1
                changed = True
    return depth


def _route(line: Line, boxes: Mapping[str, Spot], *, turned: bool) -> Route:
    upper, lower = (line.target, line.source) if turned else (line.source, line.target)
    top, bottom = boxes[upper], boxes[lower]
    slots = [Spot(Size(4, 0), layer, is_slot=True) for layer in range(top.layer + 1, bottom.layer)]
    label = slots[-1 if turned else 0]
    label.size, label.is_label = line.label, True
    chain = [top, *slots, bottom]
    for above, below in pairwise(chain):
        above.down.append(below)
        below.up.append(above)
    return Route(line, tuple(reversed(chain)) if turned else tuple(chain), label)


def _layers(spots: Iterable[Spot]) -> list[list[Spot]]:
    by_layer: dict[int, list[Spot]] = {}
    for spot in spots:
        by_layer.setdefault(spot.layer, []).append(spot)
    return [by_layer[number] for number in sorted(by_layer)]


def _untangle(layers: list[list[Spot]]) -> None:
    """Orders each layer after its neighbours, to and fro, and keeps the order with the fewest crossings."""
    best = [list(layer) for layer in layers]
    fewest = _crossings(layers)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        for layer in layers if downwards else layers[::-1]:
            _number(layers)
            layer.sort(key=lambda spot: _mean([near.x for near in (spot.up if downwards else spot.down)], spot.x))
        if (crossed := _crossings(layers)) < fewest:
            best, fewest = [list(layer) for layer in layers], crossed
    layers[:] = best


def _number(layers: list[list[Spot]]) -> None:
    for layer in layers:
        for place, spot in enumerate(layer):
            spot.x = float(place)


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _crossings(layers: list[list[Spot]]) -> int:
    _number(layers)
    crossed = 0
    for layer in layers:
        ends = [below.x for spot in layer for below in sorted(spot.down, key=lambda one: one.x)]
        crossed += sum(later < earlier for place, earlier in enumerate(ends) for later in ends[place + 1 :])
    return crossed


def _place_across(layers: list[list[Spot]]) -> None:
    for layer in layers:
        _settle(layer, [0.0] * len(layer), [1.0] * len(layer))
    for sweep in range(4 * SWEEPS):
        for layer in layers if sweep % 2 == 0 else layers[::-1]:
            pulls = [[(near.x, _pull(spot, near)) for near in (*spot.up, *spot.down)] for spot in layer]
            weights = [sum(pull for _, pull in near) or 1.0 for near in pulls]
            wanted = [
                sum(x * pull for x, pull in near) / weight if near else spot.x
                for spot, near, weight in zip(layer, pulls, weights, strict=True)
            ]
            _settle(layer, wanted, weights)


def _pull(one: Spot, other: Spot) -> float:
    """A long line is to be straight before its boxes stand in the middle."""
    return (1.0, 2.0, 8.0)[one.is_slot + other.is_slot]


def _settle(layer: list[Spot], wanted: Sequence[float], weights: Sequence[float]) -> None:
    """As near as can be to where each wants to be, in this order and without touching (least squares, by pooling neighbours)."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (left.size.width + right.size.width) / 2 + GAP)
    pools: list[tuple[float, float, int]] = []
    for wish, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, heavy, count = wish - offset, weight, 1
        while pools and pools[-1][0] > mean:
            before, heft, many = pools.pop()
            mean, heavy, count = (before * heft + mean * heavy) / (heft + heavy), heft + heavy, many + count
        pools.append((mean, heavy, count))
    settled = [mean for mean, _, count in pools for _ in range(count)]
    for spot, base, offset in zip(layer, settled, offsets, strict=True):
        spot.x = base + offset


def _place_down(layers: list[list[Spot]], layer_gap: float) -> float:
    top = GAP
    for layer in layers:
        height = max(spot.size.height for spot in layer)
        for spot in layer:
            spot.y = top
            # Beside boxes and labels a line goes straight down, or it would run behind them.
            if spot.is_slot and not spot.is_label:
                spot.size = Size(spot.size.width, height)
        top += height + layer_gap
    return top - layer_gap + GAP
