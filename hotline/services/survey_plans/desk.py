"""The callback desk: whom to call now, one person at a time; what was heard, or why nobody was reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import AlreadyTaken, Invalid, NotAllowed, NoteRequired, NotFound, RuleBroken, WrongState
from hotline.services import cases, surveys
from hotline.services.actors import Actor
from hotline.services.survey_plans import moment, plans, rule
from models import (
    Action,
    AttemptOutcome,
    Case,
    CaseStatus,
    Grade,
    PlanReason,
    PlanState,
    Role,
    Staff,
    Survey,
    SurveyAnswer,
    SurveyAttempt,
    SurveyPlan,
    SurveyWay,
    Unit,
    now,
)
from models.base import CITY_TIME

WORKED_BY = frozenset({Role.CALLBACK_AGENT, Role.VERIFIER, Role.SHIFT_LEADER})
# Why nobody's opinion was heard, as a person who called puts it.
CODES = (
    AttemptOutcome.NO_ANSWER,
    AttemptOutcome.BUSY,
    AttemptOutcome.SWITCHED_OFF,
    AttemptOutcome.HUNG_UP,
    AttemptOutcome.LATER,
    AttemptOutcome.WRONG_NUMBER,
    AttemptOutcome.REFUSES,
)
MOST_ROWS = 100
LONGEST_WAIT = timedelta(days=7)


@dataclass(frozen=True)
class Line:
    """One call to make: about which case, what came of the tries so far, who has it in hand."""

    attempt: SurveyAttempt
    number: str
    title: str
    urgency: str
    sealed: bool
    unit: str
    closed_at: datetime | None
    lapses_at: datetime
    tried: Sequence[AttemptOutcome]
    taken_by: str


@dataclass(frozen=True)
class Opened:
    """What whoever calls has before the eyes."""

    attempt: SurveyAttempt
    case: Case
    survey: Survey
    script: Sequence[str]
    questions: Mapping[str, str]
    past: Sequence[SurveyAttempt]
    mine: bool
    rings_from: datetime | None  # the next hour at which citizens may be rung; none: now
    hours: rule.Hours


def lines(session: Session) -> Sequence[Line]:
    """What is due, the oldest first."""
    rows = session.execute(
        select(SurveyAttempt, Case, Unit.short, Survey.lapses_at, Staff.name)
        .join(SurveyPlan, SurveyPlan.id == SurveyAttempt.plan_id)
        .join(Case, Case.id == SurveyPlan.case_id)
        .join(Survey, Survey.id == SurveyPlan.survey_id)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
        .outerjoin(Staff, (Staff.id == SurveyAttempt.taken_by_id) & (SurveyAttempt.taken_at > _let_go_before(session)))
        .where(SurveyAttempt.way == SurveyWay.PERSON, SurveyAttempt.ended_at.is_(None), SurveyAttempt.due_at <= now())
        .order_by(SurveyAttempt.due_at, SurveyAttempt.id)
        .limit(MOST_ROWS)
    ).all()
    tried = _tried(session, [attempt.plan_id for attempt, *_ in rows])
    return [
        Line(
            attempt=attempt,
            number=case.number,
            title=case.title,
            urgency=case.urgency,
            sealed=case.confidential,
            unit=unit or "",
            closed_at=case.closed_at,
            lapses_at=lapses_at,
            tried=tried.get(attempt.plan_id, []),
            taken_by=name or "",
        )
        for attempt, case, unit, lapses_at, name in rows
    ]


def waiting(session: Session) -> int:
    due = select(func.count()).where(SurveyAttempt.way == SurveyWay.PERSON, SurveyAttempt.ended_at.is_(None))
    return session.scalar(due.where(SurveyAttempt.due_at <= now())) or 0


def opened(session: Session, attempt_id: UUID, *, by: Actor) -> Opened:
    attempt, plan = _known(session, attempt_id)
    rules, case = plans.rule_of(session, plan), session.get_one(Case, plan.case_id)
    past = session.scalars(
        select(SurveyAttempt)
        .where(SurveyAttempt.plan_id == plan.id, SurveyAttempt.id != attempt.id)
        .order_by(SurveyAttempt.number)
    ).all()
    hours, moment = rule.current(session).hours, now()
    return Opened(
        attempt=attempt,
        case=case,
        survey=session.get_one(Survey, plan.survey_id),
        script=_script(session, case, rules.script),
        questions=rules.questions,
        past=past,
        mine=attempt.taken_by_id == by.staff_id and attempt.ended_at is None,
        rings_from=None if hours.allow(moment) else hours.next(moment),
        hours=hours,
    )


def take(session: Session, attempt_id: UUID, *, by: Actor) -> SurveyAttempt:
    """Nobody else calls this citizen meanwhile. Taken and forgotten, it is everybody's again after a while."""
    case, _, attempt = _held(session, attempt_id, by=by)
    if attempt.ended_at is not None or not case.number_of_requester:
        raise WrongState("This call is no longer owed.")
    if not rule.current(session).hours.allow(now()):
        raise RuleBroken("Citizens may not be rung at this hour.")
    if _is_somebody_elses(session, attempt, by):
        raise AlreadyTaken()
    attempt.taken_by_id, attempt.taken_at = by.staff_id, now()
    return attempt


def let_go(session: Session, attempt_id: UUID, *, by: Actor) -> None:
    _, _, attempt = _held(session, attempt_id, by=by)
    if attempt.taken_by_id == by.staff_id and attempt.ended_at is None:
        attempt.taken_by_id = attempt.taken_at = None


def hear(
    session: Session, attempt_id: UUID, *, solved: bool, result: Grade, unit: Grade, remark: str = "", by: Actor
) -> SurveyAnswer:
    """What the citizen said on the telephone; it counts like the citizen's own. The same words again are the same answer."""
    _, plan, attempt = _held(session, attempt_id, by=by)
    survey = session.get_one(Survey, plan.survey_id)
    if attempt.ended_at is None:
        _require_mine(session, attempt, by)
        attempt.outcome, attempt.ended_at = AttemptOutcome.ANSWERED, now()
        session.flush()
    elif attempt.outcome != AttemptOutcome.ANSWERED:
        raise WrongState()
    return surveys.record_answers(session, survey, way="person", solved=solved, result=result, unit=unit, remark=remark, by=by)


def note_unreached(
    session: Session, attempt_id: UUID, outcome: AttemptOutcome, *, note: str = "", again_at: datetime | None = None, by: Actor
) -> SurveyAttempt:
    """The reason is kept with the try; when the next one is, the rule says, or what was agreed with the citizen."""
    if outcome not in CODES:
        raise Invalid("Please choose what came of the call.", field="outcome")
    case, plan, attempt = _held(session, attempt_id, by=by)
    if attempt.ended_at is not None:
        if attempt.outcome == outcome:
            return attempt
        raise WrongState()
    _require_mine(session, attempt, by)
    if outcome == AttemptOutcome.LATER:
        again_at = _agreed(session, plan, again_at)
    attempt.note = note.strip() or None
    if outcome == AttemptOutcome.REFUSES:
        _heed(session, case, plan, attempt, by=by)
        return attempt
    plans.end_attempt(session, case, plan, attempt, outcome)
    if outcome == AttemptOutcome.LATER and plan.state == PlanState.OPEN:
        plan.step, plan.next_at = attempt.step, again_at
    return attempt


def _heed(session: Session, case: Case, plan: SurveyPlan, attempt: SurveyAttempt, *, by: Actor) -> None:
    """Who does not want to be asked is not asked again, and no case waits for that."""
    if not attempt.note:
        raise NoteRequired(field="note")
    attempt.outcome, attempt.ended_at = AttemptOutcome.REFUSES, now()
    moment.heed_refusal(session, case)
    plans.settle(session, plan, PlanState.UNASKED, PlanReason.REFUSES)
    if case.status == CaseStatus.CALLBACK:
        cases.move(session, case, case, Action.CLOSE, by=by, key=f"refused:{attempt.id.hex}", note=attempt.note)


def _agreed(session: Session, plan: SurveyPlan, again_at: datetime | None) -> datetime:
    """What is promised to a citizen is a time at which the call will be made."""
    if again_at is None or not now() < again_at <= now() + LONGEST_WAIT:
        raise Invalid("Please give a time within the next seven days.", field="again_at")
    lapses_at = session.get_one(Survey, plan.survey_id).lapses_at
    if again_at >= lapses_at:
        at = f"{lapses_at.astimezone(CITY_TIME):%m-%d %H:%M}"
        raise Invalid("The survey ends on {at}: please agree on a time before that.", field="again_at", at=at)
    hours = rule.current(session).hours
    if not hours.allow(again_at):
        within = {"start": f"{hours.from_:%H:%M}", "end": f"{hours.to:%H:%M}"}
        raise Invalid("Citizens are rung from {start} to {end}: please agree on a time then.", field="again_at", **within)
    return again_at


def _known(session: Session, attempt_id: UUID) -> tuple[SurveyAttempt, SurveyPlan]:
    attempt = session.get(SurveyAttempt, attempt_id)
    if attempt is None or attempt.way != SurveyWay.PERSON:
        raise NotFound()
    return attempt, session.get_one(SurveyPlan, attempt.plan_id)


def _held(session: Session, attempt_id: UUID, *, by: Actor) -> tuple[Case, SurveyPlan, SurveyAttempt]:
    """All three as they are now; always the case first, as everywhere."""
    if not by.roles & WORKED_BY:
        raise NotAllowed()
    attempt, plan = _known(session, attempt_id)
    case = session.get_one(Case, plan.case_id, with_for_update=True, populate_existing=True)
    session.refresh(plan)
    session.refresh(attempt)
    return case, plan, attempt


def _require_mine(session: Session, attempt: SurveyAttempt, by: Actor) -> None:
    if _is_somebody_elses(session, attempt, by):
        raise AlreadyTaken()


def _is_somebody_elses(session: Session, attempt: SurveyAttempt, by: Actor) -> bool:
    if attempt.taken_by_id in (None, by.staff_id) or attempt.taken_at is None:
        return False
    return attempt.taken_at > _let_go_before(session)


def _let_go_before(session: Session) -> datetime:
    return now() - rule.current(session).taken_for.natural


def _script(session: Session, case: Case, sentences: Sequence[str]) -> Sequence[str]:
    """Filled in. Braces that a sentence has of its own stand as they are."""
    unit = session.scalar(select(Unit.name).where(Unit.id == case.lead_unit_id)) if case.lead_unit_id else None
    day = case.created_at.astimezone(CITY_TIME)
    values = {"unit": unit or "承办单位", "number": case.number, "day": f"{day.month}月{day.day}日"}
    return [_filled(sentence, values) for sentence in sentences]


def _filled(sentence: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        sentence = sentence.replace(f"{{{name}}}", value)
    return sentence


def _tried(session: Session, plan_ids: Sequence[UUID]) -> dict[UUID, list[AttemptOutcome]]:
    """What came of the calls so far, the oldest first."""
    found: dict[UUID, list[AttemptOutcome]] = {}
    rows = session.execute(
        select(SurveyAttempt.plan_id, SurveyAttempt.outcome)
        .where(SurveyAttempt.plan_id.in_(plan_ids), SurveyAttempt.ended_at.is_not(None), SurveyAttempt.way != SurveyWay.MESSAGE)
        .order_by(SurveyAttempt.number)
    )
    for plan_id, outcome in rows:
        if outcome is not None:
            found.setdefault(plan_id, []).append(outcome)
    return found
