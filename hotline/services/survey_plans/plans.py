"""One plan for each close, and its tries, one after another.

Whatever is decided here is written in one transaction with what it leads to: the row of a message or of a call, and the next
moment. So a process may die anywhere: either nothing of a try is there, and it is made again, or all of it.
"""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services.messages import outgoing
from hotline.services.profiles import profiles
from hotline.services.survey_plans import moment, rule, ways
from hotline.services.survey_plans.rule import PlanStep, SurveyRule
from models import (
    AttemptOutcome,
    Case,
    CaseEvent,
    CaseStatus,
    PlanReason,
    PlanState,
    Rule,
    Survey,
    SurveyAttempt,
    SurveyPlan,
    SurveyWay,
    now,
)

SWEEP = 200
# The citizen had the call, and said nothing.
HEARD = frozenset({AttemptOutcome.SILENT, AttemptOutcome.HUNG_UP})
# Nothing is gained by trying the same way again.
USELESS = frozenset({AttemptOutcome.WRONG_NUMBER, AttemptOutcome.NO_WAY})


def rule_of(session: Session, plan: SurveyPlan) -> SurveyRule:
    """The edition that the plan began under."""
    return rule.edition(session, plan.rule_id)


def arrivals(session: Session, case: Case) -> list[tuple[CaseEvent, SurveyPlan | None]]:
    """Each time the case came to the callback or was closed, in their order, with its plan."""
    came = (
        CaseEvent.assignment_id.is_(None),
        CaseEvent.to_status.in_([CaseStatus.CALLBACK, CaseStatus.CLOSED]),
        CaseEvent.from_status.is_distinct_from(CaseEvent.to_status),
    )
    rows = session.execute(
        select(CaseEvent, SurveyPlan)
        .outerjoin(SurveyPlan, SurveyPlan.event_id == CaseEvent.id)
        .where(CaseEvent.case_id == case.id, *came)
        .order_by(CaseEvent.serial)
    )
    return [(event, plan) for event, plan in rows]


def of_survey(session: Session, survey_id: UUID) -> SurveyPlan | None:
    return session.scalars(select(SurveyPlan).where(SurveyPlan.survey_id == survey_id)).one_or_none()


def open_one(session: Session, case: Case, event: CaseEvent, survey: Survey) -> SurveyPlan:
    """The caller holds the case. The first try is made at once."""
    plan = _new(session, case, event, survey_id=survey.id, next_at=now())
    go_on(session, case, plan)
    return plan


def leave(
    session: Session, case: Case, event: CaseEvent, reason: PlanReason, *, state: PlanState = PlanState.UNASKED
) -> SurveyPlan:
    """Nobody is asked, and why."""
    return _new(session, case, event, state=state, reason=reason, settled_at=now())


def _new(session: Session, case: Case, event: CaseEvent, **values: object) -> SurveyPlan:
    edition = session.scalar(select(Rule.id).where(Rule.kind == rule.KIND, Rule.current))
    plan = SurveyPlan(case_id=case.id, event_id=event.id, rule_id=edition, **values)
    session.add(plan)
    session.flush()
    return plan


def go_on(session: Session, case: Case, plan: SurveyPlan) -> None:
    """Make whatever try is due. Ways that cannot reach this citizen are passed over at once."""
    steps = _steps(session, case, plan)
    while plan.state == PlanState.OPEN and plan.next_at is not None and plan.next_at <= now():
        if _end_if_over(session, plan, session.get_one(Survey, plan.survey_id, populate_existing=True)):
            break
        if not moment.is_moment(case, profiles.of(session, case)):
            settle(session, plan, PlanState.ENDED, PlanReason.MOVED_ON)
        elif reason := moment.reason_to_leave(session, case, rule_of(session, plan)):
            settle(session, plan, PlanState.UNASKED, reason)
        elif plan.step >= len(steps):
            plan.next_at = None
        elif not ways.is_drawn(plan.id, plan.step, steps[plan.step].share):
            _turn_to_next(plan, steps)
        else:
            _try(session, case, plan, steps)
    session.flush()


def _steps(session: Session, case: Case, plan: SurveyPlan) -> Sequence[PlanStep]:
    """What a report says, and who sent it, is between the citizen and one person of the centre."""
    steps = rule_of(session, plan).steps(session.get_one(Rule, case.profile_id).code)
    if not outgoing.is_sealed(case):
        return steps
    return [step for step in steps if step.way == SurveyWay.PERSON] or [PlanStep(way=SurveyWay.PERSON)]


def _try(session: Session, case: Case, plan: SurveyPlan, steps: Sequence[PlanStep]) -> None:
    step = steps[plan.step]
    attempt = SurveyAttempt(
        plan_id=plan.id, number=_count(session, plan) + 1, step=plan.step, way=step.way, due_at=plan.next_at or now()
    )
    plan.next_at = None
    session.add(attempt)
    outcome = ways.start(session, case, session.get_one(Survey, plan.survey_id), attempt, rule_of(session, plan))
    session.flush()
    if outcome is not None:
        attempt.outcome, attempt.ended_at = outcome, now()
        _turn_to_next(plan, steps, at_once=outcome == AttemptOutcome.NO_WAY)


def _turn_to_next(plan: SurveyPlan, steps: Sequence[PlanStep], *, at_once: bool = False) -> None:
    plan.step += 1
    wait = steps[plan.step].wait if plan.step < len(steps) and not at_once else timedelta()
    plan.next_at = now() + wait


def end_attempt(session: Session, case: Case, plan: SurveyPlan, attempt: SurveyAttempt, outcome: AttemptOutcome) -> None:
    """What came of a try that ran; the same way again as often as the rule says, then the next. The caller holds the case."""
    attempt.outcome, attempt.ended_at = outcome, now()
    session.flush()
    if plan.state != PlanState.OPEN:
        return
    steps = _steps(session, case, plan)
    step = steps[attempt.step] if attempt.step < len(steps) else None
    tried = session.scalar(select(func.count()).where(SurveyAttempt.plan_id == plan.id, SurveyAttempt.step == attempt.step))
    if step is not None and outcome not in USELESS and (tried or 0) < step.tries:
        plan.next_at = now() + step.pause
    else:
        _turn_to_next(plan, steps)


def settle(session: Session, plan: SurveyPlan, state: PlanState, reason: PlanReason | None = None) -> None:
    """The end of the asking, whatever was under way; what is said in a call that runs is still heard."""
    if plan.state != PlanState.OPEN:
        return
    plan.state, plan.reason, plan.next_at, plan.settled_at = state, reason, None, now()
    for attempt in running(session, plan):
        ways.call_off(session, attempt)
        attempt.outcome, attempt.ended_at = AttemptOutcome.OVERTAKEN, now()
    session.flush()


def running(session: Session, plan: SurveyPlan) -> Sequence[SurveyAttempt]:
    return session.scalars(select(SurveyAttempt).where(SurveyAttempt.plan_id == plan.id, SurveyAttempt.ended_at.is_(None))).all()


def hear(session: Session, survey: Survey) -> None:
    """Somebody answered, or the time for it is over: nobody is asked any more. The caller holds the case."""
    plan = of_survey(session, survey.id)
    if plan is not None and plan.state == PlanState.OPEN:
        _end_if_over(session, plan, survey)


def _end_if_over(session: Session, plan: SurveyPlan, survey: Survey) -> bool:
    if survey.answered_at is not None:
        settle(session, plan, PlanState.ANSWERED)
    elif survey.lapsed_at is not None:
        outcomes = session.scalars(
            select(SurveyAttempt.outcome).where(SurveyAttempt.plan_id == plan.id, SurveyAttempt.way != SurveyWay.MESSAGE)
        ).all()
        unheard = bool(outcomes) and not HEARD.intersection(outcomes)
        settle(session, plan, PlanState.LAPSED, PlanReason.UNREACHED if unheard else PlanReason.SILENT)
    return plan.state != PlanState.OPEN


def end_moved_on(session: Session, case: Case) -> None:
    """The case went on without waiting for the citizen: nobody is asked about what is being done over."""
    open_plans = select(SurveyPlan).where(SurveyPlan.case_id == case.id, SurveyPlan.state == PlanState.OPEN)
    if moment.is_moment(case, profiles.of(session, case)):
        return
    for plan in session.scalars(open_plans).all():
        settle(session, plan, PlanState.ENDED, PlanReason.MOVED_ON)


def run_due(session: Session) -> int:
    """Go on with every plan whose moment has come, and with those whose call has ended. Returns how many."""
    due = session.execute(
        select(SurveyPlan.id, SurveyPlan.case_id)
        .where(SurveyPlan.state == PlanState.OPEN, SurveyPlan.next_at <= now())
        .order_by(SurveyPlan.next_at, SurveyPlan.id)
        .limit(SWEEP)
    ).all()
    for plan_id, case_id in due:
        case, plan = _held(session, case_id, plan_id)
        go_on(session, case, plan)
    return len(due) + _hear_calls(session)


def _hear_calls(session: Session) -> int:
    ended = ways.ended_calls(session, limit=SWEEP)
    for attempt_id, plan_id, case_id in ended:
        case, plan = _held(session, case_id, plan_id)
        attempt = session.get_one(SurveyAttempt, attempt_id, populate_existing=True)
        if attempt.ended_at is None and (outcome := ways.outcome_of(session, attempt, rule_of(session, plan))):
            end_attempt(session, case, plan, attempt, outcome)
    return len(ended)


def _held(session: Session, case_id: UUID, plan_id: UUID) -> tuple[Case, SurveyPlan]:
    """As they are now: always the case first, as everywhere."""
    case = session.get_one(Case, case_id, with_for_update=True, populate_existing=True)
    return case, session.get_one(SurveyPlan, plan_id, with_for_update=True, populate_existing=True)


def _count(session: Session, plan: SurveyPlan) -> int:
    return session.scalar(select(func.count()).where(SurveyAttempt.plan_id == plan.id)) or 0
