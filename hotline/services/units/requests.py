"""What units and citizens ask for beside a state: opened once, decided once, and what both leave in the history."""

from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.events import RequestDecided
from hotline.services import notes
from hotline.services.actors import Actor
from hotline.services.clocks import deadlines
from hotline.services.holding import hold, refuse_follower
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from models import Action, Assignment, Case, CaseEvent, Request, RequestKind, RequestState, Role, Unit, now
from models.workflow import Clock


def ask(
    session: Session,
    case: Case,
    kind: RequestKind,
    *,
    assignment: Assignment | None,
    reason_code: str,
    basis: str,
    wanted_at: datetime | None,
    plan: str = "",
    proposed: Unit | None = None,
    decide_from: datetime | None = None,
    by: Actor,
    key: str,
) -> Request:
    """Open a request on a case that the caller holds; one of a kind at a time. It is to be decided from now, or from then."""
    refuse_follower(case, Action.REQUEST, by)
    if not basis.strip():
        raise Invalid("Please name the basis.", field="basis")
    if open_one(session, case, kind) is not None:
        raise RuleBroken("This is being decided already.")
    decide = profiles.of(session, case).limit(Clock.DECIDE, case.urgency)
    request = Request(
        case_id=case.id,
        assignment_id=assignment.id if assignment else None,
        kind=kind,
        reason_code=reason_code,
        basis=basis.strip(),
        plan=plan.strip(),
        wanted_at=wanted_at,
        proposed_unit_id=proposed.id if proposed else None,
        asked_by_id=by.staff_id,
        due_at=deadlines.due_at(session, decide_from or now(), decide).at,
    )
    session.add(request)
    said = f"{proposed.short} {basis.strip()}" if proposed else basis.strip()
    notes.add(session, case, Action.REQUEST, by=by, key=key, text=f"{kind}/{reason_code}: {said}", assignment=assignment)
    session.flush()
    return request


def latest(session: Session, case: Case, kind: RequestKind) -> Request:
    """The one that a repeated form has made."""
    return session.scalars(_of(case, kind).order_by(Request.created_at.desc(), Request.id.desc()).limit(1)).one()


def open_one(session: Session, case: Case, kind: RequestKind) -> Request | None:
    return session.scalars(_of(case, kind).where(Request.state == RequestState.OPEN)).one_or_none()


def _of(case: Case, kind: RequestKind) -> Select[Request]:
    return select(Request).where(Request.case_id == case.id, Request.kind == kind)


def hold_for_decision(
    session: Session, request: Request, kind: RequestKind, *, by: Actor, roles: frozenset[Role], key: str
) -> tuple[Case, CaseEvent | None]:
    """Lock the case of a request; refused to others than these roles, and where it was decided before by another act."""
    if not by.roles & roles:
        raise NotAllowed()
    case, done = hold(session, session.get_one(Case, request.case_id), key=key)
    session.refresh(request)
    if done is None and (request.state != RequestState.OPEN or request.kind != kind):
        raise WrongState()
    return case, done


def assignment_of(session: Session, request: Request) -> Assignment:
    """Which one a request is about, as it is under the lock: others may have moved its clock since this session read it."""
    return session.get_one(Assignment, request.assignment_id, populate_existing=True)


def refuse(
    session: Session, case: Case, request: Request, *, assignment: Assignment | None, note: str, by: Actor, key: str
) -> None:
    """Only with a reason."""
    if not note.strip():
        raise Invalid("Please say why not.", field="note")
    notes.add(session, case, Action.REFUSE, by=by, key=key, text=f"{request.kind}: {note.strip()}", assignment=assignment)
    settle(session, request, grant=False, note=note, by=by)


def settle(session: Session, request: Request, *, grant: bool, note: str, by: Actor) -> None:
    request.state = RequestState.GRANTED if grant else RequestState.REFUSED
    request.decided_by_id, request.decided_at, request.decision_note = by.staff_id, now(), note.strip()
    emit(session, RequestDecided(request.id))
    session.flush()
