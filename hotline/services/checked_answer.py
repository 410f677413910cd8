"""The answer that is being checked: the lead's latest; and the moment from which the citizen may read it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from models import Action, Answer, Assignment, AssignmentStatus, Case, CaseStatus

UNDER_CHECK = frozenset({CaseStatus.ANSWERED, CaseStatus.VERIFYING})
LETS_OUT = frozenset({Action.ASK_CITIZEN, Action.CLOSE})


def of_lead(session: Session, case: Case) -> tuple[Assignment, Answer] | None:
    """The lead's assignment and its latest answer."""
    row = session.execute(
        select(Assignment, Answer)
        .join(Answer, Answer.assignment_id == Assignment.id)
        .where(
            Assignment.case_id == case.id,
            Assignment.lead,
            Assignment.status.in_((AssignmentStatus.ANSWERED, AssignmentStatus.DONE)),
        )
        .order_by(Assignment.dispatched_at.desc(), Answer.created_at.desc())
        .limit(1)
    ).one_or_none()
    return (row[0], row[1]) if row is not None else None


def let_out(session: Session, case: Case, action: Action) -> None:
    """A checked case leaves the check with the answer as its own; refused where there is none for the citizen to read."""
    if case.status not in UNDER_CHECK or action not in LETS_OUT:
        return
    found = of_lead(session, case)
    if found is None:
        raise RuleBroken("There is no answer that the citizen could read.")
    _, answer = found
    case.public_answer, case.closure = answer.public_text, answer.closure
