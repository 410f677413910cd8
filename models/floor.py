"""What goes on among the people of the centre: calls for help, notices with receipts, breaks, hand-overs."""

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record, Word


class HelpCall(Record):
    """An agent's silent call for help; whoever leads the shift comes."""

    __tablename__ = "help_call"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    call_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("call.id"))
    contact_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("contact.id"))
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))


class Notice(Record):
    """The shift leader's word to everybody on the floor, or the hand-over from one shift to the next."""

    __tablename__ = "notice"

    text: Mapped[str] = mapped_column(Text)
    hand_over: Mapped[bool] = mapped_column(default=False)
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    ends_at: Mapped[datetime] = mapped_column(index=True)


class NoticeRead(Base):
    __tablename__ = "notice_read"

    notice_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("notice.id"), primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    read_at: Mapped[datetime]


class BreakState(StrEnum):
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back"
    OVER = "over"  # granted, and the time is up or the person came back before


class BreakRequest(Record):
    """A break that an agent asks for; granted, it begins at once: no further call comes, one in hand goes on."""

    __tablename__ = "break_request"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    reason: Mapped[str] = mapped_column(String(64))
    minutes: Mapped[int]
    state: Mapped[BreakState] = mapped_column(Word(BreakState, 16), default=BreakState.ASKED)
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]

    @property
    def ends_at(self) -> datetime | None:
        """When the granted minutes are up."""
        if self.state != BreakState.GRANTED or self.decided_at is None:
            return None
        return self.decided_at + timedelta(minutes=self.minutes)
