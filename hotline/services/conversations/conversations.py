"""A citizen's thread on one channel: whose it is, when it was last heard, and what happens on it beside messages."""

from datetime import datetime
from functools import cache

from sqlalchemy import Executable, case, delete, null, or_, select
from sqlalchemy.dialects import postgresql, sqlite
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


def key_of(channel: str, sender: str) -> str:
    """The same for one sender of a channel, however a gateway spells the number; it tells nobody who that is."""
    return f"{channel}:{hash_of(_spelt(channel, sender)).hex()}"


def hold(session: Session, channel: str, sender: str, *, heard_at: datetime) -> Conversation:
    """The sender's thread, made if there is none, and locked: two first messages at once open one contact."""
    sender = _spelt(channel, sender)
    values = {"channel": channel, "sender_hash": hash_of(sender), "sender": sender, "heard_at": heard_at}
    rows = core.send(session, _hold(core.is_sqlite(session)), core.filled(Conversation, values))
    return core.loaded(session, Conversation, rows[0])


@cache
def _hold(on_sqlite: bool) -> Executable:
    """What came before the last word that was heard changes nothing."""
    thread = core.table(Conversation)
    made = sqlite.insert(thread) if on_sqlite else postgresql.insert(thread)
    heard = made.excluded.heard_at
    is_later = or_(thread.c.heard_at.is_(None), heard >= thread.c.heard_at)
    news = {
        "heard_at": case((is_later, heard), else_=thread.c.heard_at),
        "left_at": case((is_later, null()), else_=thread.c.left_at),
    }
    return made.on_conflict_do_update(index_elements=["channel", "sender_hash"], set_=news).returning(*thread.columns)


def _spelt(channel: str, sender: str) -> str:
    return (phones.normalise(sender) or sender) if channel in NUMBERED else sender


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


def is_noted(session: Session, signal: Signal) -> bool:
    known = select(ConversationSignal.id).filter_by(channel=signal.channel, external_id=signal.external_id)
    return session.scalar(known) is not None


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
