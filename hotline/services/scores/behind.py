"""The cases behind a number: every one that counts, and every one that was left out, with why. No personal data."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Select, and_, func, literal, null, select, union_all
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
    both = union_all(*(_rows(entity, dimension, key, indicator, stretch, only) for entity in (Score, ScoreOmission))).subquery()
    ordered = select(both).order_by(both.c.scored_on.desc(), both.c.number, both.c.unit).limit(PAGE + 1).offset(page * PAGE)
    lines = [CaseLine(*row) for row in session.execute(ordered)]
    return Behind(lines[:PAGE], page, len(lines) > PAGE)


def _rows(
    entity: Any, dimension: Dimension, key: str, indicator: Indicator, stretch: Stretch, only: str
) -> Select[*tuple[Any, ...]]:
    counts = entity is Score
    worth = (Score.value, Score.assumed, literal("")) if counts else (null(), literal(False), entity.reason)
    named = [column.label(name) for name, column in zip(("value", "assumed", "reason"), worth, strict=True)]
    query = (
        select(entity.case_id, Case.number, entity.scored_on, NAMED.label("category"), Unit.short.label("unit"), *named)
        .select_from(entity)
        .join(Case, Case.id == entity.case_id)
        .outerjoin(Category, and_(Category.taxonomy_id == Case.taxonomy_id, Category.code == Case.category_code))
        .join(Unit, Unit.id == entity.unit_id)
        .where(entity.indicator == str(indicator), entity.scored_on >= stretch.first, entity.scored_on < stretch.end)
    )
    if stretch.span == Span.HOUR:
        query = query.where(entity.scored_at >= stretch.since, entity.scored_at < stretch.until)
    if dimension == Dimension.AGENT:
        query = query.join(Staff, Staff.id == entity.agent_id)
    if dimension == Dimension.CHANNEL:
        query = query.join(Contact, Contact.id == Case.contact_id)
    if dimension != Dimension.CITY:
        query = query.where(KEYS[dimension] == key)
    return query.where(*_only(counts, indicator, only))


def _only(counts: bool, indicator: Indicator, only: str) -> Sequence[Any]:
    if only == "omitted":
        return [literal(not counts)]
    if only not in ("met", "missed"):
        return []
    if not counts:
        return [literal(False)]
    good = (only == "met") != indicator.less_is_better
    return [Score.value >= 0.5 if good else Score.value < 0.5]
