"""Which profile the city works by: put in force by an administrator with a reason; what runs under which edition."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NoteRequired, Outdated, RuleBroken
from hotline.services import access
from hotline.services.access import Me
from hotline.services.profiles import profiles
from hotline.services.profiles.profile_files import Offered
from models import AccessLog, Case, Rule, Staff
from models.workflow import CASE_OPEN

IN_FORCE = "in force"
MOST = 30


def put_in_force(session: Session, offered: Offered, *, digest: str, instead_of: UUID, reason: str, by: Me) -> Rule:
    """For cases to come; running ones stay on theirs. Refused if the file, or what it replaces, is not as it was shown."""
    if offered.profile is None:
        raise Invalid(offered.problem)
    if not reason.strip():
        raise NoteRequired(field="reason")
    # Locked: of two administrators the second is told.
    former = session.scalars(select(Rule).where(Rule.kind == profiles.KIND, Rule.current).with_for_update()).one_or_none()
    if former is None or former.id != instead_of:
        raise Outdated()
    if offered.digest != digest:
        raise RuleBroken("The file has changed since you looked at it. Please look again.")
    if (former.code, former.digest) == (offered.code, offered.digest):
        raise RuleBroken("This profile is in force already.")
    rule = profiles.install(session, offered.code, offered.body)
    access.note_look(session, by, "rule", rule.id, IN_FORCE, reason=reason.strip())
    return rule


def was_chosen(session: Session) -> bool:
    """Whether the edition in force was put there by a person."""
    by_person = select(AccessLog.id).join(Rule, Rule.id == AccessLog.subject_id)
    chosen = by_person.where(Rule.kind == profiles.KIND, Rule.current, AccessLog.what == IN_FORCE)
    return session.scalar(chosen.limit(1)) is not None


@dataclass(frozen=True)
class Change:
    at: datetime
    by: str
    reason: str
    name: str
    edition: int


def changes(session: Session) -> Sequence[Change]:
    """Who put what in force, and why; the latest first. The first edition came with the service."""
    rows = session.execute(
        select(AccessLog, Staff.name, Rule.body, Rule.edition)
        .join(Rule, Rule.id == AccessLog.subject_id)
        .join(Staff, Staff.id == AccessLog.staff_id)
        .where(AccessLog.subject_kind == "rule", AccessLog.what == IN_FORCE, Rule.kind == profiles.KIND)
        .order_by(AccessLog.created_at.desc())
        .limit(MOST)
    )
    return [Change(log.created_at, who, log.reason, body["name"], edition) for log, who, body, edition in rows]


@dataclass(frozen=True)
class EditionLine:
    rule: Rule
    running: int

    @property
    def name(self) -> str:
        return str(self.rule.body["name"])


def editions(session: Session) -> Sequence[EditionLine]:
    """Every edition that was ever in force, the latest first, with the cases that still run under it."""
    running = (
        select(Case.profile_id, func.count().label("cases"))
        .where(Case.status.in_(CASE_OPEN))
        .group_by(Case.profile_id)
        .subquery()
    )
    rows = session.execute(
        select(Rule, func.coalesce(running.c.cases, 0))
        .outerjoin(running, running.c.profile_id == Rule.id)
        .where(Rule.kind == profiles.KIND)
        .order_by(Rule.created_at.desc())
        .limit(MOST)
    )
    return [EditionLine(rule, count) for rule, count in rows]
