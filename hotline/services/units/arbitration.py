"""会商: a case that units keep giving back goes to a meeting; the unit that it names keeps the case."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import cases, notes
from hotline.services.actors import Actor
from hotline.services.clocks import clocks
from hotline.services.holding import hold
from hotline.services.profiles import profiles
from hotline.services.profiles.request_rules import ArbitrationRules
from hotline.services.units import requests
from models import Action, Case, CaseStatus, Request, RequestKind, RequestState, Role, Unit, now

CALLED_BY = frozenset({Role.DISPATCHER, Role.SHIFT_LEADER, Role.SUPERVISOR})
DECIDED_BY = frozenset({Role.DISPATCHER})
# Where it is still open whose the case is.
UNSETTLED = (CaseStatus.TO_DISPATCH, CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS, CaseStatus.REOPENED)
REASON = "contested"


def is_contested(session: Session, case: Case) -> bool:
    rules = profiles.of(session, case).arbitration
    return session.scalar(select(Case.id).where(Case.id == case.id, contested(rules))) is not None


def contested(rules: ArbitrationRules) -> ColumnElement[bool]:
    """Of cases: units have kept giving it back, and it is still open whose it is."""
    asked = aliased(Request)
    # What an answer overtook, nobody refused.
    was_refused = (asked.kind == RequestKind.RETURN, asked.state == RequestState.REFUSED, asked.decided_by_id.is_not(None))
    refused = select(func.count()).where(asked.case_id == Case.id, *was_refused).correlate(Case).scalar_subquery()
    too_often = or_(Case.dispatch_count >= rules.dispatches, refused >= rules.refusals)
    return and_(Case.status.in_(UNSETTLED), too_often)


def call_meeting(
    session: Session, case: Case, *, at: datetime, units: Sequence[Unit], basis: str, by: Actor, key: str
) -> Request:
    """Ask units to meet about whose the case is; the work on it goes on meanwhile."""
    if not by.roles & CALLED_BY:
        raise NotAllowed()
    case, done = hold(session, case, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.ARBITRATION)
    if case.status not in UNSETTLED:
        raise WrongState()
    if not is_contested(session, case):
        raise RuleBroken("This case is not contested yet: a dispatcher decides.")
    if at <= now():
        raise Invalid("Please choose a time that is still to come.", field="at")
    invited = sorted({unit.code for unit in units})
    if len(invited) < 2:
        raise Invalid("Please invite two units at least.", field="units")
    request = requests.ask(
        session,
        case,
        RequestKind.ARBITRATION,
        assignment=None,
        reason_code=REASON,
        basis=basis,
        wanted_at=at,
        decide_from=at,
        by=by,
        key=key,
    )
    request.invited = invited
    return request


def decide(session: Session, request: Request, *, unit: Unit | None, record: str, by: Actor, key: str) -> Request:
    """Enter what the meeting said. The unit that it named keeps the case, wherever it was; without one nothing changes."""
    case, done = requests.hold_for_decision(session, request, RequestKind.ARBITRATION, by=by, roles=DECIDED_BY, key=key)
    if done is not None:
        return request
    record = record.strip()
    if not record:
        raise Invalid("Please enter what the meeting said.", field="record")
    if unit is None:
        requests.refuse(session, case, request, assignment=None, note=record, by=by, key=key)
        return request
    if case.status not in UNSETTLED:
        raise WrongState()
    notes.add(session, case, Action.ARBITRATE, by=by, key=key, text=f"{unit.name}: {record}")
    session.flush()
    request.decided_unit_id = unit.id
    requests.settle(session, request, grant=True, note=record, by=by)
    _bring(session, case, unit, record=record, by=by, key=key)
    return request


def _bring(session: Session, case: Case, unit: Unit, *, record: str, by: Actor, key: str) -> None:
    """To the unit, unless it is there already. What its holder asked for is decided with this."""
    lead = next((row for row in clocks.at_units(session, case) if row.lead), None)
    wish = requests.open_one(session, case, RequestKind.RETURN)
    stays = lead is not None and lead.unit_id == unit.id
    if lead is not None and not stays:
        cases.move(session, case, lead, Action.RETURN, by=by, key=f"{key}:return", note=record)
    if not stays:
        cases.give(session, case, [unit], by=by, key=f"{key}:give", note=record)
    if wish is not None:
        requests.settle(session, wish, grant=not stays, note=record, by=by)


def designated(session: Session, case_id: UUID) -> UUID | None:
    """The unit that a meeting named, the latest if there were several."""
    return session.scalar(
        select(Request.decided_unit_id)
        .where(
            Request.case_id == case_id,
            Request.kind == RequestKind.ARBITRATION,
            Request.state == RequestState.GRANTED,
        )
        .order_by(Request.decided_at.desc())
        .limit(1)
    )


@dataclass(frozen=True)
class Meeting:
    """One that a unit is asked to come to; of the case it reads the number only."""

    number: str
    at: datetime
    basis: str


def meetings_of(session: Session, unit: Unit) -> Sequence[Meeting]:
    """Those still to be decided; there are never many."""
    rows = session.execute(
        select(Case.number, Request)
        .join(Request, Request.case_id == Case.id)
        .where(Request.kind == RequestKind.ARBITRATION, Request.state == RequestState.OPEN)
        .order_by(Request.wanted_at)
    )
    return [
        Meeting(number, request.wanted_at, request.basis)
        for number, request in rows
        if unit.code in request.invited and request.wanted_at
    ]
