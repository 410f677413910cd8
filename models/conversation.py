"""A citizen's thread on one channel, what happens on it beside messages, and files that its provider still keeps for us."""

import uuid
from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record, partial_index
from models.privacy import EncryptedText


class Conversation(Record):
    """Found by the keyed hash of whom the channel says is writing."""

    __tablename__ = "conversation"
    __table_args__ = (UniqueConstraint("channel", "sender_hash"),)

    channel: Mapped[str] = mapped_column(String(16))
    sender_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    sender: Mapped[str] = mapped_column(EncryptedText)
    citizen_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("citizen.id"))
    # When the citizen last wrote or pressed a key: providers let us answer freely for a while from here.
    heard_at: Mapped[datetime | None]
    # No longer follows the account: nothing reaches him or her this way.
    left_at: Mapped[datetime | None]


class ConversationSignal(Record):
    """What a citizen did on a channel that is no message; unique as the provider names it."""

    __tablename__ = "conversation_signal"
    __table_args__ = (UniqueConstraint("channel", "external_id"),)

    channel: Mapped[str] = mapped_column(String(16))
    external_id: Mapped[str] = mapped_column(String(160))
    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversation.id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    value: Mapped[str] = mapped_column(String(255), default="")
    at: Mapped[datetime]


class PendingMedia(Record):
    """A file of a stored message that waits at the provider; the row stays as proof of what became of it."""

    __tablename__ = "pending_media"
    __table_args__ = (partial_index("ix_pending_media_open", "created_at", where="settled_at IS NULL"),)

    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("message.id"), index=True)
    position: Mapped[int]
    reference: Mapped[str] = mapped_column(EncryptedText)
    media_type: Mapped[str] = mapped_column(String(64), default="")
    settled_at: Mapped[datetime | None]
    # Why there is no file; empty for one that was fetched.
    failure: Mapped[str] = mapped_column(String(255), default="")


class GuidedExchange(Base):
    """Questions put to a citizen one after another; what is answered fills the contact and the form."""

    __tablename__ = "guided_exchange"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    # What is still to be asked; the first of them was asked last.
    open_questions: Mapped[list[str]]
    # Area codes between which the answer to the last question has to choose.
    choices: Mapped[list[str]]
    tries: Mapped[int] = mapped_column(default=0)
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class NumberBinding(Base):
    """A citizen says that a number is his or hers; the code that was sent there will prove it."""

    __tablename__ = "number_binding"

    conversation_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("conversation.id"), primary_key=True)
    number: Mapped[str] = mapped_column(EncryptedText)
    code_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    tries: Mapped[int] = mapped_column(default=0)
    # Codes sent within the day, so that nobody has a stranger's telephone rung by texts.
    sent: Mapped[int] = mapped_column(default=1)
    sent_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class OptOut(Base):
    """Who wants no more messages on a channel, by the keyed hash of number or address; answers to own questions still go out."""

    __tablename__ = "opt_out"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    recipient_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    since: Mapped[datetime]
