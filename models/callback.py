"""Calls that we owe a citizen: somebody hung up waiting, left a message, asked for it, or is to be asked about a case."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record, Word, partial_index
from models.privacy import EncryptedText


class CallbackReason(StrEnum):
    ABANDONED = "abandoned"
    REQUESTED = "requested"
    VOICE_MESSAGE = "voice_message"
    INTERRUPTED = "interrupted"
    CASE = "case"
    SURVEY = "survey"
    DUTY = "duty"  # to whoever is on duty at a unit, not to a citizen


class CallbackState(StrEnum):
    WAITING = "waiting"
    DIALLING = "dialling"
    REACHED = "reached"
    DROPPED = "dropped"  # the citizen rang again and was answered, or somebody took it off the list
    GIVEN_UP = "given_up"

    @property
    def is_open(self) -> bool:
        return self in (CallbackState.WAITING, CallbackState.DIALLING)


class Callback(Record):
    """One number that we owe a call. Of each number one at most is open for calls that we missed."""

    __tablename__ = "callback"
    __table_args__ = (
        partial_index("uq_callback_missed", "number_hash", where="missed AND state IN ('waiting', 'dialling')", unique=True),
        Index(None, "state", "due_at"),
    )

    reason: Mapped[CallbackReason] = mapped_column(Word(CallbackReason, 16))
    # An abandoned or interrupted call, or one that asked to be called: these are once per number.
    missed: Mapped[bool]
    number: Mapped[str] = mapped_column(EncryptedText)
    number_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    contact_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("contact.id"), index=True)
    case_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("case.id"), index=True)
    survey_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("survey.id"))
    state: Mapped[CallbackState] = mapped_column(Word(CallbackState, 16), default=CallbackState.WAITING)
    due_at: Mapped[datetime]  # not before this time
    queue: Mapped[str] = mapped_column(String(32), default="main")
    # The place that is kept in the exchange's queue (1 is the head); none once that queue is gone.
    position: Mapped[int | None]
    taken_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    settled_at: Mapped[datetime | None]


class TryOutcome(StrEnum):
    ANSWERED = "answered"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    REFUSED = "refused"
    FAILED = "failed"
    NO_AGENT = "no_agent"


class CallbackTry(Record):
    """One attempt: the command that placed it, and what came of it."""

    __tablename__ = "callback_try"

    callback_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("callback.id"), index=True)
    command_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("switchboard.id"), unique=True)
    call_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("call.id"))
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[TryOutcome | None] = mapped_column(Word(TryOutcome, 16))
