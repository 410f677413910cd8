"""The telephone's figures: how soon calls were answered, how many got through, who speaks now. From stored calls, reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from hotline.services import reading_phone
from hotline.services.counting import how_many, seconds
from models import Call, CallEnding, CallLeg, Direction, now
from models.base import CITY_TIME

# GB/T 33358-2016: answered within 15 seconds; connected over any 24 hours.
SOON_SECONDS = 15
ROLLING = timedelta(hours=24)


class Of(StrEnum):
    """A figure of the telephone, by the calls that it counts: today's, or those of any 24 hours."""

    ASKED = "asked"
    LATE = "late"
    ANSWERED = "answered"
    ABANDONED = "abandoned"
    SHORT = "short"
    ASKED_24H = "asked_24h"
    LOST_24H = "lost_24h"


ANSWERED = Call.answered_at.is_not(None)
SOON = seconds(Call.answered_at) - seconds(Call.queued_at) <= SOON_SECONDS
SHORT = Call.ending == CallEnding.SHORT_ABANDON
# Who hung up at once neither got through nor was lost; in the notice nobody was asked for yet.
LOST = and_(
    Call.queued_at.is_not(None),
    Call.answered_at.is_(None),
    Call.ended_at.is_not(None),
    Call.ending.is_distinct_from(CallEnding.SHORT_ABANDON),
)
ASKED = or_(ANSWERED, LOST)
_COUNTED = {
    Of.ASKED: ASKED,
    Of.LATE: and_(ASKED, or_(LOST, Call.queued_at.is_(None), ~SOON)),
    Of.ANSWERED: ANSWERED,
    Of.ABANDONED: LOST,
    Of.SHORT: SHORT,
    Of.ASKED_24H: ASKED,
    Of.LOST_24H: LOST,
}


@dataclass(frozen=True)
class CallFigures:
    """Short abandons are counted apart: they neither got through nor were lost."""

    connected: bool
    talking: int
    answered_today: int
    soon_today: int
    abandoned_today: int
    short_today: int
    asked_24h: int
    answered_24h: int


def midnight() -> datetime:
    """When the city's day began."""
    return now().astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)


def counted(of: Of) -> list[ColumnElement[bool]]:
    """The calls behind a figure."""
    since = now() - ROLLING if of in (Of.ASKED_24H, Of.LOST_24H) else midnight()
    return [Call.started_at >= since, Call.direction == Direction.IN, _COUNTED[of]]


def call_figures(session: Session) -> CallFigures:
    start, since = midnight(), now() - ROLLING
    today = Call.started_at >= start
    row = session.execute(
        select(
            how_many(and_(today, ANSWERED)),
            how_many(and_(today, SOON)),
            how_many(and_(today, LOST)),
            how_many(and_(today, SHORT)),
            how_many(ASKED),
            how_many(ANSWERED),
        ).where(Call.started_at >= min(start, since), Call.direction == Direction.IN)
    ).one()
    talking = session.scalar(
        select(func.count(func.distinct(CallLeg.call_id)))
        .join(Call, Call.id == CallLeg.call_id)
        .where(CallLeg.answered_at.is_not(None), CallLeg.ended_at.is_(None), Call.ended_at.is_(None))
    )
    answered_today, soon, abandoned, shorts, asked_24h, answered_24h = map(int, row)
    return CallFigures(
        connected=reading_phone.is_connected(session),
        talking=talking or 0,
        answered_today=answered_today,
        soon_today=soon,
        abandoned_today=abandoned,
        short_today=shorts,
        asked_24h=asked_24h,
        answered_24h=answered_24h,
    )
