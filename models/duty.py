"""What returns of cases have taught about whose a matter is."""

from datetime import datetime

from sqlalchemy import String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record


class Duty(Record):
    """Of one category in one area (everywhere: an empty code): what became of the cases that a unit was given."""

    __tablename__ = "duty"
    __table_args__ = (UniqueConstraint("category_code", "area_code", "unit_code"),)

    category_code: Mapped[str] = mapped_column(String(16))
    area_code: Mapped[str] = mapped_column(String(32), default="")
    unit_code: Mapped[str] = mapped_column(String(32))
    given: Mapped[int] = mapped_column(default=0)
    granted: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    # Where most of those that it gave back stayed.
    to_unit_code: Mapped[str] = mapped_column(String(32), default="")
    to_count: Mapped[int] = mapped_column(default=0)
    latest_at: Mapped[datetime | None]
    learnt: Mapped[bool] = mapped_column(default=False)
    switched_off: Mapped[bool] = mapped_column(default=False)  # by an administrator
