"""What turns out otherwise after a period was closed: entries of their own, beside figures that stay as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired, NotFound, RuleBroken
from hotline.services.actors import Actor
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.facts import Facts
from hotline.services.scores.spans import day_of
from models import Case, Role, Score, ScoreCorrection, ScorePeriod, Staff, Unit

MAY_CORRECT = frozenset({Role.SUPERVISOR})
MOST = 200
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


def enter(session: Session, case: Case, indicator: Indicator, value: float | None, *, reason: str, by: Actor) -> ScoreCorrection:
    """By a supervisor: what the case should have counted for the unit that led it; none takes it out."""
    if not by.roles & MAY_CORRECT:
        raise NotAllowed()
    if not reason.strip():
        raise NoteRequired(field="reason")
    if value is not None and not 0 <= value <= 1:
        raise Invalid("Please give a share from 0 to 100.", field="value")
    if case.closed_at is None or case.lead_unit_id is None:
        raise NotFound()
    period = period_of(session, case)
    key = (str(indicator), case.lead_unit_id)
    was = values_of(session, case, period).get(key)
    if was == value:
        raise RuleBroken("This is what it counts already.")
    return _add(session, period, case, key, was=was, value=value, reason=reason.strip(), by=by.staff_id)


def month_of_entry(session: Session, entry: ScoreCorrection) -> date:
    return session.get_one(ScorePeriod, entry.period_id).starts_on


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
        raise RuleBroken("The period of this case is not closed: its score is computed from the facts.")
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
