"""挂账: what cannot be solved now, with a plan and a day on which it is looked at again.

Until then the answer's clock stands still and the case does not count among those to be solved. Afterwards the clock goes on with
what was left of it; a case that was closed meanwhile comes back to the centre.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, RuleBroken, WrongState
from hotline.services import notes, scoring
from hotline.services.actors import SERVICE, Actor
from hotline.services.clocks import clocks, deadlines
from hotline.services.holding import hold, require_unit_of
from hotline.services.profiles import profiles
from hotline.services.units import requests
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseStatus,
    ClosureKind,
    Mark,
    MarkKind,
    Request,
    RequestKind,
    UnitNotice,
    now,
)

REVIEW = "review"
SWEEP = 100


class LedgerReason(StrEnum):
    LAW = "law"
    MONEY = "money"
    PLANNING = "planning"
    CONDITIONS = "conditions"


def ask(
    session: Session,
    assignment: Assignment,
    *,
    review: datetime,
    reason_code: LedgerReason,
    basis: str,
    plan: str,
    by: Actor,
    key: str,
) -> Request:
    """The lead asks to put the case on the ledger, with why, what is planned, and when it is looked at again."""
    case, done = hold(session, assignment, key=key)
    if done is not None:
        return requests.latest(session, case, RequestKind.LEDGER)
    require_unit_of(session, assignment, by)
    if not assignment.lead or assignment.status != AssignmentStatus.IN_PROGRESS:
        raise WrongState()
    if entry(session, case) is not None:
        raise RuleBroken("This case is on the ledger already.")
    if not plan.strip():
        raise Invalid("Please write what is planned.", field="plan")
    if not now() < review <= deadlines.due_at(session, now(), profiles.of(session, case).ledger.longest).at:
        raise Invalid("Please choose a later time, within what is allowed.", field="review")
    return requests.ask(
        session,
        case,
        RequestKind.LEDGER,
        assignment=assignment,
        reason_code=reason_code,
        basis=basis,
        plan=plan,
        wanted_at=review,
        by=by,
        key=key,
    )


def decide(session: Session, request: Request, *, grant: bool, note: str = "", by: Actor, key: str) -> Request:
    """Granted, it stands on the ledger until the day that was asked for."""
    case = session.get_one(Case, request.case_id)
    roles = profiles.of(session, case).ledger.decided_by
    case, done = requests.hold_for_decision(session, request, RequestKind.LEDGER, by=by, roles=roles, key=key)
    if done is not None:
        return request
    assignment, review = requests.assignment_of(session, request), request.wanted_at
    if not grant:
        requests.refuse(session, case, request, assignment=assignment, note=note, by=by, key=key)
        return request
    if review is None or review <= now():
        raise RuleBroken("The day to look at it again is over: please refuse, and let the unit ask anew.")
    _shelve(session, case, assignment, review, text=note or request.basis, by=by, key=key)
    session.add(
        Mark(
            case_id=case.id,
            assignment_id=assignment.id,
            kind=MarkKind.LEDGER,
            basis=request.plan,
            due_at=review,
            by_id=by.staff_id,
            created_at=now(),
        )
    )
    requests.settle(session, request, grant=True, note=note, by=by)
    return request


def _shelve(session: Session, case: Case, assignment: Assignment, review: datetime, *, text: str, by: Actor, key: str) -> None:
    """What is left of each unit's clock now is left on that day."""
    for row in clocks.standing(session, case):
        clocks.go_on(session, case, row, by=by, key=f"{key}:on:{row.id.hex[-12:]}")
    for row in clocks.at_units(session, case):
        own = key if row.id == assignment.id else f"{key}:{row.id.hex[-12:]}"
        due = review + max(row.answer_due_at - now(), clocks.NOTHING)
        clocks.move(session, case, row, due, action=Action.SHELVE, by=by, key=own, text=text)


def entry(session: Session, case: Case) -> Mark | None:
    """Where the case stands on the ledger."""
    of_case = select(Mark).where(Mark.case_id == case.id, Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None))
    return session.scalars(of_case).one_or_none()


def tell(session: Session, mark: Mark, *, text: str, by: Actor, key: str) -> Mark:
    """The unit writes from time to time how things stand."""
    assignment = session.get_one(Assignment, mark.assignment_id)
    case, done = hold(session, assignment, key=key)
    session.refresh(mark)
    if done is not None:
        return mark
    require_unit_of(session, assignment, by)
    if mark.kind != MarkKind.LEDGER or mark.cleared_at is not None:
        raise WrongState()
    if not text.strip():
        raise Invalid("Please write how things stand.", field="text")
    mark.answer, mark.answered_at, mark.answered_by_id = text.strip(), now(), by.staff_id
    notes.add(session, case, Action.REMARK, by=by, key=key, text=f"ledger: {mark.answer}", assignment=assignment)
    session.flush()
    return mark


def next_word(session: Session, case: Case, mark: Mark) -> datetime:
    """By when the unit writes again."""
    every = profiles.of(session, case).ledger.note_every
    return deadlines.due_at(session, mark.answered_at or mark.created_at, every).at


def owes_word() -> ColumnElement[bool]:
    """Of a mark: the unit has been reminded of its next word, and has not written since."""
    since = func.coalesce(Mark.answered_at, Mark.created_at)
    return exists().where(UnitNotice.case_id == Mark.case_id, UnitNotice.mark_id == Mark.id, UnitNotice.created_at >= since)


def review(session: Session) -> int:
    """Bring back what is to be looked at again today; returns how many."""
    due = (Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None), Mark.due_at <= now())
    rows: Sequence[tuple[Case, Mark]] = [
        (case, mark)
        for case, mark in session.execute(
            select(Case, Mark)
            .join(Mark, Mark.case_id == Case.id)
            .where(*due)
            .order_by(Mark.due_at)
            .limit(SWEEP)
            .with_for_update(of=Case, skip_locked=True)
            .execution_options(populate_existing=True)
        )
    ]
    for case, mark in rows:
        _bring_back(session, case, mark)
    session.flush()
    return len(rows)


def _bring_back(session: Session, case: Case, mark: Mark) -> None:
    mark.cleared_at, mark.cleared_reason = now(), REVIEW
    key = f"ledger:{mark.id.hex}"
    assignment = session.get(Assignment, mark.assignment_id) if mark.assignment_id else None
    notes.add(session, case, Action.CLEAR, by=SERVICE, key=key, text=f"ledger: {REVIEW}", assignment=assignment)
    if case.status != CaseStatus.CLOSED:
        return
    if case.closure != ClosureKind.SOLVED and requests.open_one(session, case, RequestKind.REOPENING) is None:
        requests.ask(
            session,
            case,
            RequestKind.REOPENING,
            assignment=None,
            reason_code="ledger_review",
            basis=mark.basis,
            wanted_at=None,
            by=SERVICE,
            key=f"{key}:again",
        )
    session.flush()
    scoring.score_case(session, case)
