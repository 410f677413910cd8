"""督办: measures against a unit that is late or does badly, each with an answer of its own; cleared only with a reason."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired, WrongState
from hotline.events import CaseSupervised
from hotline.services import notes
from hotline.services.actors import Actor
from hotline.services.clocks import deadlines
from hotline.services.holding import hold, require_unit_of
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from models import Action, Assignment, Case, Mark, MarkKind, Measure, Role, Unit, new_id, now
from models.workflow import ASSIGNMENT_OPEN

SUPERVISORS = frozenset({Role.SUPERVISOR, Role.SHIFT_LEADER})
BY_RULE = "rule"
LONGEST = 2000


def take(session: Session, case: Case, measure: Measure, *, basis: str, party: str = "", by: Actor, key: str) -> Mark:
    """A person takes a measure against the unit that has the case. The same key again takes none."""
    if not by.roles & SUPERVISORS:
        raise NotAllowed()
    case, done = hold(session, case, key=key)
    if done is not None:
        return _latest(session, case)
    if not basis.strip():
        raise Invalid("Please name the basis.", field="basis")
    found = session.execute(
        select(Assignment, Unit)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Assignment.case_id == case.id, Assignment.lead, Assignment.status.in_(ASSIGNMENT_OPEN))
    ).one_or_none()
    if found is None:
        raise WrongState()
    assignment, unit = found
    limit = profiles.of(session, case).supervision.answer
    mark = made(case, assignment, measure, due_at=deadlines.due_at(session, now(), limit).at)
    mark.basis, mark.party, mark.by_id = basis.strip()[:LONGEST], party.strip()[:64] or unit.name, by.staff_id
    session.add(mark)
    notes.add(session, case, Action.MARK, by=by, key=key, text=f"{measure}: {mark.basis}", assignment=assignment)
    emit(session, CaseSupervised(case.id, mark.id))
    session.flush()
    return mark


def made(case: Case, assignment: Assignment, measure: Measure, *, due_at: datetime) -> Mark:
    """By rule, until a person and a basis are named."""
    return Mark(
        id=new_id(),
        case_id=case.id,
        assignment_id=assignment.id,
        kind=MarkKind.SUPERVISION,
        level=measure.level,
        measure=measure,
        basis=BY_RULE,
        due_at=due_at,
        created_at=now(),
    )


def answer(session: Session, mark: Mark, *, text: str, by: Actor, key: str) -> Mark:
    """The unit says what it does about it; once."""
    assignment = session.get_one(Assignment, mark.assignment_id)
    case, done = hold(session, assignment, key=key)
    session.refresh(mark)
    if done is not None:
        return mark
    require_unit_of(session, assignment, by)
    if mark.answered_at is not None or mark.cleared_at is not None:
        raise WrongState()
    if not text.strip():
        raise Invalid("Please write what the unit does about it.", field="text")
    mark.answer, mark.answered_at, mark.answered_by_id = text.strip()[:LONGEST], now(), by.staff_id
    notes.add(session, case, Action.REMARK, by=by, key=key, text=f"{mark.measure}: {mark.answer}", assignment=assignment)
    session.flush()
    return mark


def clear(session: Session, mark: Mark, *, reason: str, by: Actor, key: str) -> Mark:
    """Taken back or settled, with a reason; it stays in the history."""
    if not by.roles & SUPERVISORS:
        raise NotAllowed()
    case, done = hold(session, session.get_one(Case, mark.case_id), key=key)
    session.refresh(mark)
    if done is not None:
        return mark
    if mark.kind != MarkKind.SUPERVISION or mark.cleared_at is not None:
        raise WrongState()
    if not reason.strip():
        raise NoteRequired(field="reason")
    mark.cleared_at, mark.cleared_reason, mark.cleared_by_id = now(), reason.strip()[:LONGEST], by.staff_id
    assignment = session.get(Assignment, mark.assignment_id) if mark.assignment_id else None
    notes.add(session, case, Action.CLEAR, by=by, key=key, text=f"{mark.measure}: {mark.cleared_reason}", assignment=assignment)
    session.flush()
    return mark


def _latest(session: Session, case: Case) -> Mark:
    of_case = select(Mark).where(Mark.case_id == case.id, Mark.kind == MarkKind.SUPERVISION)
    return session.scalars(of_case.order_by(Mark.created_at.desc(), Mark.id.desc()).limit(1)).one()
