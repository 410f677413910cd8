"""Responsible units, a tree: bureaus, streets, communities, utilities."""

import uuid
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record, Word


class UnitKind(StrEnum):
    BUREAU = "bureau"
    VERTICAL = "vertical"
    INSTITUTION = "institution"
    ORGANISATION = "organisation"
    UTILITY = "utility"
    ENTERPRISE_GROUP = "enterprise_group"
    AREA = "area"
    COMMUNITY = "community"
    GRID = "grid"
    REDIRECT = "redirect"


class Unit(Record):
    """`path` is the chain of codes from the root ("/T001/990181001002/"): a subtree is one prefix."""

    __tablename__ = "unit"

    code: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(String(128))
    short: Mapped[str] = mapped_column(String(32))
    kind: Mapped[UnitKind] = mapped_column(Word(UnitKind, 24))
    duties: Mapped[str] = mapped_column(String(512), default="")
    # Codes of the units whose place this one took.
    formerly: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    path: Mapped[str] = mapped_column(String(256), index=True)
    active: Mapped[bool] = mapped_column(default=True)
