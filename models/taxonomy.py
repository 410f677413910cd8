"""What matters are about: the versioned tree of categories and the rules that lead to a unit."""

import uuid

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record


class TaxonomyVersion(Record):
    """One edition of the tree; cases keep the edition they were filed under."""

    __tablename__ = "taxonomy_version"

    digest: Mapped[str] = mapped_column(String(64), unique=True)
    note: Mapped[str] = mapped_column(String(255), default="")
    current: Mapped[bool] = mapped_column(default=True)


class Category(Record):
    __tablename__ = "category"
    __table_args__ = (UniqueConstraint("taxonomy_id", "code"),)

    taxonomy_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("taxonomy_version.id"))
    code: Mapped[str] = mapped_column(String(16))
    name: Mapped[str] = mapped_column(String(64))
    level: Mapped[int]
    parent_code: Mapped[str | None] = mapped_column(String(16))
    urgency: Mapped[str] = mapped_column(String(16), default="normal")
    # Instead of dispatching: transfer (110/119/120), redirect, void.
    routing_hint: Mapped[str] = mapped_column(String(16), default="")
    keywords: Mapped[list[str]] = mapped_column(default=list)
    # Codes of earlier editions that this category took over when they were renamed or merged.
    formerly: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    # Names of filing fields that this category cannot do without: place, occurred, object.
    required: Mapped[list[str]] = mapped_column(default=list)


class RoutingRule(Record):
    """Category (and area, where it matters) -> lead and assisting units. The longest area code that fits wins."""

    __tablename__ = "routing_rule"
    __table_args__ = (UniqueConstraint("taxonomy_id", "category_code", "area_code"),)

    taxonomy_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("taxonomy_version.id"))
    category_code: Mapped[str] = mapped_column(String(16))
    area_code: Mapped[str] = mapped_column(String(32), default="")
    lead_unit_code: Mapped[str] = mapped_column(String(32))
    assist_unit_codes: Mapped[list[str]] = mapped_column(default=list)
    # area_leads: the township leads and the lead unit assists; area_assists; none.
    territorial: Mapped[str] = mapped_column(String(16), default="none")
