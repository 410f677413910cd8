"""The city's ground: county, townships, communities, grids (GB/T 30428.1), and the names of places in them."""

from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Json, Record, Word


class AreaKind(StrEnum):
    COUNTY = "county"
    TOWNSHIP = "township"
    COMMUNITY = "community"
    GRID = "grid"


class Area(Record):
    """An area as it was cut between two days. Codes have any length: cities differ (domain notes 2.9)."""

    __tablename__ = "area"
    __table_args__ = (
        Index(None, "code", "valid_from", unique=True),
        Index(None, "parent_code"),
    )

    code: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(64))
    kind: Mapped[AreaKind] = mapped_column(Word(AreaKind, 16))
    detail: Mapped[str] = mapped_column(String(24), default="")  # subdistrict, town, village, dedicated …
    parent_code: Mapped[str | None] = mapped_column(String(32))
    unit_code: Mapped[str | None] = mapped_column(String(32))
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    households: Mapped[int | None]
    population: Mapped[int | None]
    bounds: Mapped[list[int] | None]  # [x_min, y_min, x_max, y_max], metres in the city's plane
    # Rings of [x, y] in the same plane, holes among them; without one the bounds are the area.
    outline: Mapped[list[Any] | None] = mapped_column(Json)


class PlaceKind(StrEnum):
    ROAD = "road"
    COMPOUND = "compound"
    HAMLET = "hamlet"
    LANDMARK = "landmark"
    COMMUNITY = "community"
    TOWNSHIP = "township"


class PlaceName(Record):
    """A name that citizens use for a piece of an area; a road piece has a number range and a parity."""

    __tablename__ = "place_name"
    __table_args__ = (Index(None, "name"),)

    kind: Mapped[PlaceKind] = mapped_column(Word(PlaceKind, 16))
    name: Mapped[str] = mapped_column(String(64))
    canonical: Mapped[str] = mapped_column(String(64))
    area_code: Mapped[str] = mapped_column(String(32))
    from_no: Mapped[int | None]
    to_no: Mapped[int | None]
    parity: Mapped[str] = mapped_column(String(4), default="all")
