"""What somebody should know at once about the city or the centre, as long as it lasts; and who is told by message."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, true
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record, Word, partial_index
from models.privacy import EncryptedText


class AlertKind(StrEnum):
    CLUSTER = "cluster"  # far more of one matter in one street than usual
    CONNECTION = "connection"  # of calls, over the last 24 hours
    PROMPT = "prompt"  # calls answered within 15 seconds, today
    STUCK = "stuck"  # a unit with overdue cases that does nothing about any
    TELEPHONY = "telephony"


class Alert(Record):
    """Raised once for as long as it lasts. `subject` is what it is about: codes of an area and a category, or of a unit."""

    __tablename__ = "alert"
    __table_args__ = (partial_index("uq_alert_open", "kind", "subject", unique=True, where="cleared_at IS NULL"),)

    kind: Mapped[AlertKind] = mapped_column(Word(AlertKind, 16))
    subject: Mapped[str] = mapped_column(String(64), default="")
    facts: Mapped[dict[str, Any]]
    cleared_at: Mapped[datetime | None]
    known_at: Mapped[datetime | None]
    known_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))


class MessageWay(StrEnum):
    SMS = "sms"
    EMAIL = "email"


class Subscriber(Record):
    """A person who is told by message, of the whole city or of one unit. `wants`: kinds of alerts, and "report"."""

    __tablename__ = "subscriber"

    name: Mapped[str] = mapped_column(String(64))
    way: Mapped[MessageWay] = mapped_column(Word(MessageWay, 8))
    address: Mapped[str] = mapped_column(EncryptedText)
    wants: Mapped[list[str]]
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    active: Mapped[bool] = mapped_column(default=True, server_default=true())
