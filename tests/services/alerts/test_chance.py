"""How seldom chance alone brings so many."""

from math import exp, factorial

import pytest

from hotline.services.alerts.chance import at_least


def by_sum(count: int, mean: float) -> float:
    return 1 - sum(exp(-mean) * mean**k / factorial(k) for k in range(count))


@pytest.mark.parametrize(("count", "mean"), [(3, 1.0), (8, 2.0), (12, 4.5), (41, 20.0)])
def test_the_tail_is_the_poisson_distributions(count: int, mean: float) -> None:
    assert at_least(count, mean) == pytest.approx(by_sum(count, mean), rel=1e-6)


def test_what_is_usual_is_no_surprise() -> None:
    assert at_least(4, 4.0) == at_least(0, 0.0) == 1.0


def test_many_where_nothing_ever_was_are_a_surprise_even_so() -> None:
    assert 0 < at_least(5, 0.0) < 1e-9
    assert 0 < at_least(400, 100.0) < 1e-100
