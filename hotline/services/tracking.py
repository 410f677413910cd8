"""What a citizen does with a number and its code: unlock the progress of his matters, add a remark, urge."""

import secrets
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound, RuleBroken, WrongState
from hotline.ports import Inbound
from hotline.services import intake, notes, numbering, reading_progress
from hotline.services.actors import SERVICE
from hotline.services.patience import Patience
from models import Action, Case, CaseEvent, Contact, now

FREE_TRIES = 5
OF_NUMBER, OF_ADDRESS = Patience(FREE_TRIES), Patience(FREE_TRIES)


def unlock(session: Session, number: str, code: str, *, address: str) -> Contact:
    """The contact of this number if the code is its own. Wrong tries cost time, for the number and for the address alike."""
    wanted, digits = number.strip()[:40], "".join(filter(str.isdigit, code))
    OF_NUMBER.check(wanted)
    OF_ADDRESS.check(address)
    contact = _contact_of(session, wanted)
    if contact is None or not _is_code_of(contact, digits):
        OF_NUMBER.wrong(wanted)
        OF_ADDRESS.wrong(address)
        raise Invalid("Number and code do not belong together. Please check both.", field="code")
    OF_NUMBER.right(wanted)
    return contact


def _contact_of(session: Session, number: str) -> Contact | None:
    """By its own reference, or by the number of any case that came of it."""
    contact = session.scalars(select(Contact).where(Contact.reference == number)).one_or_none()
    if contact is None:
        return session.scalars(
            select(Contact).join(Case, Case.contact_id == Contact.id).where(Case.number == number)
        ).one_or_none()
    return contact


def _is_code_of(contact: Contact, digits: str) -> bool:
    if contact.code_hash is None:
        return False
    return secrets.compare_digest(bytes(contact.code_hash), numbering.code_hash(contact.reference, digits))


def remark(session: Session, contact_id: UUID, *, number: str, text: str, key: str) -> None:
    """Add to a matter; the same key again adds nothing."""
    seen = reading_progress.progress(session, contact_id)
    if number not in seen.open_numbers:
        raise WrongState("This matter is over: please write a new letter.")
    contact = session.get_one(Contact, contact_id)
    intake.receive(
        session,
        Inbound(
            channel="mailbox",
            external_id=key,
            sender=contact.number or contact.reference,
            text=text,
            received_at=now(),
            number=contact.number or "",
            about=number,
        ),
    )


def urge(session: Session, contact_id: UUID, *, number: str, key: str) -> None:
    """Remind the unit, once a day; the same key again does nothing."""
    case = session.scalars(
        select(Case).where(Case.number == number, Case.contact_id == contact_id).with_for_update()
    ).one_or_none()
    if case is None:
        raise NotFound()
    events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == Action.URGE)).all()
    if any(event.key == key for event in events):
        return
    if case.status not in reading_progress.URGEABLE:
        raise WrongState()
    if reading_progress.next_urge(events) > now():
        raise RuleBroken("You have reminded the unit within the last 24 hours. It has been told.")
    notes.note(session, case, Action.URGE, by=SERVICE, key=key, text="")
