"""How a citizen's opinion is sought: one plan for each close, its tries, and what the centre made of the answers."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record, Word, now, partial_index
from models.privacy import EncryptedText


class SurveyWay(StrEnum):
    MESSAGE = "message"  # in the way the citizen came: WeChat, text message, e-mail, the mailbox's page
    CALL = "call"  # answered by keys
    PERSON = "person"


class PlanState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    LAPSED = "lapsed"
    UNASKED = "unasked"
    ENDED = "ended"  # the case moved on before anybody answered


class PlanReason(StrEnum):
    """Why a citizen was not asked, or not to the end."""

    DIRECT = "direct"  # answered on the spot: there was no unit to judge
    DECLINED = "declined"
    REFUSES = "refuses"
    NUISANCE = "nuisance"
    NO_STEP = "no_step"  # closed by a way on which the profile asks nobody
    MOVED_ON = "moved_on"
    UNREACHED = "unreached"
    SILENT = "silent"


class AttemptOutcome(StrEnum):
    SENT = "sent"
    ANSWERED = "answered"
    SILENT = "silent"  # the call was taken, and no opinion given
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    SWITCHED_OFF = "switched_off"
    HUNG_UP = "hung_up"
    WRONG_NUMBER = "wrong_number"
    LATER = "later"
    REFUSES = "refuses"
    FAILED = "failed"
    NOT_PLACED = "not_placed"  # on our side: no line, no exchange
    NO_WAY = "no_way"  # no number, or none that this way reaches
    OVERTAKEN = "overtaken"


class SurveyPlan(Record):
    """Exactly one for each event that closed a case, or brought it to where its citizen is asked."""

    __tablename__ = "survey_plan"
    __table_args__ = (partial_index("ix_survey_plan_due", "next_at", where="state = 'open' AND next_at IS NOT NULL"),)

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case_event.id"), unique=True)
    survey_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("survey.id"), unique=True)
    rule_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("rule.id"))  # the edition that it follows
    state: Mapped[PlanState] = mapped_column(Word(PlanState, 16), default=PlanState.OPEN)
    reason: Mapped[PlanReason | None] = mapped_column(Word(PlanReason, 16))
    step: Mapped[int] = mapped_column(default=0)
    next_at: Mapped[datetime | None]  # none while a try runs, and when there is nothing left but to wait
    settled_at: Mapped[datetime | None]


class SurveyAttempt(Record):
    """One try to get an opinion. Of a plan one at most runs, so that nobody is called twice for the same."""

    __tablename__ = "survey_attempt"
    __table_args__ = (
        UniqueConstraint("plan_id", "number"),
        partial_index("uq_survey_attempt_running", "plan_id", where="ended_at IS NULL", unique=True),
        partial_index("ix_survey_attempt_desk", "way", "due_at", where="ended_at IS NULL"),
    )

    plan_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("survey_plan.id"))
    number: Mapped[int]
    step: Mapped[int]
    way: Mapped[SurveyWay] = mapped_column(Word(SurveyWay, 16))
    due_at: Mapped[datetime]
    outgoing_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("outgoing_message.id"))
    callback_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("callback.id"), unique=True)
    taken_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    taken_at: Mapped[datetime | None]
    outcome: Mapped[AttemptOutcome | None] = mapped_column(Word(AttemptOutcome, 16))
    note: Mapped[str | None] = mapped_column(EncryptedText)
    ended_at: Mapped[datetime | None]


class Ruling(StrEnum):
    """What the centre makes of a citizen who is not content."""

    REWORK = "rework"
    EXPLAINED = "explained"
    UNREASONABLE = "unreasonable"


class SurveyRuling(Base):
    """Beside the decision on the reopening: which of the three it is, and what it rests on."""

    __tablename__ = "survey_ruling"

    request_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("request.id"), primary_key=True)
    survey_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("survey.id"), index=True)
    ruling: Mapped[Ruling] = mapped_column(Word(Ruling, 16))
    evidence: Mapped[str] = mapped_column(Text, default="")
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    ruled_at: Mapped[datetime] = mapped_column(default=now)


class ControlFinding(StrEnum):
    CONFIRMED = "confirmed"
    CONTRADICTED = "contradicted"
    UNREACHED = "unreached"


class ControlCall(Record):
    """A content citizen, drawn by lot, is called as a check on false closing (虚假办结)."""

    __tablename__ = "control_call"
    __table_args__ = (partial_index("ix_control_call_open", "created_at", where="finding IS NULL"),)

    survey_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("survey.id"), unique=True)
    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    finding: Mapped[ControlFinding | None] = mapped_column(Word(ControlFinding, 16))
    note: Mapped[str | None] = mapped_column(EncryptedText)
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    found_at: Mapped[datetime | None]


class AnswerTrace(Base):
    """Where an answer came from, as keyed hashes that say nothing by themselves; gone after 30 days."""

    __tablename__ = "answer_trace"
    __table_args__ = (Index(None, "origin_hash", "at"), Index(None, "at"))

    answer_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("survey_answer.id"), primary_key=True)
    origin_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # of address and agent
    number_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    at: Mapped[datetime]


class PressureKind(StrEnum):
    OWN_NUMBER = "own_number"
    IN_A_ROW = "in_a_row"


class PressureSign(Record):
    """What looks as if citizens did not answer freely: a sign for a supervisor, never a verdict."""

    __tablename__ = "pressure_sign"
    __table_args__ = (UniqueConstraint("kind", "key"),)

    kind: Mapped[PressureKind] = mapped_column(Word(PressureKind, 16))
    key: Mapped[str] = mapped_column(String(80))
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"), index=True)
    survey_ids: Mapped[list[str]]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    seen_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    seen_at: Mapped[datetime | None]
    note: Mapped[str] = mapped_column(Text, default="")
