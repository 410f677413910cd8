"""Cases that are closed and scored, for tests of scores."""

from typing import Any

from sqlalchemy.orm import Session

from hotline.services import answers, scoring, surveys
from models import Case, CaseStatus, Grade
from tests.factories_cases import answer, check, fresh_key, lead_of, liaison_of, make_case, sign

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
