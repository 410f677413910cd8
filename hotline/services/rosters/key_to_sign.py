"""Signing by a key in a call to whoever is on duty: the number that was rung and a personal code say who it is."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from hotline.errors import NotAllowed, WrongState
from hotline.services import access, dispatching
from hotline.services.rosters import team
from hotline.services.telephone.flow_calls import Outcome
from models import Assignment, AssignmentStatus, CallbackTry, NoticeDelivery, Staff, UnitNotice, now

LOOKUPS = frozenset({"duty_code", "duty_sign"})
FLOW = "duty_sign"


def given(session: Session, linkedid: str) -> Mapping[str, str]:
    """How many cases the call is about."""
    return {"cases": str(len({notice.assignment_id for _, notice, _ in _unsigned(session, linkedid)}))}


def look_up(session: Session, name: str, values: Mapping[str, str], linkedid: str) -> Outcome:
    """The code is checked each time: nothing of a call is remembered between two questions."""
    unsigned = _unsigned(session, linkedid)
    staff_id = _rung(session, linkedid)
    if staff_id is None:
        return Outcome("unknown")
    if not team.check_code(session, staff_id, values.get("code", "")):
        return Outcome("locked" if team.is_locked(session, staff_id) else "wrong")
    if name == "duty_code":
        return Outcome("right")
    signed = _sign(session, staff_id, unsigned)
    return Outcome("signed", {"signed": str(signed)}) if signed else Outcome("seen_to")


Row = tuple[NoticeDelivery, UnitNotice, Assignment]


def _sign(session: Session, staff_id: UUID, rows: Sequence[Row]) -> int:
    """In the unit's name, by this person; what somebody else signed just now is left out."""
    staff = session.get_one(Staff, staff_id, options=[joinedload(Staff.unit)], populate_existing=True)
    by = access.actor(staff)
    count = 0
    for delivery, _, assignment in rows:
        try:
            dispatching.sign(session, assignment, by=by, key=f"call:{delivery.id.hex}")
        except (NotAllowed, WrongState):
            continue
        delivery.signed_at = now()
        count += 1
    return count


def _unsigned(session: Session, linkedid: str) -> Sequence[Row]:
    query = (
        select(NoticeDelivery, UnitNotice, Assignment)
        .join(UnitNotice, UnitNotice.id == NoticeDelivery.notice_id)
        .join(Assignment, Assignment.id == UnitNotice.assignment_id)
        .join(CallbackTry, CallbackTry.callback_id == NoticeDelivery.callback_id)
        .where(CallbackTry.command_id == _command(linkedid), Assignment.status == AssignmentStatus.DISPATCHED)
        .order_by(UnitNotice.created_at, UnitNotice.id)
    )
    return [(delivery, notice, assignment) for delivery, notice, assignment in session.execute(query)]


def _rung(session: Session, linkedid: str) -> UUID | None:
    """Who was called; the account may have been closed since."""
    return session.scalar(
        select(Staff.id)
        .join(NoticeDelivery, NoticeDelivery.staff_id == Staff.id)
        .join(CallbackTry, CallbackTry.callback_id == NoticeDelivery.callback_id)
        .where(CallbackTry.command_id == _command(linkedid), Staff.active)
        .limit(1)
    )


def _command(linkedid: str) -> UUID | None:
    """The channel of a call that we placed has the id of its command."""
    try:
        return UUID(linkedid)
    except ValueError:
        return None
