"""Who works on one assignment together: units below it, units beside the lead, and what they have answered. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from hotline.services.access import GONE, Held
from hotline.services.profiles import profiles
from hotline.services.reading_units import Choice, choices_below
from models import Answer, Assignment, AssignmentStatus, Case, Standing, Unit, UnitKind
from models.workflow import ASSIGNMENT_OPEN


@dataclass(frozen=True)
class Partner:
    """A unit with a part in somebody else's work, and its latest answer."""

    id: UUID
    unit_id: UUID
    unit: str
    standing: Standing
    status: AssignmentStatus
    version: int
    due_at: datetime | None
    answer: str
    internal_note: str

    @property
    def is_open(self) -> bool:
        return self.status in ASSIGNMENT_OPEN


def partners(session: Session, assignment: Assignment) -> Sequence[Partner]:
    """Units to which this assignment was sent down; for the lead also those that assist it. In the order in which they came."""
    if assignment.signed_at is None:
        return []
    rows = session.execute(
        select(Assignment, Unit.short, Answer)
        .join(Unit, Unit.id == Assignment.unit_id)
        .outerjoin(Answer, Answer.assignment_id == Assignment.id)
        .where(_work_with(assignment))
        .order_by(Assignment.dispatched_at, Assignment.id, Answer.created_at)
    )
    latest = {row.id: _partner(row, unit, answer) for row, unit, answer in rows}
    return list(latest.values())


def _work_with(assignment: Assignment) -> ColumnElement[bool]:
    below = Assignment.parent_id == assignment.id
    if not assignment.lead:
        return below
    # Those of an earlier dispatch of the case went with it.
    beside = and_(
        Assignment.case_id == assignment.case_id,
        ~Assignment.lead,
        Assignment.parent_id.is_(None),
        Assignment.dispatched_at >= assignment.dispatched_at,
        Assignment.status.not_in(GONE),
    )
    return or_(below, beside)


def _partner(row: Assignment, unit: str, answer: Answer | None) -> Partner:
    return Partner(
        id=row.id,
        unit_id=row.unit_id,
        unit=unit,
        standing=row.standing,
        status=AssignmentStatus(row.status),
        version=row.version,
        due_at=row.due_at,
        answer=answer.public_text if answer else "",
        internal_note=answer.internal_note if answer and row.standing == Standing.BELOW else "",
    )


def below(session: Session, case: Case, held: Held, known: Sequence[Choice], having: Sequence[Partner]) -> Sequence[Choice]:
    """Whom an assignment may be sent down to; `known` are the units but for the grids."""
    assignment = held.assignment
    if assignment.status != AssignmentStatus.IN_PROGRESS or assignment.level + 1 >= profiles.of(session, case).levels:
        return []
    if held.unit.kind == UnitKind.COMMUNITY:
        known = choices_below(session, held.unit.id)
    taken = {partner.unit_id for partner in having if partner.is_open}
    return [unit for unit in known if unit.above == held.unit.id and unit.id not in taken]


def tree(held: Sequence[Held]) -> Sequence[tuple[int, Held]]:
    """Each with its depth, those below right after the one that sent them down."""
    seen = {each.assignment.id for each in held}
    roots = [each for each in held if each.assignment.parent_id not in seen]
    return [found for root in roots for found in _grown(held, root, 0)]


def _grown(held: Sequence[Held], root: Held, depth: int) -> Sequence[tuple[int, Held]]:
    twigs = [each for each in held if each.assignment.parent_id == root.assignment.id]
    return [(depth, root), *(found for twig in twigs for found in _grown(held, twig, depth + 1))]
