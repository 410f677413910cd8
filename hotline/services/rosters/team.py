"""The team of a unit: how each is reached, the personal code for signing by key, leave and who stands in."""

import hmac
import re
from datetime import date
from itertools import pairwise
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from hotline.errors import Invalid, NotAllowed, NotFound, RuleBroken
from hotline.services import access, phones
from hotline.services.access import Me
from models import Role, Staff, StaffLeave, StaffRole, TeamMember, Unit, privacy, today
from models.workflow import UNIT_ROLES

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]+\.[^@\s]{2,}")
_CODE = re.compile(r"[0-9]{6,8}")
LONGEST_EMAIL = 254
LONGEST_LEAVE_DAYS = 366
MOST_PLACES = 99
# After so many wrong codes at the telephone a new one must be set.
MOST_WRONG_CODES = 5


def require_editor(me: Me, unit: Unit) -> None:
    """An administrator, or a liaison of the unit or of one above it."""
    if me.has(Role.ADMINISTRATOR):
        return
    if not (me.has(Role.LIAISON) and me.unit_path and unit.path.startswith(me.unit_path)):
        raise NotAllowed()


def unit_of(session: Session, me: Me, code: str) -> Unit:
    """The unit with this code, or the person's own; units above and beside are out of sight."""
    query = select(Unit).where(Unit.code == code) if code else select(Unit).where(Unit.id == me.unit_id)
    unit = session.scalars(query).one_or_none()
    if unit is None or not (me.has(Role.ADMINISTRATOR) or (me.unit_path and unit.path.startswith(me.unit_path))):
        raise NotFound()
    return unit


def member(session: Session, unit: Unit, staff_id: UUID | None) -> Staff:
    """A person who may act for this unit."""
    staff = session.get(Staff, staff_id, options=[lazyload(Staff.role_rows)]) if staff_id else None
    roles = select(StaffRole.staff_id).where(StaffRole.staff_id == staff_id, StaffRole.role.in_(UNIT_ROLES))
    if staff is None or staff.unit_id != unit.id or not staff.active or session.scalar(roles.limit(1)) is None:
        raise Invalid("Please choose somebody of this unit.", field="staff_id")
    return staff


def set_reach(session: Session, unit: Unit, staff_id: UUID, *, number: str, email: str, place: int, by: Me) -> TeamMember:
    """Where this person is told, and in which place."""
    require_editor(by, unit)
    staff = member(session, unit, staff_id)
    full, mail = phones.normalise(number) if number.strip() else None, email.strip()
    if number.strip() and (full is None or not full.startswith("+86")):
        raise Invalid("This is not a telephone number.", field="number")
    if mail and (len(mail) > LONGEST_EMAIL or not _EMAIL.fullmatch(mail)):
        raise Invalid("This is not an e-mail address.", field="email")
    if not 1 <= place <= MOST_PLACES:
        raise Invalid(field="place")
    row = _row(session, staff)
    row.number, row.email, row.place = full, mail or None, place
    access.note_look(session, by, "staff", staff.id, "reach changed")
    session.flush()
    return row


def set_code(session: Session, unit: Unit, code: str, *, by: Me) -> None:
    """One's own code only: whoever knows it signs in one's name."""
    staff = member(session, unit, by.staff_id)
    if not _CODE.fullmatch(code) or _is_simple(code):
        raise Invalid("A code has six to eight digits that are not all the same and do not count up or down.", field="code")
    row = _row(session, staff)
    row.code_hash, row.wrong_codes = _code_hash(staff.id, code), 0
    access.note_look(session, by, "staff", staff.id, "code changed")
    session.flush()


def _is_simple(code: str) -> bool:
    steps = {int(after) - int(before) for before, after in pairwise(code)}
    return steps in ({0}, {1}, {-1})


def check_code(session: Session, staff_id: UUID, code: str) -> bool:
    """Counts what is wrong, and knows no code any more after too many."""
    row = session.get(TeamMember, staff_id, with_for_update=True, populate_existing=True)
    if row is None or is_locked(session, staff_id):
        return False
    if hmac.compare_digest(row.code_hash, _code_hash(staff_id, code)):
        row.wrong_codes = 0
        return True
    row.wrong_codes += 1
    return False


def is_locked(session: Session, staff_id: UUID) -> bool:
    row = session.get(TeamMember, staff_id)
    return row is None or not row.code_hash or row.wrong_codes >= MOST_WRONG_CODES


def _code_hash(staff_id: UUID, code: str) -> str:
    """Keyed: of so few digits any other hash could be reckoned back."""
    return privacy.lookup_hash("duty code", f"{staff_id.hex} {code}").hex()


def take_leave(
    session: Session, unit: Unit, staff_id: UUID, *, begins_on: date, ends_on: date, deputy_id: UUID | None, by: Me
) -> StaffLeave:
    require_editor(by, unit)
    staff = member(session, unit, staff_id)
    day = today()
    if not begins_on <= ends_on or ends_on < day or (ends_on - begins_on).days > LONGEST_LEAVE_DAYS:
        raise Invalid("The leave ends before it begins, is over, or is longer than a year.", field="ends_on")
    if deputy_id == staff.id:
        raise Invalid("Nobody stands in for himself.", field="deputy_id")
    deputy = member(session, unit, deputy_id) if deputy_id else None
    theirs = select(StaffLeave.id).where(
        StaffLeave.staff_id == staff.id, StaffLeave.begins_on <= ends_on, StaffLeave.ends_on >= begins_on
    )
    if session.scalar(theirs.limit(1)):
        raise RuleBroken("This person is away then already.")
    leave = StaffLeave(
        staff_id=staff.id, begins_on=begins_on, ends_on=ends_on, deputy_id=deputy.id if deputy else None, by_id=by.staff_id
    )
    session.add(leave)
    access.note_look(session, by, "staff", staff.id, "leave", reason=f"{begins_on} – {ends_on}")
    session.flush()
    return leave


def end_leave(session: Session, unit: Unit, leave_id: UUID, *, by: Me) -> None:
    """Taken back, or over sooner."""
    require_editor(by, unit)
    leave = session.get(StaffLeave, leave_id)
    staff = session.get_one(Staff, leave.staff_id, options=[lazyload(Staff.role_rows)]) if leave else None
    if leave is None or staff is None or staff.unit_id != unit.id:
        raise NotFound()
    session.delete(leave)
    access.note_look(session, by, "staff", staff.id, "leave ended", reason=f"{leave.begins_on} – {leave.ends_on}")


def reveal_number(session: Session, me: Me, staff_id: UUID, *, reason: str) -> str:
    """Of whoever is on duty, for people of the centre; noted."""
    if not me.has(*access.CENTRE, Role.ADMINISTRATOR):
        raise NotAllowed()
    if not reason.strip():
        raise Invalid("Please give a reason.", field="reason")
    row = session.get(TeamMember, staff_id)
    if row is None or not row.number:
        raise NotFound()
    access.note_look(session, me, "staff", staff_id, "number", reason=reason.strip())
    return row.number


def _row(session: Session, staff: Staff) -> TeamMember:
    row = session.get(TeamMember, staff.id, with_for_update=True)
    if row is None:
        row = TeamMember(staff_id=staff.id, place=1, code_hash="", wrong_codes=0)
        session.add(row)
    return row
