"""The ways in which a citizen is asked: how a try of each begins, and what is learnt of a call that the dialler placed."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hotline.services.messages import notices, outgoing
from hotline.services.survey_plans import links
from hotline.services.survey_plans.rule import SurveyRule
from hotline.services.telephone import callbacks, telephone_rule
from models import (
    AttemptOutcome,
    Callback,
    CallbackReason,
    CallbackState,
    CallbackTry,
    Case,
    Survey,
    SurveyAttempt,
    SurveyPlan,
    SurveyWay,
    TryOutcome,
    now,
)

OF_TRY = {
    TryOutcome.BUSY: AttemptOutcome.BUSY,
    TryOutcome.NO_ANSWER: AttemptOutcome.NO_ANSWER,
    TryOutcome.REFUSED: AttemptOutcome.HUNG_UP,
    TryOutcome.FAILED: AttemptOutcome.FAILED,
}
OPEN = (CallbackState.WAITING, CallbackState.DIALLING)


def is_drawn(subject: UUID, serial: int, share: float) -> bool:
    """Drawn by lot, and the same way whenever one looks."""
    digest = hashlib.sha256(f"{subject}:{serial}".encode()).digest()
    return int.from_bytes(digest[:8]) < share * 2**64


def start(session: Session, case: Case, survey: Survey, attempt: SurveyAttempt, rule: SurveyRule) -> AttemptOutcome | None:
    """None while it runs; otherwise what came of it."""
    if attempt.way == SurveyWay.MESSAGE:
        return _send(session, case, survey, attempt)
    if not case.number_of_requester:
        return AttemptOutcome.NO_WAY
    if attempt.way == SurveyWay.PERSON:
        attempt.due_at = rule.hours.next(now())
        return None
    return _dial(session, case, survey, attempt)


def _send(session: Session, case: Case, survey: Survey, attempt: SurveyAttempt) -> AttemptOutcome:
    values = {**notices.values_of(session, case), "link": links.link(survey)}
    row = outgoing.about_case(session, case, purpose="survey", values=values, round_=str(survey.round))
    attempt.outgoing_id = row.id if row else None
    return AttemptOutcome.SENT if row else AttemptOutcome.NO_WAY


def _dial(session: Session, case: Case, survey: Survey, attempt: SurveyAttempt) -> AttemptOutcome | None:
    due = callbacks.next_allowed(telephone_rule.current(session).callbacks, now())
    number = case.number_of_requester or ""
    callback = callbacks.owe(
        session, reason=CallbackReason.SURVEY, number=number, due_at=due, case_id=case.id, survey_id=survey.id
    )
    if callback is None:
        return AttemptOutcome.NO_WAY
    attempt.callback_id, attempt.due_at = callback.id, due
    return None


def call_off(session: Session, attempt: SurveyAttempt) -> None:
    """A call that has not been placed is not placed any more; one that runs is left to end by itself."""
    if attempt.callback_id is not None:
        callbacks.forgo(session, attempt.callback_id, at=now())


def ended_calls(session: Session, *, limit: int) -> Sequence[tuple[UUID, UUID, UUID]]:
    """Tries whose call is over, or has waited too long to be placed: each with its plan and case."""
    rows = session.execute(
        select(SurveyAttempt.id, SurveyPlan.id, SurveyPlan.case_id)
        .join(SurveyPlan, SurveyPlan.id == SurveyAttempt.plan_id)
        .join(Callback, Callback.id == SurveyAttempt.callback_id)
        .where(SurveyAttempt.ended_at.is_(None), SurveyAttempt.way == SurveyWay.CALL)
        .where(or_(Callback.state.not_in(OPEN), (Callback.state == CallbackState.WAITING) & (SurveyAttempt.due_at < now())))
        .order_by(SurveyAttempt.due_at)
        .limit(limit)
    )
    return [(attempt, plan, case) for attempt, plan, case in rows]


def outcome_of(session: Session, attempt: SurveyAttempt, rule: SurveyRule) -> AttemptOutcome | None:
    """What came of the exchange's call; None as long as it may still be placed."""
    callback = session.get_one(Callback, attempt.callback_id, with_for_update=True, populate_existing=True)
    if callback.state == CallbackState.WAITING and now() - attempt.due_at >= rule.patience.natural:
        callbacks.forgo(session, callback.id, at=now())
        return AttemptOutcome.NOT_PLACED
    if callback.state == CallbackState.REACHED:
        return AttemptOutcome.SILENT
    if CallbackState(callback.state).is_open:
        return None
    last = session.scalars(
        select(CallbackTry.outcome)
        .where(CallbackTry.callback_id == callback.id, CallbackTry.outcome.is_not(None))
        .order_by(CallbackTry.started_at.desc())
        .limit(1)
    ).one_or_none()
    return OF_TRY.get(last, AttemptOutcome.NOT_PLACED) if last else AttemptOutcome.NOT_PLACED
