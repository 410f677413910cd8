"""Checks on false closing (虚假办结): of the content some are drawn by lot, and called by somebody who did not ask them first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NoteRequired, NotFound, WrongState
from hotline.services import surveys
from hotline.services.actors import Actor
from hotline.services.messages.outgoing import is_sealed
from hotline.services.survey_plans import rule, ways
from hotline.services.survey_plans.desk import WORKED_BY
from models import (
    Case,
    CaseEvent,
    ControlCall,
    ControlFinding,
    Grade,
    Survey,
    SurveyAnswer,
    Unit,
    now,
)

MOST_ROWS = 100
SERIAL = 99  # draws another lot than the steps of a plan


@dataclass(frozen=True)
class Line:
    control: ControlCall
    number: str
    title: str
    unit: str
    answered_at: datetime | None


def draw(session: Session, survey: Survey, answer: SurveyAnswer) -> ControlCall | None:
    """After an answer; a correction to worse leaves nothing to check. Whom nobody can call is not drawn."""
    known = session.scalars(select(ControlCall).where(ControlCall.survey_id == survey.id)).one_or_none()
    content = answer.solved and Grade(answer.result).is_satisfied
    if known is not None:
        if not content and known.finding is None:
            session.delete(known)
            return None
        return known
    case = session.get_one(Case, survey.case_id)
    share = rule.current(session).control_share
    if not content or not case.number_of_requester or is_sealed(case) or not ways.is_drawn(survey.id, SERIAL, share):
        return None
    control = ControlCall(survey_id=survey.id, case_id=survey.case_id)
    session.add(control)
    session.flush()
    return control


@dataclass(frozen=True)
class Opened:
    control: ControlCall
    case: Case
    answer: SurveyAnswer | None


def opened(session: Session, control_id: UUID) -> Opened:
    control = get(session, control_id)
    survey = session.get_one(Survey, control.survey_id)
    return Opened(control, session.get_one(Case, control.case_id), surveys.latest_answer(session, survey))


def lines(session: Session) -> Sequence[Line]:
    rows = session.execute(
        select(ControlCall, Case, Unit.short, Survey.answered_at)
        .join(Case, Case.id == ControlCall.case_id)
        .join(Survey, Survey.id == ControlCall.survey_id)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
        .where(ControlCall.finding.is_(None))
        .order_by(ControlCall.created_at, ControlCall.id)
        .limit(MOST_ROWS)
    ).all()
    return [Line(control, case.number, case.title, unit or "", at) for control, case, unit, at in rows]


def get(session: Session, control_id: UUID) -> ControlCall:
    control = session.get(ControlCall, control_id)
    if control is None:
        raise NotFound()
    return control


def find(session: Session, control_id: UUID, finding: ControlFinding, *, note: str, by: Actor) -> ControlCall:
    """What the citizen said this time stands beside the answer and changes none; a contradiction is decided by the centre."""
    if not by.roles & WORKED_BY:
        raise NotAllowed()
    control = get(session, control_id)
    case = session.get_one(Case, control.case_id, with_for_update=True, populate_existing=True)
    session.refresh(control)
    if control.finding is not None:
        if control.finding == finding and control.by_id == by.staff_id:
            return control
        raise WrongState()
    if finding != ControlFinding.CONFIRMED and not note.strip():
        raise NoteRequired(field="note")
    if _asked_first(session, control) == by.staff_id:
        raise NotAllowed("Somebody else checks what you heard yourself.")
    control.finding, control.note = finding, note.strip() or None
    control.by_id, control.found_at = by.staff_id, now()
    if finding == ControlFinding.CONTRADICTED:
        surveys.ask_reopening(session, case, reason="not_solved", basis=control.note or "", key=f"control:{control.id.hex}")
    session.flush()
    return control


def _asked_first(session: Session, control: ControlCall) -> UUID | None:
    """Who wrote the answer down, if a person of the centre did."""
    survey = session.get_one(Survey, control.survey_id)
    answer = surveys.latest_answer(session, survey)
    if answer is None or answer.way != "person":
        return None
    key = f"survey:{answer.id.hex}"
    return session.scalar(select(CaseEvent.by_id).where(CaseEvent.case_id == control.case_id, CaseEvent.key == key))
