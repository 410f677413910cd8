"""Assignments as they are made, the tree that they grow, and what ends with them. `cases` alone decides and writes history."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.orm import Session

from models import Assignment, AssignmentStatus, Case, Request, RequestState, Unit, new_id
from models.workflow import Step


def new_assignment(
    case: Case,
    unit: Unit,
    step: Step,
    ends: Sequence[datetime],
    *,
    at: datetime,
    note: str,
    lead: bool = False,
    above: Assignment | None = None,
) -> Assignment:
    """`ends`: when signing, the first word with the citizen and the answer are due."""
    sign, contact, answer = ends
    return Assignment(
        id=new_id(),
        case_id=case.id,
        unit_id=unit.id,
        parent_id=above.id if above else None,
        level=above.level + 1 if above else 1,
        lead=lead,
        status=AssignmentStatus(step.to),
        version=1,
        note=note,
        dispatched_at=at,
        due_at=sign,
        sign_due_at=sign,
        contact_due_at=contact,
        answer_due_at=answer,
    )


def below(rows: Sequence[Assignment], root: Assignment) -> list[Assignment]:
    """Those of the rows that were sent down from this one, at whatever level."""
    above = {root.id}
    found = list[Assignment]()
    for row in sorted(rows, key=lambda row: row.level):
        if row.parent_id in above:
            above.add(row.id)
            found.append(row)
    return found


def end_requests(session: Session, assignment_ids: Sequence[UUID], *, at: datetime) -> None:
    """What a unit still asked for when its assignment went on is decided by that."""
    session.execute(
        update(Request)
        .where(Request.assignment_id.in_(assignment_ids), Request.state == RequestState.OPEN)
        .values(state=RequestState.REFUSED, decided_at=at, decision_note="overtaken")
    )
