"""A case is one matter (一事一单); its history is added to, never changed, and chained by an HMAC."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from models.base import Base, Record, Word, partial_index
from models.citizen import CitizenKind
from models.contact import Urgency
from models.privacy import EncryptedText
from models.workflow import Action, CaseStatus, Role

if TYPE_CHECKING:
    from models.assignment import Assignment


class RequestType(StrEnum):
    INQUIRY = "inquiry"
    HELP = "help"
    COMPLAINT = "complaint"
    REPORT = "report"
    SUGGESTION = "suggestion"
    PRAISE = "praise"
    OTHER = "other"


class ClosureKind(StrEnum):
    DIRECT = "direct"
    SOLVED = "solved"
    EXPLAINED = "explained"
    PARTLY = "partly"
    PROMISED = "promised"


# A clock that was set or moved since the sweep looked at it.
UNPLANNED = "due_at IS NOT NULL AND (alarm_for IS NULL OR alarm_for <> due_at)"


class Case(Record):
    __tablename__ = "case"
    __table_args__ = (
        Index(None, "status", "due_at"),
        Index(None, "lead_unit_id", "status"),
        Index(None, "number_hash", "created_at"),
        Index(None, "community_code", "created_at"),
        Index(None, "created_at", "id"),
        partial_index("ix_case_follows", "follows_id", where="follows_id IS NOT NULL"),
        partial_index("ix_case_alarm", "alarm_at", where="alarm_at IS NOT NULL"),
        partial_index("ix_case_unplanned", "due_at", where=UNPLANNED),
    )

    number: Mapped[str] = mapped_column(String(32), unique=True)
    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    matter: Mapped[int] = mapped_column(default=1)
    status: Mapped[CaseStatus] = mapped_column(Word(CaseStatus, 16))
    version: Mapped[int] = mapped_column(default=1)
    due_at: Mapped[datetime | None]  # the running clock of the present state
    due_provisional: Mapped[bool] = mapped_column(default=False)
    alarm_at: Mapped[datetime | None]  # as of an assignment, while the centre has the case
    alarm_for: Mapped[datetime | None]

    # Rules as they were when it was filed.
    profile_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("rule.id"))
    taxonomy_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("taxonomy_version.id"))

    request_type: Mapped[RequestType] = mapped_column(Word(RequestType, 16))
    category_code: Mapped[str] = mapped_column(String(16))
    urgency: Mapped[Urgency] = mapped_column(Word(Urgency, 16))
    title: Mapped[str] = mapped_column(String(200))
    content: Mapped[str] = mapped_column(Text)
    object_name: Mapped[str] = mapped_column(String(128), default="")  # enterprise or object complained of
    occurred: Mapped[str] = mapped_column(String(128), default="")  # when, in the citizen's words
    place_text: Mapped[str | None] = mapped_column(EncryptedText)
    township_code: Mapped[str | None] = mapped_column(String(32))
    community_code: Mapped[str | None] = mapped_column(String(32))
    grid_code: Mapped[str | None] = mapped_column(String(32))

    citizen_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("citizen.id"), index=True)
    requester_kind: Mapped[CitizenKind] = mapped_column(Word(CitizenKind, 16), default=CitizenKind.PERSON)
    requester_name: Mapped[str | None] = mapped_column(EncryptedText)
    number_of_requester: Mapped[str | None] = mapped_column(EncryptedText)
    number_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    acting_for: Mapped[str | None] = mapped_column(EncryptedText)
    wants_callback: Mapped[bool] = mapped_column(default=True)
    confidential: Mapped[bool] = mapped_column(default=False)
    unit_summary: Mapped[str] = mapped_column(Text, default="")  # what units see of a confidential case
    tokens: Mapped[str] = mapped_column(Text, default="", server_default="")  # words by which the same matter is found

    lead_unit_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("unit.id"))
    # The leading case of its incident, while that one is handled for both. No constraint: SQLite would copy the whole table.
    follows_id: Mapped[uuid.UUID | None]
    repeat_count: Mapped[int] = mapped_column(default=0, server_default="0")  # how often the citizen came back about it
    filed_by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    dispatch_count: Mapped[int] = mapped_column(default=0)
    rework_count: Mapped[int] = mapped_column(default=0)
    public_answer: Mapped[str] = mapped_column(Text, default="")
    door: Mapped[str] = mapped_column(String(32), default="", server_default="")  # where it belongs instead, by its code
    closure: Mapped[ClosureKind | None] = mapped_column(Word(ClosureKind, 16))
    closed_at: Mapped[datetime | None]

    @property
    def is_shielded(self) -> bool:
        """Asked in confidence, or told of others: units see the approved summary only, and nobody comes across it."""
        return self.confidential or self.request_type == RequestType.REPORT


class CaseEvent(Record):
    """One thing that happened to a case. `mac` chains it to the event before it; a trigger refuses UPDATE and DELETE."""

    __tablename__ = "case_event"
    __table_args__ = (
        UniqueConstraint("case_id", "serial"),
        UniqueConstraint("case_id", "key"),
        Index(None, "at"),
    )

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"))
    assignment_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("assignment.id"))
    serial: Mapped[int]
    at: Mapped[datetime]
    action: Mapped[Action] = mapped_column(Word(Action, 24))
    from_status: Mapped[str | None] = mapped_column(String(16))
    to_status: Mapped[str] = mapped_column(String(16))
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    by_role: Mapped[Role | None] = mapped_column(Word(Role, 32))
    key: Mapped[str] = mapped_column(String(80))
    note_digest: Mapped[bytes | None] = mapped_column(LargeBinary(32))
    mac: Mapped[bytes] = mapped_column(LargeBinary(32))
    # Not for reading: they tell the order in which new rows are written.
    case: Mapped[Case] = relationship(lazy="raise")
    assignment: Mapped["Assignment | None"] = relationship(lazy="raise")


class EventNote(Base):
    """The words of an event, apart from it, so that retention can erase them and the chain still holds."""

    __tablename__ = "event_note"

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case_event.id"), primary_key=True)
    text: Mapped[str] = mapped_column(EncryptedText)
    event: Mapped[CaseEvent] = relationship(lazy="raise")


class CorrectedField(StrEnum):
    CATEGORY = "category"
    PLACE = "place"
    UNIT = "unit"


class DueChange(Base):
    """From when to when a due time was moved, beside the event that says by whom and why. Never changed either."""

    __tablename__ = "due_change"

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case_event.id"), primary_key=True)
    was_at: Mapped[datetime]
    due_at: Mapped[datetime]
    event: Mapped[CaseEvent] = relationship(lazy="raise")


class Correction(Base):
    """What was filed and what stands instead, beside the event that says by whom and why. Never changed either."""

    __tablename__ = "correction"

    event_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case_event.id"), primary_key=True)
    field: Mapped[CorrectedField] = mapped_column(Word(CorrectedField, 16))
    was: Mapped[str] = mapped_column(EncryptedText)  # a place may say where somebody lives
    became: Mapped[str] = mapped_column(EncryptedText)
    event: Mapped[CaseEvent] = relationship(lazy="raise")


class LinkKind(StrEnum):
    REPEAT = "repeat"
    RELATED = "related"


class CaseLink(Record):
    __tablename__ = "case_link"
    __table_args__ = (UniqueConstraint("case_id", "other_id", "kind"),)

    case_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    other_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("case.id"), index=True)
    kind: Mapped[LinkKind] = mapped_column(Word(LinkKind, 16))
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
