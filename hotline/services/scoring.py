"""Indicators of a case, computed from what is stored, and what they add up to for units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.events import CaseScored
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import books, corrections, facts, rule
from hotline.services.scores.facts import Facts, Worth
from hotline.services.scores.spans import day_of
from models import Case, ClosureKind, Score, ScoreChange, ScoreOmission, Unit

Key = tuple[str, UUID]


def score_case(session: Session, case: Case) -> dict[Indicator, float]:
    """Compute the indicators of a closed case and put them in the place of the earlier ones; the same facts, the same values.

    They count for the unit that led at the end, a return for each unit that ever led. A case that no unit had is not scored.
    What lies in a closed period stays; what turns out otherwise by now becomes a correction.
    """
    found = score_cases(session, [case.id]).get(case.id)
    return found.values() if found else {}


def score_cases(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, Facts]:
    """The same for several at once."""
    held = select(Case).where(Case.id.in_(ids)).order_by(Case.id).with_for_update()
    cases = session.scalars(held.execution_options(populate_existing=True)).all()
    books.share(session)
    editions = rule.editions(session)
    found = facts.of_cases(session, cases, lambda day: rule.of_rule(editions.on(day)))
    final = books.open_from(session)
    is_open = [case for case in cases if case.id in found and (final is None or day_of(found[case.id].closed_at) >= final)]
    stored = _stored(session, [case.id for case in is_open], since=final)
    changed = set[date]()
    for case in cases:
        if case.id in stored:
            if days := _store(session, case, found[case.id], stored[case.id]):
                emit(session, CaseScored(case.id))
                changed |= {day for day in days if final is None or day >= final}
        elif case.id in found:
            corrections.note_late(session, case, found[case.id])
        elif case.closure == ClosureKind.DIRECT:  # counts for the agent on the day of filing
            changed.add(day_of(case.created_at))
    session.add_all(ScoreChange(day=day) for day in sorted(changed))
    session.flush()
    return found


@dataclass(frozen=True)
class _Before:
    """What was stored of a case."""

    scores: dict[Key, Score] = field(default_factory=dict)
    omissions: dict[Key, ScoreOmission] = field(default_factory=dict)


def _stored(session: Session, ids: Sequence[UUID], *, since: date | None) -> Mapping[UUID, _Before]:
    found = {case_id: _Before() for case_id in ids}
    for score in session.scalars(select(Score).where(Score.case_id.in_(ids))):
        if score.unit_id is not None and (since is None or score.scored_on >= since):
            found[score.case_id].scores[score.indicator, score.unit_id] = score
    for left in session.scalars(select(ScoreOmission).where(ScoreOmission.case_id.in_(ids))):
        if since is None or left.scored_on >= since:
            found[left.case_id].omissions[left.indicator, left.unit_id] = left
    return found


def _store(session: Session, case: Case, found: Facts, before: _Before) -> set[date]:
    """The days whose sums change by it. A score counts in the period in which the case was closed, whenever it is computed."""
    scores, omissions = before.scores, before.omissions
    days = {day_of(found.closed_at), day_of(case.created_at)} | {score.scored_on for score in scores.values()}
    days |= {omission.scored_on for omission in omissions.values()}
    changed = False
    for worth in found.worth:
        changed |= _put(session, case, found, worth, scores, omissions)
    for gone in (*scores.values(), *omissions.values()):
        session.delete(gone)
        changed = True
    return days if changed else set()


def _put(
    session: Session,
    case: Case,
    found: Facts,
    worth: Worth,
    scores: dict[Key, Score],
    omissions: dict[Key, ScoreOmission],
) -> bool:
    key = (str(worth.indicator), worth.unit_id)
    row: Score | ScoreOmission | None = scores.pop(key, None) if worth.value is not None else omissions.pop(key, None)
    content = {
        "agent_id": found.agent_id,
        "scored_at": found.closed_at,
        "scored_on": day_of(found.closed_at),
        **({"reason": worth.omission} if worth.value is None else {"value": worth.value, "assumed": worth.assumed}),
    }
    if row is None:
        entity = ScoreOmission if worth.value is None else Score
        session.add(entity(case_id=case.id, indicator=worth.indicator, unit_id=worth.unit_id, **content))
        return True
    changed = {name: value for name, value in content.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    return bool(changed)


@dataclass(frozen=True)
class UnitScore:
    """A unit over a period: the mean of each indicator, of how many cases, and the weighted total; all from 0 to 1."""

    unit_id: UUID
    code: str
    name: str
    cases: int
    indicators: Mapping[Indicator, float]
    answered_surveys: int
    total: float


def scoreboard(session: Session, since: datetime, until: datetime, *, unit_id: UUID | None = None) -> list[UnitScore]:
    """The units with a scored case that was closed in the period, best first; or one of them."""
    weights = profiles.in_force(session).weights
    rows = session.execute(
        select(Unit.id, Unit.code, Unit.name, Score.indicator, func.avg(Score.value), func.count())
        .join(Unit, Unit.id == Score.unit_id)
        .where(Score.scored_at >= since, Score.scored_at < until, *([Score.unit_id == unit_id] if unit_id else []))
        .group_by(Unit.id, Unit.code, Unit.name, Score.indicator)
    )
    units: dict[tuple[UUID, str, str], dict[Indicator, tuple[float, int]]] = {}
    for unit_id, code, name, indicator, mean, count in rows:
        units.setdefault((unit_id, code, name), {})[Indicator(indicator)] = (float(mean), count)
    board = [_unit_score(*unit, figures, weights) for unit, figures in units.items()]
    return sorted(board, key=lambda score: (-score.total, -score.cases, score.code))


def _unit_score(
    unit_id: UUID,
    code: str,
    name: str,
    figures: Mapping[Indicator, tuple[float, int]],
    weights: Mapping[Indicator, float],
) -> UnitScore:
    means = {indicator: mean for indicator, (mean, _) in figures.items()}
    return UnitScore(
        unit_id=unit_id,
        code=code,
        name=name,
        cases=figures.get(Indicator.ON_TIME, (0.0, 0))[1],
        indicators=means,
        answered_surveys=figures.get(Indicator.RESOLUTION, (0.0, 0))[1],
        total=weighted(means, weights),
    )


def weighted(means: Mapping[Indicator, float], weights: Mapping[Indicator, float]) -> float:
    """What nobody has answered yet neither helps nor harms: the weights of the indicators that are there add up to one."""
    there = {indicator: weights.get(indicator, 0.0) for indicator in means}
    whole = sum(there.values())
    return sum(_good(indicator, means[indicator]) * weight for indicator, weight in there.items()) / whole if whole else 0.0


def _good(indicator: Indicator, mean: float) -> float:
    """Of what is better the less there is of it, the rest counts."""
    return 1 - mean if indicator.less_is_better else mean
