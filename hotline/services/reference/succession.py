"""A unit that takes the place of another takes over its people, and its cases that are open or on the ledger, each with a line in
their history."""

from sqlalchemy import String, cast, exists, select, update
from sqlalchemy.orm import Session

from hotline import words
from hotline.events import UnitSucceeded
from hotline.services import notes
from hotline.services.actors import Actor
from hotline.services.holding import hold
from hotline.services.outbox import emit
from models import (
    Action,
    AnswerTemplate,
    Assignment,
    Case,
    ChatGroup,
    CorrectedField,
    Correction,
    DutyShift,
    Mark,
    MarkKind,
    Role,
    Staff,
    Unit,
    UnitNotice,
    new_id,
)
from models.workflow import ASSIGNMENT_OPEN

AT_ONCE = 200
# What is closed and still stands on the ledger as well: its unit goes on writing how things stand.
_ON_LEDGER = exists().where(Mark.assignment_id == Assignment.id, Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None))
_GOES_ALONG = Assignment.status.in_(ASSIGNMENT_OPEN) | _ON_LEDGER


def take_over(session: Session, event: UnitSucceeded) -> None:
    """Clocks go on as they run. A great many cases are taken over in several transactions."""
    former, unit = session.get_one(Unit, event.former_id), session.get_one(Unit, event.unit_id)
    _take_over_people(session, former, unit)
    at_former = select(Assignment).where(Assignment.unit_id == former.id, _GOES_ALONG)
    found = session.scalars(at_former.order_by(Assignment.case_id).limit(AT_ONCE)).all()
    by = Actor(event.by_id, frozenset({Role.ADMINISTRATOR}))
    for assignment in found:
        _take_over_case(session, assignment, former, unit, by=by, reason=event.reason)
    if len(found) == AT_ONCE:
        emit(session, event)


def _take_over_people(session: Session, former: Unit, unit: Unit) -> None:
    """Accounts, who is on duty, templates, the chat group unless there is one, and the units below."""
    for entity in (Staff, DutyShift, AnswerTemplate):
        session.execute(update(entity).where(entity.unit_id == former.id).values(unit_id=unit.id))
    if session.get(ChatGroup, unit.id) is None:
        session.execute(update(ChatGroup).where(ChatGroup.unit_id == former.id).values(unit_id=unit.id))
    under = Unit.path.startswith(former.path, autoescape=True)
    for below in session.scalars(select(Unit).where(under, Unit.id.not_in([former.id, unit.id]))):
        below.path = unit.path + below.path.removeprefix(former.path)
        below.parent_id = unit.id if below.parent_id == former.id else below.parent_id


def _take_over_case(session: Session, assignment: Assignment, former: Unit, unit: Unit, *, by: Actor, reason: str) -> None:
    key = new_id().hex
    case, _ = hold(session, assignment, key=key)
    still = select(Assignment.id).where(Assignment.id == assignment.id, Assignment.unit_id == former.id, _GOES_ALONG)
    if session.scalar(still) is not None:
        _hand_over(session, case, assignment, former, unit, by=by, key=key, reason=reason)


def hand_on(session: Session, case: Case, assignment: Assignment, *, by: Actor, key: str) -> None:
    """What a unit had done before another took its place is done once more by that one. The caller holds the case."""
    former = session.get_one(Unit, assignment.unit_id)
    unit = None if former.active or assignment.status in ASSIGNMENT_OPEN else _successor(session, former)
    if unit is not None:
        reason = words.say("The unit that did it has been replaced by this one.")
        _hand_over(session, case, assignment, former, unit, by=by, key=key, reason=reason)


def _successor(session: Session, former: Unit) -> Unit | None:
    named = cast(Unit.formerly, String).contains(f'"{former.code}"', autoescape=True)
    return session.scalars(select(Unit).where(Unit.active, named).order_by(Unit.created_at.desc()).limit(1)).first()


def _hand_over(
    session: Session, case: Case, assignment: Assignment, former: Unit, unit: Unit, *, by: Actor, key: str, reason: str
) -> None:
    noted = notes.add(session, case, Action.CORRECT, by=by, key=key, text=reason, assignment=assignment)
    was, became = f"{former.code} {former.short}", f"{unit.code} {unit.short}"
    session.add(Correction(event=noted, event_id=noted.id, field=CorrectedField.UNIT, was=was, became=became))
    session.execute(
        update(UnitNotice)
        .where(UnitNotice.assignment_id == assignment.id, UnitNotice.settled_at.is_(None))
        .values(unit_id=unit.id)
    )
    assignment.unit_id, assignment.version = unit.id, assignment.version + 1
    if case.lead_unit_id == former.id:
        case.lead_unit_id = unit.id
    case.version += 1
