"""What the centre's desk shows: cases to review, to send out, to check, and what units and citizens ask for. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, exists, false, func, literal, or_, select, union_all
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.services import dispatching, reading_units, reviewing
from hotline.services.city import gazetteer
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import FirstUnit, Profile
from hotline.services.reviewing import Proposal
from hotline.services.units import arbitration
from models import (
    Action,
    Case,
    CaseStatus,
    Contact,
    Decision,
    Mark,
    MarkKind,
    Request,
    RequestKind,
    RequestState,
    Role,
    Suggestion,
    Unit,
    Urgency,
    now,
)
from models.workflow import CASE_AT_UNIT

MOST_ROWS = 100
# The desk of whoever dispatches begins with what takes thought.
_unsure = exists().where(
    Decision.case_id == Case.id,
    Decision.field == "category",
    Suggestion.id == Decision.suggestion_id,
    Suggestion.body["sure"].as_boolean().is_(False),
)


class Thought(StrEnum):
    """Why a case that is to be dispatched stands where it does."""

    CONTESTED = "contested"
    NO_PLACE = "no_place"
    UNSURE = "unsure"
    NONE = ""


class Tab(StrEnum):
    REVIEW = "review"
    TO_DISPATCH = "to_dispatch"
    RETURNS = "returns"
    ASSISTS = "assists"
    EXTENSIONS = "extensions"
    MEETINGS = "meetings"
    LEDGER = "ledger"
    TO_CHECK = "to_check"
    ON_SITE = "on_site"
    CALLBACK = "callback"
    OVERDUE = "overdue"
    SUPERVISED = "supervised"
    REOPENING = "reopening"
    APPEALS = "appeals"
    WITHDRAWALS = "withdrawals"


STATES = {
    Tab.REVIEW: (CaseStatus.UNDER_REVIEW,),
    Tab.TO_DISPATCH: (CaseStatus.TO_DISPATCH, CaseStatus.REOPENED),
    Tab.TO_CHECK: (CaseStatus.ANSWERED,),
    Tab.ON_SITE: (CaseStatus.VERIFYING,),
    Tab.CALLBACK: (CaseStatus.CALLBACK,),
}
ASKED = {
    Tab.RETURNS: RequestKind.RETURN,
    Tab.ASSISTS: RequestKind.ASSISTS,
    Tab.EXTENSIONS: RequestKind.EXTENSION,
    Tab.MEETINGS: RequestKind.ARBITRATION,
    Tab.LEDGER: RequestKind.LEDGER,
    Tab.REOPENING: RequestKind.REOPENING,
    Tab.APPEALS: RequestKind.SECOND_LOOK,
    Tab.WITHDRAWALS: RequestKind.WITHDRAWAL,
}
# What is neither a state nor a request alone.
OF_THEIR_OWN = (Tab.MEETINGS, Tab.LEDGER, Tab.OVERDUE, Tab.SUPERVISED)
# Steps that not every profile has.
OPTIONAL = (Tab.REVIEW, Tab.ON_SITE, Tab.CALLBACK)
# Where each role begins; the first that fits and is shown.
HOME = (
    (Role.VERIFIER, Tab.TO_CHECK),
    (Role.DISPATCHER, Tab.TO_DISPATCH),
    (Role.CALLBACK_AGENT, Tab.CALLBACK),
    (Role.CALLBACK_AGENT, Tab.REOPENING),
    (Role.SHIFT_LEADER, Tab.REVIEW),
    (Role.SUPERVISOR, Tab.OVERDUE),
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
    marked: frozenset[str]
    thought: Thought


def home(roles: frozenset[Role], shown: Sequence[Tab]) -> Tab:
    return next((tab for role, tab in HOME if role in roles and tab in shown), Tab.TO_DISPATCH)


def shown_tabs(profile: Profile, counted: Mapping[Tab, int]) -> Sequence[Tab]:
    """What the profile in force has, and what cases of an earlier one are still in."""
    reachable = profile.reachable()
    return [tab for tab in Tab if tab not in OPTIONAL or counted[tab] or reachable.intersection(STATES[tab])]


def counts(session: Session, profile: Profile) -> dict[Tab, int]:
    wanted = [status for states in STATES.values() for status in states]
    by_status = (
        select(cast(Case.status, String), func.count())
        .where(Case.status.in_(wanted), Case.follows_id.is_(None))
        .group_by(Case.status)
    )
    by_kind = select(cast(Request.kind, String), func.count()).where(Request.state == RequestState.OPEN).group_by(Request.kind)
    of_their_own = [_counting(tab, profile) for tab in OF_THEIR_OWN]
    counted = {name: number for name, number in session.execute(union_all(by_status, by_kind, *of_their_own))}
    found = {tab: sum(counted.get(status, 0) for status in states) for tab, states in STATES.items()}
    found |= {tab: counted.get(kind, 0) for tab, kind in ASKED.items()}
    return found | {tab: counted[f"tab:{tab}"] for tab in OF_THEIR_OWN}


def _counting(tab: Tab, profile: Profile) -> Select[str, int]:
    return _in_tab(select(literal(f"tab:{tab}"), func.count()).select_from(Case), tab, profile)


def rows(session: Session, tab: Tab, profile: Profile) -> Sequence[Row]:
    """The work of a tab, the least time left first; of what is to be dispatched, contested, unclear and urgent cases before."""
    thought = _thought(tab, profile)
    proposed = select(Unit.id, Unit.name).subquery()
    query = (
        select(Case, Contact.channel, Unit.short, Request, proposed.c.name, thought)
        .join(Contact, Contact.id == Case.contact_id)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
    )
    query = _in_tab(query, tab, profile).outerjoin(proposed, proposed.c.id == Request.proposed_unit_id)
    found = session.execute(
        query.order_by(*_order(tab, thought), func.coalesce(Request.due_at, Case.due_at), Case.id).limit(MOST_ROWS)
    ).all()
    names = gazetteer.names_of(session, [subject for subject, *_ in found])
    marked = reading_units.marked(session, [subject.id for subject, *_ in found])
    return [_row(*each, names=names[each[0].id], marked=marked.get(each[0].id, frozenset())) for each in found]


def _thought(tab: Tab, profile: Profile) -> ColumnElement[str]:
    if tab != Tab.TO_DISPATCH:
        return literal(Thought.NONE.value)
    return case(
        (arbitration.contested(profile.arbitration), Thought.CONTESTED.value),
        (Case.township_code.is_(None), Thought.NO_PLACE.value),
        (_unsure, Thought.UNSURE.value),
        else_=Thought.NONE.value,
    )


def _order(tab: Tab, thought: ColumnElement[str]) -> Sequence[ColumnElement[int]]:
    if tab != Tab.TO_DISPATCH:
        return ()
    unclear = (thought == Thought.NO_PLACE.value) | (thought == Thought.UNSURE.value)
    urgency = case({Urgency.EMERGENCY.value: 0, Urgency.URGENT.value: 1}, value=cast(Case.urgency, String), else_=2)
    return (case((thought == Thought.CONTESTED.value, 0), (unclear, 1), else_=2), urgency)


def most_urgent(session: Session, tab: Tab) -> str | None:
    """The number of the case of a tab by state that has the least time left."""
    first = (
        select(Case.number).where(Case.status.in_(STATES.get(tab, ())), Case.follows_id.is_(None)).order_by(Case.due_at, Case.id)
    )
    return session.scalar(first.limit(1))


S = TypeVar("S", bound=Select[*tuple[Any, ...]])


def _in_tab(query: S, tab: Tab, profile: Profile) -> S:
    """Cases of this tab, beside what is asked for of them there."""
    asked = Request.kind == ASKED[tab] if tab in ASKED else false()
    query = query.outerjoin(Request, and_(Request.case_id == Case.id, Request.state == RequestState.OPEN, asked))
    return query.where(_of_tab(tab, profile))


def _of_tab(tab: Tab, profile: Profile) -> ColumnElement[bool]:
    if tab == Tab.OVERDUE:
        return and_(Case.status.in_(CASE_AT_UNIT), Case.due_at < now())
    if tab == Tab.SUPERVISED:
        return _stands(MarkKind.SUPERVISION)
    if tab == Tab.LEDGER:
        return or_(Request.id.is_not(None), _stands(MarkKind.LEDGER))
    if tab == Tab.MEETINGS:
        return or_(Request.id.is_not(None), arbitration.contested(profile.arbitration))
    # What follows another case of its incident is decided with that one.
    return Request.id.is_not(None) if tab in ASKED else and_(Case.status.in_(STATES[tab]), Case.follows_id.is_(None))


def _stands(kind: MarkKind) -> ColumnElement[bool]:
    return exists().where(Mark.case_id == Case.id, Mark.kind == kind, Mark.cleared_at.is_(None))


def _row(
    subject: Case,
    channel: str,
    unit: str | None,
    request: Request | None,
    proposed: str | None,
    thought: str,
    *,
    names: dict[str, str],
    marked: frozenset[str],
) -> Row:
    codes = (subject.township_code, subject.community_code)
    return Row(
        number=subject.number,
        title=subject.title,
        status=CaseStatus(subject.status),
        urgency=subject.urgency,
        channel=channel,
        place=" ".join(names[code] for code in codes if code in names),
        confidential=subject.confidential,
        unit=unit or "",
        since=request.created_at if request else subject.created_at,
        due_at=request.due_at if request else subject.due_at,
        request_id=request.id if request else None,
        reason=request.reason_code if request else "",
        proposed=proposed or "",
        dispatch_count=subject.dispatch_count,
        rework_count=subject.rework_count,
        marked=marked,
        thought=Thought(thought),
    )


def proposed(session: Session, subject: Case) -> Proposal:
    """The units that the agent proposed for a first dispatch, else the one that the city's rules name, if they name one."""
    profile = profiles.of(session, subject)
    was_reviewed = profile.case_step(CaseStatus.UNDER_REVIEW, Action.APPROVE) is not None and not subject.dispatch_count
    said = reviewing.proposal(session, subject) if was_reviewed else Proposal()
    if said.unit:
        return said
    area, first = subject.community_code or subject.township_code or "", profile.first_unit
    try:
        codes = dispatching.codes_for(session, subject.category_code, area, first=first)
    except RuleBroken:
        return said
    return Proposal(codes[0], codes[1:] if first == FirstUnit.AREA else [], said.note)
