"""What turns out otherwise after a period was closed: entries of their own, beside figures that stay as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired, RuleBroken
from hotline.services.actors import Actor
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.facts import Facts
from hotline.services.scores.spans import day_of
from models import Case, Dimension, PeriodFigure, Role, Score, ScoreCorrection, ScoreOmission, ScorePeriod, Staff, Unit

MAY_CORRECT = frozenset({Role.SUPERVISOR})
MOST = 200
NOT_CLOSED = "The period of this case is not closed: its score is computed from the facts."
Key = tuple[str, UUID]


def note_late(session: Session, case: Case, found: Facts) -> int:
    """Where the facts of today give another value than stands, an entry says so; told once. Returns how many there were."""
    period = period_of(session, case)
    standing = values_of(session, case, period)
    now_so = {(str(each.indicator), each.unit_id): each.value for each in found.worth}
    by_hand = settled_by_hand(session, case, period)
    keys = sorted({*standing, *now_so} - by_hand, key=str)
    differing = [key for key in keys if standing.get(key) != now_so.get(key)]
    for key in differing:
        _add(session, period, case, key, was=standing.get(key), value=now_so.get(key), reason="", by=None)
    return len(differing)


def values_of(session: Session, case: Case, period: ScorePeriod) -> Mapping[Key, float | None]:
    """What a case is worth in a closed period, with the corrections made since."""
    within = (Score.case_id == case.id, Score.scored_on >= period.starts_on, Score.scored_on < period.ends_on)
    values: dict[Key, float | None] = {}
    for score in session.scalars(select(Score).where(*within)):
        if score.unit_id is not None:
            values[score.indicator, score.unit_id] = score.value
    of_case = select(ScoreCorrection).where(ScoreCorrection.case_id == case.id, ScoreCorrection.period_id == period.id)
    for entry in session.scalars(of_case.order_by(ScoreCorrection.created_at, ScoreCorrection.id)):
        values[entry.indicator, entry.unit_id] = entry.value
    return values


def settled_by_hand(session: Session, case: Case, period: ScorePeriod) -> set[Key]:
    """What a supervisor has said of it is not undone by what the facts say."""
    entered = select(ScoreCorrection.indicator, ScoreCorrection.unit_id).where(
        ScoreCorrection.case_id == case.id, ScoreCorrection.period_id == period.id, ScoreCorrection.by_id.is_not(None)
    )
    return {(indicator, unit_id) for indicator, unit_id in session.execute(entered)}


def enter(
    session: Session,
    case: Case,
    indicator: Indicator,
    value: float | None,
    *,
    month: date,
    unit: Unit | None = None,
    reason: str,
    by: Actor,
) -> ScoreCorrection:
    """By a supervisor: what the case should have counted in a closed month for the unit that led it at the end, or for one
    that gave it back; none takes it out."""
    if not by.roles & MAY_CORRECT:
        raise NotAllowed()
    if not reason.strip():
        raise NoteRequired(field="reason")
    if value is not None and not 0 <= value <= 1:
        raise Invalid("Please give a share from 0 to 100.", field="value")
    period = session.scalars(select(ScorePeriod).where(ScorePeriod.starts_on == month)).one_or_none()
    if period is None:
        raise RuleBroken(NOT_CLOSED)
    key = (str(indicator), _counted_for(session, case, period, indicator, unit))
    was = values_of(session, case, period).get(key)
    if was == value:
        raise RuleBroken("This is what it counts already.")
    return _add(session, period, case, key, was=was, value=value, reason=reason.strip(), by=by.staff_id)


def _counted_for(session: Session, case: Case, period: ScorePeriod, indicator: Indicator, unit: Unit | None) -> UUID:
    """That unit, if this counts for it in the month; none: the one that led then."""
    counted = _units_of(session, case, period, Indicator.CONTACT)
    if not counted:
        raise RuleBroken("This case does not count in this month.")
    if unit is None:
        return counted[0]
    if indicator == Indicator.RETURN:
        counted += _units_of(session, case, period, indicator)
    if unit.id not in counted:
        raise Invalid("This does not count for that unit in this month.", field="unit")
    return unit.id


def _units_of(session: Session, case: Case, period: ScorePeriod, indicator: Indicator) -> list[UUID]:
    """A score or an omission of a case there is for each unit that it counts for."""
    rows = [
        select(entity.unit_id).where(
            entity.case_id == case.id,
            entity.indicator == indicator,
            entity.scored_on >= period.starts_on,
            entity.scored_on < period.ends_on,
        )
        for entity in (Score, ScoreOmission)
    ]
    return [unit_id for unit_id in session.scalars(union_all(*rows)) if unit_id is not None]


def units_of(session: Session, period_id: UUID) -> Sequence[tuple[str, str]]:
    """Code and name of those that have figures in a closed period."""
    keys = select(PeriodFigure.key).where(PeriodFigure.period_id == period_id, PeriodFigure.dimension == Dimension.UNIT)
    found = session.execute(select(Unit.code, Unit.name).where(Unit.code.in_(keys)).order_by(Unit.name))
    return [(code, name) for code, name in found]


@dataclass(frozen=True)
class Entry:
    correction: ScoreCorrection
    number: str
    unit: str
    by: str


def of_period(session: Session, period_id: UUID) -> Sequence[Entry]:
    rows = session.execute(
        select(ScoreCorrection, Case.number, Unit.name, Staff.name)
        .join(Case, Case.id == ScoreCorrection.case_id)
        .join(Unit, Unit.id == ScoreCorrection.unit_id)
        .outerjoin(Staff, Staff.id == ScoreCorrection.by_id)
        .where(ScoreCorrection.period_id == period_id)
        .order_by(ScoreCorrection.created_at.desc(), ScoreCorrection.id)
        .limit(MOST)
    )
    return [Entry(correction, number, unit, by or "") for correction, number, unit, by in rows]


def period_of(session: Session, case: Case) -> ScorePeriod:
    day = day_of(case.closed_at) if case.closed_at else None
    period = session.scalars(select(ScorePeriod).where(ScorePeriod.starts_on <= day, ScorePeriod.ends_on > day)).one_or_none()
    if period is None:
        raise RuleBroken(NOT_CLOSED)
    return period


def _add(
    session: Session,
    period: ScorePeriod,
    case: Case,
    key: Key,
    *,
    was: float | None,
    value: float | None,
    reason: str,
    by: UUID | None,
) -> ScoreCorrection:
    indicator, unit_id = key
    entry = ScoreCorrection(
        period_id=period.id, case_id=case.id, unit_id=unit_id, indicator=indicator, was=was, value=value, reason=reason, by_id=by
    )
    session.add(entry)
    session.flush()
    return entry
