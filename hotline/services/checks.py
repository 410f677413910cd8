"""The centre's check of an answer: it passes, or goes back to the unit with the reason."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired, WrongState
from hotline.services import cases, profiles
from hotline.services.cases import Actor
from hotline.services.holding import hold
from hotline.services.profiles import AskCitizen
from models import Action, Answer, Assignment, AssignmentStatus, Case, CaseStatus, Check, Verdict

TO_CHECK = (CaseStatus.ANSWERED, CaseStatus.VERIFYING)


def record_verdict(
    session: Session,
    case: Case,
    verdict: Verdict,
    *,
    remark: str = "",
    by: Actor,
    key: str,
    seen: int | None = None,
) -> Check:
    """Passed: the answer becomes the case's, which is closed, or waits for the citizen's word if the profile asks first."""
    case, done = hold(session, case, key=key, seen=seen)
    if done is not None:
        return _latest(session, case)
    if case.status not in TO_CHECK:
        raise WrongState()
    lead, answer = _to_check(session, case)
    if verdict == Verdict.SENT_BACK:
        if not remark.strip():
            raise NoteRequired(field="remark")
        cases.move(session, case, lead, Action.REWORK, by=by, key=key, note=remark)
    else:
        asks_first = profiles.of(session, case).ask_citizen == AskCitizen.BEFORE_CLOSE
        cases.move(session, case, case, Action.ASK_CITIZEN if asks_first else Action.CLOSE, by=by, key=key, note=remark)
        case.public_answer, case.closure = answer.public_text, answer.closure
    check = Check(case_id=case.id, answer_id=answer.id, verdict=verdict, remark=remark.strip(), by_id=by.staff_id)
    session.add(check)
    session.flush()
    return check


def _to_check(session: Session, case: Case) -> tuple[Assignment, Answer]:
    """The lead's assignment and its latest answer."""
    row = session.execute(
        select(Assignment, Answer)
        .join(Answer, Answer.assignment_id == Assignment.id)
        .where(Assignment.case_id == case.id, Assignment.lead, Assignment.status == AssignmentStatus.ANSWERED)
        .order_by(Answer.created_at.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise WrongState()
    return row[0], row[1]


def _latest(session: Session, case: Case) -> Check:
    return session.scalars(select(Check).where(Check.case_id == case.id).order_by(Check.created_at.desc()).limit(1)).one()
