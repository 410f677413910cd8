"""Who of a unit is on duty, who stands in, how they are reached; what a unit has to be told, and each telling of it."""

import uuid
from datetime import date, datetime, time
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record, Word, partial_index
from models.contact import Urgency
from models.privacy import EncryptedText


class TeamMember(Base):
    """How a person of a unit is reached for it, and in which order: the first is told where the roster names nobody."""

    __tablename__ = "team_member"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    place: Mapped[int] = mapped_column(default=1)
    number: Mapped[str | None] = mapped_column(EncryptedText)
    email: Mapped[str | None] = mapped_column(EncryptedText)
    # Of the personal code that is typed at the telephone; empty: this person cannot sign by key.
    code_hash: Mapped[str] = mapped_column(String(255), default="")
    wrong_codes: Mapped[int] = mapped_column(default=0)


class StaffLeave(Record):
    """From one day to another a person is away, and another one stands in."""

    __tablename__ = "staff_leave"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    begins_on: Mapped[date]
    ends_on: Mapped[date]
    deputy_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))


class DutyShift(Record):
    """A stretch on duty, each week on a weekday (1 Monday … 7 Sunday, 8 public holidays) or on one named day.

    It runs over midnight if it does not end after it begins. A named day has no other shifts than its own.
    """

    __tablename__ = "duty_shift"
    __table_args__ = (CheckConstraint("(weekday IS NULL) <> (day IS NULL)", name="one_day"),)

    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), index=True)
    weekday: Mapped[int | None]
    day: Mapped[date | None]
    begins: Mapped[time]
    ends: Mapped[time]
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    deputy_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))


class ChatKind(StrEnum):
    WECOM = "wecom"
    DINGTALK = "dingtalk"
    FEISHU = "feishu"


class ChatGroup(Base):
    """The group of a unit in its enterprise chat, reached by the webhook of a robot there."""

    __tablename__ = "chat_group"

    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"), primary_key=True)
    kind: Mapped[ChatKind] = mapped_column(Word(ChatKind, 16))
    url: Mapped[str] = mapped_column(EncryptedText)
    secret: Mapped[str | None] = mapped_column(EncryptedText)


class NoticeOccasion(StrEnum):
    NEW = "new"
    REWORK = "rework"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    SUPERVISION = "supervision"
    LEDGER = "ledger"


class NoticeWay(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    CHAT = "chat"
    CALL = "call"
    NOBODY = "nobody"  # there was nobody who could be reached


class UnitNotice(Record):
    """Something that a unit has to be told of an assignment, once; `step` counts the steps that were taken."""

    __tablename__ = "unit_notice"
    __table_args__ = (partial_index("ix_unit_notice_due", "next_at", where="next_at IS NOT NULL"),)

    key: Mapped[str] = mapped_column(String(120), unique=True)
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"))
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    assignment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("assignment.id"))
    mark_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("mark.id"))
    occasion: Mapped[NoticeOccasion] = mapped_column(Word(NoticeOccasion, 16))
    urgency: Mapped[Urgency] = mapped_column(Word(Urgency, 16))
    due_at: Mapped[datetime]  # the end of the clock that the steps are shares of
    step: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]  # done by the unit, or no longer its business


class NoticeDelivery(Record):
    """One telling of a notice. Several notices that are told together share the message or the call."""

    __tablename__ = "notice_delivery"
    __table_args__ = (UniqueConstraint("notice_id", "step", "way", "party"),)

    notice_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit_notice.id"), index=True)
    step: Mapped[int]
    way: Mapped[NoticeWay] = mapped_column(Word(NoticeWay, 8))
    party: Mapped[str] = mapped_column(String(32))  # the person's id, "group" or "nobody": nobody is told a step twice
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    outgoing_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("outgoing_message.id"))
    callback_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("callback.id"), index=True)
    signed_at: Mapped[datetime | None]  # by key, in this call
