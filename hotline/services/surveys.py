"""The citizen is asked once a round: the invitation, the answer and its corrections, and what follows from them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import words
from hotline.errors import NotFound, RuleBroken
from hotline.events import SurveyAnswered, SurveyLapsed
from hotline.services import cases
from hotline.services.actors import SERVICE, Actor
from hotline.services.clocks import deadlines
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from hotline.services.survey_plans import links, moment, plans, rule, traces
from hotline.services.survey_plans.links import link as link
from hotline.services.survey_plans.links import token_of as token_of
from hotline.services.survey_plans.traces import Origin
from hotline.services.units import requests
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    Grade,
    PlanReason,
    PlanState,
    Request,
    RequestKind,
    Role,
    Survey,
    SurveyAnswer,
    SurveyPlan,
    new_id,
    now,
)
from models.workflow import Clock

MAY_DECIDE = frozenset({Role.VERIFIER, Role.CALLBACK_AGENT, Role.SHIFT_LEADER})
SWEEP = 200


def invite(session: Session, case: Case) -> Survey | None:
    """Ask the citizen, if the profile's moment has come; the same survey again until the case comes to that moment anew.

    Each arrival there, and each closing, has one plan: of how the citizen is asked, or of why nobody is.
    """
    session.refresh(case, with_for_update=True)
    profile = profiles.of(session, case)
    arrivals = plans.arrivals(session, case)
    standing = arrivals.pop() if case.status in (CaseStatus.CLOSED, moment.status_of(profile)) else None
    _leave_passed(session, case, arrivals)
    if standing is None:
        return None
    event, known = standing
    if known is not None:
        return session.get(Survey, known.survey_id) if known.survey_id else None
    if reason := _reason_not_to_ask(session, case, profile, event):
        _leave(session, case, event, reason)
        return None
    survey = _without_plan(session, case, event) or _new(session, case, profile)
    plans.open_one(session, case, event, survey)
    return survey


def _reason_not_to_ask(session: Session, case: Case, profile: profiles.Profile, event: CaseEvent) -> PlanReason | None:
    if not moment.is_moment(case, profile):
        return PlanReason.DIRECT if case.closure in (None, ClosureKind.DIRECT) else PlanReason.NO_STEP
    return moment.reason_to_leave(session, case, rule.current(session))


def _leave_passed(session: Session, case: Case, arrivals: Sequence[tuple[CaseEvent, SurveyPlan | None]]) -> None:
    """The case was there and went on before anybody could be asked: that is kept as well."""
    for event, plan in arrivals:
        if plan is None and not _is_planned_before(event):
            plans.leave(session, case, event, PlanReason.MOVED_ON, state=PlanState.ENDED)


def _is_planned_before(event: CaseEvent) -> bool:
    """What was planned at the callback is the plan of the closing too."""
    return event.from_status == CaseStatus.CALLBACK


def _leave(session: Session, case: Case, event: CaseEvent, reason: PlanReason) -> None:
    if _is_planned_before(event):
        return
    plans.leave(session, case, event, reason)
    if case.status == CaseStatus.CALLBACK:  # nobody will say a word that it could wait for
        note = words.say("The citizen does not want to be asked.")
        cases.advance(session, case, Action.CLOSE, by=SERVICE, key=f"unasked:{case.version}", note=note)


def _without_plan(session: Session, case: Case, event: CaseEvent) -> Survey | None:
    """What the citizen was asked with before there were plans."""
    latest = _latest(session, case)
    if latest is None or latest.created_at < event.at or plans.of_survey(session, latest.id) is not None:
        return None
    return latest


def _new(session: Session, case: Case, profile: profiles.Profile) -> Survey:
    latest = _latest(session, case)
    round_ = latest.round + 1 if latest else 1
    survey = Survey(
        id=new_id(),
        case_id=case.id,
        round=round_,
        token_hash=links.hash_of(links.token(case.id, round_)),
        lapses_at=deadlines.due_at(session, now(), profile.survey.lapse).at,
    )
    session.add(survey)
    session.flush()
    return survey


def by_token(session: Session, token: str) -> Survey:
    """Opening a link consumes nothing; an unknown one does not exist, and one that nobody used in time is refused."""
    survey = session.scalars(select(Survey).where(Survey.token_hash == links.hash_of(token))).one_or_none()
    if survey is None:
        raise NotFound()
    _refuse_lapsed(survey)
    return survey


def asked_again(session: Session, token: str) -> Survey | None:
    """What the citizen of an earlier link was asked with since, after the case had been done again."""
    survey = session.scalars(select(Survey).where(Survey.token_hash == links.hash_of(token))).one_or_none()
    if survey is None:
        return None
    later = select(Survey).where(Survey.case_id == survey.case_id, Survey.round > survey.round)
    return session.scalars(later.order_by(Survey.round.desc()).limit(1)).one_or_none()


def latest_answer(session: Session, survey: Survey) -> SurveyAnswer | None:
    """The answer that counts: the last one given."""
    return latest_answers(session, [survey.id]).get(survey.id)


def latest_answers(session: Session, survey_ids: Sequence[UUID]) -> Mapping[UUID, SurveyAnswer]:
    given = select(SurveyAnswer).where(SurveyAnswer.survey_id.in_(survey_ids))
    return {each.survey_id: each for each in session.scalars(given.order_by(SurveyAnswer.created_at, SurveyAnswer.id))}


def record_answers(
    session: Session,
    survey: Survey,
    *,
    way: str,
    solved: bool,
    result: Grade,
    unit: Grade,
    remark: str = "",
    by: Actor = SERVICE,
    origin: Origin = Origin(),  # noqa: B008 -- it cannot be changed
) -> SurveyAnswer:
    """Store an answer, or a correction of it; the same content again is the same answer."""
    case = session.get_one(Case, survey.case_id, with_for_update=True, populate_existing=True)
    session.refresh(survey)
    given = latest_answer(session, survey)
    content = (solved, str(result), str(unit), remark.strip())
    if given is not None and (given.solved, str(given.result), str(given.unit), given.remark) == content:
        return given
    _refuse_late(session, survey)
    answer = SurveyAnswer(
        id=new_id(), survey_id=survey.id, way=way, solved=solved, result=result, unit=unit, remark=remark.strip()
    )
    session.add(answer)
    session.flush()
    traces.keep(session, answer, origin)
    survey.answered_at = survey.answered_at or now()
    said = f"{'solved' if solved else 'not solved'}, result {result}, unit {unit}"
    cases.note(session, case, Action.SURVEY, by=by, key=f"survey:{answer.id.hex}", text=said)
    emit(session, SurveyAnswered(survey.id, case.id))
    session.flush()
    return answer


def correct_until(session: Session, survey: Survey) -> datetime | None:
    """Until when the answer may be changed; None while there is none."""
    if survey.answered_at is None:
        return None
    rules = profiles.of(session, session.get_one(Case, survey.case_id)).survey
    return deadlines.due_at(session, survey.answered_at, rules.correction).at


def _refuse_lapsed(survey: Survey) -> None:
    if survey.answered_at is None and (survey.lapsed_at is not None or now() > survey.lapses_at):
        raise RuleBroken("This survey has ended. If something is still amiss, please write or call us.")


def _refuse_late(session: Session, survey: Survey) -> None:
    _refuse_lapsed(survey)
    until = correct_until(session, survey)
    if until is not None and now() > until:
        raise RuleBroken("Your answer can no longer be changed. If something is still amiss, please write or call us.")


def follow_up(session: Session, survey: Survey) -> None:
    """After an answer or its lapse: satisfied ends the case that waited for it, dissatisfied is the centre's to decide."""
    case = session.get_one(Case, survey.case_id, with_for_update=True, populate_existing=True)
    plans.hear(session, survey)
    latest = _latest(session, case)
    if latest is None or latest.id != survey.id:
        return
    answer = latest_answer(session, survey)
    if answer is not None and not (answer.solved and Grade(answer.result).is_satisfied):
        _ask_reopening(session, case, answer)
        return
    _drop_reopening(session, case)
    if case.status == CaseStatus.CALLBACK:
        cases.advance(session, case, Action.CLOSE, by=SERVICE, key=f"asked:{case.version}")


def decide_reopening(session: Session, request: Request, *, grant: bool, note: str, by: Actor, key: str) -> Request:
    """The centre opens the case again, or has the unit do it over where it is not closed yet; or explains why not."""
    case, done = requests.hold_for_decision(session, request, RequestKind.REOPENING, by=by, roles=MAY_DECIDE, key=key)
    if done is not None:
        return request
    waits = case.status == CaseStatus.CALLBACK
    if grant:
        subject = _lead_done(session, case) if waits else case
        cases.move(session, case, subject, Action.REWORK if waits else Action.REOPEN, by=by, key=key, note=note)
    else:
        cases.note(session, case, Action.REFUSE, by=by, key=key, text=note)
        if waits:
            cases.move(session, case, case, Action.CLOSE, by=by, key=f"{key}:close", note=note)
    requests.settle(session, request, grant=grant, note=note, by=by)
    return request


def lapse(session: Session) -> int:
    """End the surveys that nobody answered in time; returns how many."""
    at = now()
    rows: Sequence[Survey] = session.scalars(
        select(Survey)
        .where(Survey.lapses_at < at, Survey.answered_at.is_(None), Survey.lapsed_at.is_(None))
        .order_by(Survey.lapses_at)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)
    ).all()
    for survey in rows:
        survey.lapsed_at = at
        emit(session, SurveyLapsed(survey.id, survey.case_id))
    session.flush()
    return len(rows)


def _latest(session: Session, case: Case) -> Survey | None:
    return session.scalars(select(Survey).where(Survey.case_id == case.id).order_by(Survey.round.desc()).limit(1)).one_or_none()


def _ask_reopening(session: Session, case: Case, answer: SurveyAnswer) -> None:
    """A correction changes what it says."""
    reason = "not_solved" if not answer.solved else "dissatisfied"
    basis = answer.remark or words.word("grade", answer.result)
    ask_reopening(session, case, reason=reason, basis=basis, key=f"reopen:{answer.id.hex}")


def ask_reopening(session: Session, case: Case, *, reason: str, basis: str, key: str) -> None:
    """For the centre to decide; one open request a case. The caller holds it."""
    request = requests.open_one(session, case, RequestKind.REOPENING)
    if request is not None:
        request.basis = basis
        return
    if case.status not in (CaseStatus.CALLBACK, CaseStatus.CLOSED):
        return
    decide = profiles.of(session, case).limit(Clock.DECIDE, case.urgency)
    due_at = deadlines.due_at(session, now(), decide).at
    session.add(Request(case_id=case.id, kind=RequestKind.REOPENING, reason_code=reason, basis=basis, due_at=due_at))
    cases.note(session, case, Action.REQUEST, by=SERVICE, key=key, text=RequestKind.REOPENING)


def _drop_reopening(session: Session, case: Case) -> None:
    request = requests.open_one(session, case, RequestKind.REOPENING)
    if request is not None:
        requests.settle(session, request, grant=False, note="the citizen's answer changed", by=SERVICE)


def _lead_done(session: Session, case: Case) -> Assignment:
    return session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.lead, Assignment.status == AssignmentStatus.DONE)
        .order_by(Assignment.dispatched_at.desc())
        .limit(1)
    ).one()
