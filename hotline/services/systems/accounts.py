"""Systems as accounts: added and closed by administrators, known by keys of which only the hash is kept."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from hotline.errors import Invalid, NotAllowed, NotFound, RuleBroken, SignInNeeded
from hotline.services import access, filing
from hotline.services.access import Me
from models import Role, Scope, Staff, StaffRole, System, SystemKey, Unit, new_id, now

BEGINS_WITH = "hk_"
HINT = 8
# The former key goes on for so long after a new one was made.
OVERLAP = timedelta(days=7)
# A key is noted as used once in this time, so that reading does not write.
USED_EVERY = timedelta(minutes=10)
MOST_KEYS = 5
# No hash: nobody signs in with it.
NO_PASSWORD = "-"  # noqa: S105 -- says that there is none


@dataclass(frozen=True)
class Caller:
    """The system whose key came with a call; it acts as a liaison of its unit."""

    system_id: UUID
    key_id: UUID
    me: Me
    scopes: frozenset[Scope]
    is_noted: bool  # as used, not long ago

    def require(self, scope: Scope) -> None:
        if scope not in self.scopes:
            raise NotAllowed("This key may not do this: the scope {scope} is missing.", scope=scope)


@dataclass(frozen=True)
class Form:
    """A system as administrators describe it."""

    name: str
    scopes: Sequence[Scope]
    addresses: Sequence[str] = ()
    active: bool = True


def add(session: Session, form: Form, *, unit_code: str, by: Me) -> System:
    unit = filing.units_of(session, [unit_code])[0] if unit_code else None
    if unit is None:
        raise Invalid("A system belongs to a unit.", field="unit")
    serial = new_id().hex[-12:]
    staff = Staff(username=f"system-{serial}", password_hash=NO_PASSWORD, unit_id=unit.id, name=form.name)
    staff.role_rows = [StaffRole(role=Role.LIAISON)]
    session.add(staff)
    session.flush()
    system = System(staff_id=staff.id, scopes=[], addresses=[], staff=staff)
    session.add(system)
    _fill(system, form)
    session.flush()
    access.note_look(session, by, "system", system.id, "added", reason=form.name)
    return system


def change(session: Session, system_id: UUID, form: Form, *, by: Me) -> System:
    """A closed system's keys open nothing from now on, and it is told nothing."""
    system = find(session, system_id)
    _fill(system, form)
    access.note_look(session, by, "system", system.id, "changed", reason=", ".join(system.scopes))
    return system


def _fill(system: System, form: Form) -> None:
    if not form.name.strip():
        raise Invalid("Please fill in this field.", field="name")
    if Scope.READ not in form.scopes:
        raise Invalid("A system that may not read can do nothing.", field="scopes")
    system.staff.name, system.staff.active = form.name.strip()[:64], form.active
    system.scopes = [scope.value for scope in Scope if scope in form.scopes]
    system.addresses = [_network(each) for each in form.addresses]


def _network(text: str) -> str:
    try:
        return str(ip_network(text.strip(), strict=False))
    except ValueError as error:
        raise Invalid("{address} is neither an address nor a network.", field="addresses", address=text[:60]) from error


def new_key(session: Session, system_id: UUID, *, by: Me) -> str:
    """Returned here and never again. Former keys go on for a week, so that the unit can change over in peace."""
    system = find(session, system_id)
    at = now()
    going_on = live_keys(session, system.id)
    if len(going_on) >= MOST_KEYS:
        raise RuleBroken("Too many keys are valid at once: please revoke one first.")
    for key in going_on:
        key.expires_at = min(key.expires_at or at + OVERLAP, at + OVERLAP)
    secret = BEGINS_WITH + secrets.token_urlsafe(32)
    row = SystemKey(system_id=system.id, hint=secret[:HINT], secret_hash=hashed(secret))
    session.add(row)
    session.flush()
    access.note_look(session, by, "system", system.id, "secret", reason=row.hint)
    return secret


def revoke_key(session: Session, key_id: UUID, *, by: Me) -> None:
    """At once: the key was lost."""
    key = session.get(SystemKey, key_id, with_for_update=True)
    if key is None:
        raise NotFound()
    key.revoked_at = key.revoked_at or now()
    access.note_look(session, by, "system", key.system_id, "revoked", reason=key.hint)


def live_keys(session: Session, system_id: UUID) -> Sequence[SystemKey]:
    alive = (SystemKey.revoked_at.is_(None), or_(SystemKey.expires_at.is_(None), SystemKey.expires_at > now()))
    return session.scalars(select(SystemKey).where(SystemKey.system_id == system_id, *alive).order_by(SystemKey.created_at)).all()


def who(session: Session, secret: str, *, address: str) -> Caller:
    """The system of this key; refused alike where the key is unknown, has ended, or its system is closed."""
    found = session.execute(
        select(SystemKey, System, Staff, Unit)
        .join(System, System.id == SystemKey.system_id)
        .join(Staff, Staff.id == System.staff_id)
        .join(Unit, Unit.id == Staff.unit_id)
        .where(SystemKey.secret_hash == hashed(secret), SystemKey.revoked_at.is_(None), Staff.active, Unit.active)
    ).one_or_none()
    if found is None or (found[0].expires_at is not None and found[0].expires_at <= now()):
        raise SignInNeeded("The key is missing, wrong, or no longer valid.")
    key, system, staff, unit = found
    if not _comes_from(system.addresses, address):
        raise NotAllowed("This key may not be used from this address.")
    me = Me(staff.id, key.id, staff.username, staff.name, frozenset({Role.LIAISON}), unit.id, unit.path, csrf="")
    is_noted = key.used_at is not None and key.used_at > now() - USED_EVERY
    return Caller(system.id, key.id, me, frozenset(map(Scope, system.scopes)), is_noted)


def note_use(session: Session, key_id: UUID) -> None:
    session.get_one(SystemKey, key_id).used_at = now()


def _comes_from(networks: Sequence[str], address: str) -> bool:
    if not networks:
        return True
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    return any(caller in ip_network(network) for network in networks)


def find(session: Session, system_id: UUID) -> System:
    system = session.get(System, system_id, options=[joinedload(System.staff).joinedload(Staff.unit)])
    if system is None:
        raise NotFound()
    return system


def hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
