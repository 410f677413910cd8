"""A calendar that turned out otherwise than assumed: provisional due times are counted again, old and new in the history.

Times that a person granted stay, and so do those that no assumption went into.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import notes
from hotline.services.actors import SERVICE
from hotline.services.clocks import clocks, deadlines
from hotline.services.clocks.alarms import CENTRE, RUNNING
from hotline.services.clocks.deadlines import Due
from hotline.services.profiles import profiles
from models import Action, Assignment, AssignmentStatus, Case, CaseEvent, DueChange, new_id
from models.base import CITY_TIME
from models.workflow import CASE_OPEN, Clock


def recount(session: Session) -> int:
    """Returns how many due times moved. The same calendar again moves none."""
    cases = session.scalars(
        select(Case).where(Case.due_provisional, Case.status.in_(CASE_OPEN)).order_by(Case.id).with_for_update()
    ).all()
    moved = sum(_centres(session, case) if case.status in CENTRE else _units(session, case) for case in cases)
    session.flush()
    return moved


def _centres(session: Session, case: Case) -> int:
    """The centre's clock began when the case came into its state."""
    begun = session.scalar(
        select(func.max(CaseEvent.at))
        .where(CaseEvent.case_id == case.id, CaseEvent.assignment_id.is_(None), CaseEvent.to_status == case.status)
        .where(CaseEvent.from_status.is_distinct_from(CaseEvent.to_status))
    )
    limit = profiles.of(session, case).limit(RUNNING[case.status], case.urgency)
    due, was = deadlines.due_at(session, begun or case.created_at, limit), case.due_at
    case.due_provisional = due.provisional
    if was is None or due.at == was:
        return 0
    event = notes.add(session, case, Action.RECOUNT, by=SERVICE, key=_key())
    session.add(DueChange(event=event, event_id=event.id, was_at=was, due_at=due.at))
    case.due_at = due.at
    return 1


def _units(session: Session, case: Case) -> int:
    rows = [row for row in clocks.at_units(session, case) if row.parent_id is None]
    counted = [(row, _answer(session, case, row), _sign(session, case, row)) for row in rows]
    case.due_provisional = any(answer.due.provisional or sign.provisional for _, answer, sign in counted)
    return sum(_move(session, case, *each) for each in counted)


@dataclass(frozen=True)
class _Counted:
    due: Due
    by: timedelta  # how much later than was assumed


def _answer(session: Session, case: Case, row: Assignment) -> _Counted:
    told = session.execute(
        select(CaseEvent, DueChange)
        .join(DueChange, DueChange.event_id == CaseEvent.id)
        .where(CaseEvent.assignment_id == row.id)
        .order_by(CaseEvent.serial)
    ).all()
    start, assumed, granted = row.dispatched_at, told[0][1].was_at if told else row.answer_due_at, False
    for event, change in told:
        if event.action == Action.REWORK:
            start, assumed, granted = event.at, change.due_at, False
        elif event.action == Action.RECOUNT:
            assumed += change.due_at - change.was_at
        granted |= event.action == Action.EXTEND
    due = deadlines.due_at(session, start, profiles.of(session, case).limit(Clock.ANSWER, case.urgency))
    return _Counted(Due(due.at, due.provisional and not granted), clocks.NOTHING if granted else due.at - assumed)


def _sign(session: Session, case: Case, row: Assignment) -> Due:
    """Only of a unit that has still to sign."""
    if row.status != AssignmentStatus.DISPATCHED:
        return Due(row.sign_due_at, provisional=False)
    return deadlines.due_at(session, row.dispatched_at, profiles.of(session, case).limit(Clock.SIGN, case.urgency))


def _move(session: Session, case: Case, row: Assignment, answer: _Counted, sign: Due) -> int:
    text = ""
    if sign.at != row.sign_due_at:
        text = f"sign: {_written(row.sign_due_at)} → {_written(sign.at)}"
        row.sign_due_at = row.due_at = sign.at
        case.due_at = sign.at if row.lead else case.due_at
    if not text and not answer.by:
        return 0
    due = row.answer_due_at + answer.by
    clocks.move(session, case, row, due, action=Action.RECOUNT, by=SERVICE, key=_key(), text=text)
    return 1


def _written(at: datetime) -> str:
    return f"{at.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"


def _key() -> str:
    return f"recount:{new_id().hex}"
