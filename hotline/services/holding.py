"""Before a case is acted on: the lock, what the key did before, who else was faster, and whether the actor may."""

from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired, NotFound, Outdated, RuleBroken, WrongState
from hotline.services import history
from hotline.services.actors import Actor
from models import Action, Assignment, Case, CaseEvent, Contact, Role, Standing, Unit
from models.workflow import CASE_OPEN, UNIT_ROLES, Step

# A case of an incident that its own citizen takes back, or that is none, waits for no other.
ENDS_ITSELF = frozenset({Action.WITHDRAW, Action.DISMISS})
HELD = "held cases"
LONGEST_KEY = 48  # the column has room for what is added when one act moves several things


def held_from_now(session: Session, of: Select[Case]) -> Case | None:
    """The case locked as the first thing that a transaction reads: what it reads of it afterwards is not read once more."""
    case = session.scalar(of.with_for_update(of=Case))
    if case is not None:
        session.info.setdefault(HELD, set()).add(case.id)
    return case


def hold(session: Session, subject: Case | Assignment, *, key: str, seen: int | None = None) -> tuple[Case, CaseEvent | None]:
    """Lock the case; and the event, if this key has made one. `seen` counts only where the key is new."""
    if not 1 <= len(key) <= LONGEST_KEY:
        raise Invalid()
    case_id = subject.id if isinstance(subject, Case) else subject.case_id
    if case_id in session.info.get(HELD, ()):
        case = session.get_one(Case, case_id)
    else:
        # Always the case first: two locks in two orders would wait for each other.
        case = session.get_one(Case, case_id, with_for_update=True, populate_existing=True)
        if isinstance(subject, Assignment):
            session.refresh(subject)
    done = history.with_key(session, case, key)
    if done is None and seen is not None and seen != subject.version:
        raise Outdated()
    return case, done


def hold_contact(session: Session, contact_id: UUID) -> Contact:
    """The contact as it is now, locked until the transaction ends; asked again in the same one, it costs nothing."""
    held: set[UUID] = session.info.setdefault("held contacts", set())
    if contact_id in held:
        return session.get_one(Contact, contact_id)
    contact = session.get(Contact, contact_id, with_for_update=True, populate_existing=True)
    if contact is None:
        raise NotFound()
    held.add(contact_id)
    return contact


def allowed(step: Step | None, by: Actor, note: str, *, standing: Standing | None = None) -> tuple[Step, Role]:
    """The row and the role under which it is taken, or a refusal."""
    if step is None or (standing is not None and standing not in step.of):
        raise WrongState()
    role = by.role_for(step.by)
    if role is None:
        raise NotAllowed()
    if step.needs_note and not note.strip():
        raise NoteRequired(field="note")
    return step, role


def allowed_of_case(case: Case, action: Action, step: Step | None, by: Actor, note: str) -> tuple[Step, Role]:
    """The same for a step of a case."""
    refuse_follower(case, action, by)
    return allowed(step, by, note)


def refuse_follower(case: Case, action: Action, by: Actor) -> None:
    """What follows another case is moved together with that one only; it may end by itself all the same."""
    if case.follows_id is not None and case.follows_id != by.leads and action not in ENDS_ITSELF:
        raise RuleBroken("This case follows another one of the same incident: please act on that one, or take it out first.")


def allowed_of_unit(
    session: Session, case: Case, assignment: Assignment, action: Action, step: Step | None, *, by: Actor, note: str
) -> tuple[Step, Role]:
    """The same for a step of an assignment: it stands where the row may be taken, in the actor's unit, in an open case."""
    if assignment.lead:
        refuse_follower(case, action, by)
    row, role = allowed(step, by, note, standing=assignment.standing)
    if role in UNIT_ROLES:
        # What a unit sent down and got back, it sends back itself.
        holder = session.get_one(Assignment, assignment.parent_id) if action == Action.SEND_BACK else assignment
        require_unit(session, holder, by)
    if case.status not in CASE_OPEN or not _is_of_this_round(session, case, assignment, action):
        raise WrongState()
    return row, role


def _is_of_this_round(session: Session, case: Case, assignment: Assignment, action: Action) -> bool:
    """After a reopening the case was dispatched anew: the assignments before that are past."""
    if action != Action.REWORK:
        return True
    newest = session.scalar(select(func.max(Assignment.dispatched_at)).where(Assignment.case_id == case.id, Assignment.lead))
    return newest is not None and assignment.dispatched_at >= newest


def require_unit_of(session: Session, assignment: Assignment, by: Actor) -> None:
    """What only the unit's own people ask for."""
    if not by.roles & UNIT_ROLES:
        raise NotAllowed()
    require_unit(session, assignment, by)


def require_unit(session: Session, assignment: Assignment, by: Actor) -> None:
    """Liaisons act for their own unit and those below it."""
    unit = session.get_one(Unit, assignment.unit_id)
    if not by.unit_path or not unit.path.startswith(by.unit_path):
        raise NotAllowed()
