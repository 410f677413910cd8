"""Cases: filed once, moved by one door, noted on. Nothing else sets the state of a case or of an assignment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, WrongState
from hotline.events import AssignmentAdvanced, CaseAdvanced, CaseFiled, Event
from hotline.services import checked_answer, filing, history, queueing, triage
from hotline.services.actors import Actor
from hotline.services.clocks import clocks, deadlines
from hotline.services.draft_form import DraftForm
from hotline.services.holding import allowed, allowed_of_case, allowed_of_unit, hold, hold_contact
from hotline.services.notes import link as link
from hotline.services.notes import note as note
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from hotline.services.reference import succession
from hotline.services.units import branching
from hotline.services.units.branching import new_assignment
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    Conclusion,
    Contact,
    Role,
    Unit,
    now,
)
from models.workflow import ASSIGNMENT, ASSIGNMENT_OPEN, BEGINS_AGAIN, Clock, Step

# The case follows its lead assignment in these; they are taken on the assignment.
FOLLOWED = frozenset({Action.SIGN, Action.ANSWER, Action.RETURN, Action.REWORK})
# When the case takes one of these, what units still have in hand ends: answered is accepted, the rest is withdrawn.
ENDS_ASSIGNMENTS = frozenset({Action.WITHDRAW, Action.ASK_CITIZEN, Action.CLOSE})
# With these an assignment leaves the unit's hands, and what that unit sent down ends with it.
ENDS_BELOW = frozenset({Action.ANSWER, Action.RETURN, Action.WITHDRAW, Action.SEND_UP})
# The note of these is for the citizen: the answer, or why the matter is another office's and which door is the right one.
SAID_TO_CITIZEN = frozenset({Action.ANSWER_DIRECTLY, Action.REDIRECT})
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
    step, role = allowed(profiles.of_rule(rule).case_step(None, action), by, answer or reason)
    case = filing.build(session, contact, form, matter=matter, first=not others, rule=rule, filed_by_id=by.staff_id)
    case.status = CaseStatus(step.to)
    units = filing.units_of(session, [form.unit, *form.assist_units]) if how == "dispatch" and form.unit else []
    act = _Act(session, case, profiles.of_rule(rule), by, role, key, (answer or reason).strip(), now())
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
    act = _Act(session, case, profile, by, role, key, note, now())
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
    act = _Act(session, case, profile, by, role, key, note.strip(), now())
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
    act = _Act(session, case, profile, by, role, key, note, now())
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


def _assign(act: "_Act", units: Sequence[Unit], *, key: str, note: str) -> Assignment:
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
    act = _Act(session, case, profile, by, role, key, note, now())
    ends = [max(act.at, min(act.due(stage).at, until)) for stage in (Clock.SIGN, "contact", Clock.ANSWER)]
    above = trunk if action == Action.SEND_DOWN else None
    rows = [new_assignment(case, unit, step, ends, at=act.at, note=note, above=above) for unit in dict.fromkeys(units)]
    act.start(rows, action, role=role, key=key, note=note)
    act.assignment(trunk, own_step, action, key=f"{key}:from")
    act.finish()
    return rows[0]


@dataclass(frozen=True)
class _Act:
    """One act on one case, allowed already: the writing of it."""

    session: Session
    case_row: Case
    profile: profiles.Profile
    by: Actor
    role: Role
    key: str
    note: str
    at: datetime
    announced: list[Event] = field(default_factory=list)
    overtaken: list[UUID] = field(default_factory=list)

    def append(
        self,
        action: Action,
        origin: str | None,
        to: str,
        *,
        key: str,
        note: str = "",
        role: Role | None = None,
        assignment: Assignment | None = None,
        first: bool = False,
    ) -> CaseEvent:
        return history.append(
            self.session,
            self.case_row,
            action=action,
            from_status=origin,
            to_status=to,
            by=self.by,
            role=role or self.role,
            key=key,
            note=note,
            assignment=assignment,
            first=first,
        )

    def due(self, stage: str) -> deadlines.Due:
        return deadlines.due_at(self.session, self.at, self.profile.limit(stage, self.case_row.urgency))

    def open_case(self, step: Step, action: Action) -> None:
        case = self.case_row
        self._stamp_case(step, action, note=self.note)
        self.session.add(case)
        self.append(action, None, case.status, key=self.key, note=self.note, first=True)

    def announce_filed(self, action: Action) -> None:
        self.announced.append(CaseFiled(self.case_row.id))
        if action in SAID_TO_CITIZEN:
            self.announced.append(CaseAdvanced(self.case_row.id, action, self.case_row.status))

    def case(self, step: Step, action: Action, *, key: str, note: str = "", lead: Assignment | None = None) -> CaseEvent:
        case, to = self.case_row, CaseStatus(step.to)
        event = self.append(action, case.status, to, key=key, note=note)
        case.status = to
        case.version += 1
        self._stamp_case(step, action, note=note, lead=lead)
        self.announced.append(CaseAdvanced(case.id, action, to))
        return event

    def start(self, rows: Sequence[Assignment], action: Action, *, role: Role, key: str, note: str) -> None:
        """The first event of each; the note stands with the first of them."""
        self.session.add_all(rows)
        for serial, row in enumerate(rows):
            own = key if serial == 0 else f"{key}:{serial}"
            self.append(action, None, row.status, role=role, key=own, note=note if serial == 0 else "", assignment=row)
            self.announced.append(AssignmentAdvanced(self.case_row.id, row.id, action, row.status))

    def assignment(self, row: Assignment, step: Step, action: Action, *, key: str, note: str = "") -> CaseEvent:
        to = AssignmentStatus(step.to)
        event = self.append(action, row.status, to, key=key, note=note, assignment=row)
        stays, row.status = row.status == to, to
        row.version += 1
        if action == Action.SIGN:
            # The answer's clock has been running since the dispatch: signing late gains nothing.
            row.signed_at, row.due_at = self.at, row.answer_due_at
        elif step.clock and not stays:
            due = self.due(profiles.AGAIN if action == Action.REWORK else step.clock)
            row.due_at = self._inside(row, due.at)
            self.case_row.due_provisional = due.provisional if row.lead else self.case_row.due_provisional
        elif not stays:
            row.due_at = None
        if action in BEGINS_AGAIN:
            clocks.begin_again(self.session, event, row, row.due_at or self.at)
        elif not stays and action != Action.SIGN:
            row.paused_at = row.paused_until = None
        if action == Action.ANSWER:
            row.answered_at = self.at
        if action in ENDS_BELOW:
            self.overtaken.append(row.id)
        self.announced.append(AssignmentAdvanced(self.case_row.id, row.id, action, to))
        return event

    def _inside(self, row: Assignment, due: datetime) -> datetime:
        """No clock runs longer than the one above it."""
        above = self.session.get_one(Assignment, row.parent_id) if row.parent_id else None
        return min(due, above.due_at) if above is not None and above.due_at is not None else due

    def end_assignments(self, *, but: Assignment | None = None, below: Assignment | None = None) -> None:
        """Nothing stays in a unit's hands without the case: answered is accepted, the rest is withdrawn.

        `below`: only what was sent down from there.
        """
        moved = but or below
        with self.session.no_autoflush:
            rows = self.session.scalars(
                select(Assignment)
                .where(
                    Assignment.case_id == self.case_row.id,
                    Assignment.status.in_(ASSIGNMENT_OPEN),
                    *([Assignment.id != moved.id] if moved else []),
                )
                .execution_options(populate_existing=True)
            ).all()
        for row in branching.below(rows, below) if below else rows:
            action = Action.ACCEPT if row.status == AssignmentStatus.ANSWERED else Action.WITHDRAW
            step = ASSIGNMENT[AssignmentStatus(row.status), action]
            self.assignment(row, step, action, key=f"{self.key}:{row.id.hex[-12:]}")

    def _stamp_case(self, step: Step, action: Action, *, note: str = "", lead: Assignment | None = None) -> None:
        case = self.case_row
        self._start_clock(step, lead)
        if action in SAID_TO_CITIZEN:
            case.public_answer = note
        if action == Action.ANSWER_DIRECTLY:
            case.closure = ClosureKind.DIRECT
        if step.to == CaseStatus.CLOSED:
            case.closed_at = self.at
        elif action == Action.REOPEN:
            case.closed_at, case.door = None, ""
            case.public_answer = "" if step.to == CaseStatus.TO_DISPATCH else case.public_answer
        case.dispatch_count += action == Action.DISPATCH
        case.rework_count += action == Action.REWORK

    def _start_clock(self, step: Step, lead: Assignment | None) -> None:
        case = self.case_row
        if lead is not None and lead.due_at is not None:
            case.due_at = lead.due_at
        elif step.clock:
            due = self.due(step.clock)
            case.due_at, case.due_provisional = due.at, due.provisional
        else:
            case.due_at, case.due_provisional = None, False

    def finish(self) -> None:
        """Write and announce it. What units still asked for is decided by what happened; a granted return was decided before."""
        self.session.flush()
        emit(self.session, *self.announced)
        if self.overtaken:
            branching.end_requests(self.session, self.overtaken, at=self.at)
