"""How the model fares week by week: what agents change, how the matters shift, which labels are mixed up. Reads only."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import log
from typing import Any

from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import Session

from hotline.services.learning import model_versions
from hotline.services.reading_wall import first_id_of
from hotline.settings import get_settings
from hotline.words import word
from models import Category, Decision, RoutingRule, Staff, TaxonomyVersion, Unit, now
from models.base import CITY_TIME

WEEKS, RECENT = 12, 4
SHOWN = 15
FIELDS = ("category", "unit")
# Population stability index: below the first nothing has changed, above the second much has.
WATCH, CHANGED = 0.1, 0.25
# Cases on either side before shares are compared.
FEWEST_COMPARED = 50
# Both ways at least so often, and so large a part of all cases of the two.
FEWEST_CONFUSED, CONFUSED_SHARE = 5, 0.2
# Suggested at least so often, right in less than half, and at least so many others with so large a part each.
FEWEST_SUGGESTED, FEWEST_PARTS, PART = 20, 3, 0.1


@dataclass(frozen=True)
class Changed:
    """Of one agent, unit or label, week by week: how often the model was asked, how often a person decided otherwise."""

    name: str
    asked: Sequence[int]
    changed: Sequence[int]

    @property
    def count(self) -> int:
        return sum(self.asked)

    @property
    def share(self) -> float:
        return sum(self.changed) / self.count

    @property
    def recent(self) -> float | None:
        """In the latest weeks."""
        asked = sum(self.asked[-RECENT:])
        return sum(self.changed[-RECENT:]) / asked if asked else None

    @property
    def by_week(self) -> list[float | None]:
        return [changed / asked if asked else None for asked, changed in zip(self.asked, self.changed, strict=True)]


@dataclass(frozen=True)
class Shift:
    """A label's share of all cases: when the model was trained, before, and in the latest weeks."""

    name: str
    trained: float | None
    before: float
    recent: float


@dataclass(frozen=True)
class Stability:
    """Of one week against what the model learnt. So many cases differ by `noise` even if nothing has changed."""

    index: float
    noise: float

    @property
    def verdict(self) -> str:
        beyond = self.index - self.noise
        return "bad" if beyond >= CHANGED else "warn" if beyond >= WATCH else "good"


@dataclass(frozen=True)
class Confusion:
    """Two labels that are taken for each other."""

    codes: tuple[str, str]
    one: str
    other: str
    one_as_other: int
    other_as_one: int
    share: float


@dataclass(frozen=True)
class Spread:
    """A suggestion out of which people make many labels."""

    code: str
    name: str
    count: int
    right: float
    parts: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Field:
    """All of one question."""

    name: str
    overall: Changed | None
    labels: Sequence[Changed]
    shifts: Sequence[Shift]
    stability: Sequence[Stability | None]


@dataclass(frozen=True)
class Drift:
    weeks: Sequence[datetime]
    fields: Sequence[Field]
    agents: Sequence[Changed]
    confusions: Sequence[Confusion]
    spreads: Sequence[Spread]
    trained: bool  # whether the model says what it was trained on
    categories: Set[str]  # those of today


@dataclass(frozen=True)
class _Row:
    suggested: str
    decided: str
    week: int
    count: int

    @cached_property
    def changed(self) -> bool:
        """A more exact category below the suggested one is no change."""
        return not self.decided.startswith(self.suggested)


def drift(session: Session) -> Drift:
    weeks = _weeks(now())
    names, parents = _category_names(session)
    units = {code: short for code, short in session.execute(select(Unit.code, Unit.short))}
    rows = _rows(session, weeks, parents)
    learnt = _learnt(session)
    return Drift(
        weeks=weeks,
        fields=[
            _field(field, rows[field], learnt.get(field, {}), known) for field, known in zip(FIELDS, (names, units), strict=True)
        ],
        agents=_agents(session, weeks),
        confusions=_confusions(rows["category"], names),
        spreads=_spreads(rows["category"], names),
        trained=bool(learnt),
        categories=names.keys(),
    )


def _weeks(at: datetime) -> list[datetime]:
    """The Mondays of the latest weeks, by the city's clock; the last one is still running."""
    midnight = at.astimezone(CITY_TIME).replace(hour=0, minute=0, second=0, microsecond=0)
    monday = midnight - timedelta(days=midnight.weekday())
    return [monday - timedelta(weeks=back) for back in reversed(range(WEEKS))]


def _week_of(weeks: Sequence[datetime]) -> ColumnElement[int]:
    return case(*((Decision.created_at < start, at) for at, start in enumerate(weeks[1:])), else_=len(weeks) - 1)


def _category_names(session: Session) -> tuple[dict[str, str], dict[str, str]]:
    """Names, and of the third level the code of the second, on which suggestions are made."""
    rows = session.execute(
        select(Category.code, Category.name, Category.level, Category.parent_code)
        .join(TaxonomyVersion, TaxonomyVersion.id == Category.taxonomy_id)
        .where(TaxonomyVersion.current)
    ).all()
    return {row.code: row.name for row in rows}, {row.code: row.parent_code for row in rows if row.level > 2}


def _rows(session: Session, weeks: Sequence[datetime], parents: Mapping[str, str]) -> dict[str, list[_Row]]:
    week = _week_of(weeks).label("week")
    counted = session.execute(
        select(Decision.field, Decision.suggested, Decision.decided, week, func.count())
        .where(Decision.id >= first_id_of(weeks[0]), Decision.created_at >= weeks[0], Decision.field.in_(FIELDS))
        .where(Decision.suggested != "")
        .group_by(Decision.field, Decision.suggested, Decision.decided, week)
    )
    rows: defaultdict[str, list[_Row]] = defaultdict(list)
    for field, suggested, decided, at, count in counted:
        label = parents.get(decided, decided) if field == "category" else decided
        rows[field].append(_Row(suggested, label, at, count))
    return rows


def _agents(session: Session, weeks: Sequence[datetime]) -> list[Changed]:
    """By the category: whom the model helps least stands first."""
    week = _week_of(weeks).label("week")
    is_changed = func.substr(Decision.decided, 1, func.length(Decision.suggested)) != Decision.suggested
    counted = session.execute(
        select(Staff.name, Staff.username, week, func.count(), func.sum(case((is_changed, 1), else_=0)))
        .join(Staff, Staff.id == Decision.by_id)
        .where(Decision.id >= first_id_of(weeks[0]), Decision.created_at >= weeks[0])
        .where(Decision.field == "category", Decision.suggested != "")
        .group_by(Staff.name, Staff.username, week)
    )
    of_agent: defaultdict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    for name, username, at, count, changed in counted:
        of_agent[f"{name} {username}"] += [(at, count - int(changed), False), (at, int(changed), True)]
    return _most_changed({name: name for name in of_agent}, of_agent)


def _most_changed(names: Mapping[str, str], counted: Mapping[str, Sequence[tuple[int, int, bool]]]) -> list[Changed]:
    lines = [_changed(names.get(code, code), some) for code, some in counted.items()]
    return sorted(lines, key=lambda line: (-sum(line.changed), line.name))[:SHOWN]


def _changed(name: str, counted: Sequence[tuple[int, int, bool]]) -> Changed:
    asked, changed = [0] * WEEKS, [0] * WEEKS
    for week, count, is_changed in counted:
        asked[week] += count
        changed[week] += count * is_changed
    return Changed(name, asked, changed)


def _field(field: str, rows: Sequence[_Row], learnt: Mapping[str, int], names: Mapping[str, str]) -> Field:
    of_label: defaultdict[str, list[tuple[int, int, bool]]] = defaultdict(list)
    for row in rows:
        of_label[row.suggested].append((row.week, row.count, row.changed))
    everything = [each for some in of_label.values() for each in some]
    by_week = [Counter[str]() for _ in range(WEEKS)]
    for row in rows:
        by_week[row.week][row.decided] += row.count
    return Field(
        name=field,
        overall=_changed(field, everything) if everything else None,
        labels=_most_changed(names, of_label),
        shifts=_shifts(by_week, learnt, names),
        stability=[stability(week, learnt) if week and learnt else None for week in by_week],
    )


def _shifts(by_week: Sequence[Counter[str]], learnt: Mapping[str, int], names: Mapping[str, str]) -> list[Shift]:
    """Where the latest weeks differ most from those before."""
    before, recent = (sum(some, Counter[str]()) for some in (by_week[:-RECENT], by_week[-RECENT:]))
    if min(before.total(), recent.total()) < FEWEST_COMPARED:
        return []
    lines = [
        Shift(
            names.get(code, code),
            learnt.get(code, 0) / sum(learnt.values()) if learnt else None,
            before[code] / before.total(),
            recent[code] / recent.total(),
        )
        for code in before | recent
    ]
    return sorted(lines, key=lambda line: (-abs(line.recent - line.before), line.name))[:SHOWN]


def stability(seen: Mapping[str, int], learnt: Mapping[str, int]) -> Stability:
    """The population stability index, and what mere chance makes of it with so few cases."""
    labels = seen.keys() | learnt.keys()
    here, there = sum(seen.values()), sum(learnt.values())
    index = 0.0
    for label in labels:
        # Half a case more of each, for a label that one side lacks altogether.
        now_share = (seen.get(label, 0) + 0.5) / (here + 0.5 * len(labels))
        then_share = (learnt.get(label, 0) + 0.5) / (there + 0.5 * len(labels))
        index += (now_share - then_share) * log(now_share / then_share)
    return Stability(index, (len(labels) - 1) * (1 / here + 1 / there))


def _learnt(session: Session) -> dict[str, dict[str, int]]:
    """Of the model in use: how many examples of each category it was trained on, and of the units that lead them today."""
    model = model_versions.about(model_versions.in_use(session).current, get_settings())
    categories: dict[str, int] = model.labels.get("category", {}) if model else {}
    if not categories:
        return {}
    leads: dict[str, str] = {
        code: unit
        for code, unit in session.execute(
            select(RoutingRule.category_code, RoutingRule.lead_unit_code)
            .join(TaxonomyVersion, TaxonomyVersion.id == RoutingRule.taxonomy_id)
            .where(TaxonomyVersion.current, RoutingRule.area_code == "")
        )
    }
    units: Counter[str] = Counter()
    for code, count in categories.items():
        if unit := leads.get(code):
            units[unit] += count
    return {"category": categories, "unit": dict(units)}


def _confusions(rows: Sequence[_Row], names: Mapping[str, str]) -> list[Confusion]:
    """Labels to be merged, or told apart by a better description."""
    decided: Counter[str] = Counter()
    mistaken: Counter[tuple[str, str]] = Counter()
    for row in rows:
        decided[row.decided] += row.count
        if row.changed:
            mistaken[row.suggested, row.decided] += row.count
    found = [
        Confusion(
            (one, other),
            names.get(one, one),
            names.get(other, other),
            count,
            back,
            (count + back) / (decided[one] + decided[other]),
        )
        for (one, other), count in mistaken.items()
        if one < other and min(count, back := mistaken[other, one]) >= FEWEST_CONFUSED
    ]
    return sorted((each for each in found if each.share >= CONFUSED_SHARE), key=lambda each: -each.share)[:SHOWN]


def _spreads(rows: Sequence[_Row], names: Mapping[str, str]) -> list[Spread]:
    """Labels to be split, for people make many things of them."""
    made: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        made[row.suggested][row.decided] += row.count
    found = [_spread(label, parts, names) for label, parts in made.items() if parts.total() >= FEWEST_SUGGESTED]
    spreads = [each for each in found if each.right < 0.5 and len(each.parts) >= FEWEST_PARTS]
    return sorted(spreads, key=lambda each: each.right * each.count - each.count)[:SHOWN]


def _spread(label: str, parts: Counter[str], names: Mapping[str, str]) -> Spread:
    shares = [(names.get(code, code), count / parts.total()) for code, count in parts.most_common() if code != label]
    right, large = parts[label] / parts.total(), [each for each in shares if each[1] >= PART]
    return Spread(label, names.get(label, label), parts.total(), right, large)


def as_plots(found: Drift) -> dict[str, Any]:
    """What the page's script draws: weeks, and lines of shares over them."""
    weeks = [week.strftime("%m-%d") for week in found.weeks]
    changed = [{"name": word("field", field.name), "data": field.overall.by_week} for field in found.fields if field.overall]
    shifted = [
        {"name": word("field", field.name), "data": [each.index if each else None for each in field.stability]}
        for field in found.fields
        if any(field.stability)
    ]
    return {"weeks": weeks, "changed": changed, "shifted": shifted}
