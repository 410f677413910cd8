"""A usual day: how many contacts each half hour brings on such a day of the week."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from hotline.services.reading_wall import HALF_HOUR, HALF_HOURS
from hotline.services.wall.prompt import epoch_of
from models import Contact

WEEKS = 4
# Of fewer contacts nobody can say what is usual.
LEAST = 20


def half_hours(session: Session, midnight: datetime) -> Sequence[float]:
    """The mean of the same day of the four weeks before, of those on which anything came; nothing in a new city."""
    starts = [midnight - timedelta(weeks=week) for week in range(1, WEEKS + 1)]
    days = [and_(Contact.received_at >= start, Contact.received_at < start + timedelta(days=1)) for start in starts]
    since = (epoch_of(Contact.received_at) - int(starts[-1].timestamp())).label("since")
    slot = (since // HALF_HOUR).label("slot")
    rows = session.execute(select(slot, func.count()).where(or_(*days)).group_by(slot)).all()
    counts = [0] * HALF_HOURS
    for number, count in rows:
        counts[number % HALF_HOURS] += count
    seen = len({number // (7 * HALF_HOURS) for number, _ in rows})
    return [count / seen for count in counts] if sum(counts) >= LEAST else []
