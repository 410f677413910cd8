"""What citizens are told of their cases, step by step: what is so now, not what an event remembers."""

from collections.abc import Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services.messages import outgoing
from models import (
    Action,
    Answer,
    Assignment,
    Case,
    CaseEvent,
    CaseStatus,
    OutgoingMessage,
    Request,
    RequestKind,
    RequestState,
    Unit,
)
from models.base import CITY_TIME
from models.workflow import AT_UNIT

# In which states an answer is there to be told: checked, or the right door for a matter that is not ours.
TELLING = frozenset({CaseStatus.CALLBACK, CaseStatus.CLOSED, CaseStatus.REDIRECTED})
STEP_OF = {
    CaseStatus.UNDER_REVIEW: "filed",
    CaseStatus.TO_DISPATCH: "filed",
    CaseStatus.DISPATCHED: "dispatched",
    CaseStatus.IN_PROGRESS: "dispatched",
    CaseStatus.REOPENED: "reopened",
    CaseStatus.WITHDRAWN: "withdrawn",
}


def tell_citizen(session: Session, case: Case) -> OutgoingMessage | None:
    """The answer, or the step that the case is at; each once a round, a round being what lies between two reopenings."""
    session.refresh(case, with_for_update=True)
    if case.status in TELLING:
        return _tell_answer(session, case) if case.public_answer else None
    step = "reopened" if _is_taken_up_again(session, case) else STEP_OF.get(case.status)
    if step is None or (step == "filed" and case.dispatch_count):  # a unit returned it: no news for the citizen
        return None
    return outgoing.about_case(session, case, purpose=step, values=values_of(session, case), round_=_round(session, case))


def _is_taken_up_again(session: Session, case: Case) -> bool:
    """After a second look a case stands where it stood after it was filed."""
    if case.status != CaseStatus.TO_DISPATCH:
        return False
    latest = select(CaseEvent.action).where(CaseEvent.case_id == case.id, CaseEvent.from_status != CaseEvent.to_status)
    return session.scalar(latest.order_by(CaseEvent.serial.desc()).limit(1)) == Action.REOPEN


def ask(session: Session, case: Case, question: str, *, round_: str) -> OutgoingMessage | None:
    """Something that only the citizen knows."""
    values = {**values_of(session, case), "question": question}
    return outgoing.about_case(session, case, purpose="question", values=values, round_=round_)


def tell_decision(session: Session, request: Request) -> OutgoingMessage | None:
    """That the answer will take longer, or that an appeal changed nothing; other requests stay between offices."""
    case = session.get_one(Case, request.case_id)
    if request.kind == RequestKind.SECOND_LOOK and request.state == RequestState.REFUSED:
        values = {**values_of(session, case), "answer": request.decision_note}
        return outgoing.about_case(session, case, purpose="looked_again", values=values, round_=request.id.hex)
    if request.kind != RequestKind.EXTENSION or request.state != RequestState.GRANTED:
        return None
    assignment = session.get_one(Assignment, request.assignment_id)
    if not assignment.lead or assignment.status not in AT_UNIT:
        return None
    due = assignment.answer_due_at.astimezone(CITY_TIME)
    values = {**values_of(session, case), "due": f"{due:%m月%d日 %H:%M}"}
    return outgoing.about_case(session, case, purpose="extended", values=values, round_=request.id.hex)


def values_of(session: Session, case: Case) -> Mapping[str, str]:
    """What texts may have of any case."""
    unit = session.scalar(select(Unit.name).where(Unit.id == case.lead_unit_id)) if case.lead_unit_id else None
    return {"number": case.number, "title": case.title, "unit": unit or "", "link": outgoing.progress_link()}


def _tell_answer(session: Session, case: Case) -> OutgoingMessage | None:
    """A case comes by more than one state in which it is told: once for each answer."""
    values = {**values_of(session, case), "answer": case.public_answer}
    latest = session.scalar(
        select(Answer.id)
        .join(Assignment, Assignment.id == Answer.assignment_id)
        .where(Assignment.case_id == case.id)
        .order_by(Answer.created_at.desc(), Answer.id.desc())
        .limit(1)
    )
    round_ = f"{_round(session, case)}:{latest.hex if latest else 'centre'}"
    return outgoing.about_case(session, case, purpose="answered", values=values, round_=round_)


def _round(session: Session, case: Case) -> str:
    reopened = select(func.count()).where(CaseEvent.case_id == case.id, CaseEvent.action == Action.REOPEN)
    return str(1 + (session.scalar(reopened) or 0))
