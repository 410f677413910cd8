"""How well and how fast the places of the demo city are found, on sentences whose place is known."""

from collections.abc import Iterator
from typing import Any

from bench.figures import Figure
from classifier import Gazetteer, place_check, places_from_city
from hotline.seeds import files


def places(is_small: bool) -> Iterator[Figure]:
    """The half that the rules were mended on, then the one that they never saw."""
    gazetteer = Gazetteer.from_places(places_from_city(files.read("city.yaml")))
    examples = place_check.read_examples()
    for half in ("mending", "held_out"):
        sentences = [one for one in examples if one.half == half]
        measured = place_check.check(gazetteer, sentences[::10] if is_small else sentences)
        yield from _figures(half.replace("_", " "), measured)


def _figures(half: str, measured: dict[str, Any]) -> Iterator[Figure]:
    yield Figure(
        "places_community", half, measured["community"] * 100, "% right", bar=92, better="more", details={"n": measured["n"]}
    )
    yield Figure("places_grid", half, measured["grid"] * 100, "% right", bar=85, better="more")
    yield Figure("places_guessed", half, measured["guessed"], "ambiguous, guessed", bar=0)
    yield Figure("places_p99", half, measured["p99_ms"], "ms a text", bar=2)
