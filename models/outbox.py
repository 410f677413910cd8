"""Facts that still have consequences to run, which handlers ran them, and what was sent to whom."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record, Word, now, partial_index
from models.privacy import EncryptedText


class OutboxMessage(Record):
    """One event, written in the transaction of the fact it tells; leased by the relay, done when every handler has run."""

    __tablename__ = "outbox_message"
    __table_args__ = (partial_index("ix_outbox_open", "ready_at", where="done_at IS NULL"),)

    event: Mapped[str] = mapped_column(String(48))
    body: Mapped[dict[str, Any]]
    ready_at: Mapped[datetime]  # not before this time: now, or when the lease runs out
    attempts: Mapped[int] = mapped_column(default=0)
    done_at: Mapped[datetime | None]
    stuck: Mapped[bool] = mapped_column(default=False)
    last_error: Mapped[str] = mapped_column(Text, default="")


class HandledMessage(Base):
    """Written by a handler in its own transaction: the pair makes a second run harmless."""

    __tablename__ = "handled_message"

    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("outbox_message.id"), primary_key=True)
    handler: Mapped[str] = mapped_column(String(64), primary_key=True)
    handled_at: Mapped[datetime]


class Delivery(StrEnum):
    WAITING = "waiting"
    SENDING = "sending"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    GIVEN_UP = "given_up"
    REPLACED = "replaced"  # never sent: a newer message says what there is to say


class OutgoingMessage(Record):
    """Something to be told to a citizen: written first, sent afterwards; the id is the provider's idempotency key."""

    __tablename__ = "outgoing_message"
    __table_args__ = (
        Index(None, "delivery", "created_at"),
        Index(None, "case_id"),
        Index(None, "contact_id"),
        Index(None, "recipient_hash", "created_at"),
        Index(None, "provider_id"),
        partial_index("ix_outgoing_message_due", "next_try_at", where="next_try_at IS NOT NULL"),
    )

    channel: Mapped[str] = mapped_column(String(16))
    gateway: Mapped[str] = mapped_column(String(24), default="")
    sent_by: Mapped[str] = mapped_column(
        String(24), default=""
    )  # the gateway that had the last try: it is asked what became of it
    recipient: Mapped[str] = mapped_column(EncryptedText)
    recipient_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    text: Mapped[str] = mapped_column(EncryptedText)
    values: Mapped[str | None] = mapped_column(EncryptedText)  # JSON: what the purpose's template is filled with
    purpose: Mapped[str] = mapped_column(String(24))  # received, filed, dispatched, answered, survey, reopened, reply
    # What is told once (case, purpose, round), however often the telling is tried; none for what a person writes.
    key: Mapped[str | None] = mapped_column(String(120), unique=True)
    contact_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("contact.id"))
    case_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("case.id"))
    # The outgoing message of the thread that this delivers; several tell of one text if another way had to be tried.
    message_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("message.id"))
    instead_of_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("outgoing_message.id"), unique=True)
    delivery: Mapped[Delivery] = mapped_column(Word(Delivery, 16), default=Delivery.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None]
    # Not before this: events that follow each other are gathered, nights are quiet. Patience with the provider counts from here.
    ready_at: Mapped[datetime] = mapped_column(default=now)
    # When the timetable takes it up: to send it, or to ask what became of it. None once its fate is known, or a person's to find.
    next_try_at: Mapped[datetime | None]
    provider_id: Mapped[str] = mapped_column(String(128), default="")
    last_error: Mapped[str] = mapped_column(Text, default="")
    settled_at: Mapped[datetime | None]
