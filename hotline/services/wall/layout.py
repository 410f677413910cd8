"""A cartogram: areas as rectangles, as large as what they hold, lying to each other as they do on the ground. Pure geometry."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Box(NamedTuple):
    x: float
    y: float
    width: float
    height: float

    def inside(self, margin: float, head: float = 0) -> "Box":
        """What is left of it within a margin, below a strip for its name."""
        return Box(
            self.x + margin, self.y + margin + head, max(self.width - 2 * margin, 0), max(self.height - 2 * margin - head, 0)
        )

    def drawn(self) -> "Box":
        """As exact as a screen shows it, reckoned once: a ground of thousands is written out every second."""
        return Box(*(round(value, 1) for value in self))


@dataclass(frozen=True)
class Piece:
    """`east` and `north` say where it lies; pieces that nobody has measured lie in the order of their codes."""

    code: str
    weight: float
    east: float = 0
    north: float = 0


def lay_out(pieces: Sequence[Piece], box: Box) -> dict[str, Box]:
    """Halved by weight across the longer side, west from east or north from south; then each half again."""
    if not pieces:
        return {}
    if len(pieces) == 1:
        return {pieces[0].code: box}
    lies_wide = box.width >= box.height
    ordered = sorted(pieces, key=lambda piece: (piece.east if lies_wide else -piece.north, piece.code))
    first = _half(ordered)
    share = sum(piece.weight for piece in ordered[:first]) / sum(piece.weight for piece in ordered)
    if lies_wide:
        cut = box.width * share
        halves = Box(box.x, box.y, cut, box.height), Box(box.x + cut, box.y, box.width - cut, box.height)
    else:
        cut = box.height * share
        halves = Box(box.x, box.y, box.width, cut), Box(box.x, box.y + cut, box.width, box.height - cut)
    return lay_out(ordered[:first], halves[0]) | lay_out(ordered[first:], halves[1])


def _half(ordered: Sequence[Piece]) -> int:
    """How many of them come nearest to half of the weight, at least one and not all."""
    whole, so_far, best, nearest = sum(piece.weight for piece in ordered), 0.0, 1, float("inf")
    for count, piece in enumerate(ordered[:-1], 1):
        so_far += piece.weight
        if abs(so_far - whole / 2) < nearest:
            best, nearest = count, abs(so_far - whole / 2)
    return best
