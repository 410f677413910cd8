"""How the agent of a conversation was: asked once when he or she has ended it, as callers are after a call."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from hotline.services import core
from hotline.services.city.places import hotline_name
from hotline.services.conversations import conversations, threads
from hotline.services.messages import outgoing, texts
from hotline.services.scores.spans import day_of
from hotline.services.survey_plans import rule
from models import (
    Case,
    Citizen,
    Conclusion,
    Contact,
    ContactRating,
    Conversation,
    Grade,
    Message,
    OutgoingMessage,
    now,
)

# An agent has dealt with it. What came to nothing, or went quiet by itself, is left alone.
ASKED_AFTER = frozenset({Conclusion.FILED, Conclusion.ANSWERED, Conclusion.REDIRECTED})
THANKS = "rate_thanks"
BEST = len(Grade)


def invite(session: Session, contact: Contact) -> bool:
    """Ask, where the citizen wrote and nowhere else; once, however often it is tried."""
    if contact.conclusion not in ASKED_AFTER or contact.taken_by_id is None or contact.first_answer_at is None:
        return False
    if not texts.is_told(session, outgoing.RATE, contact.channel) or not _may_be_asked(session, contact):
        return False
    values = {"contact_id": contact.id, "staff_id": contact.taken_by_id, "asked_at": now()}
    if not core.insert_once(session, ContactRating, values, unique=("contact_id",)):
        return False
    return _say(session, contact, outgoing.RATE, about=contact, key=f"{outgoing.RATE}:{contact.id.hex}")


def _may_be_asked(session: Session, contact: Contact) -> bool:
    talks = rule.current(session).talks
    if contact.channel not in talks.channels or contact.conversation_id is None or _is_sealed(session, contact):
        return False
    thread = session.get_one(Conversation, contact.conversation_id)
    if thread.left_at is not None or thread.heard_at is None or now() - thread.heard_at > talks.ended_within.natural:
        return False
    citizen = session.get(Citizen, contact.citizen_id) if contact.citizen_id else None
    refuses = citizen is not None and citizen.refuses_callback
    return not refuses and not conversations.is_opted_out(session, thread.channel, thread.sender_hash)


def _is_sealed(session: Session, contact: Contact) -> bool:
    """Nobody who holds the telephone is to learn that there was such a conversation."""
    cases = session.scalars(select(Case).where(Case.contact_id == contact.id))
    return contact.confidential or any(outgoing.is_sealed(case) for case in cases)


def waiting(session: Session, contact: Contact, message: Message) -> ContactRating | None:
    """What this number or account was asked last before it wrote, and may still answer, or correct on the same day."""
    sender = session.get_one(Conversation, contact.conversation_id)
    asked = exists().where(
        OutgoingMessage.contact_id == ContactRating.contact_id,
        OutgoingMessage.purpose == outgoing.RATE,
        OutgoingMessage.channel == sender.channel,
        OutgoingMessage.recipient_hash == sender.sender_hash,
    )
    since = message.received_at - rule.current(session).talks.heard_for.natural
    found = session.scalars(
        select(ContactRating)
        .join(Contact, Contact.id == ContactRating.contact_id)
        .where(Contact.conversation_id == sender.id, asked)
        .where(ContactRating.asked_at <= message.received_at, ContactRating.asked_at >= since)
        .order_by(ContactRating.asked_at.desc())
        .limit(1)
    ).one_or_none()
    is_settled = found is not None and found.rated_at is not None and day_of(found.rated_at) != day_of(message.received_at)
    return None if is_settled else found


def take(session: Session, contact: Contact, message: Message, asked: ContactRating, grade: Grade) -> None:
    asked.rating = BEST - list(Grade).index(grade)
    asked.rated_at = asked.rated_at or now()
    rated = session.get_one(Contact, asked.contact_id)
    _say(session, contact, THANKS, about=rated, key=f"{THANKS}:{message.id.hex}")


def _say(session: Session, contact: Contact, purpose: str, *, about: Contact, key: str) -> bool:
    values = {"number": about.reference, "hotline": hotline_name(session)}
    text = texts.render(session, purpose, contact.channel, values)
    return threads.say(session, contact, text=text, purpose=purpose, key=key)
