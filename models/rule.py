"""City rules as versioned data: profiles, queue weights, texts, consent; and the calendar of working days."""

from datetime import date
from typing import Any

from sqlalchemy import Boolean, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record


class Rule(Record):
    """One edition of one rule (`kind` profile, `code` quick_response, edition 3). Editions are added, never changed."""

    __tablename__ = "rule"
    __table_args__ = (UniqueConstraint("kind", "code", "edition"),)

    kind: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(32))
    edition: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]]
    current: Mapped[bool] = mapped_column(Boolean, default=True)


class CalendarDay(Base):
    """Whether a day is worked. `provisional`: no official list was known, weekdays and fixed holidays were assumed."""

    __tablename__ = "calendar_day"

    day: Mapped[date] = mapped_column(primary_key=True)
    working: Mapped[bool]
    provisional: Mapped[bool]
    note: Mapped[str] = mapped_column(String(64), default="")
