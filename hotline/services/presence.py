"""Where each seat stands: available, paused with a reason, wrap-up, offline. Who is gone leaves nothing behind."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired
from hotline.services import core, queueing
from hotline.settings import get_settings
from models import Presence, PresenceChange, PresenceState, Staff, now

LOST = "no heartbeat"


def set_presence(session: Session, staff: Staff, state: PresenceState, reason: str = "") -> Presence:
    """A pause needs a reason; going offline puts the person's open contacts back into the queue."""
    reason = reason.strip()
    if state == PresenceState.PAUSED and not reason:
        raise NoteRequired(field="reason")
    presence = _row_of(session, staff)
    at = now()
    presence.heartbeat_at = at
    if (presence.state, presence.reason) != (state, reason):
        presence.state, presence.reason, presence.since = state, reason, at
        session.add(PresenceChange(staff_id=staff.id, state=state, reason=reason))
    if state == PresenceState.OFFLINE:
        queueing.release(session, [staff.id])
    return presence


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
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for presence in gone:
        presence.state, presence.reason, presence.since = PresenceState.OFFLINE, LOST, at
        session.add(PresenceChange(staff_id=presence.staff_id, state=PresenceState.OFFLINE, reason=LOST))
    if gone:
        queueing.release(session, [presence.staff_id for presence in gone])
    return len(gone)
