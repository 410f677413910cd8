"""What happens to a unit's cases becomes something that its systems are told: ids, state and version, nothing of a person."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.events import AssignmentAdvanced, CaseNoted, CaseSupervised, ClockRang, Event, RequestDecided, WebhookDue
from hotline.services.outbox import emit
from models import (
    Assignment,
    AssignmentStatus,
    Case,
    Mark,
    Request,
    Staff,
    System,
    Topic,
    Unit,
    Webhook,
    WebhookDelivery,
    new_id,
    now,
)
from models.workflow import ASSIGNMENT_OPEN, BEGINS_AGAIN

STATES = {
    AssignmentStatus.DISPATCHED: Topic.DISPATCHED,
    AssignmentStatus.WITHDRAWN: Topic.WITHDRAWN,
    AssignmentStatus.RETURNED: Topic.RETURNED,
    AssignmentStatus.DONE: Topic.ACCEPTED,
}
RINGS = {Topic.DUE_SOON.value: Topic.DUE_SOON, Topic.OVERDUE.value: Topic.OVERDUE}


def tell(session: Session, event: Event) -> int:
    """Write down what each webhook that wants to hear of this is to be told; returns how many."""
    hooks = _hooks(session)
    if not hooks:
        return 0
    topic, concerned = _what(session, event)
    if topic is None:
        return 0
    told = [
        (hook, row, case) for row, case, path in concerned for hook, unit_path in hooks if _wants(hook, topic, unit_path, path)
    ]
    for hook, row, case in told:
        delivery_id = new_id()
        body = _body(delivery_id, topic, row, case)
        session.add(WebhookDelivery(id=delivery_id, webhook_id=hook.id, kind=f"case.{topic}", body=body))
    session.flush()
    going_well = {hook.id for hook, *_ in told if hook.paused_at is None and hook.next_try_at is None}
    emit(session, *map(WebhookDue, going_well))
    return len(told)


def _hooks(session: Session) -> Sequence[tuple[Webhook, str]]:
    """Each with the path of its unit."""
    rows = session.execute(
        select(Webhook, Unit.path)
        .join(System, System.id == Webhook.system_id)
        .join(Staff, Staff.id == System.staff_id)
        .join(Unit, Unit.id == Staff.unit_id)
        .where(Staff.active)
        .order_by(Webhook.created_at)
    )
    return [(hook, path) for hook, path in rows]


def _wants(hook: Webhook, topic: Topic, unit_path: str, path: str) -> bool:
    return topic in hook.topics and path.startswith(unit_path)


def _what(session: Session, event: Event) -> tuple[Topic | None, Sequence[tuple[Assignment, Case, str]]]:
    """What to tell, and of which assignments, each with its unit's path."""
    if isinstance(event, AssignmentAdvanced):
        return _topic_of(event), _assignment(session, event.assignment_id)
    if isinstance(event, ClockRang):
        return RINGS.get(event.stage), _assignment(session, event.assignment_id)
    if isinstance(event, CaseSupervised):
        return Topic.SUPERVISED, _assignment(session, session.get_one(Mark, event.mark_id).assignment_id)
    if isinstance(event, RequestDecided):
        return Topic.DECIDED, _assignment(session, session.get_one(Request, event.request_id).assignment_id)
    if isinstance(event, CaseNoted):
        return Topic.CHANGED, _open_ones(session, event.case_id)
    raise TypeError(f"{event.name} concerns no case of a unit")


def _topic_of(event: AssignmentAdvanced) -> Topic:
    if event.action in BEGINS_AGAIN:
        return Topic.REWORK
    return STATES.get(AssignmentStatus(event.to_status), Topic.CHANGED)


def _assignment(session: Session, assignment_id: UUID | None) -> Sequence[tuple[Assignment, Case, str]]:
    if assignment_id is None:
        return []
    return _found(session, Assignment.id == assignment_id)


def _open_ones(session: Session, case_id: UUID) -> Sequence[tuple[Assignment, Case, str]]:
    return _found(session, Assignment.case_id == case_id, Assignment.status.in_(ASSIGNMENT_OPEN))


def _found(session: Session, *conditions: Any) -> Sequence[tuple[Assignment, Case, str]]:
    rows = session.execute(
        select(Assignment, Case, Unit.path)
        .join(Case, Case.id == Assignment.case_id)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(*conditions)
    )
    return [(row, case, path) for row, case, path in rows]


def _body(delivery_id: UUID, topic: Topic, row: Assignment, case: Case) -> dict[str, Any]:
    """The state is that of now, which may be later than what happened: the version tells."""
    return {
        "id": str(delivery_id),
        "type": f"case.{topic}",
        "at": now().isoformat(timespec="seconds"),
        "case": {
            "id": str(row.id),
            "number": case.number,
            "status": row.status.value,
            "version": row.version,
            "due_at": row.due_at.isoformat(timespec="seconds") if row.due_at else None,
        },
    }
