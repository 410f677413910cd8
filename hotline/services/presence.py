"""Where each seat stands: available, paused with a reason, wrap-up, offline. Who is gone leaves nothing behind."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired
from hotline.services import core, queueing
from hotline.services.telephone import lines
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
from models.base import UtcTime

LONGEST_CALL = timedelta(hours=12)
LOST = "no heartbeat"
# A voice is a sign of life: whoever is in a call keeps the seat, whatever became of the page.
_TALKING = exists().where(CallLeg.staff_id == Presence.staff_id, CallLeg.answered_at.is_not(None), CallLeg.ended_at.is_(None))
# So is a telephone that rings when it is called: with the web process dead no page can give one, and calls go on.
_AT_THE_TELEPHONE = exists().where(
    PhoneLine.staff_id == Presence.staff_id, PhoneLine.signed_in_at.is_not(None), PhoneLine.reachable
)

_SEAT = (
    select(Presence).where(Presence.staff_id == bindparam("person")).with_for_update().execution_options(populate_existing=True)
)
_BEAT = (
    update(core.table(Presence))
    .where(Presence.staff_id == bindparam("person"), Presence.state != PresenceState.OFFLINE)
    .values(heartbeat_at=bindparam("moment", type_=UtcTime))
    .returning(core.table(Presence).c.state)
)
_WRAPPED_UP = (
    update(core.table(Call))
    .where(
        Call.staff_id == bindparam("person"),
        Call.answered_at.is_not(None),
        Call.wrapped_up_at.is_(None),
        Call.started_at > bindparam("since", type_=UtcTime),
    )
    .values(wrapped_up_at=bindparam("moment", type_=UtcTime))
)
_CAME_BACK = (
    update(core.table(BreakRequest))
    .where(BreakRequest.staff_id == bindparam("person"), BreakRequest.state == BreakState.GRANTED)
    .values(state=BreakState.OVER)
)


def set_presence(session: Session, staff: Staff, state: PresenceState, reason: str = "") -> Presence:
    """What a person chooses. A pause needs a reason; going offline puts the person's open contacts back into the queue.

    With a line at hand the exchange is told at once, and says when it has paused.
    """
    presence = move(session, staff.id, state, reason)
    presence.heartbeat_at = now()
    lines.tell_pause(session, staff.id, paused=state != PresenceState.AVAILABLE)
    return presence


def move(session: Session, staff_id: UUID, state: PresenceState, reason: str = "") -> Presence:
    """The same for the service itself: no sign of life, and the router sees to the line."""
    reason = reason.strip()
    if state == PresenceState.PAUSED and not reason:
        raise NoteRequired(field="reason")
    presence = _row_of(session, staff_id)
    shift(session, presence, state, reason)
    if state == PresenceState.OFFLINE:
        queueing.release(session, [staff_id])
    return presence


def shift(session: Session, presence: Presence, state: PresenceState, reason: str = "") -> None:
    """A seat that is locked already goes elsewhere; each call does this twice."""
    if (presence.state, presence.reason) == (state, reason):
        return
    at, person = now(), presence.staff_id
    if presence.state == PresenceState.WRAP_UP:
        core.send(session, _WRAPPED_UP, {"person": person, "since": at - LONGEST_CALL, "moment": at})
    # Whoever moves on has come back from a break that was granted.
    core.send(session, _CAME_BACK, {"person": person})
    presence.state, presence.reason, presence.since = state, reason, at
    core.insert_all(session, [core.made(PresenceChange, {"staff_id": person, "state": state, "reason": reason})])


def _row_of(session: Session, staff_id: UUID) -> Presence:
    """The person's one row, locked; two pages opened at once make one."""
    found = session.scalars(_SEAT, {"person": staff_id}).one_or_none()
    if found is not None:
        return found
    at = now()
    values = {"staff_id": staff_id, "state": PresenceState.OFFLINE, "reason": "", "since": at, "heartbeat_at": at}
    core.insert_once(session, Presence, values, unique=("staff_id",))
    return session.scalars(_SEAT, {"person": staff_id}).one()


def beat(session: Session, staff_id: UUID) -> PresenceState:
    """A sign of life from the desk; returns where the seat stands, so that a desk given up for gone can say so."""
    found = core.send(session, _BEAT, {"person": staff_id, "moment": now()})
    return PresenceState(found[0][0]) if found else PresenceState.OFFLINE


def leave(session: Session, staff_id: UUID) -> None:
    """For whoever may no longer serve: the seat is empty at once, and what was in hand or kept for the person is everybody's."""
    presence = session.scalars(_SEAT, {"person": staff_id}).one_or_none()
    if presence is not None:
        shift(session, presence, PresenceState.OFFLINE)
    queueing.release(session, [staff_id])


def release_gone(session: Session) -> int:
    """People without a sign of life go offline, and their contacts back into the queue. Returns how many people."""
    gone = session.scalars(
        select(Presence)
        .where(
            Presence.state != PresenceState.OFFLINE,
            Presence.heartbeat_at < now() - timedelta(seconds=get_settings().desk.heartbeat_seconds),
            ~_TALKING,
            ~_AT_THE_TELEPHONE,
        )
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for presence in gone:
        shift(session, presence, PresenceState.OFFLINE, LOST)
    if gone:
        queueing.release(session, [presence.staff_id for presence in gone])
    return len(gone)
