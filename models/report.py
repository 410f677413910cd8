"""Monthly reports that a supervisor has signed: the figures as they were then, and the words beside them."""

import uuid
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record


class MonthlyReport(Record):
    """Of one unit, or of the city where `unit_code` is empty. Once it is signed its figures stay as they are."""

    __tablename__ = "monthly_report"
    __table_args__ = (UniqueConstraint("month", "unit_code"),)

    month: Mapped[date]  # its first day
    unit_code: Mapped[str] = mapped_column(String(32), default="")
    body: Mapped[dict[str, Any]]
    remark: Mapped[str] = mapped_column(Text, default="")
    signed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    sent_at: Mapped[datetime | None]
