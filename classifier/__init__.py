"""Suggests category, unit, urgency and place of a citizen's text; stands alone and decides nothing."""

from classifier.gazetteer import Gazetteer
from classifier.model import Classifier
from classifier.places import places_from_city
from classifier.storage import load
from classifier.types import (
    ModelUnusable,
    Place,
    PlaceCandidate,
    PlaceEntry,
    Prediction,
    Ranked,
    Urgency,
)

__all__ = [
    "Classifier",
    "Gazetteer",
    "ModelUnusable",
    "Place",
    "PlaceCandidate",
    "PlaceEntry",
    "Prediction",
    "Ranked",
    "Urgency",
    "load",
    "places_from_city",
]
