"""Citizens: who asks. A number is not a person; a number is bound to a citizen only when somebody confirmed it."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Record, Word
from models.privacy import EncryptedText


class CitizenKind(StrEnum):
    PERSON = "person"
    ENTERPRISE = "enterprise"
    ANONYMOUS = "anonymous"


class Citizen(Record):
    __tablename__ = "citizen"

    kind: Mapped[CitizenKind] = mapped_column(Word(CitizenKind, 16), default=CitizenKind.PERSON)
    name: Mapped[str | None] = mapped_column(EncryptedText)
    # Said no to being asked about results: no survey, no callback.
    refuses_callback: Mapped[bool] = mapped_column(default=False)
    numbers: Mapped[list["CitizenNumber"]] = relationship(back_populates="citizen", lazy="raise")


class CitizenNumber(Record):
    """One number (E.164) of a citizen, and who confirmed that it is his or hers."""

    __tablename__ = "citizen_number"
    __table_args__ = (UniqueConstraint("citizen_id", "number_hash"),)

    citizen_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("citizen.id"))
    number: Mapped[str] = mapped_column(EncryptedText)
    number_hash: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    confirmed_at: Mapped[datetime]
    confirmed_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    citizen: Mapped[Citizen] = relationship(back_populates="numbers", lazy="raise")
