"""Responsible units, a tree: bureaus, streets, communities, utilities."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record, Word, now


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


class AnswerTemplate(Record):
    """Words that a unit begins its answers with; never an answer by itself."""

    __tablename__ = "answer_template"

    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    title: Mapped[str] = mapped_column(String(64))
    text: Mapped[str] = mapped_column(Text)  # with variables
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    changed_at: Mapped[datetime] = mapped_column(default=now)
