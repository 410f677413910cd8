"""What a unit has to be told: new cases and such as come back, clocks that run out, measures of supervision. Each once."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.events import AssignmentAdvanced, CaseSupervised, ClockRang
from hotline.services import core
from hotline.services.rosters import notice_rule
from hotline.services.units import ledger
from models import Assignment, AssignmentStatus, Case, Mark, MarkKind, NoticeOccasion, UnitNotice, now
from models.workflow import AT_UNIT, BEGINS_AGAIN

# What has no clock of its own any more.
A_DAY = timedelta(days=1)


def hear_step(session: Session, event: AssignmentAdvanced) -> None:
    """A unit was given a case, or got its answer back."""
    is_new, came_back = event.to_status == AssignmentStatus.DISPATCHED, event.action in BEGINS_AGAIN
    if not (is_new or came_back):
        return
    assignment = session.get_one(Assignment, event.assignment_id)
    if assignment.status != event.to_status:
        return
    if is_new:
        _owe(session, assignment, NoticeOccasion.NEW, "", assignment.sign_due_at)
    else:
        _owe(session, assignment, NoticeOccasion.REWORK, str(assignment.version), assignment.due_at or now() + A_DAY)


def hear_clock(session: Session, event: ClockRang) -> None:
    """That the time to sign is nearly over, the steps of the new case tell."""
    assignment = session.get(Assignment, event.assignment_id) if event.assignment_id else None
    if event.stage not in (NoticeOccasion.DUE_SOON, NoticeOccasion.OVERDUE) or assignment is None or assignment.due_at is None:
        return
    if assignment.status not in AT_UNIT:
        return
    if event.stage == NoticeOccasion.OVERDUE:
        _owe(session, assignment, NoticeOccasion.OVERDUE, _moment(assignment.due_at), now() + A_DAY)
    elif assignment.status != AssignmentStatus.DISPATCHED:
        _owe(session, assignment, NoticeOccasion.DUE_SOON, _moment(assignment.due_at), assignment.due_at)


def hear_measure(session: Session, event: CaseSupervised) -> None:
    mark = session.get_one(Mark, event.mark_id)
    assignment = session.get(Assignment, mark.assignment_id) if mark.assignment_id else None
    if assignment is not None and mark.cleared_at is None:
        _owe(session, assignment, NoticeOccasion.SUPERVISION, mark.id.hex, mark.due_at or now() + A_DAY, mark=mark)


def remind_of_ledger(session: Session) -> int:
    """Units that have not written in time how things stand; each word that is owed once. Returns how many."""
    rows = session.execute(
        select(Case, Assignment, Mark)
        .join(Mark, Mark.case_id == Case.id)
        .join(Assignment, Assignment.id == Mark.assignment_id)
        .where(Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None), ~ledger.owes_word())
    ).all()
    owed = [(*row, at) for row in rows if (at := ledger.next_word(session, row[0], row[2])) <= now()]
    for _, assignment, mark, at in owed:
        _owe(session, assignment, NoticeOccasion.LEDGER, _moment(at), now() + A_DAY, mark=mark)
    return len(owed)


def _moment(at: datetime) -> str:
    return f"{at:%Y%m%d%H%M%S}"


def _owe(
    session: Session, assignment: Assignment, occasion: NoticeOccasion, which: str, due_at: datetime, *, mark: Mark | None = None
) -> None:
    urgency = session.scalars(select(Case.urgency).where(Case.id == assignment.case_id)).one()
    values = {
        "key": f"{occasion}:{assignment.id.hex}:{which}",
        "unit_id": assignment.unit_id,
        "case_id": assignment.case_id,
        "assignment_id": assignment.id,
        "mark_id": mark.id if mark else None,
        "occasion": occasion,
        "urgency": urgency,
        "due_at": due_at,
        "next_at": now() + timedelta(seconds=notice_rule.current(session).gather_seconds),
    }
    core.insert_once(session, UnitNotice, values, unique=("key",))


def still_open(session: Session, notices: Sequence[UnitNotice]) -> list[UnitNotice]:
    """Without those that the unit has seen to, which end here."""
    ids = {notice.assignment_id for notice in notices}
    assignments = {row.id: row for row in session.scalars(select(Assignment).where(Assignment.id.in_(ids)))}
    marks = _marks(session, notices)
    left = []
    for notice in notices:
        if _is_seen_to(notice, assignments[notice.assignment_id], marks.get(notice.mark_id)):
            notice.settled_at, notice.next_at = now(), None
        else:
            left.append(notice)
    return left


def _marks(session: Session, notices: Sequence[UnitNotice]) -> dict[UUID | None, Mark]:
    ids = {notice.mark_id for notice in notices if notice.mark_id}
    return {row.id: row for row in session.scalars(select(Mark).where(Mark.id.in_(ids)))} if ids else {}


def _is_seen_to(notice: UnitNotice, assignment: Assignment, mark: Mark | None) -> bool:
    match notice.occasion:
        case NoticeOccasion.NEW:
            return assignment.status != AssignmentStatus.DISPATCHED
        case NoticeOccasion.SUPERVISION:
            return mark is None or mark.answered_at is not None or mark.cleared_at is not None
        case NoticeOccasion.LEDGER:
            told_since = mark is not None and mark.answered_at is not None and mark.answered_at >= notice.created_at
            return mark is None or mark.cleared_at is not None or told_since
        case NoticeOccasion.DUE_SOON:
            return assignment.status not in AT_UNIT or assignment.due_at != notice.due_at
        case _:
            return assignment.status not in AT_UNIT
