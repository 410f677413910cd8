"""Months are closed in their order: the figures become rows that nobody changes, and the scores behind them stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, insert, literal, select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, Outdated, RuleBroken
from hotline.services.actors import Actor
from hotline.services.profiles import profiles
from hotline.services.scores import books, sums
from hotline.services.scores import rule as rules
from hotline.services.scores.books import Book
from hotline.services.scores.spans import DAY, Span, day_of, later, month_of
from models import (
    PeriodFigure,
    Request,
    RequestKind,
    RequestState,
    Role,
    Score,
    ScoreCorrection,
    ScoreOmission,
    ScorePeriod,
    ScoreSum,
    Staff,
    Survey,
    now,
)

MAY_CLOSE = frozenset({Role.SUPERVISOR})
MOST = 36


@dataclass(frozen=True)
class Closing:
    """The month that is to be closed next: from which day on it may be, and what stands in the way."""

    month: date
    from_day: date
    open_appeals: int
    open_surveys: int  # those still count once they are answered, if the month stays open

    @property
    def is_due(self) -> bool:
        return day_of(now()) >= self.from_day


def next_closing(session: Session) -> Closing | None:
    """None while no case was ever scored."""
    month = books.open_from(session)
    if month is None:
        first = session.scalar(select(func.min(Score.scored_on)))
        month = month_of(first) if first else None
    if month is None:
        return None
    rest = DAY * rules.in_force(session).rest_days
    return Closing(month, later(month, 1) + rest, _open_appeals(session, month), _waiting(session, month))


def close(session: Session, month: date, *, note: str = "", by: Actor) -> ScorePeriod:
    """Once and for all. Of two who close at once one does it, the other is told that it is done."""
    if not by.roles & MAY_CLOSE or by.staff_id is None:
        raise NotAllowed()
    # No score is written meanwhile, and none of this month afterwards.
    books.keep(session, Book.SCORES)
    books.keep(session, Book.SUMS)
    closing = next_closing(session)
    if closing is None or closing.month > month:
        raise Outdated("A colleague has closed this month already.")
    if closing.month < month:
        raise RuleBroken("An earlier month is still open.")
    if not closing.is_due:
        raise RuleBroken("This month can be closed from {day} on.", day=closing.from_day.isoformat())
    if closing.open_appeals:
        raise RuleBroken("{count} appeals of this month wait for a ruling.", count=closing.open_appeals)
    end = later(month, 1)
    sums.settle(session, sums.days_between(month, end))
    period = ScorePeriod(
        starts_on=month,
        ends_on=end,
        rule_id=rules.editions(session).on(month).id,
        profile_id=profiles.current(session).id,
        note=note.strip()[:500],
        closed_by_id=by.staff_id,
    )
    session.add(period)
    session.flush()
    _freeze(session, period)
    return period


def _freeze(session: Session, period: ScorePeriod) -> None:
    columns = [*sums.COLUMNS, "period_id"]
    figures = [getattr(ScoreSum, name) for name in sums.COLUMNS]
    live = select(*figures, literal(period.id)).where(ScoreSum.span == Span.MONTH, ScoreSum.starts_on == period.starts_on)
    session.execute(insert(PeriodFigure).from_select(columns, live))


def _open_appeals(session: Session, month: date) -> int:
    of_month = select(Score.case_id).where(Score.scored_on >= month, Score.scored_on < later(month, 1))
    left_out = select(ScoreOmission.case_id).where(ScoreOmission.scored_on >= month, ScoreOmission.scored_on < later(month, 1))
    waiting = select(func.count()).where(Request.kind == RequestKind.APPEAL, Request.state == RequestState.OPEN)
    return session.scalar(waiting.where(Request.case_id.in_(of_month.union(left_out)))) or 0


def _waiting(session: Session, month: date) -> int:
    of_month = select(ScoreOmission.case_id).where(ScoreOmission.scored_on >= month, ScoreOmission.scored_on < later(month, 1))
    still_open = select(func.count()).select_from(Survey).where(Survey.answered_at.is_(None), Survey.lapsed_at.is_(None))
    return session.scalar(still_open.where(Survey.case_id.in_(of_month))) or 0


@dataclass(frozen=True)
class PeriodLine:
    period: ScorePeriod
    by: str
    corrections: int


def closed(session: Session) -> Sequence[PeriodLine]:
    """The latest first."""
    corrected = select(func.count()).where(ScoreCorrection.period_id == ScorePeriod.id).scalar_subquery()
    rows = session.execute(
        select(ScorePeriod, Staff.name, corrected)
        .join(Staff, Staff.id == ScorePeriod.closed_by_id)
        .order_by(ScorePeriod.starts_on.desc())
        .limit(MOST)
    )
    return [PeriodLine(period, by, count) for period, by, count in rows]
