"""What happened to a case, step by step, as one person may read it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from hotline.services.access import CaseView
from hotline.services.story_words import in_words
from hotline.words import word
from models import Action, Assignment, CaseEvent, Correction, DueChange, EventNote, Role, Staff, Unit
from models.workflow import BEGINS_AGAIN, UNIT_ROLES

# What a unit reads of a history that is not its own: that it was filed, sent, urged, sent back; never words between others.
FOR_UNITS = frozenset(
    {
        Action.FILE,
        Action.DISPATCH,
        Action.SIGN,
        Action.ANSWER,
        Action.REWORK,
        Action.ACCEPT,
        Action.CLOSE,
        Action.REOPEN,
        Action.URGE,
        Action.REMARK,
        Action.REQUEST,
        Action.REFUSE,
        Action.MEET,
        Action.EXTEND,
        Action.PAUSE,
        Action.RESUME,
        Action.ARBITRATE,
        Action.SHELVE,
        Action.RECOUNT,
        Action.CORRECT,
        Action.SEND_DOWN,
        Action.SEND_UP,
        Action.SEND_BACK,
        Action.CALL_IN,
    }
)

# Of what it did itself, besides: the marks against it.
OWN = frozenset({Action.MARK, Action.CLEAR})


@dataclass(frozen=True)
class Step:
    at: datetime
    action: Action
    to_status: str
    who: str
    role: Role | None
    unit: str
    note: str
    assignment_id: UUID | None = None
    moved: tuple[datetime, datetime] | None = None  # a due time: from when to when
    corrected: tuple[str, str, str] | None = None  # what was filed: which field, what stood there, what stands there now

    @property
    def label(self) -> str:
        """A remark is the citizen's, unless somebody at work wrote it."""
        if self.action == Action.REMARK and self.role not in (None, Role.SERVICE):
            return word("story", "of_unit" if self.unit and self.role in UNIT_ROLES else "of_centre")
        if self.action == Action.WITHDRAW and self.unit:
            return word("assignment_status", self.to_status)
        return word("action", self.action)


_STORY = (
    select(CaseEvent, EventNote.text, Staff.name, Unit.short, DueChange.was_at, DueChange.due_at, Correction)
    .outerjoin(Correction, Correction.event_id == CaseEvent.id)
    .outerjoin(DueChange, DueChange.event_id == CaseEvent.id)
    .outerjoin(EventNote, EventNote.event_id == CaseEvent.id)
    .outerjoin(Staff, Staff.id == CaseEvent.by_id)
    .outerjoin(Assignment, Assignment.id == CaseEvent.assignment_id)
    .outerjoin(Unit, Unit.id == Assignment.unit_id)
    .where(CaseEvent.case_id == bindparam("case"))
    .order_by(CaseEvent.serial.desc())
)


def story_of(session: Session, view: CaseView, *, closed: bool) -> Sequence[Step]:
    rows = session.execute(_STORY, {"case": view.case.id})
    own = {held.assignment.id for held in view.held}
    return [
        replace(
            _step(event, note or "", name or "", unit or "", own=event.assignment_id in own, view=view, closed=closed),
            assignment_id=event.assignment_id,
            # Where the unit begins again, a new time goes without saying.
            moved=(was, due) if was and event.action not in BEGINS_AGAIN else None,
            corrected=(corrected.field, corrected.was, corrected.became) if corrected and not closed else None,
        )
        for event, note, name, unit, was, due, corrected in rows
        if _is_told(event, view, own) and not _is_echo(event)
    ]


def _is_echo(event: CaseEvent) -> bool:
    """Two events for one act, of which people need one: the case follows its lead, who sends down keeps the assignment."""
    return (event.assignment_id is None and event.key.endswith(":case")) or event.key.endswith(":from")


def _is_told(event: CaseEvent, view: CaseView, own: set[UUID]) -> bool:
    if view.whole or event.assignment_id in own:
        return view.whole or event.action in FOR_UNITS | OWN
    # Others are called in by the lead, or for it.
    of_lead = event.action == Action.CALL_IN and _leads(view)
    return of_lead or (event.action in FOR_UNITS and event.assignment_id is None)


def _leads(view: CaseView) -> bool:
    return any(held.assignment.lead and held.unit.id == view.case.lead_unit_id for held in view.held)


def _step(event: CaseEvent, note: str, name: str, unit: str, *, own: bool, view: CaseView, closed: bool) -> Step:
    # Units know the centre by its roles, not by its people; of a closed case they read no words but those meant for them.
    hidden = closed and not own
    return Step(
        at=event.at,
        action=Action(event.action),
        to_status=event.to_status,
        who=name if view.whole or own else "",
        role=Role(event.by_role) if event.by_role else None,
        unit=unit,
        note="" if hidden else in_words(Action(event.action), note),
    )
