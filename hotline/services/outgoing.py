"""What is told to citizens: a row first, on the way they came; sent afterwards by the delivery task."""

import json
from collections.abc import Mapping
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.events import MessageReady
from hotline.services import conversations
from hotline.services.outbox import emit
from models import Case, Contact, Conversation, OutgoingMessage, new_id

# Channels on which a citizen can be written to where the contact came from; others reach the number by text message.
WRITTEN = frozenset({"sms", "wechat", "email", "mailbox"})


def about_case(session: Session, case: Case, *, text: str, purpose: str, values: Mapping[str, str]) -> OutgoingMessage | None:
    """Nothing if there is no way to reach the citizen."""
    contact = session.get_one(Contact, case.contact_id)
    way = _way_to(session, contact, case.number_of_requester)
    return _write(session, way, contact, text=text, purpose=purpose, values=values, case_id=case.id) if way else None


def about_contact(
    session: Session, contact: Contact, *, text: str, purpose: str, values: Mapping[str, str], message_id: UUID | None = None
) -> OutgoingMessage | None:
    """Nothing if there is no way to reach the citizen. `message_id` is the outgoing message of the thread that this delivers."""
    way = _way_to(session, contact, contact.number)
    return _write(session, way, contact, text=text, purpose=purpose, values=values, message_id=message_id) if way else None


def to_thread(session: Session, conversation: Conversation, *, text: str, purpose: str) -> OutgoingMessage:
    """To a citizen who has not asked for anything yet."""
    way = (conversation.channel, conversation.sender)
    return _write(session, way, None, text=text, purpose=purpose, values={"text": text})


def by_text(session: Session, number: str, *, text: str, purpose: str, values: Mapping[str, str]) -> OutgoingMessage:
    """To a number (E.164) by text message, whoever it belongs to."""
    return _write(session, ("sms", number), None, text=text, purpose=purpose, values=values)


def _way_to(session: Session, contact: Contact, number: str | None) -> tuple[str, str] | None:
    if contact.channel in WRITTEN and contact.conversation_id is not None:
        return contact.channel, session.get_one(Conversation, contact.conversation_id).sender
    if contact.channel == "mailbox":
        # A letter without a number is answered on the progress page, under its reference.
        return "mailbox", number or contact.reference
    return ("sms", number) if number else None


def _write(
    session: Session,
    way: tuple[str, str],
    contact: Contact | None,
    *,
    text: str,
    purpose: str,
    values: Mapping[str, str],
    case_id: UUID | None = None,
    message_id: UUID | None = None,
) -> OutgoingMessage:
    channel, recipient = way
    message = OutgoingMessage(
        id=new_id(),
        channel=channel,
        recipient=recipient,
        recipient_hash=conversations.hash_of(recipient),
        text=text,
        values=json.dumps(dict(values), ensure_ascii=False),
        purpose=purpose,
        contact_id=contact.id if contact else None,
        case_id=case_id,
        message_id=message_id,
    )
    session.add(message)
    emit(session, MessageReady(message.id, message.contact_id))
    session.flush()
    return message
