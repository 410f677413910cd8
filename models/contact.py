"""What arrives: messages, the conversations they belong to, and contacts, the episodes that an agent works on."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    Float,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Record, Word, partial_index
from models.citizen import CitizenKind
from models.privacy import EncryptedText


class Direction(StrEnum):
    IN = "in"
    OUT = "out"


class Urgency(StrEnum):
    EMERGENCY = "emergency"
    URGENT = "urgent"
    NORMAL = "normal"

    @property
    def weight(self) -> int:
        """Higher goes first in the queue."""
        return {"emergency": 2, "urgent": 1, "normal": 0}[self.value]


class Conclusion(StrEnum):
    FILED = "filed"
    ANSWERED = "answered"
    REDIRECTED = "redirected"
    VOID = "void"
    REFUSED = "refused"  # its number is not served for a time
    ABANDONED = "abandoned"
    LAPSED = "lapsed"


class Contact(Record):
    """One episode: from opening to conclusion. It owns the queue place, the clock and the agent.

    There is no state column: queued, taken and concluded are times on the row.
    """

    __tablename__ = "contact"
    __table_args__ = (
        Index(None, "number_hash", "created_at"),
        Index(None, "grid_code", "created_at"),
        partial_index("ix_contact_open", "taken_by_id", where="concluded_at IS NULL"),
        Index(None, "received_at"),
    )

    reference: Mapped[str] = mapped_column(String(32), unique=True)
    code_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    channel: Mapped[str] = mapped_column(String(16))
    conversation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("conversation.id"), index=True)
    source: Mapped[str] = mapped_column(String(24), default="citizen")
    received_at: Mapped[datetime]
    subject: Mapped[str] = mapped_column(String(200), default="")  # first line, for lists; follows the case's access rules

    # Who it seems to be: what the channel or the citizen said, until an agent confirms a citizen.
    citizen_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("citizen.id"), index=True)
    sender_kind: Mapped[CitizenKind] = mapped_column(Word(CitizenKind, 16), default=CitizenKind.PERSON)
    sender_name: Mapped[str | None] = mapped_column(EncryptedText)
    number: Mapped[str | None] = mapped_column(EncryptedText)
    number_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    confidential: Mapped[bool] = mapped_column(default=False)
    consent: Mapped[str] = mapped_column(String(32), default="")  # edition of the consent text that was agreed to
    wished_kind: Mapped[str] = mapped_column(String(16), default="")  # request kind as the citizen chose it
    place_text: Mapped[str | None] = mapped_column(EncryptedText)
    occurred_text: Mapped[str] = mapped_column(String(128), default="")  # when it happened, as the citizen said
    grid_code: Mapped[str | None] = mapped_column(String(32))  # picked by the citizen or suggested; any level of area

    # The queue's view of it.
    urgency: Mapped[Urgency] = mapped_column(Word(Urgency, 16), default=Urgency.NORMAL)
    skill: Mapped[str] = mapped_column(String(32), default="general")
    language: Mapped[str] = mapped_column(String(8), default="zh")
    queued_at: Mapped[datetime | None]
    taken_at: Mapped[datetime | None]
    taken_by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    first_answer_at: Mapped[datetime | None]
    # The oldest message that no person has answered yet: a message's clock runs from here.
    unanswered_since: Mapped[datetime | None]
    concluded_at: Mapped[datetime | None]
    conclusion: Mapped[Conclusion | None] = mapped_column(Word(Conclusion, 16))
    conclusion_note: Mapped[str] = mapped_column(Text, default="")
    void_code: Mapped[str] = mapped_column(String(16), default="", server_default="")  # of what came to nothing: of which kind
    version: Mapped[int] = mapped_column(default=1)

    messages: Mapped[list["Message"]] = relationship(lazy="raise", order_by="Message.received_at")

    @property
    def state(self) -> str:
        """waiting, taken or concluded, for lists and exports."""
        if self.concluded_at is not None:
            return "concluded"
        return "taken" if self.taken_at is not None else "waiting"


class Message(Record):
    """One text arrival or sending, unique on (channel, external id); lost and doubled are counted on these."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("channel", "external_id"),
        Index(None, "contact_id", "received_at"),
        Index(None, "conversation_id", "received_at"),
    )

    channel: Mapped[str] = mapped_column(String(16))
    gateway: Mapped[str] = mapped_column(String(24), default="")
    external_id: Mapped[str] = mapped_column(String(128))
    direction: Mapped[Direction] = mapped_column(Word(Direction, 4), default=Direction.IN)
    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"))
    conversation_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("conversation.id"))
    case_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("case.id"), index=True)  # a remark on a filed case
    text: Mapped[str] = mapped_column(Text)
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))  # who wrote what we sent; nobody: the service
    sent_at: Mapped[datetime | None]
    received_at: Mapped[datetime]
    attachments: Mapped[list["Attachment"]] = relationship(lazy="raise")


class Attachment(Record):
    """A file from outside, checked, stripped of position data, encrypted in the data folder under `stored_as`."""

    __tablename__ = "attachment"

    message_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("message.id"), index=True)
    answer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("answer.id"), index=True)
    check_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("check.id"), index=True)
    name: Mapped[str] = mapped_column(EncryptedText)
    media_type: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    stored_as: Mapped[str] = mapped_column(String(64), unique=True)
    # Cleared to be shown to the unit of a confidential case.
    cleared: Mapped[bool] = mapped_column(default=False)


class QueueEntry(Base):
    """A contact that waits; the row goes when it is taken. Times are epoch seconds so that both databases can rank them.

    rank = (now - clock_from) / limit_seconds, urgent first: the share of its clock that is used up (GB/T 33358-2016).
    """

    __tablename__ = "queue_entry"
    __table_args__ = (Index(None, "urgency_weight", "clock_from"),)

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    channel: Mapped[str] = mapped_column(String(16))
    skill: Mapped[str] = mapped_column(String(32))
    language: Mapped[str] = mapped_column(String(8))
    urgency_weight: Mapped[int]
    clock_from: Mapped[float] = mapped_column(Float(53))
    limit_seconds: Mapped[float] = mapped_column(Float(53))
    # Handed over to a particular person: nobody else is offered it until this time.
    reserved_for_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))


class Offer(Base):
    """A waiting text, held out to one agent whose telephone rests meanwhile; not taken in time, it is everybody's again."""

    __tablename__ = "offer"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    staff_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"), unique=True)
    until: Mapped[datetime]


class Draft(Base):
    """The filing form of a contact as typed so far; one row a matter (一事一单). Survives reloads and crashes."""

    __tablename__ = "draft"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), primary_key=True)
    matter: Mapped[int] = mapped_column(primary_key=True)  # 1, 2 … within the contact
    body: Mapped[str] = mapped_column(EncryptedText)  # JSON of services.drafts.DraftForm
    saved_at: Mapped[datetime]
    case_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("case.id"))


class Suggestion(Record):
    """What the classifier said of a contact's text, in the form of `hotline suggest`, with the model's version."""

    __tablename__ = "suggestion"

    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    model_version: Mapped[str] = mapped_column(String(64))
    body: Mapped[dict[str, Any]]


class ShadowSuggestion(Record):
    """What a model that nobody is shown said beside a suggestion: for comparing the two once a person has decided."""

    __tablename__ = "shadow_suggestion"
    __table_args__ = (UniqueConstraint("suggestion_id", "model_version"),)

    suggestion_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("suggestion.id"))
    model_version: Mapped[str] = mapped_column(String(64), index=True)
    body: Mapped[dict[str, Any]]
    suggestion: Mapped[Suggestion] = relationship(lazy="raise")  # tells the order in which new rows are written


class Decision(Record):
    """What a person decided on one field, beside what was suggested: the next training set."""

    __tablename__ = "decision"

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    suggestion_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("suggestion.id"))
    field: Mapped[str] = mapped_column(String(16))  # request_type, category, unit, urgency, place
    suggested: Mapped[str] = mapped_column(String(64), default="")
    decided: Mapped[str] = mapped_column(String(64))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))


class SerialDay(Base):
    """Where a day's case serials begin (PostgreSQL) or have got to (SQLite); see services.numbering."""

    __tablename__ = "serial_day"

    day: Mapped[str] = mapped_column(String(8), primary_key=True)
    value: Mapped[int]
