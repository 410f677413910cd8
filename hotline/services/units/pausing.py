"""The citizen is asked for what an answer needs: until he has said it, or has had time enough, the clock stands still."""

from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services.actors import SERVICE, Actor
from hotline.services.clocks import clocks, deadlines
from hotline.services.holding import hold, require_unit_of
from hotline.services.messages import notices
from hotline.services.profiles import profiles
from hotline.services.units import ledger
from models import Action, Assignment, AssignmentStatus, Case, CaseEvent, Role, now

CENTRE = frozenset({Role.DISPATCHER, Role.VERIFIER, Role.SHIFT_LEADER, Role.CALLBACK_AGENT})
LONGEST = 300
SWEEP = 100


def ask_citizen(session: Session, assignment: Assignment, *, question: str, by: Actor, key: str) -> CaseEvent:
    """Ask, and stop the answer's clock of every unit that still has the case. The same key again asks nothing."""
    case, done = hold(session, assignment, key=key)
    if done is not None:
        return done
    _refuse_others(session, case, assignment, by)
    on_ledger = ledger.entry(session, case) is not None
    refused = why_not(session, case, assignment, times=_times(session, assignment), on_ledger=on_ledger)
    if refused is not None:
        raise refused
    question = question.strip()
    if not 0 < len(question) <= LONGEST:
        raise Invalid("A question has 1 to {most} characters.", field="question", most=LONGEST)
    at = now()
    until = deadlines.due_at(session, at, profiles.of(session, case).pause.longest).at
    stop = partial(clocks.stop, session, case, at=at, until=until, action=Action.PAUSE, by=by, text=question)
    event = stop(assignment, key=key)
    for row in clocks.at_units(session, case):
        if row.paused_until is None and row.answer_due_at > at:
            stop(row, key=f"{key}:{row.id.hex[-12:]}")
    session.flush()
    notices.ask(session, case, question, round_=event.id.hex)
    return event


def why_not(
    session: Session, case: Case, assignment: Assignment, *, times: int, on_ledger: bool
) -> WrongState | RuleBroken | None:
    """Why the clock cannot stand still now; `times`: how often it has."""
    rules = profiles.of(session, case).pause
    if assignment.status != AssignmentStatus.IN_PROGRESS:
        return WrongState()
    if case.urgency not in rules.urgencies:
        return RuleBroken("The clock of an urgent case does not stand still.")
    if assignment.paused_until is not None:
        return RuleBroken("The citizen has been asked already.")
    if assignment.answer_due_at <= now():
        return RuleBroken("The time to answer is over: the clock cannot stand still any more.")
    if on_ledger:
        return RuleBroken("This case is on the ledger: its clock stands still already.")
    if times >= rules.times:
        return RuleBroken("The citizen has been asked {count} times: please answer with what is known.", count=rules.times)
    return None


def _times(session: Session, assignment: Assignment) -> int:
    stopped = (CaseEvent.assignment_id == assignment.id, CaseEvent.action == Action.PAUSE)
    return session.scalar(select(func.count()).where(CaseEvent.case_id == assignment.case_id, *stopped)) or 0


def _refuse_others(session: Session, case: Case, assignment: Assignment, by: Actor) -> None:
    if by.roles & CENTRE:
        return
    # Who asked in confidence is spoken to by the centre alone.
    if case.is_shielded:
        raise NotAllowed()
    require_unit_of(session, assignment, by)


def resume(session: Session, assignment: Assignment, *, text: str, by: Actor, key: str) -> CaseEvent:
    """Somebody knows by another way what the citizen says."""
    case, done = hold(session, assignment, key=key)
    if done is not None:
        return done
    if not by.roles & CENTRE:
        require_unit_of(session, assignment, by)
    if not text.strip():
        raise Invalid("Please write what the citizen said.", field="text")
    if assignment.paused_until is None:
        raise WrongState()
    return _go_on(session, case, by=by, key=key, text=text)


def hear_citizen(session: Session, case: Case, *, key: str) -> None:
    """The citizen has written: what was asked is answered. The caller holds the case."""
    if clocks.standing(session, case):
        _go_on(session, case, by=SERVICE, key=key, text="")


def _go_on(session: Session, case: Case, *, by: Actor, key: str, text: str) -> CaseEvent:
    rows = clocks.standing(session, case)
    events = [
        clocks.go_on(session, case, row, by=by, key=f"{key}:{row.id.hex[-12:]}" if serial else key, text=text)
        for serial, row in enumerate(rows)
    ]
    session.flush()
    return events[0]


def end(session: Session) -> int:
    """Start the clocks again whose pause is over; returns how many. The due time has reckoned with that all along."""
    rows = session.execute(
        select(Case, Assignment)
        .join(Assignment, Assignment.case_id == Case.id)
        .where(Assignment.paused_until <= now())
        .order_by(Assignment.paused_until)
        .limit(SWEEP)
        .with_for_update(of=Case, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for case, assignment in rows:
        key = f"resume:{assignment.id.hex}:{assignment.paused_until:%Y%m%d%H%M%S}"
        clocks.go_on(session, case, assignment, by=SERVICE, key=key, text="limit")
    session.flush()
    return len(rows)
