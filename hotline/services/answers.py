"""What units answer."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, WrongState
from hotline.services import cases
from hotline.services.actors import Actor
from hotline.services.files.files import CheckedFile, store
from hotline.services.holding import hold, require_unit_of
from hotline.services.units import answer_templates
from models import (
    Action,
    Answer,
    Assignment,
    CaseEvent,
    ClosureKind,
    new_id,
    now,
)
from models.workflow import AT_UNIT

LONGEST = 5000


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
    answer_templates.refuse_unchanged(session, case, assignment, text)
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
    require_unit_of(session, assignment, by)
    if assignment.status not in AT_UNIT:
        raise WrongState()
    if assignment.contacted_at is None:
        assignment.contacted_at = now()
    return cases.note(session, case, Action.REMARK, by=by, key=key, text=text, assignment=assignment)
