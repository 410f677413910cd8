"""Cases: filed once, moved by one door, noted on. What a step writes stands in `acts`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, WrongState
from hotline.services import checked_answer, filing, queueing, triage
from hotline.services.actors import Actor
from hotline.services.acts import ENDS_BELOW, Act
from hotline.services.draft_form import DraftForm
from hotline.services.holding import allowed, allowed_of_case, allowed_of_unit, hold, hold_contact
from hotline.services.notes import link as link
from hotline.services.notes import note as note
from hotline.services.profiles import profiles
from hotline.services.reference import succession
from hotline.services.units.branching import new_assignment
from models import (
    Action,
    Assignment,
    Case,
    CaseEvent,
    Conclusion,
    Contact,
    Unit,
    now,
)
from models.workflow import Clock

# The case follows its lead assignment in these; they are taken on the assignment.
FOLLOWED = frozenset({Action.SIGN, Action.ANSWER, Action.RETURN, Action.REWORK})
# When the case takes one of these, what units still have in hand ends: answered is accepted, the rest is withdrawn.
ENDS_ASSIGNMENTS = frozenset({Action.WITHDRAW, Action.ASK_CITIZEN, Action.CLOSE})
# The first step of an assignment that grows from another one.
BRANCHES = frozenset({Action.SEND_DOWN, Action.CALL_IN})

How = Literal["dispatch", "answer", "redirect", "review"]
FILED_BY: dict[How, Action] = {
    "dispatch": Action.FILE,
    "answer": Action.ANSWER_DIRECTLY,
    "redirect": Action.REDIRECT,
    "review": Action.FILE_FOR_REVIEW,
}


def file_case(
    session: Session,
    contact: Contact,
    form: DraftForm,
    *,
    matter: int,
    by: Actor,
    key: str,
    how: How,
    answer: str = "",
    reason: str = "",
    conclude: Conclusion | None = None,
) -> Case:
    """Make one matter of a contact a case: dispatched at once if the form names a unit, answered on the spot, or redirected.

    The same key again returns the case it made. The contact's first case has the contact's own number. `conclude` ends the
    contact with it.
    """
    contact = hold_contact(session, contact.id)
    others = session.scalars(select(Case).where(Case.contact_id == contact.id)).all()
    if (filed := filing.filed_already(session, others, matter, key)) is not None:
        return filed
    filing.refuse_stranger(contact, by)
    rule, action = profiles.current(session), FILED_BY[how]
    profile, said = profiles.of_rule(rule), (answer or reason).strip()
    step, role = allowed(profile.case_step(None, action), by, said)
    case = filing.build(session, contact, form, matter=matter, first=not others, rule=rule, filed_by_id=by.staff_id)
    units = filing.units_of(session, [form.unit, *form.assist_units]) if how == "dispatch" and form.unit else []
    act = Act(session, case, profile, by, role, key, said, now())
    act.open_case(step, action)
    if units:
        _assign(act, units, key=f"{key}:unit", note=form.dispatch_note)
    act.announce_filed(action)
    if conclude:
        act.announced.append(queueing.end_filed(contact, conclude, by_id=by.staff_id, note=act.note))
    act.finish()
    triage.record_decisions(session, case, form, by=by)
    filing.bind_draft(session, case, form, keep=how == "review")
    session.flush()
    return case


def advance(
    session: Session, subject: Case | Assignment, action: Action, *, by: Actor, key: str, seen: int | None = None, note: str = ""
) -> CaseEvent:
    """Move a case or an assignment one step, or refuse; the only place that sets a status.

    The same key again returns the first event. `seen` is the version shown to the person: if somebody was faster, Outdated.
    """
    case, done = hold(session, subject, key=key, seen=seen)
    return done or move(session, case, subject, action, by=by, key=key, note=note)


def move(
    session: Session, case: Case, subject: Case | Assignment, action: Action, *, by: Actor, key: str, note: str = ""
) -> CaseEvent:
    """What `advance` does, for a service that holds the case already and has found the key new."""
    profile, note = profiles.of(session, case), note.strip()
    if isinstance(subject, Assignment):
        return _move_assignment(session, case, subject, action, profile, by=by, key=key, note=note)
    if action in FOLLOWED or action == Action.DISPATCH:
        raise WrongState()
    step, role = allowed_of_case(case, action, profile.case_step(case.status, action), by, note)
    checked_answer.let_out(session, case, action)
    act = Act(session, case, profile, by, role, key, note, now())
    event = act.case(step, action, key=key, note=note)
    if action in ENDS_ASSIGNMENTS:
        act.end_assignments()
    act.finish()
    return event


def assign(
    session: Session,
    case: Case,
    units: Sequence[Unit],
    *,
    by: Actor,
    key: str,
    seen: int | None = None,
    note: str = "",
) -> Assignment:
    """Dispatch a case: the first unit leads, the others assist. The same key again returns the lead's assignment."""
    case, done = hold(session, case, key=key, seen=seen)
    if done is not None:
        return session.get_one(Assignment, done.assignment_id)
    return give(session, case, units, by=by, key=key, note=note)


def give(session: Session, case: Case, units: Sequence[Unit], *, by: Actor, key: str, note: str = "") -> Assignment:
    """What `assign` does, for a service that holds the case already and has found the key new."""
    profile = profiles.of(session, case)
    _, role = allowed_of_case(case, Action.DISPATCH, profile.case_step(case.status, Action.DISPATCH), by, note)
    act = Act(session, case, profile, by, role, key, note.strip(), now())
    lead = _assign(act, units, key=key, note=note.strip())
    act.finish()
    return lead


def _move_assignment(
    session: Session,
    case: Case,
    assignment: Assignment,
    action: Action,
    profile: profiles.Profile,
    *,
    by: Actor,
    key: str,
    note: str,
) -> CaseEvent:
    if action in BRANCHES:  # another unit comes in: `branch`
        raise WrongState()
    row = profile.assignment_step(assignment.status, action)
    step, role = allowed_of_unit(session, case, assignment, action, row, by=by, note=note)
    if action == Action.REWORK:
        succession.hand_on(session, case, assignment, by=by, key=f"{key}:unit")
    act = Act(session, case, profile, by, role, key, note, now())
    if not assignment.lead or action == Action.ACCEPT:
        event = act.assignment(assignment, step, action, key=key, note=note)
    elif action in FOLLOWED:
        followed, _ = allowed(profile.case_step(case.status, action), by, note)
        event = act.assignment(assignment, step, action, key=key, note=note)
        act.case(followed, action, key=f"{key}:case", lead=assignment)
    else:  # without its lead a case would have no owner: it is withdrawn as a whole
        raise WrongState()
    if assignment.lead and action == Action.RETURN:
        act.end_assignments(but=assignment)
    elif action in ENDS_BELOW:
        act.end_assignments(below=assignment)
    act.finish()
    return event


def _assign(act: Act, units: Sequence[Unit], *, key: str, note: str) -> Assignment:
    case, profile = act.case_row, act.profile
    step, role = allowed(profile.assignment_step(None, Action.DISPATCH), act.by, note)
    case_step, _ = allowed(profile.case_step(case.status, Action.DISPATCH), act.by, note)
    if case.is_shielded and not case.unit_summary.strip():
        raise Invalid("The unit sees only a summary of this case: please write it.", field="unit_summary")
    dues = [act.due(stage) for stage in (Clock.SIGN, "contact", profiles.answering(case.status))]
    ends = [due.at for due in dues]
    rows = [new_assignment(case, unit, step, ends, at=act.at, note=note, lead=unit is units[0]) for unit in dict.fromkeys(units)]
    act.start(rows, Action.DISPATCH, role=role, key=key, note=note)
    case.lead_unit_id = units[0].id
    act.case(case_step, Action.DISPATCH, key=f"{key}:case", lead=rows[0])
    case.due_provisional = any(due.provisional for due in dues)
    return rows[0]


def branch(
    session: Session,
    case: Case,
    trunk: Assignment,
    units: Sequence[Unit],
    action: Action,
    *,
    until: datetime,
    by: Actor,
    key: str,
    note: str,
) -> Assignment:
    """Give units a part in an assignment that is at work: below it, or beside the lead; due by `until`, or at once after it.

    For a service that holds the case already, has found the key new, and has looked whether these units may be asked.
    """
    profile, note = profiles.of(session, case), note.strip()
    step, role = allowed(profile.assignment_step(None, action), by, note)
    own_step, _ = allowed(profile.assignment_step(trunk.status, action), by, note, standing=trunk.standing)
    act = Act(session, case, profile, by, role, key, note, now())
    ends = [max(act.at, min(act.due(stage).at, until)) for stage in (Clock.SIGN, "contact", Clock.ANSWER)]
    above = trunk if action == Action.SEND_DOWN else None
    rows = [new_assignment(case, unit, step, ends, at=act.at, note=note, above=above) for unit in dict.fromkeys(units)]
    act.start(rows, action, role=role, key=key, note=note)
    act.assignment(trunk, own_step, action, key=f"{key}:from")
    act.finish()
    return rows[0]
