"""What the scores of a day, a month, a year add up to, by every dimension: made anew by the database wherever a day changed."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Date,
    Float,
    Insert,
    Select,
    Subquery,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    false,
    func,
    insert,
    literal,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from hotline.services import core
from hotline.services.counting import seconds
from hotline.services.profiles.profiles import Indicator
from hotline.services.reading_wall import first_id_of
from hotline.services.scores import books
from hotline.services.scores.books import Book
from hotline.services.scores.rule import Measure
from hotline.services.scores.spans import DAY, Span, Stretch, day_of, later, month_of
from hotline.services.talk_time import TALKED_UNTIL
from models import (
    Call,
    Case,
    ClosureKind,
    Contact,
    ContactRating,
    Dimension,
    Direction,
    Score,
    ScoreChange,
    ScoreOmission,
    ScoreSum,
    Staff,
    Unit,
    now,
)
from models.base import UtcTime
from models.scoring import POINTS

# A call that began before midnight may be rated and wrapped up after it.
ROUND_MIDNIGHT = timedelta(hours=2)
SWEEP = 62
GOOD_RATING = 3

KEYS: Mapping[Dimension, Any] = {
    Dimension.CITY: literal("all"),
    Dimension.UNIT: Unit.code,
    Dimension.TOWNSHIP: Case.township_code,
    Dimension.COMMUNITY: Case.community_code,
    Dimension.GRID: Case.grid_code,
    Dimension.AGENT: Staff.username,
    Dimension.CATEGORY: Case.category_code,
    Dimension.CHANNEL: Contact.channel,
}
# A return counts for each unit that had the case; for all else the case is one case.
OF_LEAD = (Dimension.UNIT,)
Figures = Select[*tuple[Any, ...]]
FIRST, END = bindparam("first_day", type_=Date), bindparam("end_day", type_=Date)
SINCE, UNTIL = bindparam("since", type_=UtcTime), bindparam("until", type_=UtcTime)
SINCE_ID = bindparam("since_id", type_=Uuid)
COLUMNS = ("dimension", "key", "measure", "counted", "points", "assumed", "omitted")


def refresh(session: Session) -> int:
    """Make the sums of the days that changed, and of today, anew; returns of how many days."""
    books.keep(session, Book.SUMS)
    changed = set(session.scalars(select(ScoreChange.day).distinct().order_by(ScoreChange.day).limit(SWEEP)))
    today = day_of(now())
    latest = session.scalar(select(func.max(ScoreSum.starts_on)).where(ScoreSum.span == Span.DAY)) or today
    # Whatever day the service was last there: agents' calls and filings of that day may be younger than its sums.
    since = min(day_of(now() - ROUND_MIDNIGHT), max(latest, today - SWEEP * DAY))
    days = changed | set(days_between(since, today + DAY))
    settle(session, days)
    return len(days)


def unsettled(session: Session) -> set[date]:
    """Days that the timetable has still to add up; today and the last hours always are."""
    changed = session.scalars(select(ScoreChange.day).distinct())
    return {*changed, *days_between(day_of(now() - ROUND_MIDNIGHT), day_of(now()) + DAY)}


def refresh_days(session: Session, days: Iterable[date]) -> None:
    books.keep(session, Book.SUMS)
    settle(session, days)


def settle(session: Session, days: Iterable[date]) -> None:
    """Bring the sums of these days, and of the months and years that they lie in, to what the scores say."""
    wanted = sorted(set(days))
    # First taken off the list, then looked at: what is written meanwhile is on the list again.
    session.execute(delete(ScoreChange).where(ScoreChange.day.in_(wanted)))
    for day in wanted:
        _replace_day(session, day)
    months = sorted({month_of(day) for day in wanted})
    for month in months:
        _replace(session, Span.MONTH, month, _of_parts(Span.DAY, month, later(month, 1)))
    for year in sorted({month.replace(month=1) for month in months}):
        _replace(session, Span.YEAR, year, _of_parts(Span.MONTH, year, later(year, 12)))
    session.flush()


def _replace_day(session: Session, day: date) -> None:
    _take_off(session, Span.DAY, day)
    for statement in _of_a_day():
        core.send(session, statement, moments(Stretch.of(Span.DAY, day)))


@cache
def _of_a_day() -> Sequence[Insert]:
    return [_kept(part, literal(str(Span.DAY)), FIRST) for part in of_scores()]


def _replace(session: Session, span: Span, first: date, figures: Figures) -> None:
    _take_off(session, span, first)
    session.execute(_kept(figures, literal(str(span)), literal(first)))


def _take_off(session: Session, span: Span, first: date) -> None:
    session.execute(delete(ScoreSum).where(ScoreSum.span == span, ScoreSum.starts_on == first))


def _kept(figures: Figures, span: ColumnElement[str], first: ColumnElement[date]) -> Insert:
    return insert(core.table(ScoreSum)).from_select([*COLUMNS, "span", "starts_on"], figures.add_columns(span, first))


def _of_parts(span: Span, first: date, end: date) -> Figures:
    sums = (ScoreSum.counted, ScoreSum.points, ScoreSum.assumed, ScoreSum.omitted)
    return (
        select(ScoreSum.dimension, ScoreSum.key, ScoreSum.measure, *(_sum(each) for each in sums))
        .where(ScoreSum.span == span, ScoreSum.starts_on >= first, ScoreSum.starts_on < end)
        .group_by(ScoreSum.dimension, ScoreSum.key, ScoreSum.measure)
    )


@cache
def of_scores(dimensions: Sequence[Dimension] = tuple(Dimension), *, of_hour: bool = False) -> Sequence[Figures]:
    """The same figures straight from the scores: for a day's sums, for an hour, and to check what is stored.

    To be sent with the `moments` of a stretch: they are made once, for to make them takes longer than to run most of them.
    """
    found = [_of_cases(dimension, of_hour=of_hour) for dimension in dimensions]
    return found + _of_agents() if Dimension.AGENT in dimensions else found


def moments(stretch: Stretch) -> Mapping[str, object]:
    """What `of_scores` is asked for."""
    return {
        FIRST.key: stretch.first,
        END.key: stretch.end,
        SINCE.key: stretch.since,
        UNTIL.key: stretch.until,
        SINCE_ID.key: first_id_of(stretch.since),
    }


def _of_cases(dimension: Dimension, *, of_hour: bool) -> Figures:
    rows, key = _counted(of_hour=of_hour, by_unit=dimension in OF_LEAD), KEYS[dimension]
    query = select(
        literal(str(dimension)).label("dimension"),
        key.label("key"),
        rows.c.indicator,
        _sum(rows.c.counted),
        _sum(rows.c.points),
        _sum(rows.c.assumed),
        _sum(1 - rows.c.counted),
    ).select_from(rows)
    if dimension == Dimension.UNIT:
        query = query.join(Unit, Unit.id == rows.c.unit_id)
    elif dimension == Dimension.AGENT:
        query = query.join(Staff, Staff.id == rows.c.agent_id)
    elif dimension != Dimension.CITY:
        query = query.join(Case, Case.id == rows.c.case_id)
    if dimension == Dimension.CHANNEL:
        query = query.join(Contact, Contact.id == Case.contact_id)
    group = [rows.c.indicator] if dimension == Dimension.CITY else [key, rows.c.indicator]
    return query.where(key.is_not(None)).group_by(*group)


def _counted(*, of_hour: bool, by_unit: bool) -> Subquery:
    """Scores and omissions in one, a row for each case and indicator; by unit, for each unit too."""

    def of(entity: Any, value: Any, assumed: ColumnElement[Any], counted: int) -> Figures:
        return select(
            entity.case_id,
            entity.indicator,
            entity.unit_id,
            entity.agent_id,
            literal(counted).label("counted"),
            cast(func.round(value * POINTS), BigInteger).label("points"),
            case((assumed, 1), else_=0).label("assumed"),
        ).where(*_within(entity, of_hour=of_hour))

    nothing = cast(literal(0.0), Float)
    both = union_all(of(Score, Score.value, cast(Score.assumed, Boolean), 1), of(ScoreOmission, nothing, false(), 0)).subquery()
    if by_unit:
        return both
    each = (both.c.case_id, both.c.indicator, both.c.agent_id)
    # That one unit gave it back and another one kept it is one case that was given back.
    most = [func.max(both.c[name]).label(name) for name in ("counted", "points", "assumed")]
    returns = select(*each, *most).where(both.c.indicator == Indicator.RETURN).group_by(*each)
    rest = select(*each, both.c.counted, both.c.points, both.c.assumed).where(both.c.indicator != Indicator.RETURN)
    return union_all(rest, returns).subquery()


def _within(entity: Any, *, of_hour: bool) -> tuple[ColumnElement[bool], ...]:
    days = (entity.scored_on >= FIRST, entity.scored_on < END)
    hour = (entity.scored_at >= SINCE, entity.scored_at < UNTIL)
    return (*days, *hour) if of_hour else days


def _of_agents() -> list[Figures]:
    spoken = and_(Call.answered_at.is_not(None), Call.queued_at.is_not(None), Call.direction == Direction.IN)
    ended = and_(spoken, Call.ended_at.is_not(None))
    talked = seconds(TALKED_UNTIL) - seconds(Call.answered_at) - Call.held_seconds
    of_calls: Mapping[Measure, tuple[ColumnElement[bool], ColumnElement[Any]]] = {
        Measure.WAIT: (spoken, seconds(Call.answered_at) - seconds(Call.queued_at)),
        Measure.TALK: (ended, talked),
        Measure.WRAP_UP: (
            and_(ended, Call.wrapped_up_at.is_not(None)),
            seconds(Call.wrapped_up_at) - seconds(TALKED_UNTIL),
        ),
    }
    calls = (Call.started_at >= SINCE, Call.started_at < UNTIL)
    found = [
        _of_agent(measure, value).join(Call, Call.staff_id == Staff.id).where(*calls, holds)
        for measure, (holds, value) in of_calls.items()
    ]
    direct = case((Case.closure == ClosureKind.DIRECT, 1.0), else_=0.0)
    filed = (Case.id >= SINCE_ID, Case.created_at >= SINCE, Case.created_at < UNTIL)
    found.append(_of_agent(Measure.FIRST_CONTACT, direct).join(Case, Case.filed_by_id == Staff.id).where(*filed))
    found.append(_satisfaction())
    return [each.group_by(Staff.username) for each in found]


def _satisfaction() -> Figures:
    """Of calls by the day they began, of conversations by the day they were rated."""
    told = (Call.rating.is_not(None), Call.started_at >= SINCE, Call.started_at < UNTIL)
    written = (ContactRating.rated_at >= SINCE, ContactRating.rated_at < UNTIL)
    rated = union_all(
        select(Call.staff_id, Call.rating).where(*told), select(ContactRating.staff_id, ContactRating.rating).where(*written)
    ).subquery()
    good = case((rated.c.rating >= GOOD_RATING, 1.0), else_=0.0)
    return _of_agent(Measure.AGENT_SATISFACTION, good).join(rated, rated.c.staff_id == Staff.id)


def _of_agent(measure: Measure, value: ColumnElement[Any]) -> Figures:
    points = _sum(cast(func.round(value * POINTS), BigInteger))
    head = (literal(str(Dimension.AGENT)).label("dimension"), Staff.username.label("key"), literal(str(measure)))
    return select(*head, func.count(), points, literal(0), literal(0)).select_from(Staff)


def _sum(column: Any) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def days_between(first: date, end: date) -> list[date]:
    return [first + DAY * n for n in range((end - first).days)]
