"""A log line is one JSON object, and holds no number that somebody could dial or identify a person by."""

import json
import logging
from typing import Any

import pytest

from hotline.logs import JsonLines


def line(message: str, **values: Any) -> dict[str, Any]:
    record = logging.LogRecord("hotline.test", logging.INFO, "file", 1, message, (), None)
    record.__dict__.update(values)
    told: dict[str, Any] = json.loads(JsonLines().format(record))
    return told


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("call 13800138000 back", "call 138****8000 back"),
        ("+86 13800138000", "+86 138****8000"),
        ("0900-6212345", "0900-62***45"),
        ("id 110101199003078515", "id 110101********8515"),
    ],
)
def test_numbers_are_masked(written: str, shown: str) -> None:
    assert line(written)["message"] == shown


def test_numbers_are_masked_in_values_of_every_shape() -> None:
    told = line("met", number=13800138000, many=["13800138000"], deep={"number": "13800138000"})

    assert (told["number"], told["many"], told["deep"]) == ("138****8000", ["138****8000"], {"number": "138****8000"})


def test_figures_stay_figures() -> None:
    told = line("slow", ms=0.023413800138000, count=12345678, ok=True, nothing=None)

    assert (told["ms"], told["count"], told["ok"], told["nothing"]) == (0.023413800138000, 12345678, True, None)
