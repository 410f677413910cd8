"""Down and up the tree of units: a unit that has signed lets one below it do the work, and answers for it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, RuleBroken, WrongState
from hotline.services import cases
from hotline.services.actors import Actor
from hotline.services.holding import hold, require_unit
from hotline.services.profiles import profiles
from models import Action, Assignment, Case, CaseEvent, Unit, now
from models.workflow import ASSIGNMENT_OPEN, CASE_OPEN


def send_down(
    session: Session,
    assignment: Assignment,
    unit: Unit,
    *,
    note: str = "",
    by: Actor,
    key: str,
    seen: int | None = None,
) -> Assignment:
    """Give the work to a unit one level down, whose clock lies inside this one's. The same key again returns what it made."""
    case, done = hold(session, assignment, key=key, seen=seen)
    if done is not None:
        return session.get_one(Assignment, done.assignment_id)
    require_unit(session, assignment, by)
    if case.status not in CASE_OPEN or assignment.due_at is None:
        raise WrongState()
    _refuse_unit(session, case, assignment, unit)
    until = _inside(assignment.due_at, share=profiles.of(session, case).share_below)
    return cases.branch(session, case, assignment, [unit], Action.SEND_DOWN, until=until, by=by, key=key, note=note)


def send_up(session: Session, assignment: Assignment, *, reason: str, by: Actor, key: str, seen: int | None = None) -> CaseEvent:
    """The unit below cannot do it: the one above goes on with it."""
    return cases.advance(session, assignment, Action.SEND_UP, by=by, key=key, seen=seen, note=reason)


def send_back(
    session: Session, assignment: Assignment, *, reason: str, by: Actor, key: str, seen: int | None = None
) -> CaseEvent:
    """What the unit below answered is not enough: it does the work again."""
    return cases.advance(session, assignment, Action.SEND_BACK, by=by, key=key, seen=seen, note=reason)


def _refuse_unit(session: Session, case: Case, assignment: Assignment, unit: Unit) -> None:
    if unit.parent_id != assignment.unit_id or not unit.active:
        raise Invalid("Please choose a unit one level down.", field="unit")
    if assignment.level + 1 >= profiles.of(session, case).levels:
        raise RuleBroken("This city's rules send nothing further down.")
    having = select(Assignment.unit_id).where(Assignment.parent_id == assignment.id, Assignment.status.in_(ASSIGNMENT_OPEN))
    if unit.id in set(session.scalars(having)):
        raise RuleBroken("This unit has it already.")


def _inside(due: datetime, *, share: float) -> datetime:
    """A part of the time that is left; of time that is up nothing is left to share."""
    at = now()
    return at + (due - at) * share if due > at else due
