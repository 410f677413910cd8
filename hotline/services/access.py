"""Who may see what: the signed-in person, and the one door to citizens' data, which refuses and takes note."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NoteRequired, NotFound
from hotline.services import core
from hotline.services.actors import Actor
from hotline.services.holding import held_from_now
from models import (
    AccessLog,
    Assignment,
    AssignmentStatus,
    Attachment,
    Call,
    CallLeg,
    Case,
    Contact,
    Message,
    Role,
    Staff,
    Unit,
    now,
)
from models.workflow import UNIT_ROLES

CENTRE = frozenset(
    {Role.AGENT, Role.CALLBACK_AGENT, Role.SHIFT_LEADER, Role.DISPATCHER, Role.VERIFIER, Role.QUALITY_JUDGE, Role.SUPERVISOR}
)
# Who serves citizens at a desk.
SERVING = frozenset({Role.AGENT, Role.CALLBACK_AGENT, Role.SHIFT_LEADER})
# Who sees a confidential contact that somebody else has taken.
TRUSTED = frozenset({Role.SHIFT_LEADER, Role.DISPATCHER, Role.VERIFIER})

# Out of a unit's hands for good.
GONE = (AssignmentStatus.RETURNED, AssignmentStatus.WITHDRAWN)

OPENED = "opened"
SAME_LOOK = timedelta(minutes=10)
_LOOKS = "looks"


@dataclass(frozen=True)
class Me:
    """The signed-in person, as of this request."""

    staff_id: UUID
    session_id: UUID
    username: str
    name: str
    roles: frozenset[Role]
    unit_id: UUID | None
    unit_path: str
    csrf: str

    @property
    def actor(self) -> Actor:
        return Actor(staff_id=self.staff_id, roles=self.roles, unit_path=self.unit_path)

    def has(self, *roles: Role) -> bool:
        return bool(self.roles & set(roles))

    @property
    def opens_cases(self) -> bool:
        """Not whoever only runs the service: whose case it is does not concern administrators."""
        return self.has(*CENTRE, *UNIT_ROLES)


def actor(staff: Staff) -> Actor:
    """Needs `staff.unit` loaded if the person belongs to a unit."""
    return Actor(staff_id=staff.id, roles=staff.roles, unit_path=staff.unit.path if staff.unit_id and staff.unit else "")


def require(me: Me, *roles: Role) -> None:
    if not me.has(*roles):
        raise NotAllowed()


@dataclass(frozen=True)
class Held:
    """An assignment beside the unit that has it."""

    assignment: Assignment
    unit: Unit


@dataclass(frozen=True)
class CaseView:
    """A case as one person may see it. Units see of a confidential one or a report the approved summary and no requester."""

    case: Case
    held: Sequence[Held]  # what this person may see of it: for a unit, its own subtree's
    whole: bool  # everything, as the centre sees it

    @property
    def shielded(self) -> bool:
        return not self.whole and self.case.is_shielded

    @property
    def content(self) -> str:
        return self.case.unit_summary if self.shielded else self.case.content

    @property
    def title(self) -> str:
        return self.case.number if self.shielded else self.case.title

    @property
    def place_text(self) -> str:
        """Of a confidential case the area is enough; the house number stays with the centre."""
        return "" if self.shielded else self.case.place_text or ""

    @property
    def requester_name(self) -> str | None:
        return None if self.shielded else self.case.requester_name

    @property
    def number(self) -> str | None:
        return None if self.shielded else self.case.number_of_requester


def see_case(session: Session, me: Me, number: str) -> CaseView:
    """The case with this number, looked at by this person; noted."""
    case = session.scalar(select(Case).where(Case.number == number))
    if case is None:
        raise NotFound()
    view = _view(session, me, case)
    _note_opening(session, me, "case", case.id)
    return view


def see_assignment(session: Session, me: Me, assignment_id: UUID, *, to_act: bool = False) -> tuple[CaseView, Held]:
    """An assignment with its case; a unit's people reach those of their own subtree only. Noted."""
    of = select(Case).join(Assignment, Assignment.case_id == Case.id).where(Assignment.id == assignment_id)
    case = held_from_now(session, of) if to_act else session.scalar(of)
    if case is None:
        raise NotFound()
    view = _view(session, me, case)
    held = next((held for held in view.held if held.assignment.id == assignment_id), None)
    if held is None:
        raise NotFound()
    _note_opening(session, me, "case", case.id)
    return view, held


def _view(session: Session, me: Me, case: Case) -> CaseView:
    whole = me.has(*CENTRE)
    query = select(Assignment, Unit).join(Unit, Unit.id == Assignment.unit_id).where(Assignment.case_id == case.id)
    if not whole:
        if not (me.has(*UNIT_ROLES) and me.unit_path):
            raise NotFound()
        query = query.where(Unit.path.startswith(me.unit_path, autoescape=True))
    held = [Held(assignment, unit) for assignment, unit in session.execute(query.order_by(Assignment.dispatched_at))]
    if not whole:
        held = _still_held(held)
    if not whole and not held:
        raise NotFound()
    return CaseView(case=case, held=held, whole=whole)


def _still_held(held: Sequence[Held]) -> list[Held]:
    """What was taken back or given to another unit is no longer this one's business; what came back up to it is."""
    having = {each.assignment.id for each in held if each.assignment.status not in GONE}
    return [each for each in held if each.assignment.id in having or each.assignment.parent_id in having]


def see_contact(session: Session, me: Me, contact_id: UUID) -> Contact:
    """A contact with all it holds, for people of the centre; a confidential one for its agent and a few others. Noted."""
    contact = session.get(Contact, contact_id)
    if contact is None or not _may_see(session, me, contact):
        raise NotFound()
    _note_opening(session, me, "contact", contact.id)
    return contact


def _may_see(session: Session, me: Me, contact: Contact) -> bool:
    if contact.confidential and contact.taken_by_id != me.staff_id and not me.has(*TRUSTED):
        return _speaks_with_caller(session, me, contact)
    return me.has(*CENTRE)


def _speaks_with_caller(session: Session, me: Me, contact: Contact) -> bool:
    """Who was joined to a call, or has it handed over this moment, hears it all anyway."""
    return bool(core.send(session, _SPEAKS, {"contact": contact.id, "person": me.staff_id}))


_SPEAKS = (
    select(CallLeg.id)
    .join(Call, Call.id == CallLeg.call_id)
    .where(Call.contact_id == bindparam("contact"), Call.ended_at.is_(None))
    .where(CallLeg.staff_id == bindparam("person"), CallLeg.answered_at.is_not(None), CallLeg.ended_at.is_(None))
    .limit(1)
)


def see_attachment(session: Session, me: Me, attachment_id: UUID) -> Attachment:
    """A citizen's file, for whoever may see its contact. Noted."""
    row = session.execute(
        select(Attachment, Contact)
        .join(Message, Message.id == Attachment.message_id)
        .join(Contact, Contact.id == Message.contact_id)
        .where(Attachment.id == attachment_id)
    ).first()
    if row is None or not _may_see(session, me, row[1]):
        raise NotFound()
    note_look(session, me, "contact", row[1].id, "attachment")
    found: Attachment = row[0]
    return found


def reveal_number(session: Session, me: Me, subject: Case | Contact, *, reason: str) -> str:
    """The whole number, against a reason that is kept."""
    if not reason.strip():
        raise NoteRequired(field="reason")
    if isinstance(subject, Case):
        number = _view(session, me, subject).number
    else:
        number = subject.number if _may_see(session, me, subject) else None
    if number is None:
        raise NotAllowed()
    note_look(session, me, "case" if isinstance(subject, Case) else "contact", subject.id, "number", reason=reason.strip())
    return number


_LOOKED_BEFORE = (
    select(AccessLog.id)
    .where(
        AccessLog.subject_kind == bindparam("kind"),
        AccessLog.subject_id == bindparam("subject"),
        AccessLog.staff_id == bindparam("person"),
        AccessLog.what == OPENED,
        AccessLog.created_at > bindparam("since"),
    )
    .limit(1)
)


def _note_opening(session: Session, me: Me, kind: str, subject_id: UUID) -> None:
    """Opened again within a few minutes, it is the same look: a page that was refreshed, the act after the page."""
    asked = {"kind": kind, "subject": subject_id, "person": me.staff_id, "since": now() - SAME_LOOK}
    if core.run(session, _LOOKED_BEFORE, asked).first() is None:
        note_look(session, me, kind, subject_id, OPENED)


def note_look(session: Session, me: Me, kind: str, subject_id: UUID, what: str, *, reason: str = "") -> None:
    """In the session's own transaction; a session that only reads keeps it for whoever opened it to write down."""
    look = AccessLog(staff_id=me.staff_id, subject_kind=kind, subject_id=subject_id, what=what, reason=reason[:500])
    if (kept := session.info.get(_LOOKS)) is None:
        session.add(look)
    else:
        kept.append(look)


def keep_looks(session: Session) -> list[AccessLog]:
    """From now on the looks of this session, which cannot write, gather in the list that is returned."""
    kept: list[AccessLog] = session.info.setdefault(_LOOKS, [])
    return kept
