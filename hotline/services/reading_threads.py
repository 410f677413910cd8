"""What was said to and fro, as the desk shows it: each message with who wrote it, and whether it has arrived."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import LargeBinary, Select, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased, selectinload

from hotline.services.conversations import conversations
from hotline.services.messages.outgoing import SMS
from models import (
    Contact,
    Conversation,
    Delivery,
    Direction,
    GuidedExchange,
    Message,
    OptOut,
    OutgoingMessage,
    PendingMedia,
    Staff,
)

MOST = 100
# A provider that was cut off delivers late; a clock that is further out than this is not believed.
LATEST = timedelta(days=1)


@dataclass(frozen=True)
class Line:
    """A message. `files_waiting` are still at the provider; `file_lost` says why one never came."""

    message: Message
    writer: str | None
    delivery: Delivery | None
    trouble: str
    instead: Delivery | None
    files_waiting: int
    file_lost: str
    # What the contact's citizen is still being asked; the same in each line.
    open_questions: Sequence[str] | None
    # Whether the thread's sender has left the channel or wants no more of what goes out by itself, and whether the contact's
    # number wants no more texts; the same in each line.
    has_left: bool
    is_opted_out: bool
    is_number_opted_out: bool

    @property
    def said_at(self) -> datetime:
        """When it was written, as far as that is known: deliveries come out of order."""
        sent_at, received_at = self.message.sent_at, self.message.received_at
        return sent_at if sent_at is not None and timedelta() <= received_at - sent_at <= LATEST else received_at

    @property
    def is_ours(self) -> bool:
        return self.message.direction == Direction.OUT


def lines(session: Session, contact: Contact) -> Sequence[Line]:
    """The contact's own messages; of a thread the earlier episodes as well, unless they were confidential. Oldest first."""
    number = conversations.hash_of(contact.number) if contact.number else b""
    found = session.execute(_LATEST, {"contact": contact.id, "conversation": contact.conversation_id, "number": number})
    return sorted([Line(*row) for row in found][::-1], key=lambda line: line.said_at)


def _statement() -> Select[Message, str, Delivery, str, Delivery, int, str, list[str], bool, bool, bool]:
    sent, instead = aliased(OutgoingMessage), aliased(OutgoingMessage)
    episode = aliased(Contact)
    pending = PendingMedia.message_id == Message.id
    waiting = select(func.count()).select_from(PendingMedia).where(pending, PendingMedia.settled_at.is_(None))
    lost = select(func.coalesce(func.max(PendingMedia.failure), "")).where(pending)
    in_thread = and_(Message.conversation_id == bindparam("conversation"), episode.confidential.is_(False))
    thread = Conversation.id == bindparam("conversation")
    opted_out = exists().where(OptOut.channel == Conversation.channel, OptOut.recipient_hash == Conversation.sender_hash, thread)
    number_opted_out = exists().where(OptOut.channel == SMS, OptOut.recipient_hash == bindparam("number", type_=LargeBinary))
    return (
        select(
            Message,
            Staff.name,
            sent.delivery,
            func.coalesce(sent.last_error, ""),
            instead.delivery,
            waiting.scalar_subquery(),
            lost.scalar_subquery(),
            GuidedExchange.open_questions,
            exists().where(thread, Conversation.left_at.is_not(None)),
            opted_out,
            number_opted_out,
        )
        .join(episode, episode.id == Message.contact_id)
        .outerjoin(Staff, Staff.id == Message.by_id)
        .outerjoin(sent, and_(sent.message_id == Message.id, sent.instead_of_id.is_(None)))
        .outerjoin(instead, instead.instead_of_id == sent.id)
        .outerjoin(GuidedExchange, and_(GuidedExchange.contact_id == bindparam("contact"), GuidedExchange.ended_at.is_(None)))
        .where(or_(Message.contact_id == bindparam("contact"), in_thread))
        .options(selectinload(Message.attachments))
        .order_by(Message.received_at.desc(), Message.id.desc())
        .limit(MOST)
    )


_LATEST = _statement()
