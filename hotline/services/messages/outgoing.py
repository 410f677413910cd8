"""What is told to citizens: a row first, on the way they came; sent afterwards by the delivery task."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.events import MessageReady
from hotline.services import phones
from hotline.services.conversations import conversations
from hotline.services.messages import texting_rule, texts
from hotline.services.outbox import emit
from hotline.settings import get_settings
from models import Case, Contact, Conversation, Delivery, Direction, Message, OutgoingMessage, new_id, now

SMS, MAILBOX = "sms", "mailbox"
# What could not reach a citizen on these is tried as a text message.
FALLING_BACK = frozenset({"wechat", "email"})
REPLY = "reply"
NO_MORE_TEXTS = "This number wants no more text messages. Please phone instead."
NO_WAY = "This citizen can no longer be written to, and there is no number that takes text messages."
NO_TEXT_INSTEAD = (
    "This number wants no more text messages: what does not arrive here will not follow as one. Perhaps phone instead."
)
# The citizen is asked how the agent was; who cannot be asked there is not asked elsewhere.
RATE = "rate_talk"
# Steps of a case: a newer one says all that an older one said. An answer or a survey's link is not lost with them.
STEPS = frozenset({"filed", "dispatched", "reopened"})
# What goes out by itself, of all that is told. The rest answers what a citizen has just written.
NOTICES = STEPS | {
    texts.ANSWERED,
    texts.PROGRESS,
    "survey",
    RATE,
    "extended",
    "question",
    "withdrawn",
    "looked_again",
    "incident",
    "repeat",
}
# The timetable takes up what was not sent at once: the process may have died, the outbox may be stuck.
TAKEN_UP_AFTER = timedelta(minutes=1)


@dataclass(frozen=True)
class Way:
    """`gateway` is the one that the citizen wrote to, where a channel has several."""

    channel: str
    recipient: str
    gateway: str = ""

    @property
    def recipient_hash(self) -> bytes:
        return conversations.hash_of(self.recipient)


@dataclass(frozen=True)
class Prospect:
    """What an agent should know before writing: why an answer may not go, or what would not follow if it did not arrive."""

    refused: str = ""
    warning: str = ""


@dataclass(frozen=True)
class _Note:
    """What is to be told, and what of."""

    purpose: str
    values: Mapping[str, str]
    contact_id: UUID | None = None
    case_id: UUID | None = None
    message_id: UUID | None = None
    key: str | None = None
    ready_at: datetime | None = None
    instead_of_id: UUID | None = None


def is_sealed(case: Case) -> bool:
    """Nothing of what it is about leaves the house: such a message is read by whoever holds the telephone."""
    return case.is_shielded


def about_case(session: Session, case: Case, *, purpose: str, values: Mapping[str, str], round_: str) -> OutgoingMessage | None:
    """Told once a round, whoever asks again. None if it was told, or there is no way, or nothing is told of it on that way.

    Of a confidential case it tells only that there is something to see. Steps wait a little, so that the next one replaces them.
    """
    key = f"{case.id}:{purpose}:{round_}"
    way = _way_of_case(session, case)
    if way is None or session.scalar(select(OutgoingMessage.id).where(OutgoingMessage.key == key)):
        return None
    told = texts.PROGRESS if is_sealed(case) else purpose
    if not texts.is_told(session, purpose, way.channel) or is_opted_out(session, way, told):
        return None
    if told == texts.PROGRESS:
        values = {"link": values["link"]}
    gathering = timedelta(seconds=texting_rule.current(session).gather_seconds) if purpose in STEPS else timedelta()
    text = texts.render(session, told, way.channel, values)
    _replace(session, case, way, purpose)
    note = _Note(told, values, case.contact_id, case_id=case.id, key=key, ready_at=now() + gathering)
    return _write(session, way, note, text)


def reached_at(session: Session, case: Case) -> tuple[str, bytes] | None:
    """The channel and the hash of the address: the same for all cases of one citizen."""
    way = _way_of_case(session, case)
    return (way.channel, way.recipient_hash) if way else None


def about_contact(
    session: Session, contact: Contact, *, text: str, purpose: str, values: Mapping[str, str], message_id: UUID | None = None
) -> OutgoingMessage | None:
    """Nothing if there is no way to reach the citizen. `message_id` is the outgoing message of the thread that this delivers.

    A reply is refused instead: whoever wrote it must know that it does not arrive.
    """
    way = _way_to(session, contact, contact.number)
    refused = _refusal(session, way, purpose)
    if refused and purpose == REPLY:
        raise RuleBroken(refused)
    if way is None or refused:
        return None
    return _write(session, way, _Note(purpose, values, contact.id, message_id=message_id), text)


def prospect(contact: Contact, *, has_left: bool, is_opted_out: bool, is_number_opted_out: bool) -> Prospect:
    """Of an answer in the contact's thread: whose sender has left or wants no more, and whose number wants no more texts."""
    has_number = _by_text(contact.number) is not None
    if has_left and not has_number:
        return Prospect(refused=NO_WAY)
    if (contact.channel == SMS and is_opted_out) or (has_left and is_number_opted_out):
        return Prospect(refused=NO_MORE_TEXTS)
    may_fall_back = contact.channel in FALLING_BACK and has_number
    return Prospect(warning=NO_TEXT_INSTEAD if may_fall_back and is_number_opted_out else "")


def to_thread(session: Session, conversation: Conversation, *, text: str, purpose: str) -> OutgoingMessage:
    """To a citizen who has not asked for anything yet."""
    return _write(session, Way(conversation.channel, conversation.sender), _Note(purpose, {"text": text}), text)


def by_text(session: Session, number: str, *, text: str, purpose: str, values: Mapping[str, str]) -> OutgoingMessage:
    """To a number (E.164) by text message, whoever it belongs to."""
    return _write(session, Way(SMS, number), _Note(purpose, values), text)


def to_colleague(session: Session, way: Way, *, text: str, purpose: str, values: Mapping[str, str], key: str) -> OutgoingMessage:
    """To somebody of the centre or of a unit, or to a unit's group: at once, at any hour; the same key is the same message."""
    told = session.scalars(select(OutgoingMessage).where(OutgoingMessage.key == key)).one_or_none()
    return told or _write(session, way, _Note(purpose, values, key=key), text)


def instead(session: Session, row: OutgoingMessage) -> OutgoingMessage | None:
    """The same as a text message, for one that did not arrive; once, and only to a number that is known and wants it."""
    if row.channel not in FALLING_BACK or row.contact_id is None or row.purpose == RATE:
        return None
    case = session.get_one(Case, row.case_id) if row.case_id else None
    contact = session.get_one(Contact, row.contact_id)
    way = _by_text(case.number_of_requester if case else contact.number)
    if way is None or is_opted_out(session, way, row.purpose):
        return None
    values: dict[str, str] = json.loads(row.values or "{}")
    note = _Note(row.purpose, values, contact.id, row.case_id, row.message_id, instead_of_id=row.id)
    if case is None and contact.confidential:
        note = _Note(texts.PROGRESS, {"link": progress_link()}, contact.id, None, row.message_id, instead_of_id=row.id)
        return _write(session, way, note, texts.render(session, texts.PROGRESS, SMS, note.values))
    return _write(session, way, note, texts.again(session, row, SMS))


def is_opted_out(session: Session, way: Way, purpose: str) -> bool:
    """Who wants no more text messages gets none at all; elsewhere what was asked for is still answered where it was asked."""
    if way.channel == MAILBOX or not conversations.is_opted_out(session, way.channel, way.recipient_hash):
        return False
    return way.channel == SMS or purpose in NOTICES - {texts.ANSWERED}


def _refusal(session: Session, way: Way | None, purpose: str) -> str:
    if way is None:
        return NO_WAY
    return NO_MORE_TEXTS if is_opted_out(session, way, purpose) else ""


def progress_link() -> str:
    return f"{get_settings().public_url}/track"


def _way_of_case(session: Session, case: Case) -> Way | None:
    return _way_to(session, session.get_one(Contact, case.contact_id), case.number_of_requester)


def _way_to(session: Session, contact: Contact, number: str | None) -> Way | None:
    if contact.channel == MAILBOX:
        # A letter without a number is answered on the progress page, under its reference.
        return Way(MAILBOX, number or contact.reference)
    # On other channels the number is reached by text message.
    if contact.channel in texts.TALKED and contact.conversation_id is not None:
        thread = session.get_one(Conversation, contact.conversation_id)
        if thread.left_at is None:
            return Way(contact.channel, thread.sender, _gateway_of(session, thread))
    return _by_text(number)


def _gateway_of(session: Session, thread: Conversation) -> str:
    latest = (
        select(Message.gateway)
        .where(Message.conversation_id == thread.id, Message.direction == Direction.IN)
        .order_by(Message.received_at.desc(), Message.id.desc())
        .limit(1)
    )
    return session.scalar(latest) or ""


def _by_text(number: str | None) -> Way | None:
    return Way(SMS, number) if number and phones.takes_texts(number) else None


def _replace(session: Session, case: Case, way: Way, purpose: str) -> None:
    """What waits and says less than the newer message is not sent: an earlier step, or the same again."""
    waiting = session.scalars(
        select(OutgoingMessage)
        .where(
            OutgoingMessage.case_id == case.id,
            OutgoingMessage.channel == way.channel,
            OutgoingMessage.recipient_hash == way.recipient_hash,
            OutgoingMessage.delivery == Delivery.WAITING,
            OutgoingMessage.attempts == 0,
            or_(*(OutgoingMessage.key.like(f"{case.id}:{each}:%") for each in sorted(STEPS | {purpose}))),
        )
        .with_for_update(skip_locked=True)
    )
    for row in waiting:
        row.delivery, row.settled_at, row.next_try_at = Delivery.REPLACED, now(), None


def _write(session: Session, way: Way, note: _Note, text: str) -> OutgoingMessage:
    at = now()
    ready_at = max(note.ready_at or at, at)
    row = OutgoingMessage(
        id=new_id(),
        channel=way.channel,
        gateway=way.gateway,
        recipient=way.recipient,
        recipient_hash=way.recipient_hash,
        text=text,
        values=json.dumps(dict(note.values), ensure_ascii=False),
        purpose=note.purpose,
        contact_id=note.contact_id,
        case_id=note.case_id,
        message_id=note.message_id,
        key=note.key,
        instead_of_id=note.instead_of_id,
        ready_at=ready_at,
        next_try_at=ready_at if ready_at > at else at + TAKEN_UP_AFTER,
    )
    session.add(row)
    if ready_at <= at:
        emit(session, MessageReady(row.id, row.contact_id))
    session.flush()
    return row
