"""The clock of a unit's answer: moved, stopped and started again, always with an event that says why, from when and to when.

While it stands still, the due time reckons with the whole of the longest pause: if nobody starts the clock again, it goes on by
itself when that is over. Who starts it earlier takes the rest of the pause back, so that the time left is what it was.
"""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import notes
from hotline.services.actors import Actor
from models import Action, Assignment, AssignmentStatus, Case, CaseEvent, DueChange, now
from models.workflow import AT_UNIT

NOTHING = timedelta()


def move(
    session: Session, case: Case, assignment: Assignment, due: datetime, *, action: Action, by: Actor, key: str, text: str = ""
) -> CaseEvent:
    """Set another due time for the answer. The caller holds the case."""
    event = notes.add(session, case, action, by=by, key=key, text=text, assignment=assignment)
    was = assignment.answer_due_at
    if due != was:
        session.add(DueChange(event=event, event_id=event.id, was_at=was, due_at=due))
    assignment.answer_due_at = due
    if assignment.status == AssignmentStatus.IN_PROGRESS:
        assignment.due_at = due
        if assignment.lead:
            case.due_at = due
    return event


def stop(
    session: Session,
    case: Case,
    assignment: Assignment,
    *,
    at: datetime,
    until: datetime,
    action: Action,
    by: Actor,
    key: str,
    text: str,
) -> CaseEvent:
    """Let the answer's clock stand still from `at` until then at the latest; what is left of it at first is left then."""
    left = max(assignment.answer_due_at - at, NOTHING)
    assignment.paused_at, assignment.paused_until = at, until
    return move(session, case, assignment, until + left, action=action, by=by, key=key, text=text)


def go_on(session: Session, case: Case, assignment: Assignment, *, by: Actor, key: str, text: str = "") -> CaseEvent:
    """Start a clock again that stands still; what was not used of the pause is taken back."""
    due = assignment.answer_due_at - unused(assignment)
    assignment.paused_at = assignment.paused_until = None
    return move(session, case, assignment, due, action=Action.RESUME, by=by, key=key, text=text)


def unused(assignment: Assignment) -> timedelta:
    """How much longer the clock stands still if nobody starts it."""
    return max(assignment.paused_until - now(), NOTHING) if assignment.paused_until else NOTHING


def begin_again(session: Session, event: CaseEvent, assignment: Assignment, due: datetime) -> None:
    """The whole clock once more, for an answer that was sent back."""
    session.add(DueChange(event=event, event_id=event.id, was_at=assignment.answer_due_at, due_at=due))
    assignment.answer_due_at = due
    assignment.paused_at = assignment.paused_until = None


def at_units(session: Session, case: Case) -> list[Assignment]:
    """The assignments of which units still owe an answer, the lead's first, as they are under the lock of the case."""
    rows = session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.status.in_(AT_UNIT))
        .order_by(Assignment.id)
        .execution_options(populate_existing=True)
    )
    return sorted(rows, key=lambda row: not row.lead)


def standing(session: Session, case: Case) -> list[Assignment]:
    """Those whose clock stands still."""
    return [row for row in at_units(session, case) if row.paused_until is not None]
