"""One computation for all who ask at about the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import time_machine

from hotline.services.wall.shared import Shared


def shared() -> Shared[int]:
    return Shared(fresh=timedelta(seconds=1), stale=timedelta(seconds=10))


def test_fifty_who_ask_together_cost_one_computation() -> None:
    value, runs, may_end = shared(), [0], threading.Event()

    def compute() -> int:
        runs[0] += 1
        may_end.wait(5)
        return runs[0]

    with ThreadPoolExecutor(50) as walls:
        asked = [walls.submit(value.get, compute) for _ in range(50)]
        may_end.set()
        found = {each.result() for each in asked}

    assert (runs[0], found) == (1, {1})


def test_a_value_is_computed_anew_when_it_is_no_longer_fresh(clock: time_machine.Traveller) -> None:
    value, numbers = shared(), iter(range(9))

    first = value.get(lambda: next(numbers))
    again = value.get(lambda: next(numbers))
    clock.shift(1.5)
    later = value.get(lambda: next(numbers))

    assert (first, again, later) == (0, 0, 1)


def test_while_a_slow_one_is_under_way_the_former_value_does(clock: time_machine.Traveller) -> None:
    value, under_way, may_end = shared(), threading.Event(), threading.Event()
    value.get(lambda: 1)
    clock.shift(2)

    def slow() -> int:
        under_way.set()
        may_end.wait(10)
        return 2

    with ThreadPoolExecutor(1) as pool:
        computed = pool.submit(value.get, slow)
        under_way.wait(5)
        meanwhile = value.get(lambda: 3)
        may_end.set()

    assert (meanwhile, computed.result()) == (1, 2)


def test_an_error_reaches_who_asked_and_the_next_one_tries_again() -> None:
    value = shared()

    with pytest.raises(ZeroDivisionError):
        value.get(lambda: 1 // 0)

    assert value.get(lambda: 7) == 7
