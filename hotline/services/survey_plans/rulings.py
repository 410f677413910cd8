"""What follows when a citizen is not content: a person listens, and decides rework, explained or unreasonable."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired
from hotline.services import surveys
from hotline.services.actors import Actor
from models import (
    Call,
    Case,
    Recording,
    Request,
    RequestState,
    Ruling,
    Survey,
    SurveyAnswer,
    SurveyRuling,
    now,
)


@dataclass(frozen=True)
class Basis:
    """What is listened to and read before it is decided: all that was answered, and whether there are recordings."""

    answers: Sequence[SurveyAnswer]
    recordings: int
    reworks: int


def basis(session: Session, case: Case) -> Basis:
    answers = session.scalars(
        select(SurveyAnswer)
        .join(Survey, Survey.id == SurveyAnswer.survey_id)
        .where(Survey.case_id == case.id)
        .order_by(SurveyAnswer.created_at)
    ).all()
    recorded = select(func.count()).select_from(Recording).join(Call, Call.id == Recording.call_id)
    recordings = session.scalar(recorded.where(Call.contact_id == case.contact_id)) or 0
    return Basis(answers, recordings, reworks(session, case))


def reworks(session: Session, case: Case) -> int:
    """二次办理: how often this case was done over because its citizen was right."""
    ruled = select(func.count()).select_from(SurveyRuling).join(Request, Request.id == SurveyRuling.request_id)
    return session.scalar(ruled.where(Request.case_id == case.id, SurveyRuling.ruling == Ruling.REWORK)) or 0


def rule(session: Session, request: Request, ruling: Ruling, *, note: str, evidence: str = "", by: Actor, key: str) -> Request:
    """Unreasonable needs evidence as well: it takes the citizen's word out of what the unit is judged by."""
    if not note.strip():
        raise NoteRequired(field="note")
    if ruling == Ruling.UNREASONABLE and not evidence.strip():
        raise NoteRequired("Please name what it rests on: a provision, a photograph, a place in the recording.", field="evidence")
    was_open = request.state == RequestState.OPEN
    decided = surveys.decide_reopening(session, request, grant=ruling == Ruling.REWORK, note=note, by=by, key=key)
    if was_open and session.get(SurveyRuling, request.id) is None:
        of_case = select(Survey.id).where(Survey.case_id == request.case_id).order_by(Survey.round.desc()).limit(1)
        row = SurveyRuling(
            request_id=request.id,
            survey_id=session.scalar(of_case),
            ruling=ruling,
            evidence=evidence.strip(),
            by_id=by.staff_id,
            ruled_at=now(),
        )
        session.add(row)
        session.flush()
    return decided
