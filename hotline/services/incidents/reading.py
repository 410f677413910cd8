"""What the pages of incidents show. Reads only; shielded cases are left out of every list."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services.city import gazetteer
from hotline.services.incidents import likely
from models import Assignment, Case, Incident, IncidentCase, IncidentUpdate, Mark, MarkKind, Staff, Unit, now
from models.workflow import AT_UNIT

MOST = 100


@dataclass(frozen=True)
class Listed:
    incident: Incident
    lead: Case
    unit: str
    count: int


@dataclass(frozen=True)
class Member:
    case: Case
    membership: IncidentCase
    place: str
    by: str


@dataclass(frozen=True)
class Whole:
    incident: Incident
    lead: Case
    unit: str
    members: Sequence[Member]  # by their place
    former: Sequence[Member]
    updates: Sequence[tuple[IncidentUpdate, str]]
    likely: Sequence[Case]


@dataclass(frozen=True)
class LeadWaits:
    """Why the leading case of an incident, and what follows it, stands still."""

    number: str
    paused_until: datetime | None
    review_at: datetime | None
    plan: str


def is_over() -> ColumnElement[bool]:
    told = and_(Incident.known_until.is_not(None), Incident.known_until > now())
    return or_(Incident.ended_at.is_not(None), and_(Incident.answered_at.is_not(None), ~told))


def listed(session: Session, *, over: bool = False) -> Sequence[Listed]:
    """With the number of their cases; those that last first come first served, the others the latest first."""
    count = func.sum(case((IncidentCase.left_at.is_(None), 1), else_=0))
    rows = session.execute(
        select(Incident, Case, Unit.short, count)
        .join(Case, Case.id == Incident.lead_case_id)
        .join(IncidentCase, IncidentCase.incident_id == Incident.id)
        .outerjoin(Unit, Unit.id == Case.lead_unit_id)
        .where(is_over() if over else ~is_over())
        .group_by(Incident.id, Case.id, Unit.short)
        .order_by(Incident.created_at.desc())
        .limit(MOST)
    )
    return [Listed(incident, lead, unit or "", int(number)) for incident, lead, unit, number in rows]


def whole(session: Session, incident_id: UUID) -> Whole:
    incident = session.get(Incident, incident_id)
    if incident is None:
        raise NotFound()
    rows = session.execute(
        select(Case, IncidentCase, Staff.name)
        .join(IncidentCase, IncidentCase.case_id == Case.id)
        .join(Staff, Staff.id == func.coalesce(IncidentCase.left_by_id, IncidentCase.by_id))
        .where(IncidentCase.incident_id == incident.id)
        .order_by(Case.community_code, Case.grid_code, IncidentCase.created_at)
    ).all()
    names = gazetteer.names_of(session, [found for found, *_ in rows])
    members = [_member(*row, names=names[row[0].id]) for row in rows if not row[0].is_shielded]
    updates = session.execute(
        select(IncidentUpdate, Staff.name)
        .join(Staff, Staff.id == IncidentUpdate.by_id)
        .where(IncidentUpdate.incident_id == incident.id)
        .order_by(IncidentUpdate.created_at.desc())
    ).all()
    lead = session.get_one(Case, incident.lead_case_id)
    return Whole(
        incident=incident,
        lead=lead,
        unit=session.scalar(select(Unit.name).where(Unit.id == lead.lead_unit_id)) or "",
        members=[each for each in members if each.membership.left_at is None],
        former=[each for each in members if each.membership.left_at is not None],
        updates=[(update, name) for update, name in updates],
        likely=() if incident.answered_at or incident.ended_at else likely.for_incident(session, incident),
    )


def lead_waits(session: Session, subject: Case) -> LeadWaits | None:
    """What a case waits for together with the one that it follows: that one's citizen is asked, or it is on the ledger."""
    if subject.follows_id is None:
        return None
    at_work = and_(Assignment.case_id == Case.id, Assignment.lead, Assignment.status.in_(AT_UNIT))
    shelved = and_(Mark.case_id == Case.id, Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None))
    number, paused_until, review_at, plan = session.execute(
        select(Case.number, Assignment.paused_until, Mark.due_at, Mark.basis)
        .outerjoin(Assignment, at_work)
        .outerjoin(Mark, shelved)
        .where(Case.id == subject.follows_id)
        .order_by(Assignment.dispatched_at.desc())
        .limit(1)
    ).one()
    return LeadWaits(number, paused_until, review_at, plan or "") if paused_until or review_at else None


def of_case() -> tuple[ColumnElement[UUID], ColumnElement[int]]:
    """Columns: the incident that `:case` belongs to or was answered with, and how many cases are answered together with it."""
    belongs = (
        select(IncidentCase.incident_id)
        .where(IncidentCase.case_id == bindparam("case"), IncidentCase.left_at.is_(None))
        .order_by(IncidentCase.created_at.desc())
        .limit(1)
    )
    followers = select(func.count()).select_from(Case).where(Case.follows_id == bindparam("case"))
    return belongs.scalar_subquery(), followers.scalar_subquery()


def _member(subject: Case, membership: IncidentCase, by: str, *, names: dict[str, str]) -> Member:
    codes = (subject.township_code, subject.community_code, subject.grid_code)
    return Member(subject, membership, " ".join(names[code] for code in codes if code in names), by)
