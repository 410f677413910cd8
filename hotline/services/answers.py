"""What units answer, and what the citizen is told of it."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline import words
from hotline.errors import Invalid, NotAllowed, WrongState
from hotline.services import cases, outgoing
from hotline.services.cases import Actor
from hotline.services.files import CheckedFile, store
from hotline.services.holding import hold, require_unit
from models import (
    Action,
    Answer,
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    OutgoingMessage,
    Role,
    new_id,
    now,
)

LONGEST = 5000
TOLD = "answered"
TELLING = frozenset({CaseStatus.CALLBACK, CaseStatus.CLOSED, CaseStatus.REDIRECTED})


def submit_answer(
    session: Session,
    assignment: Assignment,
    *,
    public_text: str,
    internal_note: str = "",
    closure: ClosureKind,
    files: Sequence[CheckedFile] = (),
    by: Actor,
    key: str,
    seen: int | None = None,
) -> Answer:
    """The unit answers: the public text goes to the citizen as it stands, the note stays inside."""
    case, done = hold(session, assignment, key=key, seen=seen)
    if done is not None:
        return latest(session, assignment)
    text = public_text.strip()
    if not text or len(text) > LONGEST:
        raise Invalid("The answer to the citizen has 1 to {most} characters.", field="public_text", most=LONGEST)
    if closure == ClosureKind.DIRECT or by.staff_id is None:
        raise Invalid("Please choose how the matter ended.", field="closure")
    cases.move(session, case, assignment, Action.ANSWER, by=by, key=key, note=internal_note)
    answer = Answer(
        id=new_id(),
        assignment_id=assignment.id,
        public_text=text,
        internal_note=internal_note.strip(),
        closure=closure,
        by_id=by.staff_id,
    )
    session.add(answer)
    session.flush()
    for file in files:
        store(session, file, answer=answer)
    return answer


def latest(session: Session, assignment: Assignment) -> Answer:
    return session.scalars(
        select(Answer).where(Answer.assignment_id == assignment.id).order_by(Answer.created_at.desc()).limit(1)
    ).one()


def note_contacted(session: Session, assignment: Assignment, *, text: str, by: Actor, key: str) -> CaseEvent:
    """The unit has spoken with the citizen (先行联系). The first time counts; what is told later is a remark."""
    case, done = hold(session, assignment, key=key)
    if done is not None:
        return done
    if not by.roles & {Role.LIAISON, Role.GRID_WORKER}:
        raise NotAllowed()
    require_unit(session, assignment, by)
    if assignment.status not in (AssignmentStatus.DISPATCHED, AssignmentStatus.IN_PROGRESS):
        raise WrongState()
    if assignment.contacted_at is None:
        assignment.contacted_at = now()
    return cases.note(session, case, Action.REMARK, by=by, key=key, text=text, assignment=assignment)


def tell_citizen(session: Session, case: Case) -> OutgoingMessage | None:
    """The checked answer, or the right door for a matter that is not ours; told once.

    Nothing if there is no way to reach the citizen.
    """
    session.refresh(case, with_for_update=True)
    if case.status not in TELLING or not case.public_answer or _is_told(session, case):
        return None
    text = words.say("Your request {number} has been answered: {answer}", number=case.number, answer=case.public_answer)
    return outgoing.about_case(session, case, text=text, purpose=TOLD, values={"number": case.number})


def _is_told(session: Session, case: Case) -> bool:
    """Whether the citizen has been told since the latest answer: a case comes by more than one state in which it is told."""
    answered_at = session.scalar(
        select(func.max(Answer.created_at))
        .join(Assignment, Assignment.id == Answer.assignment_id)
        .where(Assignment.case_id == case.id)
    )
    told = select(OutgoingMessage.id).where(
        OutgoingMessage.case_id == case.id,
        OutgoingMessage.purpose == TOLD,
        *([OutgoingMessage.created_at >= answered_at] if answered_at else []),
    )
    return session.scalar(told.limit(1)) is not None
