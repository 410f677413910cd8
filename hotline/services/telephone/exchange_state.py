"""Whether the exchange is connected, as the process that speaks with it last said: one row, for walls and desks."""

from sqlalchemy.orm import Session

from hotline.services import core
from models import ExchangeState, now

ONLY_ROW = 1
LONGEST_REASON = 255


def note(session: Session, *, connected: bool, reason: str = "") -> bool:
    """A sign of life; returns whether this is news."""
    at, reason = now(), reason[:LONGEST_REASON]
    row = {"id": ONLY_ROW, "connected": connected, "reason": reason, "since": at, "seen_at": at}
    if core.insert_once(session, ExchangeState, row, unique=("id",)):
        return True
    state = session.get_one(ExchangeState, ONLY_ROW, with_for_update=True, populate_existing=True)
    is_news = state.connected != connected
    if is_news:
        state.connected, state.since = connected, at
    state.reason, state.seen_at = reason, at
    return is_news
