"""Cases that are closed and scored, for tests of scores."""

from typing import Any

from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import answers, dispatching, scoring, surveys
from hotline.services.dispatching import ReturnReason
from hotline.services.scores import sums
from models import Case, CaseStatus, Grade, Role
from tests.factories import unit_of
from tests.factories_cases import an_actor, answer, check, dispatch, fresh_key, lead_of, liaison_of, make_case, sign

HAPPY: dict[str, Any] = {"solved": True, "result": Grade.SATISFIED, "unit": Grade.VERY_SATISFIED}
ANGRY: dict[str, Any] = {"solved": False, "result": Grade.VERY_DISSATISFIED, "unit": Grade.SATISFIED}


def closed(session: Session, *, unit: str = "CGJ", said: dict[str, Any] | None = None, **form: Any) -> Case:
    case = make_case(session, status=CaseStatus.DISPATCHED, unit=unit, **form)
    lead = lead_of(session, case)
    answers.note_contacted(session, lead, text="已联系", by=liaison_of(session, lead), key=fresh_key())
    for step in (sign, answer, check):
        step(session, case)
    survey = surveys.invite(session, case)
    assert survey is not None
    if said is not None:
        surveys.record_answers(session, survey, way="web", **said)
    scoring.score_case(session, case)
    return case


def given_back(session: Session, clock: Traveller, *, first: str, then: str) -> Case:
    """The first unit was let off, and another one closed it to the citizen's content."""
    case = make_case(session, status=CaseStatus.DISPATCHED, unit=first)
    lead = lead_of(session, case)
    wish = dispatching.ask_return(
        session,
        lead,
        reason_code=ReturnReason.NOT_MY_DUTY,
        basis="职责清单第12项",
        proposed_unit=unit_of(session, then),
        by=liaison_of(session, lead),
        key=fresh_key(),
    )
    dispatching.decide_return(session, wish, grant=True, note="改派", by=an_actor(session, Role.DISPATCHER), key=fresh_key())
    clock.shift(60)
    dispatch(session, case, then)
    for step in (sign, answer, check):
        step(session, case)
    survey = surveys.invite(session, case)
    assert survey is not None
    surveys.record_answers(session, survey, way="web", **HAPPY)
    scoring.score_case(session, case)
    sums.refresh(session)
    return case
