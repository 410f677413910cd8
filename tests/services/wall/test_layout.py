"""The cartogram: every piece has its room, none lies on another, and the west is left of the east."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.services.wall.layout import Box, Piece, lay_out

WHOLE = Box(0, 0, 900, 960)
weights = st.lists(st.floats(0.5, 500), min_size=1, max_size=40)


@given(weights, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_the_pieces_fill_the_ground_in_proportion(sizes: list[float], chance) -> None:
    pieces = [Piece(f"{n:03}", size, chance.random(), chance.random()) for n, size in enumerate(sizes)]

    boxes = lay_out(pieces, WHOLE)

    area = WHOLE.width * WHOLE.height / sum(sizes)
    assert {piece.code: pytest.approx(piece.weight * area, rel=1e-6) for piece in pieces} == {
        code: box.width * box.height for code, box in boxes.items()
    }
    assert all(box.x >= -1e-6 and box.x + box.width <= 900 + 1e-6 and box.y + box.height <= 960 + 1e-6 for box in boxes.values())


@given(weights)
@settings(max_examples=20, deadline=None)
def test_no_piece_lies_on_another(sizes: list[float]) -> None:
    boxes = list(lay_out([Piece(f"{n:03}", size) for n, size in enumerate(sizes)], WHOLE).values())

    def overlap(a: Box, b: Box) -> float:
        wide = min(a.x + a.width, b.x + b.width) - max(a.x, b.x)
        tall = min(a.y + a.height, b.y + b.height) - max(a.y, b.y)
        return max(wide, 0) * max(tall, 0)

    assert max((overlap(a, b) for n, a in enumerate(boxes) for b in boxes[n + 1 :]), default=0) < 1e-6


def test_what_lies_in_the_north_is_drawn_above() -> None:
    boxes = lay_out([Piece("south", 1, north=0), Piece("north", 1, north=10)], Box(0, 0, 10, 20))

    assert (boxes["north"].y, boxes["south"].y) == (0, 10)


def test_no_areas_no_drawing() -> None:
    assert lay_out([], WHOLE) == {}
