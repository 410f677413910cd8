"""A case in a unit's hands: assignments with their own state and clocks, what units ask for, answer and are marked with."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Record, Word, partial_index
from models.case import Case, ClosureKind
from models.workflow import AssignmentStatus, Standing


class Assignment(Record):
    """A case given to a unit, lead or assisting, at a level; may have children one level down."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index(None, "unit_id", "status", "due_at"),
        Index(None, "case_id"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    unit_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("unit.id"))
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("assignment.id"))
    lead: Mapped[bool] = mapped_column(default=True)
    level: Mapped[int] = mapped_column(default=1)
    status: Mapped[AssignmentStatus] = mapped_column(Word(AssignmentStatus, 16))
    version: Mapped[int] = mapped_column(default=1)
    note: Mapped[str] = mapped_column(Text, default="")  # what the dispatcher tells the unit
    dispatched_at: Mapped[datetime]
    due_at: Mapped[datetime | None]  # the running clock: sign, then answer
    sign_due_at: Mapped[datetime]
    contact_due_at: Mapped[datetime]
    answer_due_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    contacted_at: Mapped[datetime | None]  # first contact with the citizen (先行联系)
    answered_at: Mapped[datetime | None]
    case: Mapped[Case] = relationship(lazy="raise")  # not for reading: a new case is written before its assignments

    @property
    def standing(self) -> Standing:
        if self.parent_id is not None:
            return Standing.BELOW
        return Standing.LEAD if self.lead else Standing.ASSIST


class RequestKind(StrEnum):
    RETURN = "return"
    EXTENSION = "extension"
    LEDGER = "ledger"
    APPEAL = "appeal"
    CORRECTION = "correction"
    REOPENING = "reopening"
    ASSISTS = "assists"  # another unit beside the lead, or one less


class RequestState(StrEnum):
    OPEN = "open"
    GRANTED = "granted"
    REFUSED = "refused"


class Request(Record):
    """Something asked for beside a state, with a decision. Two open ones of a kind on one subject cannot be."""

    __tablename__ = "request"
    __table_args__ = (
        partial_index("uq_request_open", "case_id", "kind", unique=True, where="state = 'open'"),
        Index(None, "state", "kind"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    assignment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("assignment.id"), index=True)
    kind: Mapped[RequestKind] = mapped_column(Word(RequestKind, 16))
    state: Mapped[RequestState] = mapped_column(Word(RequestState, 16), default=RequestState.OPEN)
    reason_code: Mapped[str] = mapped_column(String(32))
    basis: Mapped[str] = mapped_column(Text)
    proposed_unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))  # none: the citizen, by the survey
    due_at: Mapped[datetime | None]  # by when the centre decides
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str] = mapped_column(Text, default="")


class Answer(Record):
    """What a unit answered: the public text goes to the citizen as it stands, the note stays inside."""

    __tablename__ = "answer"

    assignment_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("assignment.id"), index=True)
    public_text: Mapped[str] = mapped_column(Text)
    internal_note: Mapped[str] = mapped_column(Text, default="")
    closure: Mapped[ClosureKind] = mapped_column(Word(ClosureKind, 16), default=ClosureKind.SOLVED)
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))


class Meeting(Record):
    """A joint meeting of units on a case (联席会议): when it was, who was there, what it came to."""

    __tablename__ = "meeting"

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    held_on: Mapped[date]
    present: Mapped[str] = mapped_column(Text)
    result: Mapped[str] = mapped_column(Text)
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))


class MarkKind(StrEnum):
    SUPERVISION = "supervision"
    OVERDUE = "overdue"
    REPEAT = "repeat"
    CONFIDENTIAL = "confidential"
    URGENT = "urgent"
    URGED = "urged"


class Mark(Record):
    """Seen on a case beside its state; set by rule (no person) or by hand, cleared only with a reason."""

    __tablename__ = "mark"
    __table_args__ = (Index(None, "case_id"),)

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    assignment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("assignment.id"))
    kind: Mapped[MarkKind] = mapped_column(Word(MarkKind, 16))
    level: Mapped[int] = mapped_column(default=1)
    basis: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    cleared_at: Mapped[datetime | None]
    cleared_reason: Mapped[str] = mapped_column(Text, default="")
