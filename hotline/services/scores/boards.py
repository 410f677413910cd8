"""Rankings and single figures of a stretch of time by any dimension, from the sums; of closed months as they were closed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.orm import Session

from hotline import words
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import rule as rules
from hotline.services.scores import sums
from hotline.services.scores.rule import Measure, ScoringRule
from hotline.services.scores.spans import DAY, Span, Stretch, day_of
from hotline.services.scoring import weighted
from models import (
    Area,
    Category,
    Dimension,
    PeriodFigure,
    Rule,
    ScorePeriod,
    ScoreSum,
    Staff,
    TaxonomyVersion,
    Unit,
    UnitKind,
    now,
)
from models.scoring import POINTS

RANKED = frozenset({Dimension.UNIT, Dimension.TOWNSHIP, Dimension.COMMUNITY, Dimension.GRID})
# 95 %, two-sided.
Z = 1.959964
CITY = "all"
# Which stored sums a stretch is made of.
PARTS = {Span.DAY: Span.DAY, Span.WEEK: Span.DAY, Span.MONTH: Span.MONTH, Span.QUARTER: Span.MONTH, Span.YEAR: Span.YEAR}


@dataclass(frozen=True)
class Figure:
    """So many points of so many that count; `assumed` among them by rule, `omitted` left out beside them."""

    counted: int = 0
    points: int = 0
    assumed: int = 0
    omitted: int = 0

    @property
    def mean(self) -> float | None:
        return self.points / POINTS / self.counted if self.counted else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's, which stays between 0 and 1 and tells something even of three cases."""
        if not self.counted:
            return None
        n, share = self.counted, min(max(self.points / POINTS / self.counted, 0.0), 1.0)
        middle, width = share + Z * Z / (2 * n), Z * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        whole = 1 + Z * Z / n
        return max(0.0, (middle - width) / whole), min(1.0, (middle + width) / whole)

    def __add__(self, other: "Figure") -> "Figure":
        return Figure(
            self.counted + other.counted,
            self.points + other.points,
            self.assumed + other.assumed,
            self.omitted + other.omitted,
        )


NOTHING = Figure()


@dataclass(frozen=True)
class Line:
    key: str
    name: str
    figures: Mapping[str, Figure]
    total: float | None = None
    grade: str = ""
    place: int | None = None  # none: too few cases for one

    def figure(self, measure: str) -> Figure:
        return self.figures.get(measure, NOTHING)

    @property
    def cases(self) -> int:
        """Closed cases that the unit led, or of the place, the agent, the channel."""
        return self.figure(Indicator.ON_TIME).counted + self.figure(Indicator.ON_TIME).omitted


@dataclass(frozen=True)
class Board:
    dimension: Dimension
    stretch: Stretch
    rule: ScoringRule
    weights: Mapping[Indicator, float]
    period: ScorePeriod | None  # the closed one that the figures are of
    lines: Sequence[Line] = ()
    city: Line = field(default_factory=lambda: Line(CITY, "", {}))

    def line(self, key: str) -> Line | None:
        return next((line for line in self.lines if line.key == key), None)


def board(session: Session, dimension: Dimension, stretch: Stretch, *, group: str = "", keys: Iterable[str] = ()) -> Board:
    """Best first where there is an order of merit, else the most cases first; too few cases come last, without a place."""
    head, found, names = head_of(session, stretch), _figures(session, dimension, stretch, keys), _names(session, dimension)
    kinds = next((each.kinds for each in head.rule.groups if each.code == group), None)
    lines = [
        _line(head, dimension, key, names.get(key, (key, None))[0], figures)
        for key, figures in found.items()
        if key != CITY and (kinds is None or names.get(key, (key, None))[1] in kinds)
    ]
    city = Line(CITY, "", found.get(CITY, {}))
    return Board(dimension, stretch, head.rule, head.weights, head.period, _placed(lines, head.rule, dimension), city)


def months_of(session: Session, dimension: Dimension, key: str, months: Sequence[Stretch]) -> Mapping[date, Line]:
    """One key month by month, in two statements; the total by the weights in force."""
    starts, head = [month.first for month in months], head_of(session, Stretch.of(Span.DAY, months[0].first))
    closed = {
        period.id: period.starts_on for period in session.scalars(select(ScorePeriod).where(ScorePeriod.starts_on.in_(starts)))
    }
    found: dict[date, dict[str, Figure]] = {}
    for entity, place in ((ScoreSum, ScoreSum.starts_on), (PeriodFigure, PeriodFigure.period_id)):
        counts = (entity.counted, entity.points, entity.assumed, entity.omitted)
        query = select(place, entity.measure, *counts).where(entity.dimension == dimension, entity.key == key)
        if entity is ScoreSum:
            query = query.where(ScoreSum.span == Span.MONTH, ScoreSum.starts_on.in_(set(starts) - set(closed.values())))
        else:
            query = query.where(PeriodFigure.period_id.in_(closed))
        rows: Any = session.execute(query)
        for at, measure, *figures in rows:
            found.setdefault(closed.get(at, at), {})[measure] = Figure(*figures)
    return {month: _line(head, dimension, key, "", figures) for month, figures in found.items()}


def head_of(session: Session, stretch: Stretch) -> Board:
    """Under which rule and weights the stretch counts: a closed month under those that it was closed with."""
    period = None
    if stretch.span == Span.MONTH:
        period = session.scalars(select(ScorePeriod).where(ScorePeriod.starts_on == stretch.first)).one_or_none()
    counted_until = min(stretch.end - DAY, day_of(now()))
    rule = session.get_one(Rule, period.rule_id) if period else rules.editions(session).on(counted_until)
    profile = session.get_one(Rule, period.profile_id) if period else profiles.current(session)
    return Board(Dimension.CITY, stretch, rules.of_rule(rule), profiles.of_rule(profile).weights, period)


def _line(head: Board, dimension: Dimension, key: str, name: str, figures: Mapping[str, Figure]) -> Line:
    means = {Indicator(measure): figure.mean for measure, figure in figures.items() if measure in set(Indicator)}
    there = {indicator: mean for indicator, mean in means.items() if mean is not None}
    total = weighted(there, head.weights) if dimension in RANKED and there.keys() & head.weights.keys() else None
    return Line(key, name, figures, total, head.rule.grade(total) if total is not None else "")


def _placed(lines: Sequence[Line], rule: ScoringRule, dimension: Dimension) -> Sequence[Line]:
    if dimension not in RANKED:
        return sorted(lines, key=lambda line: (-line.cases, -line.figure(Measure.FIRST_CONTACT).counted, line.key))
    ordered = sorted(lines, key=lambda line: (-(line.total or 0.0), -line.cases, line.key))
    enough, rest = list[Line](), list[Line]()
    for line in ordered:
        if line.cases < rule.least_cases or line.total is None:
            rest.append(replace(line, grade=""))
        else:
            # Who has as much as the one before shares the place.
            is_equal = bool(enough) and enough[-1].total == line.total
            enough.append(replace(line, place=enough[-1].place if is_equal else len(enough) + 1))
    return [*enough, *rest]


def _figures(session: Session, dimension: Dimension, stretch: Stretch, keys: Iterable[str]) -> dict[str, dict[str, Figure]]:
    """By key and measure; the city's whole beside them."""
    found: dict[str, dict[str, Figure]] = {}
    wanted = {CITY, *keys} if keys else set[str]()
    for key, measure, *counts in session.execute(_query(session, dimension, stretch, wanted), sums.moments(stretch)):
        by_measure = found.setdefault(key, {})
        by_measure[measure] = by_measure.get(measure, NOTHING) + Figure(*map(int, counts))
    return found


def _query(session: Session, dimension: Dimension, stretch: Stretch, keys: set[str]) -> Any:
    dimensions = (dimension, Dimension.CITY)
    if stretch.span == Span.HOUR:
        made = union_all(*sums.of_scores(tuple(dict.fromkeys(dimensions)), of_hour=True)).subquery()
        _, key, measure, *counts = made.c
        return select(key, measure, *counts)
    closed = _closed(session, stretch)
    stored = _of(ScoreSum, dimensions, keys).where(ScoreSum.span == PARTS[stretch.span])
    stored = stored.where(ScoreSum.starts_on >= stretch.first, ScoreSum.starts_on < stretch.end)
    if not closed:
        return stored
    frozen = _of(PeriodFigure, dimensions, keys).where(PeriodFigure.period_id.in_([period.id for period in closed]))
    starts = [period.starts_on for period in closed]
    return union_all(stored.where(ScoreSum.starts_on.not_in(starts)), frozen)


def _of(entity: Any, dimensions: Sequence[Dimension], keys: set[str]) -> Select[*tuple[Any, ...]]:
    counts = (func.sum(each) for each in (entity.counted, entity.points, entity.assumed, entity.omitted))
    query = select(entity.key, entity.measure, *counts).where(entity.dimension.in_(dimensions))
    return (query.where(entity.key.in_(keys)) if keys else query).group_by(entity.key, entity.measure)


def _closed(session: Session, stretch: Stretch) -> Sequence[ScorePeriod]:
    """The closed months that a stretch of whole months is made of. A year's own sums hold them too: the scores stand still."""
    if PARTS[stretch.span] != Span.MONTH:
        return []
    within = (ScorePeriod.starts_on >= stretch.first, ScorePeriod.starts_on < stretch.end)
    return session.scalars(select(ScorePeriod).where(*within)).all()


def _names(session: Session, dimension: Dimension) -> Mapping[str, tuple[str, UnitKind | None]]:
    if dimension == Dimension.CITY:
        return {}
    if dimension == Dimension.UNIT:
        return {code: (name, kind) for code, name, kind in session.execute(select(Unit.code, Unit.name, Unit.kind))}
    if dimension == Dimension.AGENT:
        return {username: (name, None) for username, name in session.execute(select(Staff.username, Staff.name))}
    if dimension == Dimension.CHANNEL:
        return {kind: (words.word("channel", kind), None) for kind in ("voice", "sms", "wechat", "mailbox", "email", "console")}
    if dimension == Dimension.CATEGORY:
        current = select(Category.code, Category.name).join(TaxonomyVersion).where(TaxonomyVersion.current)
        return {code: (name, None) for code, name in session.execute(current)}
    areas = select(Area.code, Area.name).where(Area.kind == str(dimension)).order_by(Area.valid_from)
    return {code: (name, None) for code, name in session.execute(areas)}
