"""The list of calls that the centre owes."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services.telephone import callbacks
from models import Callback, CallbackReason, CallbackState, TryOutcome, privacy

# What is said and heard by keys: the exchange dials alone.
BY_MACHINE = frozenset({CallbackReason.DUTY, CallbackReason.SURVEY})


@dataclass(frozen=True)
class Owed:
    """A line of the list: the number masked, how often it was tried, and what came of the last try."""

    callback: Callback
    number: str
    tries: int
    last: TryOutcome | None


def to_ring(session: Session, *, limit: int = 100) -> list[Owed]:
    """What is owed, the most urgent first, where a person speaks."""
    waiting = session.scalars(
        select(Callback)
        .where(Callback.state.in_([CallbackState.WAITING, CallbackState.DIALLING]), Callback.reason.not_in(BY_MACHINE))
        .order_by(Callback.due_at, Callback.created_at)
        .limit(limit)
    ).all()
    tries = callbacks.tries_of(session, [callback.id for callback in waiting])
    return [
        Owed(each, privacy.mask_number(each.number), len(past), past[-1] if past else None)
        for each in waiting
        for past in [tries.get(each.id, [])]
    ]
