"""考核申诉: a unit contests what a case counts for it; a supervisor rules before the period is closed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound, RuleBroken
from hotline.services import access, notes, scoring
from hotline.services.access import Me
from hotline.services.actors import Actor
from hotline.services.holding import hold, require_unit_of
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import books
from hotline.services.scores.facts import WHOLE_CASE
from hotline.services.scores.spans import day_of
from hotline.services.units import requests
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    Request,
    RequestKind,
    RequestState,
    Role,
    Score,
    Staff,
    Unit,
)
from models.workflow import UNIT_ROLES

DECIDED_BY = frozenset({Role.SUPERVISOR})
MOST = 200


def contestable(session: Session, me: Me, number: str, indicator: str) -> Case:
    """A unit contests that it gave a case back, though it sees nothing more of what another unit has now."""
    if indicator == Indicator.RETURN and me.has(*UNIT_ROLES) and me.unit_path:
        counted = (Score.indicator == Indicator.RETURN, Unit.path.startswith(me.unit_path, autoescape=True))
        own = select(Case).join(Score, Score.case_id == Case.id).join(Unit, Unit.id == Score.unit_id)
        found = session.scalars(own.where(Case.number == number, *counted).limit(1)).one_or_none()
        if found is not None:
            return found
    return access.see_case(session, me, number).case


def contest(session: Session, case: Case, indicator: str, *, basis: str, by: Actor, key: str) -> Request:
    """One at a time for a case; by the unit that led it, or gave it back, of what it is scored for, while the month is open."""
    case, done = hold(session, case, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.APPEAL)
    if case.closed_at is None:
        raise RuleBroken("A case is scored when it is closed.")
    assignment = (_given_back(session, case, by) if indicator == Indicator.RETURN else None) or _led(session, case)
    require_unit_of(session, assignment, by)
    if indicator != WHOLE_CASE and indicator not in set(Indicator):
        raise Invalid("Please choose what you contest.", field="indicator")
    if not _counts(session, case, assignment, indicator):
        raise RuleBroken("This does not count for your unit.")
    _refuse_closed(session, case)
    return requests.ask(
        session,
        case,
        RequestKind.APPEAL,
        assignment=assignment,
        reason_code=indicator,
        basis=basis,
        wanted_at=None,
        by=by,
        key=key,
    )


def rule_on(session: Session, request: Request, *, grant: bool, note: str, by: Actor, key: str) -> Request:
    """Granted, the case no longer counts for what was contested; either way with a reason."""
    case, done = requests.hold_for_decision(session, request, RequestKind.APPEAL, by=by, roles=DECIDED_BY, key=key)
    if done is not None:
        return request
    _refuse_closed(session, case)
    assignment = session.get(Assignment, request.assignment_id) if request.assignment_id else None
    if not note.strip():
        raise Invalid("Please give the reason of the ruling.", field="note")
    if not grant:
        requests.refuse(session, case, request, assignment=assignment, note=note, by=by, key=key)
        return request
    notes.add(session, case, Action.REMARK, by=by, key=key, text=f"{RequestKind.APPEAL}: {note.strip()}", assignment=assignment)
    requests.settle(session, request, grant=True, note=note, by=by)
    scoring.score_case(session, case)
    return request


def _led(session: Session, case: Case) -> Assignment:
    done = select(Assignment).where(Assignment.case_id == case.id, Assignment.lead, Assignment.parent_id.is_(None))
    latest = done.where(Assignment.status == AssignmentStatus.DONE).order_by(
        Assignment.dispatched_at.desc(), Assignment.id.desc()
    )
    found = session.scalars(latest.limit(1)).one_or_none()
    if found is None:
        raise RuleBroken("A case is scored when it is closed.")
    return found


def _given_back(session: Session, case: Case, by: Actor) -> Assignment | None:
    """What somebody's own unit gave back, the latest first."""
    done = select(Assignment).where(Assignment.case_id == case.id, Assignment.lead, Assignment.parent_id.is_(None))
    own = Unit.path.startswith(by.unit_path or "-", autoescape=True)
    returned = done.join(Unit, Unit.id == Assignment.unit_id).where(Assignment.status == AssignmentStatus.RETURNED, own)
    return session.scalars(returned.order_by(Assignment.dispatched_at.desc(), Assignment.id.desc()).limit(1)).one_or_none()


def _counts(session: Session, case: Case, assignment: Assignment, indicator: str) -> bool:
    scored = select(Score.id).where(Score.case_id == case.id, Score.unit_id == assignment.unit_id)
    scored = scored if indicator == WHOLE_CASE else scored.where(Score.indicator == indicator)
    return session.scalar(scored.limit(1)) is not None


def _refuse_closed(session: Session, case: Case) -> None:
    books.share(session)
    final = books.open_from(session)
    if final is not None and case.closed_at is not None and day_of(case.closed_at) < final:
        raise RuleBroken("The period of this case is closed: what was wrong is entered as a correction.")


@dataclass(frozen=True)
class AppealLine:
    request: Request
    number: str
    unit: str
    asked_by: str
    closed_on: date | None


def lines(session: Session, me: Me) -> Sequence[AppealLine]:
    """Open ones first; a unit's people see those of their own subtree."""
    query = (
        select(Request, Case.number, Unit.name, Staff.name, Case.closed_at)
        .join(Case, Case.id == Request.case_id)
        .join(Assignment, Assignment.id == Request.assignment_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .join(Staff, Staff.id == Request.asked_by_id)
        .where(Request.kind == RequestKind.APPEAL)
        .order_by(Request.state != RequestState.OPEN, Request.created_at.desc())
        .limit(MOST)
    )
    if me.has(Role.LIAISON) and me.unit_path:
        query = query.where(Unit.path.startswith(me.unit_path, autoescape=True))
    return [
        AppealLine(request, number, unit, asked_by, day_of(at) if at else None)
        for request, number, unit, asked_by, at in session.execute(query)
    ]


def of_id(session: Session, request_id: object) -> Request:
    found = session.get(Request, request_id)
    if found is None or found.kind != RequestKind.APPEAL:
        raise NotFound()
    return found
