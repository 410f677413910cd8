"""Makers of data: valid with nothing but the session, every argument by name. Cases and contacts have files beside this one."""

from functools import lru_cache
from itertools import count

from argon2 import PasswordHasher
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import signing_in
from hotline.services.access import Me
from models import Role, Staff, StaffRole, Unit

PASSWORD = "a password for the tests"
_number = count(1)


@lru_cache(maxsize=1)
def _hash() -> str:
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def unit_of(session: Session, code: str) -> Unit:
    """A unit of the demo city by its code."""
    return session.scalars(select(Unit).where(Unit.code == code)).one()


def make_staff(session: Session, *, roles: tuple[Role, ...] = (Role.AGENT,), unit: str = "", **values: object) -> Staff:
    serial = next(_number)
    staff = Staff(
        **{
            "username": f"person{serial}",
            "name": f"工作人员{serial}",
            "password_hash": _hash(),
            "unit_id": unit_of(session, unit).id if unit else None,
            **values,
        }
    )
    staff.role_rows = [StaffRole(role=role) for role in roles]
    session.add(staff)
    session.flush()
    return staff


def signed_in(session: Session, staff: Staff) -> Me:
    """The person as the pages know him or her."""
    _, token = signing_in.open_session(session, staff, address="127.0.0.1")
    me = signing_in.who(session, token)
    assert me is not None
    return me


def somebody(session: Session, *roles: Role, unit: str = "") -> Me:
    """Signed in, with these roles and no other."""
    return signed_in(session, make_staff(session, roles=roles, unit=unit))
