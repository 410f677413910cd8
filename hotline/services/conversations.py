"""A citizen's thread on one channel: whose it is, when it was last heard, and what happens on it beside messages."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hotline.events import SignalNoted
from hotline.ports import Signal, SignalKind
from hotline.services import core, phones
from hotline.services.outbox import emit
from models import Conversation, ConversationSignal, OptOut, new_id, now, privacy

MOST_VALUE = 255
# Where a sender is a telephone number, which gateways spell in many ways.
NUMBERED = frozenset({"sms"})
# Whether somebody wants to be written to.
WISHES = frozenset({SignalKind.OPTED_OUT, SignalKind.OPTED_IN})


def hash_of(sender: str) -> bytes:
    return privacy.lookup_hash("sender", sender)


def hold(session: Session, channel: str, sender: str, *, heard_at: datetime) -> Conversation:
    """The sender's thread, made if there is none, and locked: two first messages at once open one contact."""
    if channel in NUMBERED:
        sender = phones.normalise(sender) or sender
    values = {"channel": channel, "sender_hash": hash_of(sender), "sender": sender}
    core.insert_once(session, Conversation, values, unique=("channel", "sender_hash"))
    found = session.scalars(
        select(Conversation)
        .where(Conversation.channel == channel, Conversation.sender_hash == values["sender_hash"])
        .with_for_update()
    ).one()
    if found.heard_at is None or heard_at >= found.heard_at:
        found.heard_at, found.left_at = heard_at, None
    return found


def note(session: Session, signal: Signal) -> bool:
    """Keep what a citizen did that is no message; False if it is known already."""
    conversation = hold(session, signal.channel, signal.sender, heard_at=signal.at)
    signal_id = new_id()
    values = {
        "id": signal_id,
        "channel": signal.channel,
        "external_id": signal.external_id,
        "conversation_id": conversation.id,
        "kind": signal.kind,
        "value": signal.value[:MOST_VALUE],
        "at": signal.at,
        "created_at": now(),
    }
    if not core.insert_once(session, ConversationSignal, values, unique=("channel", "external_id")):
        return False
    if signal.kind == SignalKind.UNSUBSCRIBED:
        conversation.left_at = signal.at
    elif signal.kind in WISHES:
        _heed(session, conversation)
    emit(session, SignalNoted(signal_id))
    return True


def is_opted_out(session: Session, channel: str, recipient_hash: bytes) -> bool:
    return session.get(OptOut, (channel, recipient_hash)) is not None


def _heed(session: Session, conversation: Conversation) -> None:
    """The latest wish counts, in whatever order they come in."""
    latest = session.scalars(
        select(ConversationSignal)
        .where(ConversationSignal.conversation_id == conversation.id, ConversationSignal.kind.in_(WISHES))
        .order_by(ConversationSignal.at.desc(), ConversationSignal.id.desc())
        .limit(1)
    ).one()
    place = {"channel": conversation.channel, "recipient_hash": conversation.sender_hash}
    if latest.kind == SignalKind.OPTED_OUT:
        core.insert_once(session, OptOut, {**place, "since": latest.at}, unique=("channel", "recipient_hash"))
    else:
        session.execute(delete(OptOut).filter_by(**place))
