"""Phone calls, unique on Asterisk's Linkedid, with their legs and recordings."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record


class Call(Record):
    __tablename__ = "call"

    linkedid: Mapped[str] = mapped_column(String(64), unique=True)
    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    called_number: Mapped[str] = mapped_column(String(32), default="12345")
    started_at: Mapped[datetime]
    queued_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class CallLeg(Record):
    __tablename__ = "call_leg"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    unique_id: Mapped[str] = mapped_column(String(64), unique=True)
    endpoint: Mapped[str] = mapped_column(String(64))
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Recording(Record):
    __tablename__ = "recording"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)
    digest: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float]
