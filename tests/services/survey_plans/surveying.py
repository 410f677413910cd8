"""Cities that ask in a certain way, and what has come of it."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.services import surveys
from hotline.services.survey_plans import rule
from models import Case, Grade, Rule, SurveyAttempt, SurveyPlan
from models.base import new_id

CALLS: Sequence[dict[str, Any]] = [
    {"way": "message"},
    {"way": "call", "after": "12h"},
    {"way": "person", "after": "24h", "tries": 2, "again": "4h"},
]


def ask_by(session: Session, steps: Sequence[dict[str, Any]] = CALLS, **changes: Any) -> None:
    """From now on every profile asks by these steps."""
    session.execute(update(Rule).where(Rule.kind == rule.KIND).values(current=False))
    latest = session.scalars(select(Rule).where(Rule.kind == rule.KIND).order_by(Rule.edition.desc()).limit(1)).one()
    body = {**latest.body, "plans": {"default": list(steps)}, **changes}
    session.add(Rule(kind=rule.KIND, code="default", edition=latest.edition + 1, digest=new_id().hex, body=body, current=True))
    session.flush()


def say(session: Session, case: Case, *, solved: bool = True) -> None:
    """On the web; and what follows from it."""
    survey = surveys.invite(session, case)
    assert survey is not None
    grade = Grade.SATISFIED if solved else Grade.DISSATISFIED
    surveys.record_answers(session, survey, way="web", solved=solved, result=grade, unit=grade)
    surveys.follow_up(session, survey)


def plan_of(session: Session, case: Case) -> SurveyPlan:
    return session.scalars(select(SurveyPlan).where(SurveyPlan.case_id == case.id).order_by(SurveyPlan.created_at.desc())).first()  # type: ignore[return-value]


def tries_of(session: Session, case: Case) -> list[tuple[str, str | None]]:
    rows = select(SurveyAttempt).join(SurveyPlan, SurveyPlan.id == SurveyAttempt.plan_id).where(SurveyPlan.case_id == case.id)
    return [(row.way, row.outcome) for row in session.scalars(rows.order_by(SurveyAttempt.number))]
