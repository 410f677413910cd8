"""One act on one case, written: states, versions, clocks, history. Nothing else sets the state of a case or of an assignment."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.events import AssignmentAdvanced, CaseAdvanced, CaseFiled, Event
from hotline.services import history
from hotline.services.actors import Actor
from hotline.services.clocks import clocks, deadlines
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from hotline.services.units import branching
from models import Action, Assignment, AssignmentStatus, Case, CaseEvent, CaseStatus, ClosureKind, Role
from models.workflow import ASSIGNMENT, ASSIGNMENT_OPEN, BEGINS_AGAIN, Step

# With these an assignment leaves the unit's hands, and what that unit sent down ends with it.
ENDS_BELOW = frozenset({Action.ANSWER, Action.RETURN, Action.WITHDRAW, Action.SEND_UP})
# The note of these is for the citizen: the answer, or why the matter is another office's and which door is the right one.
SAID_TO_CITIZEN = frozenset({Action.ANSWER_DIRECTLY, Action.REDIRECT})


@dataclass(frozen=True)
class Act:
    """Allowed already. Made and finished by `cases` alone."""

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
        case.status = CaseStatus(step.to)
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
