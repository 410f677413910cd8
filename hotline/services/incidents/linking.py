"""Which cases belong to an incident: put together and parted again by people, under the locks that keep two of them apart.

The incident is locked first, then its cases in the order of their ids. Nothing here moves a case: what follows is brought
along by `following`, step by step and by the two tables.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired, RuleBroken, WrongState
from hotline.events import CaseNoted, FollowerBehind
from hotline.services import history
from hotline.services.actors import SERVICE, Actor
from hotline.services.outbox import emit
from models import (
    Action,
    Case,
    CaseEvent,
    CaseStatus,
    Incident,
    IncidentCase,
    Request,
    RequestState,
    Role,
    new_id,
    now,
)
from models.workflow import CASE_AT_UNIT, CASE_FINAL

LINKED_BY = frozenset({Role.DISPATCHER, Role.SHIFT_LEADER})
MOST_AT_ONCE = 50
# A case that nobody has answered yet; of the others the citizen would read two answers.
JOINABLE = CASE_AT_UNIT | {CaseStatus.TO_DISPATCH}
# How far a case is: the one that is furthest along leads, for nothing that was done is undone.
FAR = (CaseStatus.TO_DISPATCH, CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS, CaseStatus.ANSWERED, CaseStatus.VERIFYING)


def open_incident(session: Session, cases: Sequence[Case], *, title: str, by: Actor, key: str) -> Incident:
    """An incident over these cases, confirmed by a person; the first leads unless another one is at a unit already.

    The same key again returns the incident that it made.
    """
    _refuse_stranger(by)
    held, known = _hold(session, [case.id for case in cases]), _noted(session, cases, key)
    if known:
        return _of_case(session, next(iter(known)))
    if len(held) < 2:
        raise Invalid("An incident has at least two cases.", field="cases")
    if not title.strip():
        raise Invalid("Please say what has happened.", field="title")
    ordered = [held[case.id] for case in cases]
    lead = max(ordered, key=lambda case: case.status in CASE_AT_UNIT)
    _check(session, ordered, lead, by=by)
    incident = Incident(
        id=new_id(),
        title=title.strip()[:200],
        category_code=lead.category_code,
        area_code=_common_area(ordered),
        lead_case_id=lead.id,
        by_id=by.staff_id,
    )
    session.add(incident)
    session.flush()
    _link(session, incident, lead, ordered, by=by, key=key)
    return incident


def join(session: Session, incident: Incident, cases: Sequence[Case], *, by: Actor, key: str) -> int:
    """Further cases of the same incident; returns how many came in now. The same key again adds none."""
    _refuse_stranger(by)
    hold_incident(session, incident)
    if incident.ended_at is not None or incident.answered_at is not None:
        raise WrongState("This incident has been answered: a further case is one of its own.")
    held = _hold(session, [incident.lead_case_id, *(case.id for case in cases)])
    lead = held.pop(incident.lead_case_id)
    known = _noted(session, cases, key)
    new = [case for case in held.values() if case.id not in known]
    _check(session, new, lead, by=by)
    _link(session, incident, lead, new, by=by, key=key)
    ahead = next((case for case in new if case.status in CASE_AT_UNIT), None)
    if lead.status == CaseStatus.TO_DISPATCH and ahead is not None:
        _lead_on(session, incident, ahead)
    return len(new)


def part(session: Session, incident: Incident, case: Case, *, reason: str, by: Actor, key: str) -> None:
    """Take a case out again, with the state, owner and clock that it has; if it was the lead, the next one leads."""
    _refuse_stranger(by)
    if not reason.strip():
        raise NoteRequired(field="reason")
    hold_incident(session, incident)
    members = current(session, incident)
    held = _hold(session, [case.id, *(member.case_id for member in members)])
    if _noted(session, [case], key):
        return
    membership = next((member for member in members if member.case_id == case.id), None)
    if membership is None:
        raise WrongState()
    _leave(session, incident, held[case.id], membership, reason=reason.strip(), by=by, key=key)
    if case.id == incident.lead_case_id:
        _pass_on(session, incident, held, members)


def end(session: Session, incident: Incident, *, reason: str, by: Actor) -> None:
    """Over: agents are offered it no more. What still follows its lead goes on doing so until the answer is out."""
    _refuse_stranger(by)
    if not reason.strip():
        raise NoteRequired(field="reason")
    hold_incident(session, incident)
    if incident.ended_at is None:
        incident.ended_at, incident.ended_reason = now(), reason.strip()
    session.flush()


def let_go(session: Session, case: Case) -> None:
    """A case that ended by itself (its citizen withdrew it, it was void) leaves; the others go on without it."""
    found = membership_of(session, case)
    if found is None:
        return
    incident, membership = found
    hold_incident(session, incident)
    members = current(session, incident)
    if membership not in members:  # by now
        return
    held = _hold(session, [member.case_id for member in members])
    key = f"gone:{membership.id.hex}"
    _leave(session, incident, held[case.id], membership, reason=str(case.status), by=SERVICE, key=key)
    if case.id == incident.lead_case_id:
        _pass_on(session, incident, held, members)


def hold_incident(session: Session, incident: Incident) -> None:
    session.refresh(incident, with_for_update=True)


def by_numbers(session: Session, numbers: Collection[str]) -> dict[str, Case]:
    return {case.number: case for case in session.scalars(select(Case).where(Case.number.in_(numbers)))}


def current(session: Session, incident: Incident) -> list[IncidentCase]:
    """What belongs to it and has no answer yet, the lead's too, in the order in which they came."""
    rows = session.scalars(
        select(IncidentCase)
        .where(IncidentCase.incident_id == incident.id, IncidentCase.left_at.is_(None), IncidentCase.answered_at.is_(None))
        .order_by(IncidentCase.created_at, IncidentCase.id)
        .execution_options(populate_existing=True)
    )
    return list(rows)


def membership_of(session: Session, case: Case) -> tuple[Incident, IncidentCase] | None:
    """The incident with which this case is handled now."""
    row = session.execute(
        select(Incident, IncidentCase)
        .join(IncidentCase, IncidentCase.incident_id == Incident.id)
        .where(IncidentCase.case_id == case.id, IncidentCase.left_at.is_(None), IncidentCase.answered_at.is_(None))
    ).one_or_none()
    return (row[0], row[1]) if row else None


def _refuse_stranger(by: Actor) -> None:
    if not by.roles & LINKED_BY:
        raise NotAllowed()


def _hold(session: Session, case_ids: Collection[UUID]) -> dict[UUID, Case]:
    if len(set(case_ids)) > MOST_AT_ONCE + 1:
        raise Invalid("At most {most} cases at once.", field="cases", most=MOST_AT_ONCE)
    rows = session.scalars(
        select(Case).where(Case.id.in_(case_ids)).order_by(Case.id).with_for_update().execution_options(populate_existing=True)
    )
    return {case.id: case for case in rows}


def _noted(session: Session, cases: Sequence[Case], key: str) -> set[UUID]:
    """Of which of these the key has told before."""
    ids = [case.id for case in cases]
    return set(session.scalars(select(CaseEvent.case_id).where(CaseEvent.case_id.in_(ids), CaseEvent.key == key)))


def _of_case(session: Session, case_id: UUID) -> Incident:
    latest = select(Incident).join(IncidentCase, IncidentCase.incident_id == Incident.id).where(IncidentCase.case_id == case_id)
    return session.scalars(latest.order_by(IncidentCase.created_at.desc()).limit(1)).one()


def _check(session: Session, cases: Sequence[Case], lead: Case, *, by: Actor) -> None:
    busy, asked = _in_an_incident(session, cases), _asked_for(session, cases)
    for case in cases:
        _refuse(case, lead, by=by, is_busy=case.id in busy, is_asked_for=case.id in asked)


def _link(session: Session, incident: Incident, lead: Case, cases: Sequence[Case], *, by: Actor, key: str) -> None:
    for case in cases:
        session.add(IncidentCase(incident_id=incident.id, case_id=case.id, by_id=by.staff_id))
        case.follows_id = None if case.id == lead.id else lead.id
        case.version += 1
    _tell(session, cases, f"incident: {incident.title}", by=by, key=key)
    emit(session, *(FollowerBehind(case.id) for case in cases if case.id != lead.id))
    session.flush()


def _refuse(case: Case, lead: Case, *, by: Actor, is_busy: bool, is_asked_for: bool) -> None:
    if case.is_shielded:
        raise NotAllowed("A confidential case or a report is not put together with others.")
    if is_busy:
        raise RuleBroken("{number} belongs to an incident already.", number=case.number)
    if case.status not in JOINABLE:
        raise RuleBroken("{number} has been answered already, or is not sent out yet.", number=case.number)
    if is_asked_for:
        raise RuleBroken("Please decide first what is asked for of {number}.", number=case.number)
    elsewhere = case.lead_unit_id != lead.lead_unit_id and lead.status != CaseStatus.TO_DISPATCH
    if case.status in CASE_AT_UNIT and elsewhere and Role.DISPATCHER not in by.roles:
        raise NotAllowed("Another unit has {number}: a dispatcher takes it back from there.", number=case.number)


def _in_an_incident(session: Session, cases: Sequence[Case]) -> set[UUID]:
    ids = [case.id for case in cases]
    now_there = (IncidentCase.left_at.is_(None), IncidentCase.answered_at.is_(None))
    return set(session.scalars(select(IncidentCase.case_id).where(IncidentCase.case_id.in_(ids), *now_there)))


def _asked_for(session: Session, cases: Sequence[Case]) -> set[UUID]:
    ids = [case.id for case in cases]
    return set(session.scalars(select(Request.case_id).where(Request.case_id.in_(ids), Request.state == RequestState.OPEN)))


def _leave(
    session: Session, incident: Incident, case: Case, membership: IncidentCase, *, reason: str, by: Actor, key: str
) -> None:
    membership.left_at, membership.left_by_id, membership.left_reason = now(), by.staff_id, reason
    case.follows_id = None
    case.version += 1
    _tell(session, [case], f"not_incident: {incident.title} {reason}", by=by, key=key)
    session.flush()


def _pass_on(session: Session, incident: Incident, held: dict[UUID, Case], members: Sequence[IncidentCase]) -> None:
    """The lead is gone: the one that is furthest along leads from now on, or the incident is over."""
    left = [held[member.case_id] for member in members if member.left_at is None]
    able = [case for case in left if case.status in FAR]
    if able:
        _lead_on(session, incident, max(able, key=lambda case: FAR.index(CaseStatus(case.status))))
    else:
        incident.ended_at, incident.ended_reason = now(), "no case left"
        session.flush()


def _lead_on(session: Session, incident: Incident, lead: Case) -> None:
    incident.lead_case_id, lead.follows_id = lead.id, None
    session.flush()
    ids = [member.case_id for member in current(session, incident) if member.case_id != lead.id]
    followers = session.scalars(select(Case).where(Case.id.in_(ids))).all()
    for case in followers:
        case.follows_id = lead.id
    emit(session, *(FollowerBehind(case.id) for case in followers if case.status not in CASE_FINAL))
    session.flush()


def _tell(session: Session, cases: Sequence[Case], text: str, *, by: Actor, key: str) -> None:
    tails = history.tails(session, [case.id for case in cases])
    for case in cases:
        history.note(
            session,
            case,
            Action.MARK,
            by=by,
            role=by.role_for(LINKED_BY) or min(by.roles),
            key=key,
            text=text,
            after=tails[case.id],
        )
    emit(session, *(CaseNoted(case.id, Action.MARK) for case in cases))


def _common_area(cases: Sequence[Case]) -> str:
    """The smallest area that all of them lie in; none if they lie in several townships."""
    for codes in ({case.community_code for case in cases}, {case.township_code for case in cases}):
        if len(codes) == 1 and (code := codes.pop()):
            return code
    return ""
