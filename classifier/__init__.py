"""Suggests category, unit, urgency and place of a citizen's text; stands alone and decides nothing."""

from pathlib import Path
from typing import TYPE_CHECKING

from classifier.city import City, Move, Routing, city_from_reference
from classifier.gazetteer import Gazetteer
from classifier.places import places_from_city
from classifier.types import (
    ModelUnusable,
    Neighbour,
    Place,
    PlaceCandidate,
    PlaceEntry,
    Prediction,
    Ranked,
    Urgency,
)

if TYPE_CHECKING:
    from classifier.model import Classifier


def load(folder: Path, gazetteer: Gazetteer | None) -> "Classifier":
    """A model that was saved by training; ModelUnusable says in a plain sentence why it cannot be used."""
    # SciPy takes longer to import than a page to answer: only who loads a model waits for it.
    from classifier.storage import load as load_saved

    return load_saved(folder, gazetteer)


__all__ = [
    "City",
    "Gazetteer",
    "ModelUnusable",
    "Move",
    "Neighbour",
    "Place",
    "PlaceCandidate",
    "PlaceEntry",
    "Prediction",
    "Ranked",
    "Routing",
    "Urgency",
    "city_from_reference",
    "load",
    "places_from_city",
]
