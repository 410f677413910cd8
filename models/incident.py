"""What cases have in common: an incident that several citizens tell of (同一事件); and contacts that come back (重复来电)."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record, partial_index


class Incident(Record):
    """One happening behind the cases of several citizens: handled with the leading case, answered in each of them."""

    __tablename__ = "incident"
    __table_args__ = (Index(None, "created_at"), partial_index("ix_incident_open", "area_code", where="ended_at IS NULL"))

    title: Mapped[str] = mapped_column(String(200))
    category_code: Mapped[str] = mapped_column(String(16))
    area_code: Mapped[str] = mapped_column(String(32), default="")  # a community's, or a township's; none: of the whole city
    lead_case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    # What agents tell callers while it lasts, and until when.
    known_text: Mapped[str] = mapped_column(Text, default="")
    known_until: Mapped[datetime | None]
    told_count: Mapped[int] = mapped_column(default=0)  # contacts that this text was answer enough for
    answered_at: Mapped[datetime | None]  # the leading case's answer was let out to the citizens
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str] = mapped_column(Text, default="")


class IncidentCase(Record):
    """A case that belongs, or belonged, to an incident. It is never deleted: who parted them, and why, stays."""

    __tablename__ = "incident_case"
    __table_args__ = (
        Index(None, "incident_id"),
        Index(None, "case_id"),
        partial_index("uq_incident_case_now", "case_id", unique=True, where="left_at IS NULL AND answered_at IS NULL"),
    )

    incident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("incident.id"))
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    answered_at: Mapped[datetime | None]  # it has the common answer, and from then on goes its own way
    left_at: Mapped[datetime | None]
    left_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    left_reason: Mapped[str] = mapped_column(Text, default="")


class IncidentUpdate(Record):
    """News of an incident, as its citizens are told it."""

    __tablename__ = "incident_update"
    __table_args__ = (UniqueConstraint("incident_id", "key"),)

    incident_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("incident.id"))
    text: Mapped[str] = mapped_column(Text)
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    key: Mapped[str] = mapped_column(String(80))


class Repeat(Record):
    """A contact by which a citizen came back about a case, without a second order."""

    __tablename__ = "repeat"
    __table_args__ = (UniqueConstraint("contact_id", "case_id"), Index(None, "case_id"))

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"))
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
