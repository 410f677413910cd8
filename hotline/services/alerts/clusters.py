"""Sudden clusters: many cases of one matter in one street within a short time, against the same hours of the days before."""

from collections.abc import Iterator, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from hotline.services.alerts.chance import at_least
from hotline.services.alerts.rule import ClusterRule
from hotline.services.reading_wall import first_id_of
from hotline.services.wall.prompt import epoch_of
from models import Area, Case, Category, RequestType, TaxonomyVersion

# The cluster itself is no part of what is usual.
ASIDE = timedelta(hours=12)
AROUND = timedelta(hours=1)
DAY_SECONDS = 86_400

Key = tuple[str, str]


@dataclass(frozen=True)
class Cluster:
    township: str
    category: str
    count: int
    usual: float  # in as long a time

    @property
    def subject(self) -> str:
        return f"{self.township}:{self.category}"


def find(session: Session, rule: ClusterRule, at: datetime, *, going_on: Set[str]) -> list[Cluster]:
    """Those that chance would hardly bring. One that goes on lasts until fewer than the least are left of it."""
    counts = _counts(session, at - rule.within, at, rule.least)
    usual = _usual(session, rule, at, counts)
    clusters = [Cluster(*key, count, usual.get(key, 0.0)) for key, count in counts.items()]
    return [each for each in clusters if each.subject in going_on or at_least(each.count, each.usual) < rule.chance]


def names(session: Session, clusters: list[Cluster]) -> Iterator[dict[str, Any]]:
    """What each is called: the street's and the category's names."""
    streets = select(Area.code, Area.name).where(Area.code.in_({each.township for each in clusters}), Area.valid_to.is_(None))
    places = {code: name for code, name in session.execute(streets)}
    edition = select(TaxonomyVersion.id).where(TaxonomyVersion.current).limit(1).scalar_subquery()
    of_edition = select(Category.code, Category.name).where(Category.taxonomy_id == edition)
    matters = {code: name for code, name in session.execute(of_edition)}
    for each in clusters:
        yield {"place": places.get(each.township, each.township), "category": matters.get(each.category, each.category)}


def _counts(session: Session, since: datetime, until: datetime, least: int) -> dict[Key, int]:
    """Whoever asked for confidence, and what is reported of others, stands in no alarm."""
    rows = session.execute(
        select(Case.township_code, Case.category_code, func.count())
        .where(Case.id >= first_id_of(since), Case.created_at >= since, Case.created_at <= until)
        .where(Case.township_code.is_not(None), ~Case.confidential, Case.request_type != RequestType.REPORT)
        .group_by(Case.township_code, Case.category_code)
        .having(func.count() >= least)
    )
    return {(township or "", category): count for township, category, count in rows}


def _usual(session: Session, rule: ClusterRule, at: datetime, keys: dict[Key, int]) -> dict[Key, float]:
    """The mean of the window's length, from an hour before to an hour after this time of the day."""
    if not keys:
        return {}
    until = at - ASIDE
    since = at - timedelta(days=rule.usual_days)
    distance = (epoch_of(Case.created_at) - int(since.timestamp())) % DAY_SECONDS
    around = int(AROUND.total_seconds())
    near = or_(distance <= around, distance >= DAY_SECONDS - around)
    rows = session.execute(
        select(Case.township_code, Case.category_code, func.count())
        .where(Case.id >= first_id_of(since), Case.created_at >= since, Case.created_at < until)
        .where(and_(tuple_(Case.township_code, Case.category_code).in_(list(keys)), near))
        .group_by(Case.township_code, Case.category_code)
    )
    windows = rule.usual_days * 2 * AROUND / rule.within
    return {(township or "", category): count / windows for township, category, count in rows}
