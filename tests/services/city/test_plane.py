"""Areas on a plane: what two have in common, what a cover leaves bare, which one has a place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.services.city import plane
from hotline.services.city.plane import Shape, rectangle

SQUARE = rectangle((0, 0, 10, 10))
# An L: the square without its upper right quarter.
ANGLE: Shape = [[(0, 0), (10, 0), (10, 5), (5, 5), (5, 10), (0, 10)]]
WITH_HOLE: Shape = [*SQUARE, [(4, 4), (6, 4), (6, 6), (4, 6)]]
DIAMOND: Shape = [[(5, 0), (10, 5), (5, 10), (0, 5)]]


@pytest.mark.parametrize(("shape", "size"), [(SQUARE, 100), (ANGLE, 75), (WITH_HOLE, 96), (DIAMOND, 50)])
def test_areas(shape: Shape, size: float) -> None:
    assert plane.area(shape) == pytest.approx(size)


@pytest.mark.parametrize(
    ("one", "other", "common"),
    [
        (SQUARE, rectangle((5, 5, 15, 15)), 25),
        (SQUARE, rectangle((10, 0, 20, 10)), 0),
        (SQUARE, rectangle((2, 2, 4, 4)), 4),
        (ANGLE, rectangle((5, 5, 10, 10)), 0),
        (WITH_HOLE, rectangle((4, 4, 6, 6)), 0),
        (SQUARE, DIAMOND, 50),
        (DIAMOND, [[(5, 0), (10, 5), (5, 5)]], 12.5),
        ([[(0, 0), (10, 10), (0, 10)]], [[(10, 0), (10, 10), (0, 0)]], 0),
        ([[(0, 0), (10, 0), (0, 10)]], [[(0, 0), (10, 0), (10, 10)]], 25),
    ],
)
def test_the_ground_that_two_have(one: Shape, other: Shape, common: float) -> None:
    assert plane.overlap(one, other) == pytest.approx(common)
    assert plane.overlap(other, one) == pytest.approx(common)


def test_what_a_cover_leaves_bare() -> None:
    halves = [rectangle((0, 0, 10, 4)), rectangle((0, 6, 10, 10))]

    assert plane.uncovered([SQUARE], halves) == pytest.approx(20)
    assert plane.uncovered([SQUARE], [*halves, DIAMOND]) == pytest.approx(2)
    assert plane.uncovered([SQUARE], [SQUARE]) == 0
    assert plane.uncovered([SQUARE], []) == pytest.approx(100)
    assert plane.uncovered([], [SQUARE]) == 0


def test_a_place_on_the_border_of_two_lies_in_exactly_one() -> None:
    left, right = rectangle((0, 0, 5, 10)), rectangle((5, 0, 10, 10))

    assert [plane.holds(shape, 5, 5) for shape in (left, right)] == [False, True]
    assert plane.holds(WITH_HOLE, 5, 5) is False
    assert plane.holds(DIAMOND, 1, 1) is False


corners, sides = st.integers(0, 30), st.integers(1, 20)
boxes = st.builds(lambda x, y, width, height: (x, y, x + width, y + height), corners, corners, sides, sides)


@settings(max_examples=100, deadline=None)
@given(ground=st.lists(boxes, min_size=1, max_size=4), cover=st.lists(boxes, max_size=5))
def test_it_counts_as_the_squares_of_a_board_do(ground: list[tuple[int, ...]], cover: list[tuple[int, ...]]) -> None:
    def squares(these: list[tuple[int, ...]]) -> set[tuple[int, int]]:
        return {(x, y) for left, bottom, right, top in these for x in range(left, right) for y in range(bottom, top)}

    found = plane.uncovered([rectangle(box) for box in ground], [rectangle(box) for box in cover])
    assert found == pytest.approx(len(squares(ground) - squares(cover)))
    if cover:
        assert plane.overlap(rectangle(ground[0]), rectangle(cover[0])) == pytest.approx(
            len(squares(ground[:1]) & squares(cover[:1]))
        )
