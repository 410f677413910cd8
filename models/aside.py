"""Beside the way of a case: orders that are pushed to the police platform, numbers that are not served for a time."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record, Word, partial_index
from models.privacy import EncryptedText


class PushState(StrEnum):
    WAITING = "waiting"
    RECEIVED = "received"
    DONE = "done"
    RETURNED = "returned"
    STUCK = "stuck"  # tried too often, or refused: a person replays it
    VOICE_ONLY = "voice_only"  # no platform is connected: the caller was joined, and that was all

    @property
    def ended(self) -> bool:
        return self in (PushState.DONE, PushState.RETURNED, PushState.VOICE_ONLY)


class PolicePush(Record):
    """A case that was handed to 110: its id goes along, so that the same order sent twice is one order there."""

    __tablename__ = "police_push"
    __table_args__ = (partial_index("ix_police_push_waiting", "next_try_at", where="state = 'waiting'"),)

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    state: Mapped[PushState] = mapped_column(Word(PushState, 16))
    attempts: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]
    last_error: Mapped[str] = mapped_column(String(200), default="")
    receipt: Mapped[str] = mapped_column(String(64), default="")  # the order's number over there
    received_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    said: Mapped[str] = mapped_column(Text, default="")  # what was done, or why it is ours after all


class RefusalState(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in_force"
    DECLINED = "declined"
    LIFTED = "lifted"


class NumberRefusal(Record):
    """A number or an account that is not served for a time, after nuisance: by rule, for a term, with a way to appeal."""

    __tablename__ = "number_refusal"
    __table_args__ = (
        Index(None, "sender_hash", "until"),
        partial_index("uq_number_refusal_open", "sender_hash", unique=True, where="state = 'proposed'"),
    )

    sender_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    sender: Mapped[str] = mapped_column(EncryptedText)
    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"))
    state: Mapped[RefusalState] = mapped_column(Word(RefusalState, 16), default=RefusalState.PROPOSED)
    basis: Mapped[str] = mapped_column(Text)
    nuisances: Mapped[int]  # how many there were within the rule's time
    round: Mapped[int]  # the how-manieth time for this number: the term grows
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    decided_at: Mapped[datetime | None]
    decision_note: Mapped[str] = mapped_column(Text, default="")
    until: Mapped[datetime | None]
    turned_away: Mapped[int] = mapped_column(default=0)
    appeal: Mapped[str | None] = mapped_column(EncryptedText)
    appealed_at: Mapped[datetime | None]
    appeal_decided_at: Mapped[datetime | None]
    lifted_at: Mapped[datetime | None]
    lifted_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
