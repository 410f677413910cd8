"""Units' own systems: their accounts and keys, the calls they made, and what they are told by webhooks."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Record, Word, now, partial_index
from models.privacy import EncryptedText
from models.staff import Staff


class Scope(StrEnum):
    """What a system may do beside reading its unit's cases."""

    READ = "read"
    ACT = "act"
    NUMBERS = "numbers"  # whole telephone numbers, each against a reason


class Topic(StrEnum):
    """What a webhook may tell of: the type is "case." and this word."""

    DISPATCHED = "dispatched"
    CHANGED = "changed"
    REWORK = "rework"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"
    ACCEPTED = "accepted"
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"
    SUPERVISED = "supervised"
    DECIDED = "decided"


class System(Record):
    """A unit's own system. It acts as a liaison of its unit, by a staff row that cannot sign in and gives it its name."""

    __tablename__ = "system"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), unique=True)
    scopes: Mapped[list[str]]
    addresses: Mapped[list[str]]  # networks that it calls from; none: from anywhere
    staff: Mapped[Staff] = relationship(lazy="raise")


class SystemKey(Record):
    """A key of a system, of which only the SHA-256 is kept. One that is being replaced ends by itself."""

    __tablename__ = "system_key"

    system_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("system.id"), index=True)
    hint: Mapped[str] = mapped_column(String(12))  # its first signs, for people to tell keys apart
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    used_at: Mapped[datetime | None]


class SystemCall(Record):
    """What a writing call was answered, so that the same call again is answered the same."""

    __tablename__ = "system_call"
    __table_args__ = (UniqueConstraint("system_id", "key"),)

    system_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("system.id"))
    key: Mapped[str] = mapped_column(String(64))
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))  # of what was asked
    answer: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=now, index=True, sort_order=99)


class Webhook(Record):
    """Where a system is told what happens to its unit's cases. Its secrets sign; while one is replaced, both do."""

    __tablename__ = "webhook"

    system_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("system.id"), index=True)
    url: Mapped[str] = mapped_column(String(500))
    topics: Mapped[list[str]]
    secret: Mapped[str] = mapped_column(EncryptedText)
    former_secret: Mapped[str | None] = mapped_column(EncryptedText)
    former_until: Mapped[datetime | None]
    failures: Mapped[int] = mapped_column(default=0)  # in a row
    failing_since: Mapped[datetime | None]
    next_try_at: Mapped[datetime | None]  # not before this; none while all goes well
    busy_until: Mapped[datetime | None]  # one call at a time, unless its caller is gone
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str] = mapped_column(String(200), default="")


class Told(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    REFUSED = "refused"  # the system says again and again that it does not want this one


class WebhookDelivery(Record):
    """One thing that a system is told: ids, state and version, never a person's data."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        partial_index("ix_webhook_delivery_waiting", "webhook_id", "created_at", where="told = 'waiting'"),
        partial_index("ix_webhook_delivery_settled", "settled_at", where="settled_at IS NOT NULL"),
    )

    webhook_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("webhook.id"), index=True)
    kind: Mapped[str] = mapped_column(String(32))
    body: Mapped[dict[str, Any]]
    told: Mapped[Told] = mapped_column(Word(Told, 16), default=Told.WAITING)
    attempts: Mapped[int] = mapped_column(default=0)
    tried_at: Mapped[datetime | None]
    answer_code: Mapped[int | None]
    milliseconds: Mapped[int | None]
    last_error: Mapped[str] = mapped_column(String(200), default="")
    settled_at: Mapped[datetime | None]
