"""A unit with people who can be reached, and a signed-in liaison of it."""

from datetime import time
from uuid import uuid4

from sqlalchemy.orm import Session

from hotline.services.access import Me
from hotline.services.rosters import roster, team
from hotline.services.rosters.roster import Wanted
from models import Role, Staff, Unit
from tests.factories import make_staff, unit_of

UNIT = "CGJ"


def signed_in(session: Session, *roles: Role, unit: str = UNIT, staff: Staff | None = None) -> Me:
    person = staff or make_staff(session, roles=roles, unit=unit)
    mine = unit_of(session, unit) if unit else None
    return Me(
        person.id,
        uuid4(),
        person.username,
        person.name,
        frozenset(roles),
        mine.id if mine else None,
        mine.path if mine else "",
        "",
    )


def make_member(
    session: Session,
    *,
    number: str = "13900001111",
    email: str = "",
    place: int = 1,
    unit: str = UNIT,
    code: str = "",
    name: str = "",
) -> Staff:
    """A liaison who can be told."""
    values = {"name": name} if name else {}
    staff = make_staff(session, roles=(Role.LIAISON,), unit=unit, **values)
    mine = unit_of(session, unit)
    me = signed_in(session, Role.LIAISON, unit=unit, staff=staff)
    team.set_reach(session, mine, staff.id, number=number, email=email, place=place, by=me)
    if code:
        team.set_code(session, mine, code, by=me)
    return staff


def put_on(session: Session, staff: Staff, *, weekday: int, begins: str, ends: str, deputy: Staff | None = None) -> None:
    unit = session.get_one(Unit, staff.unit_id)
    wanted = Wanted(weekday, None, time.fromisoformat(begins), time.fromisoformat(ends), staff.id, deputy.id if deputy else None)
    roster.add_shift(session, unit, wanted, by=signed_in(session, Role.LIAISON, unit=unit.code, staff=staff))
