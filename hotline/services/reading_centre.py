"""What the centre's desk shows: cases to review, to send out, to check, and what units and citizens ask for. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, String, and_, cast, false, func, select, union_all
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.services import dispatching, gazetteer, profiles, reviewing
from hotline.services.profiles import FirstUnit
from hotline.services.reviewing import Proposal
from models import (
    Action,
    Case,
    CaseStatus,
    Contact,
    Request,
    RequestKind,
    RequestState,
    Role,
    Unit,
)

MOST_ROWS = 100


class Tab(StrEnum):
    REVIEW = "review"
    TO_DISPATCH = "to_dispatch"
    RETURNS = "returns"
    ASSISTS = "assists"
    TO_CHECK = "to_check"
    ON_SITE = "on_site"
    CALLBACK = "callback"
    REOPENING = "reopening"


STATES = {
    Tab.REVIEW: (CaseStatus.UNDER_REVIEW,),
    Tab.TO_DISPATCH: (CaseStatus.TO_DISPATCH, CaseStatus.REOPENED),
    Tab.TO_CHECK: (CaseStatus.ANSWERED,),
    Tab.ON_SITE: (CaseStatus.VERIFYING,),
    Tab.CALLBACK: (CaseStatus.CALLBACK,),
}
ASKED = {Tab.RETURNS: RequestKind.RETURN, Tab.ASSISTS: RequestKind.ASSISTS, Tab.REOPENING: RequestKind.REOPENING}
# Steps that not every profile has.
OPTIONAL = (Tab.REVIEW, Tab.ON_SITE, Tab.CALLBACK)
# Where each role begins; the first that fits and is shown.
HOME = (
    (Role.VERIFIER, Tab.TO_CHECK),
    (Role.DISPATCHER, Tab.TO_DISPATCH),
    (Role.CALLBACK_AGENT, Tab.CALLBACK),
    (Role.CALLBACK_AGENT, Tab.REOPENING),
    (Role.SHIFT_LEADER, Tab.REVIEW),
)


@dataclass(frozen=True)
class Row:
    number: str
    title: str
    status: CaseStatus
    urgency: str
    channel: str
    place: str
    confidential: bool
    unit: str
    since: datetime
    due_at: datetime | None
    request_id: UUID | None
    reason: str
    proposed: str
    dispatch_count: int
    rework_count: int


def home(roles: frozenset[Role], shown: Sequence[Tab]) -> Tab:
    return next((tab for role, tab in HOME if role in roles and tab in shown), Tab.TO_DISPATCH)


def shown_tabs(session: Session, counted: Mapping[Tab, int]) -> Sequence[Tab]:
    """What the profile in force has, and what cases of an earlier one are still in."""
    reachable = profiles.in_force(session).reachable()
    return [tab for tab in Tab if tab not in OPTIONAL or counted[tab] or reachable.intersection(STATES[tab])]


def counts(session: Session) -> dict[Tab, int]:
    wanted = [status for states in STATES.values() for status in states]
    by_status = select(cast(Case.status, String), func.count()).where(Case.status.in_(wanted)).group_by(Case.status)
    by_kind = select(cast(Request.kind, String), func.count()).where(Request.state == RequestState.OPEN).group_by(Request.kind)
    counted = {name: number for name, number in session.execute(union_all(by_status, by_kind))}
    found = {tab: sum(counted.get(status, 0) for status in states) for tab, states in STATES.items()}
    return found | {tab: counted.get(kind, 0) for tab, kind in ASKED.items()}


def rows(session: Session, tab: Tab) -> Sequence[Row]:
    """The work of a tab, the least time left first."""
    proposed = select(Unit.id, Unit.name).subquery()
    open_one = and_(Request.case_id == Case.id, Request.state == RequestState.OPEN)
    holds = and_(open_one, Request.kind == ASKED[tab]) if tab in ASKED else false()
    query = (
        select(Case, Contact.channel, Unit.short, Request, proposed.c.name)
        .join(Contact, Contact.id == Case.contact_id)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
        .outerjoin(Request, holds)
        .outerjoin(proposed, proposed.c.id == Request.proposed_unit_id)
        .where(_of_tab(tab))
        .order_by(Request.due_at if tab in ASKED else Case.due_at, Case.id)
        .limit(MOST_ROWS)
    )
    found = session.execute(query).all()
    names = gazetteer.names_of(session, [case for case, *_ in found])
    return [_row(*each, names=names[each[0].id]) for each in found]


def most_urgent(session: Session, tab: Tab) -> str | None:
    """The number of the case of a tab by state that has the least time left."""
    first = select(Case.number).where(Case.status.in_(STATES.get(tab, ()))).order_by(Case.due_at, Case.id)
    return session.scalar(first.limit(1))


def _of_tab(tab: Tab) -> ColumnElement[bool]:
    return Request.id.is_not(None) if tab in ASKED else Case.status.in_(STATES[tab])


def _row(
    case: Case, channel: str, unit: str | None, request: Request | None, proposed: str | None, *, names: dict[str, str]
) -> Row:
    codes = (case.township_code, case.community_code)
    return Row(
        number=case.number,
        title=case.title,
        status=CaseStatus(case.status),
        urgency=case.urgency,
        channel=channel,
        place=" ".join(names[code] for code in codes if code in names),
        confidential=case.confidential,
        unit=unit or "",
        since=request.created_at if request else case.created_at,
        due_at=request.due_at if request else case.due_at,
        request_id=request.id if request else None,
        reason=request.reason_code if request else "",
        proposed=proposed or "",
        dispatch_count=case.dispatch_count,
        rework_count=case.rework_count,
    )


def proposed(session: Session, case: Case) -> Proposal:
    """The units that the agent proposed for a first dispatch, else the one that the city's rules name, if they name one."""
    profile = profiles.of(session, case)
    was_reviewed = profile.case_step(CaseStatus.UNDER_REVIEW, Action.APPROVE) is not None and not case.dispatch_count
    said = reviewing.proposal(session, case) if was_reviewed else Proposal()
    if said.unit:
        return said
    area, first = case.community_code or case.township_code or "", profile.first_unit
    try:
        unit, assists = dispatching.choose_unit(session, case.category_code, area, first=first)
    except RuleBroken:
        return said
    return Proposal(unit.code, [each.code for each in assists] if first == FirstUnit.AREA else [], said.note)
