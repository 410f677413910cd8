"""How well places are found: shares over sentences whose place is known, and the processor time that one text takes."""

import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier.gazetteer import Gazetteer
from classifier.types import Place, PlaceKind

EXAMPLES = Path(__file__).parent / "data" / "place_examples.jsonl"


@dataclass(frozen=True)
class PlaceExample:
    """A sentence and what it says of the place; `form` is the way of saying it, `half` whether the rules were mended on it."""

    text: str
    kind: str
    township: str | None = None
    community: str | None = None
    grid: str | None = None
    candidates: tuple[str, ...] = ()
    form: str = ""
    frame: str = ""
    half: str = ""


def read_examples(path: Path = EXAMPLES) -> list[PlaceExample]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [_example(json.loads(line)) for line in lines if line.strip()]


def _example(row: dict[str, Any]) -> PlaceExample:
    return PlaceExample(**{**row, "candidates": tuple(row.get("candidates", ()))})


def check(gazetteer: Gazetteer, examples: Sequence[PlaceExample]) -> dict[str, Any]:
    """Shares are of the sentences that determine as much; `guessed` counts ambiguous ones that were not asked about."""
    found, took = zip(*(_timed(gazetteer, one.text) for one in examples), strict=True)
    pairs = list(zip(examples, found, strict=True))
    forms: defaultdict[str, list[bool]] = defaultdict(list)
    for example, place in pairs:
        forms[example.form].append(is_right(example, place))
    by_time = sorted(took)
    return {
        "n": len(pairs),
        "community": _share([place.community == one.community for one, place in pairs if one.community]),
        "grid": _share([place.grid == one.grid for one, place in pairs if one.grid]),
        "right": _share([is_right(one, place) for one, place in pairs]),
        "guessed": sum(place.kind != PlaceKind.ASK for one, place in pairs if one.kind == PlaceKind.ASK),
        "p50_ms": round(by_time[len(by_time) // 2], 3),
        "p99_ms": round(by_time[int(len(by_time) * 0.99)], 3),
        "forms": {form: [sum(right), len(right)] for form, right in sorted(forms.items())},
    }


def is_right(example: PlaceExample, place: Place) -> bool:
    """Everything that the sentence determines, and nothing that it leaves open, but a house beside which something lies."""
    if example.kind == PlaceKind.COMMUNITY and place.kind == PlaceKind.GRID and example.form == "beside":
        return place.community == example.community
    named = {one.code for one in place.candidates}
    return (
        place.kind == example.kind
        and (place.township, place.community, place.grid) == (example.township, example.community, example.grid)
        and set(example.candidates) <= named
    )


def _timed(gazetteer: Gazetteer, text: str) -> tuple[Place, float]:
    start = time.thread_time()
    place = gazetteer.match(text)
    return place, (time.thread_time() - start) * 1000


def _share(right: list[bool]) -> float:
    return round(sum(right) / len(right), 4) if right else 0.0
