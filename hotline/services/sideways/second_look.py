"""A second look at what ended without an answer: the citizen appeals, or a withdrawn case is drawn and the citizen asked.

Whoever looks is not whoever ended it: the shift leader, and for withdrawals also the callback agents. Granted, the case is to be
dispatched as if it had just been filed.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired, RuleBroken, WrongState
from hotline.services import cases
from hotline.services.actors import SERVICE, Actor
from hotline.services.holding import hold
from hotline.services.profiles import profiles
from hotline.services.units import requests
from models import Action, Assignment, Case, CaseEvent, CaseStatus, EventNote, Request, RequestKind, Role, privacy

# Withdrawn as well: whoever did not want it, or was urged to, says so there.
APPEALABLE = frozenset({CaseStatus.REDIRECTED, CaseStatus.VOID, CaseStatus.WITHDRAWN})
DECIDED_BY: Mapping[RequestKind, frozenset[Role]] = {
    RequestKind.SECOND_LOOK: frozenset({Role.SHIFT_LEADER}),
    RequestKind.WITHDRAWAL: frozenset({Role.SHIFT_LEADER, Role.CALLBACK_AGENT}),
}
SAMPLED, PRESSED = "sampled", "pressed"
BY_CITIZEN = "citizen"


def appeal(session: Session, case: Case, *, text: str, by: Actor = SERVICE, key: str) -> Request:
    """The citizen does not accept that a matter is not ours, void or withdrawn; once for each time that it was said."""
    case, done = hold(session, case, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.SECOND_LOOK)
    if case.status not in APPEALABLE:
        raise WrongState()
    if not text.strip():
        raise Invalid("Please write why the matter should be taken on.", field="text")
    if _asked_since_end(session, case):
        raise RuleBroken("This has been looked at again already, or is being looked at.")
    return _ask(session, case, RequestKind.SECOND_LOOK, case.door or case.status, text, by=by, key=key)


def ask_reopening(session: Session, case: Case, *, text: str, by: Actor = SERVICE, key: str) -> Request:
    """The citizen says that a closed case is not over; the centre decides as after a dissatisfied survey."""
    case, done = hold(session, case, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.REOPENING)
    if case.status != CaseStatus.CLOSED:
        raise WrongState()
    if not text.strip():
        raise Invalid("Please write what is still amiss.", field="text")
    if _asked_since_end(session, case):
        raise RuleBroken("This has been looked at again already, or is being looked at.")
    return _ask(session, case, RequestKind.REOPENING, BY_CITIZEN, text, by=by, key=key)


def draw(session: Session, case: Case) -> Request | None:
    """Of the cases that were withdrawn from a unit's hands the profile's share is looked at; which ones, nobody can foresee."""
    key = f"drawn:{case.version}"
    case, done = hold(session, case, key=key)
    if done is not None or case.status != CaseStatus.WITHDRAWN or not case.dispatch_count:
        return None
    share = profiles.of(session, case).withdrawal.sample
    drawn = int.from_bytes(privacy.lookup_hash("withdrawal", key + case.id.hex)[:4]) / 2**32
    if drawn >= share:
        return None
    lead = session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.lead)
        .order_by(Assignment.dispatched_at.desc())
        .limit(1)
    ).first()
    basis = _words_of(session, case, Action.WITHDRAW)
    return _ask(session, case, RequestKind.WITHDRAWAL, SAMPLED, basis, assignment=lead, by=SERVICE, key=key)


def decide(session: Session, request: Request, *, grant: bool, pressed: bool = False, note: str, by: Actor, key: str) -> Request:
    """Granted, the case is to be dispatched again; refused, it stays ended, with the reason told to the citizen.

    `pressed`: a unit had urged the citizen to withdraw, which is kept against it.
    """
    kind = RequestKind(request.kind)
    if kind not in DECIDED_BY:
        raise WrongState()
    case, done = requests.hold_for_decision(session, request, kind, by=by, roles=DECIDED_BY[kind], key=key)
    if done is not None:
        return request
    if not note.strip():
        raise NoteRequired(field="note")
    if pressed:
        request.reason_code = PRESSED
    if not (grant or pressed):
        requests.refuse(session, case, request, assignment=None, note=note, by=by, key=key)
        return request
    if case.status in APPEALABLE:
        cases.move(session, case, case, Action.REOPEN, by=by, key=key, note=note)
    requests.settle(session, request, grant=True, note=note, by=by)
    return request


def _ask(
    session: Session,
    case: Case,
    kind: RequestKind,
    reason: str,
    text: str,
    *,
    assignment: Assignment | None = None,
    by: Actor,
    key: str,
) -> Request:
    return requests.ask(
        session,
        case,
        kind,
        assignment=assignment,
        reason_code=reason,
        basis=text,
        wanted_at=None,
        by=by,
        key=key,
    )


def _words_of(session: Session, case: Case, action: Action) -> str:
    said = (
        select(EventNote.text)
        .join(CaseEvent, CaseEvent.id == EventNote.event_id)
        .where(CaseEvent.case_id == case.id, CaseEvent.action == action, CaseEvent.assignment_id.is_(None))
        .order_by(CaseEvent.serial.desc())
    )
    return session.scalar(said.limit(1)) or action


def _asked_since_end(session: Session, case: Case) -> bool:
    """A survey's own wish to reopen counts too: one is enough for the centre to look."""
    kinds = (RequestKind.SECOND_LOOK, RequestKind.REOPENING)
    latest = session.scalar(select(func.max(Request.created_at)).where(Request.case_id == case.id, Request.kind.in_(kinds)))
    ended = ended_at(session, case)
    return latest is not None and (ended is None or latest >= ended)


def ended_at(session: Session, case: Case) -> datetime | None:
    """When the case last came into the state that it is in."""
    into = (CaseEvent.to_status == case.status, CaseEvent.from_status.is_distinct_from(case.status))
    own = (CaseEvent.case_id == case.id, CaseEvent.assignment_id.is_(None))
    return session.scalar(select(func.max(CaseEvent.at)).where(*own, *into))
