"""Where each seat stands: available, paused with a reason, wrap-up, offline. Who is gone leaves nothing behind."""

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired
from hotline.services import core, lines, queueing
from hotline.settings import get_settings
from models import (
    BreakRequest,
    BreakState,
    Call,
    CallLeg,
    PhoneLine,
    Presence,
    PresenceChange,
    PresenceState,
    Staff,
    now,
)

LONGEST_CALL = timedelta(hours=12)
LOST = "no heartbeat"
# A voice is a sign of life: whoever is in a call keeps the seat, whatever became of the page.
_TALKING = exists().where(CallLeg.staff_id == Presence.staff_id, CallLeg.answered_at.is_not(None), CallLeg.ended_at.is_(None))
# So is a telephone that rings when it is called: with the web process dead no page can give one, and calls go on.
_AT_THE_TELEPHONE = exists().where(
    PhoneLine.staff_id == Presence.staff_id, PhoneLine.signed_in_at.is_not(None), PhoneLine.reachable
)


def set_presence(session: Session, staff: Staff, state: PresenceState, reason: str = "") -> Presence:
    """What a person chooses. A pause needs a reason; going offline puts the person's open contacts back into the queue.

    With a line at hand the exchange is told at once, and says when it has paused.
    """
    presence = move(session, staff, state, reason)
    presence.heartbeat_at = now()
    lines.tell_pause(session, staff.id, paused=state != PresenceState.AVAILABLE)
    return presence


def move(session: Session, staff: Staff, state: PresenceState, reason: str = "") -> Presence:
    """The same for the service itself: no sign of life, and the router sees to the line."""
    reason = reason.strip()
    if state == PresenceState.PAUSED and not reason:
        raise NoteRequired(field="reason")
    presence = _row_of(session, staff)
    at = now()
    if (presence.state, presence.reason) != (state, reason):
        if presence.state == PresenceState.WRAP_UP:
            _note_wrapped_up(session, staff, at)
        _end_breaks(session, [staff.id])
        presence.state, presence.reason, presence.since = state, reason, at
        session.add(PresenceChange(staff_id=staff.id, state=state, reason=reason))
    if state == PresenceState.OFFLINE:
        queueing.release(session, [staff.id])
    return presence


def _note_wrapped_up(session: Session, staff: Staff, at: datetime) -> None:
    session.execute(
        update(Call)
        .where(
            Call.staff_id == staff.id,
            Call.answered_at.is_not(None),
            Call.wrapped_up_at.is_(None),
            Call.started_at > at - LONGEST_CALL,
        )
        .values(wrapped_up_at=at)
        .execution_options(synchronize_session=False)
    )


def _end_breaks(session: Session, staff_ids: Collection[UUID]) -> None:
    """Whoever moves on has come back from a break that was granted."""
    session.execute(
        update(BreakRequest)
        .where(BreakRequest.staff_id.in_(staff_ids), BreakRequest.state == BreakState.GRANTED)
        .values(state=BreakState.OVER)
    )


def _row_of(session: Session, staff: Staff) -> Presence:
    """The person's one row, locked; two pages opened at once make one."""
    at = now()
    values = {"staff_id": staff.id, "state": PresenceState.OFFLINE, "reason": "", "since": at, "heartbeat_at": at}
    core.insert_once(session, Presence, values, unique=("staff_id",))
    return session.get_one(Presence, staff.id, with_for_update=True, populate_existing=True)


def beat(session: Session, staff: Staff) -> PresenceState:
    """A sign of life from the desk; returns where the seat stands, so that a desk given up for gone can say so."""
    state = session.scalar(
        update(Presence)
        .where(Presence.staff_id == staff.id, Presence.state != PresenceState.OFFLINE)
        .values(heartbeat_at=now())
        .returning(Presence.state)
        .execution_options(synchronize_session=False)
    )
    return state or PresenceState.OFFLINE


def release_gone(session: Session) -> int:
    """People without a sign of life go offline, and their contacts back into the queue. Returns how many people."""
    at = now()
    gone = session.scalars(
        select(Presence)
        .where(
            Presence.state != PresenceState.OFFLINE,
            Presence.heartbeat_at < at - timedelta(seconds=get_settings().desk.heartbeat_seconds),
            ~_TALKING,
            ~_AT_THE_TELEPHONE,
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for presence in gone:
        presence.state, presence.reason, presence.since = PresenceState.OFFLINE, LOST, at
        session.add(PresenceChange(staff_id=presence.staff_id, state=PresenceState.OFFLINE, reason=LOST))
    if gone:
        staff_ids = [presence.staff_id for presence in gone]
        _end_breaks(session, staff_ids)
        queueing.release(session, staff_ids)
    return len(gone)
