"""What came from a system that the city had before: which import brought it, and the number that people knew it by."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Record
from models.case import Case


class Import(Record):
    """One run that brought cases in. It can be taken back as a whole; its row and the histories stay."""

    __tablename__ = "import"

    source: Mapped[str] = mapped_column(String(32))  # what the old system is called
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the file
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    cases: Mapped[int] = mapped_column(default=0)
    lines: Mapped[int] = mapped_column(default=0)
    recordings: Mapped[int] = mapped_column(default=0)
    taken_back_at: Mapped[datetime | None]
    taken_back_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))


class ImportedCase(Base):
    """The old number of a case; goes when the import is taken back, so that the same number can come again."""

    __tablename__ = "imported_case"
    __table_args__ = (UniqueConstraint("source", "old_number"), Index(None, "old_number"))

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), primary_key=True)
    import_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("import.id"), index=True)
    source: Mapped[str] = mapped_column(String(32))
    old_number: Mapped[str] = mapped_column(String(64))
    # Not for reading: they tell the order in which new rows are written.
    case: Mapped[Case] = relationship(lazy="raise")
