"""延期: a unit asks for more time once, before the time is over; whom the profile names grants or refuses it."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.errors import Invalid, RuleBroken, WrongState
from hotline.services import holding
from hotline.services.actors import Actor
from hotline.services.clocks import clocks, deadlines
from hotline.services.holding import hold
from hotline.services.profiles import profiles
from hotline.services.units import requests
from models import Action, Assignment, Case, Mark, MarkKind, Request, RequestKind, now
from models.workflow import AT_UNIT


class ExtensionReason(StrEnum):
    MATERIAL = "material"
    WEATHER = "weather"
    SEVERAL_UNITS = "several_units"
    PROCEDURE = "procedure"
    DIFFICULT = "difficult"


def ask(
    session: Session,
    assignment: Assignment,
    *,
    until: datetime,
    reason_code: ExtensionReason,
    basis: str,
    by: Actor,
    key: str,
) -> Request:
    """A unit asks to answer by a later time: once, as long before the due time and by as much as its profile says."""
    case, done = hold(session, assignment, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.EXTENSION)
    holding.require_unit_of(session, assignment, by)
    refused = why_not(session, case, assignment, asked_before=_asked_before(session, assignment))
    if refused is not None:
        raise refused
    if not assignment.answer_due_at < until <= latest(session, case, assignment):
        raise Invalid("Please choose a later time, within what is allowed.", field="until")
    return requests.ask(
        session,
        case,
        RequestKind.EXTENSION,
        assignment=assignment,
        reason_code=reason_code,
        basis=basis,
        wanted_at=until,
        by=by,
        key=key,
    )


def why_not(session: Session, case: Case, assignment: Assignment, *, asked_before: bool) -> WrongState | RuleBroken | None:
    """Why no more time can be asked for now."""
    rules = profiles.of(session, case).extension
    if assignment.status not in AT_UNIT:
        return WrongState()
    if case.urgency not in rules.urgencies:
        return RuleBroken("An urgent case is not extended.")
    if assignment.paused_until is not None:
        return RuleBroken("The clock stands still now: please ask when it runs again.")
    if deadlines.due_at(session, now(), rules.before).at > assignment.answer_due_at:
        return RuleBroken("It is too late to ask for more time.")
    return RuleBroken("More time is asked for once only.") if asked_before else None


def latest(session: Session, case: Case, assignment: Assignment) -> datetime:
    """Until when may be asked for at most; whoever was given it from above, within the time of who gave it."""
    longest = deadlines.due_at(session, assignment.answer_due_at, profiles.of(session, case).extension.longest).at
    above = session.get(Assignment, assignment.parent_id) if assignment.parent_id else None
    return min(longest, above.answer_due_at) if above else longest


def _asked_before(session: Session, assignment: Assignment) -> bool:
    asked = select(Request.id).where(Request.assignment_id == assignment.id, Request.kind == RequestKind.EXTENSION)
    return session.scalar(asked.limit(1)) is not None


def decide(session: Session, request: Request, *, grant: bool, note: str = "", by: Actor, key: str) -> Request:
    """Granted, the answer is due at the time that was asked for; what the clock stands still meanwhile is added."""
    case = session.get_one(Case, request.case_id)
    roles = profiles.of(session, case).extension.decided_by
    case, done = requests.hold_for_decision(session, request, RequestKind.EXTENSION, by=by, roles=roles, key=key)
    if done is not None:
        return request
    assignment = requests.assignment_of(session, request)
    if not grant:
        requests.refuse(session, case, request, assignment=assignment, note=note, by=by, key=key)
        return request
    wanted = (request.wanted_at or assignment.answer_due_at) + clocks.unused(assignment)
    due = max(wanted, assignment.answer_due_at)
    clocks.move(session, case, assignment, due, action=Action.EXTEND, by=by, key=key, text=note or request.basis)
    _forgive(session, request)
    requests.settle(session, request, grant=True, note=note, by=by)
    return request


def _forgive(session: Session, request: Request) -> None:
    """Who asked in time is not late because the centre decided after the time was over."""
    session.execute(
        update(Mark)
        .where(
            Mark.assignment_id == request.assignment_id,
            Mark.kind == MarkKind.OVERDUE,
            Mark.created_at >= request.created_at,
            Mark.cleared_at.is_(None),
        )
        .values(cleared_at=now(), cleared_reason=RequestKind.EXTENSION)
    )
