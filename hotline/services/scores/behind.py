"""The cases behind a number: every one that counts, and every one that was left out, with why. No personal data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Float, Select, and_, cast, func, literal, null, select, union_all
from sqlalchemy.orm import Session

from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.spans import Span, Stretch
from hotline.services.scores.sums import KEYS
from models import Case, Category, Contact, Dimension, Score, ScoreOmission, Staff, Unit

PAGE = 50
NAMED = func.coalesce(Category.name, Case.category_code)


@dataclass(frozen=True)
class CaseLine:
    case_id: UUID
    number: str
    closed_on: date
    category: str
    unit: str
    value: float | None
    assumed: bool
    reason: str


@dataclass(frozen=True)
class Behind:
    lines: Sequence[CaseLine]
    page: int
    more: bool


def cases(
    session: Session, dimension: Dimension, key: str, indicator: Indicator, stretch: Stretch, *, page: int = 0, only: str = ""
) -> Behind:
    """The latest first. `only`: missed, met or omitted."""
    # Each kind gives no more than the page can hold: the end of an index is read, not a year of rows.
    most = (page + 1) * PAGE + 1
    parts = [_rows(entity, dimension, key, indicator, stretch, only).limit(most) for entity in (Score, ScoreOmission)]
    both = union_all(*(select(part.subquery()) for part in parts)).subquery()
    ordered = (
        select(both.c.case_id, Case.number, both.c.scored_on, NAMED, Unit.short, both.c.value, both.c.assumed, both.c.reason)
        .join(Case, Case.id == both.c.case_id)
        .outerjoin(Category, and_(Category.taxonomy_id == Case.taxonomy_id, Category.code == Case.category_code))
        .join(Unit, Unit.id == both.c.unit_id)
        .order_by(both.c.scored_on.desc(), both.c.case_id, both.c.unit_id)
        .limit(PAGE + 1)
        .offset(page * PAGE)
    )
    lines = [CaseLine(*row) for row in session.execute(ordered)]
    return Behind(lines[:PAGE], page, len(lines) > PAGE)


def _rows(
    entity: Any, dimension: Dimension, key: str, indicator: Indicator, stretch: Stretch, only: str
) -> Select[*tuple[Any, ...]]:
    counts = entity is Score
    worth = (Score.value, Score.assumed, literal("")) if counts else (cast(null(), Float), literal(False), entity.reason)
    named = [column.label(name) for name, column in zip(("value", "assumed", "reason"), worth, strict=True)]
    query = (
        select(entity.case_id, entity.unit_id, entity.scored_on, *named)
        .where(entity.indicator == str(indicator), entity.scored_on >= stretch.first, entity.scored_on < stretch.end)
        .order_by(entity.scored_on.desc(), entity.case_id, entity.unit_id)
    )
    if stretch.span == Span.HOUR:
        query = query.where(entity.scored_at >= stretch.since, entity.scored_at < stretch.until)
    if dimension != Dimension.CITY:
        query = _joined(query, entity, dimension).where(KEYS[dimension] == key)
    return query.where(*_only(counts, indicator, only))


def _joined(query: Select[*tuple[Any, ...]], entity: Any, dimension: Dimension) -> Select[*tuple[Any, ...]]:
    """With what the dimension's key stands in."""
    if dimension == Dimension.UNIT:
        return query.join(Unit, Unit.id == entity.unit_id)
    if dimension == Dimension.AGENT:
        return query.join(Staff, Staff.id == entity.agent_id)
    query = query.join(Case, Case.id == entity.case_id)
    return query.join(Contact, Contact.id == Case.contact_id) if dimension == Dimension.CHANNEL else query


def _only(counts: bool, indicator: Indicator, only: str) -> Sequence[Any]:
    if only == "omitted":
        return [literal(not counts)]
    if only not in ("met", "missed"):
        return []
    if not counts:
        return [literal(False)]
    good = (only == "met") != indicator.less_is_better
    return [Score.value >= 0.5 if good else Score.value < 0.5]
