"""Phone calls, unique on Asterisk's Linkedid, with their legs, what happened in them, and their recordings."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Float, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Record, Word, partial_index
from models.contact import Direction


class CallEnding(StrEnum):
    """How a call ended, for the citizen. A short abandon is counted apart from the others."""

    SPOKEN = "spoken"  # with a person of the centre
    SHORT_ABANDON = "short_abandon"
    LEFT_IN_NOTICE = "left_in_notice"
    ABANDONED = "abandoned"
    VOICE_MESSAGE = "voice_message"
    WANTS_CALLBACK = "wants_callback"
    NO_AGENT = "no_agent"
    SELF_SERVED = "self_served"  # was told by keys how far a case is, and asked for nobody
    TURNED_AWAY = "turned_away"  # the number is refused for a time: told why, until when and how to appeal
    NOT_REACHED = "not_reached"  # placed by us, nobody answered
    INTERRUPTED = "interrupted"  # the exchange died, and nothing tells when the call ended


class Call(Record):
    """One call. `wait` runs from `queued_at` to `answered_at` or `ended_at`, `talk` from there without `held_seconds`.

    `reconstructed`: the service was away, and the times come from the exchange's own records.
    """

    __tablename__ = "call"
    __table_args__ = (partial_index("ix_call_open", "started_at", where="ended_at IS NULL"), Index(None, "started_at"))

    linkedid: Mapped[str] = mapped_column(String(64), unique=True)
    contact_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("contact.id"), index=True)
    direction: Mapped[Direction] = mapped_column(Word(Direction, 4), default=Direction.IN)
    channel_name: Mapped[str] = mapped_column(String(80), default="")  # the caller's, as the exchange names it
    called_number: Mapped[str] = mapped_column(String(32), default="")
    queue: Mapped[str] = mapped_column(String(32), default="")
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))  # who answered first
    started_at: Mapped[datetime]
    queued_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    held_since: Mapped[datetime | None]
    held_seconds: Mapped[float] = mapped_column(Float(53), default=0.0)
    wrapped_up_at: Mapped[datetime | None]
    ending: Mapped[CallEnding | None] = mapped_column(Word(CallEnding, 16))
    rating: Mapped[int | None]  # of the agent, by the caller after the call: 1 to 5, the best
    reconstructed: Mapped[bool] = mapped_column(default=False)


class CallLeg(Record):
    """One telephone in a call: an agent's, a supervisor's, a unit's. `staff_id` is known for the centre's own lines."""

    __tablename__ = "call_leg"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    unique_id: Mapped[str] = mapped_column(String(64), unique=True)
    endpoint: Mapped[str] = mapped_column(String(64))
    channel_name: Mapped[str] = mapped_column(String(80), default="")
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"), index=True)
    started_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class CallStep(StrEnum):
    HELD = "held"
    RESUMED = "resumed"
    BLIND_TRANSFER = "blind_transfer"
    ATTENDED_TRANSFER = "attended_transfer"
    JOINED = "joined"  # a third party
    PHONE_LOST = "phone_lost"
    RECORDING_PAUSED = "recording_paused"
    RECORDING_RESUMED = "recording_resumed"
    LISTENED = "listened"
    WHISPERED = "whispered"
    BARGED = "barged"
    FLOW_DOWN = "flow_down"


class CallEvent(Record):
    """A step in a call, as it happened; every wait and talk time can be computed again from these and the times of the call."""

    __tablename__ = "call_event"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    step: Mapped[CallStep] = mapped_column(Word(CallStep, 24))
    at: Mapped[datetime]
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    detail: Mapped[str] = mapped_column(String(64), default="")


class RecordingKind(StrEnum):
    MIXED = "mixed"
    CALLER = "caller"
    AGENT = "agent"
    VOICE_MESSAGE = "voice_message"


class Recording(Record):
    """Sound kept encrypted in the data folder under `stored_as`; `digest` is the SHA-256 of what was recorded."""

    __tablename__ = "recording"
    __table_args__ = (
        Index(None, "recorded_at"),
        partial_index("ix_recording_wave", "recorded_at", where="erased_at IS NULL AND media_type = 'audio/wav'"),
    )

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("call.id"), index=True)
    kind: Mapped[RecordingKind] = mapped_column(Word(RecordingKind, 16))
    # What the exchange called it: the same file picked up twice is stored once.
    source_name: Mapped[str] = mapped_column(String(96), unique=True)
    stored_as: Mapped[str] = mapped_column(String(96), unique=True)
    media_type: Mapped[str] = mapped_column(String(32))
    size: Mapped[int]
    digest: Mapped[str] = mapped_column(String(64))
    seconds: Mapped[float] = mapped_column(Float(53))
    recorded_at: Mapped[datetime]
    repaired: Mapped[bool] = mapped_column(default=False)  # cut short by a crash, its header written anew
    erased_at: Mapped[datetime | None]
