"""What the classifier is given and what it answers: plain values, without any of the city's tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ModelUnusable(Exception):
    """The saved model cannot be trusted or read; the message is one plain sentence."""


class Level(StrEnum):
    EMERGENCY = "emergency"
    URGENT = "urgent"
    NORMAL = "normal"


class PlaceKind(StrEnum):
    GRID = "grid"
    COMMUNITY = "community"
    TOWNSHIP = "township"
    ASK = "ask"
    NONE = "none"
    OUTSIDE = "outside"


class EntryKind(StrEnum):
    ROAD = "road"
    COMPOUND = "compound"
    LANDMARK = "landmark"
    HAMLET = "hamlet"
    COMMUNITY = "community"
    TOWNSHIP = "township"
    CITY = "city"


@dataclass(frozen=True)
class Ranked:
    code: str
    confidence: float
    words: tuple[str, ...] = ()
    reason: str = ""  # why it stands here instead of what the tables say

    def as_dict(self) -> dict[str, Any]:
        plain = {"code": self.code, "confidence": round(self.confidence, 4), "words": list(self.words)}
        return plain | {"reason": self.reason} if self.reason else plain


@dataclass(frozen=True)
class Urgency:
    level: str
    reason: str = ""


@dataclass(frozen=True)
class PlaceCandidate:
    code: str
    name: str


@dataclass(frozen=True)
class Place:
    kind: str
    township: str | None = None
    community: str | None = None
    grid: str | None = None
    text: str = ""
    candidates: tuple[PlaceCandidate, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "township": self.township,
            "community": self.community,
            "grid": self.grid,
            "candidates": [{"code": one.code, "name": one.name} for one in self.candidates],
        }


@dataclass(frozen=True)
class PlaceEntry:
    """One name of one place. A road has an entry for each grid and number range; an alias repeats its place's entries."""

    kind: str
    name: str
    area_code: str
    from_no: int | None = None
    to_no: int | None = None
    parity: str = "all"
    canonical: str = ""

    @property
    def place_name(self) -> str:
        return self.canonical or self.name


@dataclass(frozen=True)
class Neighbour:
    """A text that the model learnt from, shown where it is not sure."""

    text: str
    code: str
    likeness: float

    def as_dict(self) -> dict[str, Any]:
        return {"text": self.text, "code": self.code, "likeness": round(self.likeness, 4)}


@dataclass(frozen=True)
class Prediction:
    request_type: tuple[Ranked, ...]
    category: tuple[Ranked, ...]
    unit: tuple[Ranked, ...]
    sure: bool
    urgency: Urgency
    place: Place
    model_version: str
    neighbours: tuple[Neighbour, ...] = ()
    shortened: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "request_type": self.request_type[0].code,
            "request_types": [one.as_dict() for one in self.request_type],
            "category": [one.as_dict() for one in self.category],
            "unit": [one.as_dict() for one in self.unit],
            "sure": self.sure,
            "urgency": {"level": str(self.urgency.level), "reason": self.urgency.reason},
            "place": self.place.as_dict(),
            "model_version": self.model_version,
            "neighbours": [one.as_dict() for one in self.neighbours],
            "shortened": self.shortened,
        }


@dataclass(frozen=True)
class Example:
    """A labelled text; examples that share a group retell one story and never stand on both sides of a split."""

    text: str
    labels: Mapping[str, str]
    group: str = ""
