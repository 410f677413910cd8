"""Signing in and out: passwords, and whose session a cookie's token is. What a person may then see is `access`'s."""

import hashlib
import secrets
import threading
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import core
from hotline.services.access import Me
from hotline.services.limiting import Window
from hotline.settings import get_settings
from models import Staff, StaffRole, StaffSession, Unit, now
from models.base import UtcTime

# argon2 takes 64 MiB and a good part of a second each time: more at once would starve everything else.
_turns = threading.BoundedSemaphore(2)
_hasher = PasswordHasher()

FAILURES_OF_ACCOUNT = Window(10, timedelta(minutes=10))
FAILURES_OF_ADDRESS = Window(100, timedelta(minutes=10))
WRONG_PASSWORD = "The name or the password is wrong."  # noqa: S105 -- a sentence
SHORTEST_PASSWORD = 8


def hash_password(password: str) -> str:
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid("A password has at least {least} characters.", field="password", least=SHORTEST_PASSWORD)
    with _turns:
        return _hasher.hash(password)


def account(session: Session, username: str) -> Staff | None:
    return session.scalar(select(Staff).where(Staff.username == username.strip().lower(), Staff.active))


def authenticate(staff: Staff | None, password: str, *, username: str, address: str) -> Staff:
    """The account that was found under this name, if this is its password.

    Slow on purpose, and only a few have their turn at once: whoever waits holds no connection to the database, for twenty people
    who sign in at the same minute would leave none to anybody else.
    """
    named = username.strip().lower()
    with _turns:
        FAILURES_OF_ACCOUNT.check(named)
        FAILURES_OF_ADDRESS.check(address)
        if not _matches(staff.password_hash if staff else _nobodys_hash(), password) or staff is None:
            FAILURES_OF_ACCOUNT.count(named)
            FAILURES_OF_ADDRESS.count(address)
            raise Invalid(WRONG_PASSWORD, field="password")
    FAILURES_OF_ACCOUNT.clear(named)
    return staff


def open_session(session: Session, staff: Staff, *, address: str) -> tuple[StaffSession, str]:
    """A new sign-in and the secret for its cookie; the table keeps only the hash."""
    token = secrets.token_urlsafe(32)
    row = StaffSession(
        staff_id=staff.id,
        token_hash=_hash_of(token),
        csrf=secrets.token_urlsafe(24),
        address=address[:64],
        expires_at=now() + timedelta(hours=get_settings().desk.session_hours),
    )
    session.add(row)
    session.flush()
    return row, token


# Asked at every request.
_WHO = (
    select(
        StaffSession.id,
        StaffSession.csrf,
        Staff.id.label("staff_id"),
        Staff.username,
        Staff.name,
        Staff.unit_id,
        Unit.path,
        StaffRole.role,
    )
    .join(Staff, Staff.id == StaffSession.staff_id)
    .outerjoin(Unit, Unit.id == Staff.unit_id)
    .outerjoin(StaffRole, StaffRole.staff_id == Staff.id)
    .where(
        StaffSession.token_hash == bindparam("token"),
        StaffSession.revoked_at.is_(None),
        StaffSession.expires_at > bindparam("at", type_=UtcTime),
        Staff.active,
    )
)


def who(session: Session, token: str) -> Me | None:
    """Whose session this is; nobody's if it ended, was revoked, or the account was closed."""
    rows = core.send(session, _WHO, {"token": _hash_of(token), "at": now()})
    if not rows:
        return None
    session_id, csrf, staff_id, username, name, unit_id, unit_path, _ = rows[0]
    return Me(
        staff_id=staff_id,
        session_id=session_id,
        username=username,
        name=name,
        roles=frozenset(role for *_, role in rows if role),
        unit_id=unit_id,
        unit_path=unit_path or "",
        csrf=csrf,
    )


def sign_out(session: Session, me: Me) -> None:
    revoke(session, [me.session_id])


def revoke(session: Session, session_ids: Iterable[UUID]) -> None:
    session.execute(
        update(StaffSession)
        .where(StaffSession.id.in_(list(session_ids)), StaffSession.revoked_at.is_(None))
        .values(revoked_at=now())
    )


def revoke_all(session: Session, staff_id: UUID) -> None:
    """Every sign-in of a person ends at once: a lost telephone, a closed account, a new password."""
    session.execute(
        update(StaffSession).where(StaffSession.staff_id == staff_id, StaffSession.revoked_at.is_(None)).values(revoked_at=now())
    )


def _hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def _nobodys_hash() -> str:
    """Checked for unknown names, so that they take as long as known ones."""
    return _hasher.hash(secrets.token_hex(16))
