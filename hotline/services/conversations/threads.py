"""What we write into a citizen's thread: a person's answer or a sentence of the service, once each, sent by the delivery task."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import core
from hotline.services.files import files
from hotline.services.files.files import CheckedFile
from hotline.services.holding import hold_contact
from hotline.services.messages import outgoing, texts
from models import Contact, Direction, Message, Staff, new_id, now

# A text message carries words only.
WITHOUT_FILES = frozenset({"sms"})
LONGEST = 2000


def reply(session: Session, contact: Contact, *, text: str, enclosed: Sequence[CheckedFile] = (), by: Staff, key: str) -> Message:
    """A person answers; the clock of the oldest unanswered message stops. The same key again writes nothing."""
    contact = hold_contact(session, contact.id)
    if contact.taken_by_id != by.id:
        raise NotAllowed("Only the person who has taken this contact, or the shift leader, may do this.")
    if contact.concluded_at is not None:
        raise WrongState("This contact is concluded.")
    text = text.strip()
    _refuse(contact, text, enclosed)
    message, is_new = _write(session, contact, text=text, external_id=f"reply:{key}", by=by)
    if is_new:
        _send(session, contact, message, purpose=outgoing.REPLY, enclosed=enclosed)
        contact.first_answer_at = contact.first_answer_at or message.received_at
        contact.unanswered_since = None
    return message


def say(session: Session, contact: Contact, *, text: str, purpose: str, key: str) -> bool:
    """The service writes by itself; False if it has, under this key. No clock stops: a person has not answered."""
    message, is_new = _write(session, contact, text=text, external_id=key, by=None)
    if is_new:
        _send(session, contact, message, purpose=purpose)
    return is_new


def is_talked(contact: Contact) -> bool:
    return contact.channel in texts.TALKED and contact.conversation_id is not None


def _refuse(contact: Contact, text: str, enclosed: Sequence[CheckedFile]) -> None:
    if not is_talked(contact):
        raise RuleBroken("This citizen cannot be written to here.")
    if enclosed and contact.channel in WITHOUT_FILES:
        raise Invalid("A text message carries no files.", field="files")
    if (not text and not enclosed) or len(text) > LONGEST:
        raise Invalid("A message has 1 to {most} characters.", field="text", most=LONGEST)


def _write(session: Session, contact: Contact, *, text: str, external_id: str, by: Staff | None) -> tuple[Message, bool]:
    at = now()
    values = {
        "id": new_id(),
        "channel": contact.channel,
        "gateway": "",
        "external_id": external_id,
        "direction": Direction.OUT,
        "contact_id": contact.id,
        "conversation_id": contact.conversation_id,
        "text": text,
        "by_id": by.id if by else None,
        "received_at": at,
        "created_at": at,
    }
    if core.insert_once(session, Message, values, unique=("channel", "external_id")):
        return session.get_one(Message, values["id"]), True
    known = session.scalars(select(Message).where(Message.channel == contact.channel, Message.external_id == external_id)).one()
    return known, False


def _send(session: Session, contact: Contact, message: Message, *, purpose: str, enclosed: Sequence[CheckedFile] = ()) -> None:
    for file in enclosed:
        files.store(session, file, message=message)
    outgoing.about_contact(
        session, contact, text=message.text, purpose=purpose, values={"text": message.text}, message_id=message.id
    )
