"""Calls to people on duty: owed like any other call that we place, one at a time for each person, none for what is seen to."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from hotline.services.rosters.on_duty import Person
from hotline.services.telephone import callbacks
from models import (
    Assignment,
    AssignmentStatus,
    Callback,
    CallbackReason,
    CallbackState,
    NoticeDelivery,
    UnitNotice,
    now,
)


def owe(session: Session, person: Person, notices: Sequence[UnitNotice]) -> UUID | None:
    """The call that this person waits for already, else a new one."""
    waiting = session.scalar(
        select(Callback.id)
        .join(NoticeDelivery, NoticeDelivery.callback_id == Callback.id)
        .where(
            Callback.reason == CallbackReason.DUTY,
            Callback.state == CallbackState.WAITING,
            NoticeDelivery.staff_id == person.staff_id,
        )
        .limit(1)
    )
    if waiting is not None:
        return waiting
    number = person.number or ""
    callback = callbacks.owe(session, reason=CallbackReason.DUTY, number=number, due_at=now())
    return callback.id if callback else None


def drop_settled(session: Session) -> None:
    """Calls about cases that were all signed meanwhile are not placed."""
    unsigned = (
        exists()
        .where(NoticeDelivery.callback_id == Callback.id)
        .where(UnitNotice.id == NoticeDelivery.notice_id)
        .where(Assignment.id == UnitNotice.assignment_id, Assignment.status == AssignmentStatus.DISPATCHED)
    )
    waiting = (Callback.reason == CallbackReason.DUTY, Callback.state == CallbackState.WAITING)
    for callback in session.scalars(select(Callback).where(*waiting, ~unsigned).with_for_update(skip_locked=True)):
        callback.state, callback.settled_at = CallbackState.DROPPED, now()
