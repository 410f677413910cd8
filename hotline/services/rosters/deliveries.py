"""How tellings went: at a case, and for administrators all of them, the latest first. Reads only."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from models import (
    Callback,
    CallbackState,
    Case,
    Delivery,
    NoticeDelivery,
    NoticeOccasion,
    NoticeWay,
    OutgoingMessage,
    Staff,
    Unit,
    UnitNotice,
)

MOST, LATEST = 100, 30
LOST = (Delivery.REFUSED, Delivery.UNKNOWN, Delivery.GIVEN_UP)


@dataclass(frozen=True)
class Told:
    """One telling, and how it went: of a message its delivery, of a call what came of it."""

    at: datetime
    number: str
    unit: str
    occasion: NoticeOccasion
    step: int
    way: NoticeWay
    who: str
    delivery: Delivery | None
    reason: str
    call: CallbackState | None
    signed_at: datetime | None

    @property
    def is_lost(self) -> bool:
        return self.way == NoticeWay.NOBODY or self.delivery in LOST or self.call == CallbackState.GIVEN_UP


def of_case(session: Session, case_id: UUID, unit_ids: Collection[UUID] | None = None) -> list[Told]:
    """The earliest first; of some units only, or of all."""
    query = _told().where(UnitNotice.case_id == case_id).order_by(NoticeDelivery.created_at, NoticeDelivery.id)
    if unit_ids is not None:
        query = query.where(UnitNotice.unit_id.in_(unit_ids))
    return [Told(*row) for row in session.execute(query.limit(MOST))]


def latest(session: Session, *, lost: bool = False) -> Sequence[Told]:
    query = _told()
    if lost:
        is_lost = or_(
            NoticeDelivery.way == NoticeWay.NOBODY,
            OutgoingMessage.delivery.in_(LOST),
            Callback.state == CallbackState.GIVEN_UP,
        )
        query = query.where(is_lost)
    query = query.order_by(NoticeDelivery.created_at.desc(), NoticeDelivery.id.desc())
    return [Told(*row) for row in session.execute(query.limit(MOST if lost else LATEST))]


def _told() -> Select:  # type: ignore[type-arg]  # its rows are the fields of `Told`
    return (
        select(
            NoticeDelivery.created_at,
            Case.number,
            Unit.short,
            UnitNotice.occasion,
            NoticeDelivery.step,
            NoticeDelivery.way,
            func.coalesce(Staff.name, ""),
            OutgoingMessage.delivery,
            func.coalesce(OutgoingMessage.last_error, ""),
            Callback.state,
            NoticeDelivery.signed_at,
        )
        .join(UnitNotice, UnitNotice.id == NoticeDelivery.notice_id)
        .join(Case, Case.id == UnitNotice.case_id)
        .join(Unit, Unit.id == UnitNotice.unit_id)
        .outerjoin(Staff, Staff.id == NoticeDelivery.staff_id)
        .outerjoin(OutgoingMessage, OutgoingMessage.id == NoticeDelivery.outgoing_id)
        .outerjoin(Callback, Callback.id == NoticeDelivery.callback_id)
    )
