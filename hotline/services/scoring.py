"""Indicators of a case, computed from what is stored, and what they add up to for units and agents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.events import CaseScored
from hotline.services import profiles, surveys
from hotline.services.outbox import emit
from hotline.services.profiles import Indicator
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    DueChange,
    Grade,
    Mark,
    MarkKind,
    Score,
    Staff,
    Survey,
    Unit,
)

SCORED = frozenset({CaseStatus.CLOSED, CaseStatus.ARCHIVED})


def score_case(session: Session, case: Case) -> dict[Indicator, float]:
    """Compute the indicators of a closed case and put them in the place of the earlier ones; the same facts, the same values.

    They count for the unit that led at the end. A case that no unit had is not scored.
    """
    session.refresh(case, with_for_update=True)
    lead, closed_at = _lead(session, case), case.closed_at
    if case.status not in SCORED or lead is None or closed_at is None:
        return {}
    values = {
        Indicator.CONTACT: float(lead.contacted_at is not None and lead.contacted_at <= lead.contact_due_at),
        Indicator.ON_TIME: float(_was_on_time(session, lead)),
        **_of_survey(session, case),
    }
    if case.closure != ClosureKind.SOLVED and _is_on_ledger(session, case):
        values.pop(Indicator.RESOLUTION, None)
    if _store(session, case, lead, values, at=closed_at):
        emit(session, CaseScored(case.id))
    session.flush()
    return values


def _lead(session: Session, case: Case) -> Assignment | None:
    return session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.lead, Assignment.status == AssignmentStatus.DONE)
        .order_by(Assignment.dispatched_at.desc())
        .limit(1)
    ).one_or_none()


def _was_on_time(session: Session, lead: Assignment) -> bool:
    """Every answer, the first one and those after rework, came within the clock that ran then."""
    told = session.execute(
        select(CaseEvent, DueChange)
        .outerjoin(DueChange, DueChange.event_id == CaseEvent.id)
        .where(CaseEvent.assignment_id == lead.id)
        .order_by(CaseEvent.serial)
    ).all()
    due = next((moved.was_at for _, moved in told if moved is not None), lead.answer_due_at)
    for event, moved in told:
        due = moved.due_at if moved is not None else due
        if event.action == Action.ANSWER and event.at > due:
            return False
    return True


def _is_on_ledger(session: Session, case: Case) -> bool:
    """Acknowledged as not to be solved now: it does not count among the cases to be solved."""
    stands = select(Mark.id).where(Mark.case_id == case.id, Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None))
    return session.scalar(stands.limit(1)) is not None


def _of_survey(session: Session, case: Case) -> dict[Indicator, float]:
    """What the citizen said, in the latest round; nothing where nobody answered."""
    survey = session.scalars(
        select(Survey).where(Survey.case_id == case.id, Survey.answered_at.is_not(None)).order_by(Survey.round.desc()).limit(1)
    ).one_or_none()
    answer = surveys.latest_answer(session, survey) if survey else None
    if answer is None:
        return {}
    return {
        Indicator.RESOLUTION: float(answer.solved),
        Indicator.SATISFACTION: float(Grade(answer.result).is_satisfied),
        Indicator.UNIT_SATISFACTION: float(Grade(answer.unit).is_satisfied),
    }


def _store(session: Session, case: Case, lead: Assignment, values: Mapping[Indicator, float], *, at: datetime) -> bool:
    """Whether anything changed. A score counts in the period in which the case was closed, whenever it is computed."""
    stored = {score.indicator: score for score in session.scalars(select(Score).where(Score.case_id == case.id))}
    changed = False
    for indicator, value in values.items():
        score = stored.pop(indicator, None)
        if score is None:
            score = Score(case_id=case.id, indicator=indicator)
            session.add(score)
        content = (value, lead.unit_id, case.filed_by_id, at)
        if (score.value, score.unit_id, score.agent_id, score.scored_at) != content:
            score.value, score.unit_id, score.agent_id, score.scored_at = content
            changed = True
    for gone in stored.values():
        session.delete(gone)
    return changed or bool(stored)


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
        cases=max(count for _, count in figures.values()),
        indicators=means,
        answered_surveys=figures.get(Indicator.RESOLUTION, (0.0, 0))[1],
        total=_weighted(means, weights),
    )


def _weighted(means: Mapping[Indicator, float], weights: Mapping[Indicator, float]) -> float:
    """What nobody has answered yet neither helps nor harms: the weights of the indicators that are there add up to one."""
    there = {indicator: weights.get(indicator, 0.0) for indicator in means}
    whole = sum(there.values())
    return sum(means[indicator] * weight for indicator, weight in there.items()) / whole if whole else 0.0


@dataclass(frozen=True)
class AgentFigures:
    """What an agent filed in a period and what became of it."""

    filed: int
    answered_directly: int
    dispatched_once: float | None  # share of the dispatched cases that went to the right unit at first
    indicators: Mapping[Indicator, float]


def agent_figures(session: Session, staff: Staff, since: datetime) -> AgentFigures:
    filed, direct, dispatched, once = session.execute(
        select(
            func.count(),
            func.count().filter(Case.closure == ClosureKind.DIRECT),
            func.count().filter(Case.dispatch_count > 0),
            func.count().filter(Case.dispatch_count == 1),
        ).where(Case.filed_by_id == staff.id, Case.created_at >= since)
    ).one()
    means = session.execute(
        select(Score.indicator, func.avg(Score.value))
        .where(Score.agent_id == staff.id, Score.scored_at >= since)
        .group_by(Score.indicator)
    )
    return AgentFigures(
        filed=filed,
        answered_directly=direct,
        dispatched_once=once / dispatched if dispatched else None,
        indicators={Indicator(indicator): float(mean) for indicator, mean in means},
    )
