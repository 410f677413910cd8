"""Several units on one case: the lead calls others in, asks for one more or one less, and writes down what a meeting came to."""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import cases, notes
from hotline.services.actors import Actor
from hotline.services.holding import hold, require_unit
from hotline.services.profiles import profiles
from hotline.services.units import requests
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    Meeting,
    Request,
    RequestKind,
    Role,
    Standing,
    Unit,
    UnitKind,
    today,
)
from models.workflow import ASSIGNMENT_OPEN, CASE_OPEN

CENTRE = frozenset({Role.DISPATCHER, Role.SHIFT_LEADER, Role.VERIFIER})


class Change(StrEnum):
    ADD = "add_assist"
    DROP = "drop_assist"


def may_call(session: Session, case: Case, assignment: Assignment) -> bool:
    """Whether this unit calls others in by itself (吹哨报到), without the centre."""
    kind = session.get_one(Unit, assignment.unit_id).kind
    return assignment.standing == Standing.LEAD and kind in profiles.of(session, case).may_call


def call_in(
    session: Session,
    assignment: Assignment,
    units: Sequence[Unit],
    *,
    note: str,
    by: Actor,
    key: str,
    seen: int | None = None,
) -> Assignment:
    """The lead calls units to a joint job: they assist from now on and answer for it as well. The same key calls once."""
    case, done = hold(session, assignment, key=key, seen=seen)
    if done is not None:
        return session.get_one(Assignment, done.assignment_id)
    require_unit(session, assignment, by)
    if not may_call(session, case, assignment):
        raise RuleBroken("This unit asks the centre when others are to join.")
    if not units:
        raise Invalid("Please choose a unit.", field="units")
    for unit in units:
        _refuse_to_add(session, case, unit)
    return _add(session, case, assignment, units, note=note, by=by, key=key)


def ask_change(
    session: Session, assignment: Assignment, change: Change, unit: Unit, *, basis: str, by: Actor, key: str
) -> Request:
    """The lead asks the centre for another unit beside it, or for one less."""
    case, done = hold(session, assignment, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.ASSISTS)
    if Role.LIAISON not in by.roles:
        raise NotAllowed()
    require_unit(session, assignment, by)
    if assignment.standing != Standing.LEAD or assignment.status != AssignmentStatus.IN_PROGRESS:
        raise WrongState()
    if change == Change.ADD:
        _refuse_to_add(session, case, unit)
    else:
        _assisting(session, case, unit)
    return requests.ask(
        session,
        case,
        RequestKind.ASSISTS,
        assignment=assignment,
        reason_code=change,
        basis=basis,
        wanted_at=None,
        proposed=unit,
        by=by,
        key=key,
    )


def decide_change(session: Session, request: Request, *, grant: bool, note: str, by: Actor, key: str) -> Request:
    """The dispatcher brings the unit in, or takes it out; or says why not."""
    dispatchers = frozenset({Role.DISPATCHER})
    case, done = requests.hold_for_decision(session, request, RequestKind.ASSISTS, by=by, roles=dispatchers, key=key)
    if done is not None:
        return request
    lead = requests.assignment_of(session, request)
    if not grant:
        requests.refuse(session, case, request, assignment=lead, note=note, by=by, key=key)
        return request
    unit, why = session.get_one(Unit, request.proposed_unit_id), note.strip() or request.basis
    if request.reason_code == Change.ADD:
        _refuse_to_add(session, case, unit)
        _add(session, case, lead, [unit], note=why, by=by, key=key)
    else:
        cases.move(session, case, _assisting(session, case, unit), Action.WITHDRAW, by=by, key=key, note=why)
    requests.settle(session, request, grant=True, note=note, by=by)
    return request


def record_meeting(
    session: Session,
    case: Case,
    *,
    held_on: date,
    present: str,
    result: str,
    assignment: Assignment | None = None,
    by: Actor,
    key: str,
) -> None:
    """What a joint meeting on the case came to; by the centre, or by the lead on its `assignment`."""
    case, done = hold(session, case, key=key)
    if done is not None:
        return
    if not by.roles & CENTRE:
        if assignment is None or assignment.standing != Standing.LEAD or Role.LIAISON not in by.roles:
            raise NotAllowed()
        require_unit(session, assignment, by)
    if case.status not in CASE_OPEN:
        raise WrongState()
    if held_on > today():
        raise Invalid("The meeting has not been held yet.", field="held_on")
    if not present.strip() or not result.strip() or by.staff_id is None:
        raise Invalid("Please fill in this field.", field="result" if present.strip() else "present")
    session.add(Meeting(case_id=case.id, held_on=held_on, present=present.strip(), result=result.strip(), by_id=by.staff_id))
    # Everybody on the case reads it, whoever wrote it down.
    notes.note(session, case, Action.MEET, by=by, key=key, text=result)


def _add(session: Session, case: Case, lead: Assignment, units: Sequence[Unit], *, note: str, by: Actor, key: str) -> Assignment:
    if lead.due_at is None:
        raise WrongState()
    return cases.branch(session, case, lead, units, Action.CALL_IN, until=lead.due_at, by=by, key=key, note=note)


def _refuse_to_add(session: Session, case: Case, unit: Unit) -> None:
    if unit.kind in (UnitKind.GRID, UnitKind.REDIRECT) or not unit.active:
        raise Invalid("This unit cannot join a case.", field="unit")
    having = select(Assignment.id).where(
        Assignment.case_id == case.id, Assignment.unit_id == unit.id, Assignment.status.in_(ASSIGNMENT_OPEN)
    )
    if session.scalar(having.limit(1)) is not None:
        raise RuleBroken("This unit has it already.")


def _assisting(session: Session, case: Case, unit: Unit) -> Assignment:
    """The assignment of a unit that assists and has not answered."""
    found = session.scalars(
        select(Assignment).where(
            Assignment.case_id == case.id,
            Assignment.unit_id == unit.id,
            ~Assignment.lead,
            Assignment.parent_id.is_(None),
            Assignment.status.in_((AssignmentStatus.DISPATCHED, AssignmentStatus.IN_PROGRESS)),
        )
    ).first()
    if found is None:
        raise RuleBroken("This unit does not assist in this case, or has answered.")
    return found
