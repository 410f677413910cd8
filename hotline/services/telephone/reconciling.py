"""Our rows beside the exchange's own records: which calls are open here, and up to when the two have been compared."""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.services import core
from hotline.services.telephone.exchange_state import ONLY_ROW
from models import Call, CallLeg, ExchangeState, now

# Before the first comparison: no call that the exchange has a record of is older.
FIRST_LOOK = timedelta(hours=12)


def open_calls(session: Session, *, before: datetime) -> list[Call]:
    """Calls that began before a time and of whose end we do not know."""
    return list(session.scalars(select(Call).where(Call.ended_at.is_(None), Call.started_at < before)))


def known(session: Session, linkedids: Collection[str]) -> dict[str, Call]:
    return {call.linkedid: call for call in session.scalars(select(Call).where(Call.linkedid.in_(linkedids)))}


def last_sign(session: Session, call: Call) -> datetime:
    """The latest moment at which the call is known to have lived."""
    legs = session.scalars(select(CallLeg).where(CallLeg.call_id == call.id)).all()
    times = [call.started_at, call.queued_at, call.answered_at, call.held_since]
    times += [moment for leg in legs for moment in (leg.started_at, leg.answered_at, leg.ended_at)]
    return max(moment for moment in times if moment is not None)


def mark(session: Session) -> datetime:
    """Until here nothing is missing."""
    found = session.scalar(select(ExchangeState.reconciled_to).where(ExchangeState.id == ONLY_ROW))
    return found or now() - FIRST_LOOK


def set_mark(session: Session, at: datetime) -> None:
    moment = now()
    row = {"id": ONLY_ROW, "connected": True, "reason": "", "since": moment, "seen_at": moment}
    core.insert_once(session, ExchangeState, row, unique=("id",))
    session.execute(update(ExchangeState).where(ExchangeState.id == ONLY_ROW).values(reconciled_to=at))
