"""Staff, their roles, sessions and presence, and the log of who opened whose data."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Record, Word
from models.unit import Unit
from models.workflow import Role

# What an account may be kept to.
CHANNELS = ("voice", "sms", "wechat", "mailbox", "email")


class Staff(Record):
    """A person with an account. Liaisons belong to a unit; what they see is that unit's subtree."""

    __tablename__ = "staff"

    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(String(255))
    unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    active: Mapped[bool] = mapped_column(default=True)
    skills: Mapped[list[str]] = mapped_column(default=lambda: ["general"])
    languages: Mapped[list[str]] = mapped_column(default=lambda: ["zh"])
    channels: Mapped[list[str]] = mapped_column(default=lambda: list(CHANNELS))
    # Text contacts that this person may have open at once.
    capacity: Mapped[int] = mapped_column(default=3)
    unit: Mapped[Unit | None] = relationship(lazy="raise")
    role_rows: Mapped[list["StaffRole"]] = relationship(lazy="selectin", cascade="all, delete-orphan")

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(Role(row.role) for row in self.role_rows)


class StaffRole(Base):
    __tablename__ = "staff_role"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(Word(Role, 32), primary_key=True)


class StaffSession(Record):
    """A sign-in. The cookie holds the secret, the table its SHA-256; revoking it ends the session at once."""

    __tablename__ = "staff_session"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    csrf: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class PresenceState(StrEnum):
    AVAILABLE = "available"
    PAUSED = "paused"
    WRAP_UP = "wrap_up"
    OFFLINE = "offline"


class Presence(Base):
    """Where a seat stands now; one row a person. Its past is in `presence_change`."""

    __tablename__ = "presence"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    state: Mapped[PresenceState] = mapped_column(Word(PresenceState, 16), default=PresenceState.OFFLINE)
    reason: Mapped[str] = mapped_column(String(64), default="")
    since: Mapped[datetime]
    heartbeat_at: Mapped[datetime]
    staff: Mapped[Staff] = relationship(lazy="raise")


class PresenceChange(Record):
    __tablename__ = "presence_change"

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    state: Mapped[PresenceState] = mapped_column(Word(PresenceState, 16))
    reason: Mapped[str] = mapped_column(String(64), default="")


class AccessLog(Record):
    """Every reading of a person's data: who, what, why. Rows are added, never changed."""

    __tablename__ = "access_log"
    __table_args__ = (Index(None, "subject_kind", "subject_id"),)

    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), index=True)
    subject_kind: Mapped[str] = mapped_column(String(16))
    subject_id: Mapped[uuid.UUID]
    what: Mapped[str] = mapped_column(String(32))
    reason: Mapped[str] = mapped_column(Text, default="", server_default=text("''"))
