"""What administrators change: accounts, the queue's numbers, secrets of desk phones, days of the calendar, stuck messages.

A change by a person is logged; `by` is None at the command line, whose user rules the database anyway.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session, joinedload

from hotline.errors import Invalid, NotFound, RuleBroken, WrongState
from hotline.events import CalendarChanged, MessageReady
from hotline.services import access, filing, outbox, presence, signing_in
from hotline.services.access import Me
from hotline.services.messages.outgoing import TAKEN_UP_AFTER
from hotline.services.queue_rule import QueueRule
from hotline.services.telephone import lines
from hotline.services.telephone.lines import Credentials
from models import CalendarDay, Delivery, OutgoingMessage, Role, Rule, Staff, StaffRole, System, now
from models.staff import CHANNELS
from models.workflow import UNIT_ROLES

GIVEN_ROLES = tuple(role for role in Role if role != Role.SERVICE)
_LANGUAGE = re.compile(r"[a-z]{2,3}")
# What a person decides about: sent and lost, sent and perhaps lost, or never sent.
UNSETTLED = (Delivery.WAITING, Delivery.REFUSED, Delivery.UNKNOWN)


@dataclass(frozen=True)
class Account:
    """An account as the form gives it."""

    name: str
    roles: frozenset[Role]
    unit: str = ""
    # What is named first is served first.
    skills: tuple[str, ...] = ("general",)
    capacity: int = 3
    active: bool = True
    languages: tuple[str, ...] = ("zh",)
    channels: tuple[str, ...] = CHANNELS


def add_staff(session: Session, account: Account, *, username: str, password: str, by: Me | None) -> Staff:
    wanted = username.strip().lower()
    if not wanted.isascii() or not wanted.isalnum():
        raise Invalid("A user name has letters and digits only.", field="username")
    if session.scalar(select(Staff.id).where(Staff.username == wanted)):
        raise RuleBroken("{username} exists already.", username=wanted, field="username")
    staff = Staff(username=wanted, password_hash=signing_in.hash_password(password))
    _fill(session, staff, account)
    session.add(staff)
    session.flush()
    _note(session, by, staff.id, "added")
    return staff


def change_staff(session: Session, staff_id: UUID, account: Account, *, by: Me) -> Staff:
    """A closed account's sign-ins end at once. Nobody locks himself out."""
    staff = _find(session, staff_id)
    if staff.id == by.staff_id and (not account.active or Role.ADMINISTRATOR not in account.roles):
        raise RuleBroken("You cannot take your own administration away.")
    _fill(session, staff, account)
    if not account.active:
        signing_in.revoke_all(session, staff.id)
    _clear_desk(session, staff)
    access.note_look(session, by, "staff", staff.id, "changed", reason=", ".join(sorted(account.roles)))
    return staff


def set_password(session: Session, staff_id: UUID, password: str, *, by: Me | None) -> None:
    """Every sign-in under the old one ends."""
    staff = _find(session, staff_id)
    staff.password_hash = signing_in.hash_password(password)
    revoke_sessions(session, staff_id, by=by)


def revoke_sessions(session: Session, staff_id: UUID, *, by: Me | None) -> None:
    signing_in.revoke_all(session, _find(session, staff_id).id)
    _note(session, by, staff_id, "revoked")


def close_account(session: Session, staff_id: UUID, *, by: Me | None) -> None:
    """The person's sign-ins end at once."""
    staff = _find(session, staff_id)
    staff.active = False
    _clear_desk(session, staff)
    revoke_sessions(session, staff_id, by=by)


def _clear_desk(session: Session, staff: Staff) -> None:
    """What somebody held who may no longer serve is back in the queue at once; no telephone is left to the person either."""
    roles = staff.roles if staff.active else frozenset()
    if not roles & access.SERVING:
        presence.leave(session, staff.id)
    if not roles & access.CENTRE:
        lines.sign_out(session, staff_id=staff.id)


def _note(session: Session, by: Me | None, staff_id: UUID, what: str) -> None:
    if by is not None:
        access.note_look(session, by, "staff", staff_id, what)


def _find(session: Session, staff_id: UUID) -> Staff:
    staff = session.get(Staff, staff_id, options=[joinedload(Staff.unit)])
    if staff is None:
        raise NotFound()
    if session.scalar(select(System.id).where(System.staff_id == staff_id)):
        raise RuleBroken("This account is a unit's system: it has keys instead of a password.")
    return staff


def _fill(session: Session, staff: Staff, account: Account) -> None:
    if not account.name.strip():
        raise Invalid("Please fill in this field.", field="name")
    if not account.roles:
        raise Invalid("Please choose a role.", field="roles")
    if bool(account.roles & UNIT_ROLES) != bool(account.unit):
        raise Invalid("Liaisons and grid workers belong to a unit, others to none.", field="unit")
    if not all(map(_LANGUAGE.fullmatch, account.languages)):
        raise Invalid("A language is given by its code, such as zh or en.", field="languages")
    staff.name, staff.active = account.name.strip(), account.active
    staff.skills, staff.capacity = list(account.skills) or ["general"], account.capacity
    staff.languages = list(account.languages) or ["zh"]
    staff.channels = [channel for channel in CHANNELS if channel in account.channels]
    staff.unit_id = filing.units_of(session, [account.unit])[0].id if account.unit else None
    _give_roles(staff, account.roles)


def _give_roles(staff: Staff, roles: Collection[Role]) -> None:
    kept = [row for row in staff.role_rows if row.role in roles]
    new = set(roles) - {Role(row.role) for row in kept}
    staff.role_rows = [*kept, *(StaffRole(role=role) for role in new)]


def change_queue(session: Session, changes: Mapping[str, Any], *, by: Me) -> Rule:
    """A new edition of the numbers that rank the queue, in force at once; the same numbers again add none."""
    current = session.scalars(select(Rule).where(Rule.kind == "queue", Rule.current)).one()
    body = {**current.body, **changes}
    try:
        QueueRule.model_validate(body)
    except ValueError as error:
        raise Invalid("These numbers do not fit together: clocks are above 0, the share is from 0 to 1.") from error
    return new_edition(session, current, body, by=by)


def new_edition(session: Session, current: Rule, body: dict[str, Any], *, by: Me | None) -> Rule:
    """A checked body in force instead of the current edition; the same body again adds none."""
    digest = hashlib.sha256(json.dumps(body, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    if digest == current.digest:
        return current
    same = (Rule.kind == current.kind, Rule.code == current.code)
    latest = session.scalar(select(func.max(Rule.edition)).where(*same)) or 0
    session.execute(update(Rule).where(*same).values(current=False))
    rule = Rule(kind=current.kind, code=current.code, edition=latest + 1, digest=digest, body=body)
    session.add(rule)
    session.flush()
    if by is not None:
        access.note_look(session, by, "rule", rule.id, "changed")
    return rule


def new_desk_secret(session: Session, extension: str, *, by: Me) -> Credentials:
    """For the telephone on a desk; whoever knew the former secret is out."""
    credentials = lines.new_device_secret(session, by, extension)
    access.note_look(session, by, "line", by.staff_id, "secret", reason=extension)
    return credentials


def change_day(session: Session, day: date, *, working: bool, note: str, by: Me) -> None:
    """Due times that were provisional are counted again; others, once set, do not move."""
    known = session.get(CalendarDay, day)
    if known is None:
        raise NotFound("The calendar does not hold this day.")
    if not note.strip():
        raise Invalid("Please give a reason.", field="note")
    known.working, known.provisional, known.note = working, False, note.strip()[:64]
    outbox.emit(session, CalendarChanged())
    access.note_look(session, by, "calendar", by.staff_id, "changed", reason=f"{day} {'working' if working else 'free'}: {note}")


def retry_consequence(session: Session, message_id: UUID, *, by: Me) -> None:
    outbox.retry(session, message_id)
    access.note_look(session, by, "outbox", message_id, "retried")


def retry_message(session: Session, message_id: UUID, *, by: Me) -> None:
    """Send it again: its id stays, so that a provider that has it already drops the repeat."""
    message = _unsettled(session, message_id)
    message.delivery, message.settled_at = Delivery.WAITING, None
    # As if it were new, and not at night for somebody's impatience: the delivery looks at all that again.
    message.attempts, message.ready_at, message.next_try_at = 0, now(), now() + TAKEN_UP_AFTER
    outbox.emit(session, MessageReady(message.id, message.contact_id))
    access.note_look(session, by, "message", message.id, "retried")


def give_up_message(session: Session, message_id: UUID, *, by: Me) -> None:
    message = _unsettled(session, message_id)
    message.delivery, message.settled_at, message.next_try_at = Delivery.GIVEN_UP, now(), None
    access.note_look(session, by, "message", message.id, "given up")


def _unsettled(session: Session, message_id: UUID) -> OutgoingMessage:
    """Not what was sent another way since: the citizen would be told twice."""
    message = session.get(OutgoingMessage, message_id, with_for_update=True)
    if message is None:
        raise NotFound()
    if message.delivery not in UNSETTLED:
        raise WrongState()
    if session.scalar(select(OutgoingMessage.id).where(OutgoingMessage.instead_of_id == message.id)):
        raise RuleBroken("This was sent another way already.")
    return message
