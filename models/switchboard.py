"""What the exchange is asked to do, as rows; the lines that people have; and what is announced to callers."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base, Record, Word, partial_index
from models.privacy import EncryptedText


class SwitchboardAction(StrEnum):
    SIGN_IN = "sign_in"  # a line's secret, then its places in the queues
    SIGN_OUT = "sign_out"
    PAUSE = "pause"
    UNPAUSE = "unpause"
    PLACE_CALL = "place_call"  # agent first, then the number
    PLACE_CALLBACK = "place_callback"  # keeps its place in a queue; the citizen is rung when an agent is there
    ASK_CITIZEN = "ask_citizen"  # citizen first, into a flow
    ADD_PARTY = "add_party"
    HANG_UP = "hang_up"
    REDIRECT = "redirect"
    RECLAIM = "reclaim"  # a phone page started again and looks for its call
    URGE = "urge"  # a waiting caller goes ahead
    MUTE_RECORDING = "mute_recording"
    SPY = "spy"
    SPY_MODE = "spy_mode"
    TRAIN = "train"


class CommandState(StrEnum):
    ASKED = "asked"
    STARTED = "started"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"


class SwitchboardCommand(Record):
    """One command. The process that speaks with the exchange alone carries it out, once, and drops it when it has expired.

    Its id is the channel id of a call that it places, so that a repeat cannot ring twice.
    """

    __tablename__ = "switchboard"
    __table_args__ = (
        partial_index("ix_switchboard_asked", "created_at", where="state = 'asked'"),
        Index(None, "by_id", "created_at"),
    )

    action: Mapped[SwitchboardAction] = mapped_column(Word(SwitchboardAction, 16))
    # JSON; numbers and secrets' digests are in it, hence encrypted.
    arguments: Mapped[str] = mapped_column(EncryptedText)
    by_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"))
    expires_at: Mapped[datetime]
    state: Mapped[CommandState] = mapped_column(Word(CommandState, 16), default=CommandState.ASKED)
    result: Mapped[str] = mapped_column(Text, default="")
    settled_at: Mapped[datetime | None]


class LineKind(StrEnum):
    BROWSER = "browser"
    DESK = "desk"


class PhoneLine(Base):
    """A line of the exchange and whose it is. A browser's has a secret for each sign-in, a desk phone's one of its own."""

    __tablename__ = "phone_line"

    extension: Mapped[str] = mapped_column(String(8), primary_key=True)
    kind: Mapped[LineKind] = mapped_column(Word(LineKind, 8))
    staff_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff.id"), index=True)
    session_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("staff_session.id"))
    # Digest of the secret (MD5 of user:realm:secret, RFC 8760), written to the exchange again after it lost its own.
    digest: Mapped[str | None] = mapped_column(EncryptedText)
    signed_in_at: Mapped[datetime | None]
    # As the exchange says: a telephone is there.
    reachable: Mapped[bool] = mapped_column(default=False)
    missed_rings: Mapped[int] = mapped_column(default=0)


class Announcement(Record):
    """What callers hear before the queue while it is on: a known outage, so that nobody need wait to report it."""

    __tablename__ = "announcement"

    text: Mapped[str] = mapped_column(Text)
    sound: Mapped[str] = mapped_column(String(64), default="")  # once it is rendered
    by_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("staff.id"))
    ends_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ExchangeState(Base):
    """One row, number 1: whether the exchange is connected and since when, as the process that speaks with it last said."""

    __tablename__ = "exchange_state"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    connected: Mapped[bool]
    reason: Mapped[str] = mapped_column(String(255), default="")
    since: Mapped[datetime]
    seen_at: Mapped[datetime]
    # Until here the exchange's own records have been compared with ours.
    reconciled_to: Mapped[datetime | None]
