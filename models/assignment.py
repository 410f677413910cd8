"""A case in a unit's hands: assignments with their own state and clocks, what units ask for, answer and are marked with."""

import uuid
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Record, Word, partial_index
from models.case import UNPLANNED, Case, ClosureKind
from models.workflow import AssignmentStatus, Standing


class Assignment(Record):
    """A case given to a unit, lead or assisting, at a level; may have children one level down."""

    __tablename__ = "assignment"
    __table_args__ = (
        Index(None, "unit_id", "status", "due_at"),
        Index(None, "case_id"),
        partial_index("ix_assignment_alarm", "alarm_at", where="alarm_at IS NOT NULL"),
        partial_index("ix_assignment_unplanned", "due_at", where=UNPLANNED),
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
    alarm_at: Mapped[datetime | None]  # when the sweep looks at the clock next; none once all has been said
    alarm_for: Mapped[datetime | None]  # the due time for which that was planned
    sign_due_at: Mapped[datetime]
    contact_due_at: Mapped[datetime]
    answer_due_at: Mapped[datetime]
    signed_at: Mapped[datetime | None]
    contacted_at: Mapped[datetime | None]  # first contact with the citizen (先行联系)
    answered_at: Mapped[datetime | None]
    # The answer's clock stands still: since when, and at the latest until when. `answer_due_at` reckons with the whole of it.
    paused_at: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
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
    APPEAL = "appeal"  # of a unit against how a case counts in its scores
    SECOND_LOOK = "second_look"  # at what ended without an answer, because its citizen does not agree
    CORRECTION = "correction"
    REOPENING = "reopening"
    ASSISTS = "assists"  # another unit beside the lead, or one less
    ARBITRATION = "arbitration"
    WITHDRAWAL = "withdrawal"  # a withdrawn case that was drawn: whether the citizen wanted it


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
    plan: Mapped[str] = mapped_column(Text, default="", server_default="")  # of what goes on the ledger
    proposed_unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    wanted_at: Mapped[datetime | None]  # the time that is asked for: to answer, to meet, to look again
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))  # none: the citizen, by the survey
    due_at: Mapped[datetime | None]  # by when the centre decides
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str] = mapped_column(Text, default="")
    # Of a meeting about whose the case is: the codes of the units that are asked to come, and which one keeps it.
    invited: Mapped[list[str]] = mapped_column(default=list, server_default="[]")
    decided_unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))


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
    LEDGER = "ledger"
    INSTRUCTION = "instruction"


class Measure(StrEnum):
    """What supervision does, from the mildest to the last."""

    REMINDER = "reminder"
    WRITTEN = "written"
    YELLOW_CARD = "yellow_card"
    RED_CARD = "red_card"
    CRITICISM = "criticism"
    HANDED_OVER = "handed_over"

    @property
    def level(self) -> int:
        return list(Measure).index(self) + 1


class Mark(Record):
    """Seen on a case beside its state; set by rule (no person) or by hand, cleared only with a reason."""

    __tablename__ = "mark"
    __table_args__ = (
        Index(None, "case_id"),
        partial_index("ix_mark_supervision", "assignment_id", where="kind = 'supervision' AND cleared_at IS NULL"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    assignment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("assignment.id"))
    kind: Mapped[MarkKind] = mapped_column(Word(MarkKind, 16))
    level: Mapped[int] = mapped_column(default=1)
    basis: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    # Of supervision: what it is, whom it is addressed to, by when the unit answers, and what it said. What is on the ledger is
    # due to be looked at again, and the unit tells how things stand; the party of an instruction is the leader who gave it.
    measure: Mapped[Measure | None] = mapped_column(Word(Measure, 16))
    party: Mapped[str] = mapped_column(String(64), default="", server_default="")
    due_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(Text, default="", server_default="")
    answered_at: Mapped[datetime | None]
    answered_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    cleared_at: Mapped[datetime | None]
    cleared_reason: Mapped[str] = mapped_column(Text, default="")
    cleared_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
