"""Outgoing messages on their way: taken for a try, settled by what the provider said. The sending lies between the two.

A row that is taken and never settled (the process died) was perhaps sent: its provider is asked, it is not sent again blindly.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import words
from hotline.events import DeliveryChanged, MessageReady, OutcomeUnclear
from hotline.ports import File, Outbound, Receipt, ReceiptState
from hotline.services.alerts import telling
from hotline.services.conversations import answered, conversations
from hotline.services.files import files
from hotline.services.messages import outgoing, pacing, texting_rule
from hotline.services.messages.outgoing import Way
from hotline.services.monthly import reports, sheets
from hotline.services.outbox import emit
from models import Attachment, Conversation, Delivery, OutgoingMessage, now

# Longer than any try takes: a row that is still being sent after this long has lost its sender.
TRY_TAKES = timedelta(minutes=2)
FIRST_ASKED = timedelta(minutes=1)
ASKED_FOR = timedelta(hours=24)
SWEEP = 200
ARRIVED = (ReceiptState.ACCEPTED, ReceiptState.DELIVERED)
LOST = (ReceiptState.REFUSED, ReceiptState.UNREACHABLE)


# Of a channel and the gateway that a message was given to: the gateway that sends it.
Route = Callable[[str, str], str]


@dataclass(frozen=True)
class Question:
    channel: str
    message: Outbound
    provider_id: str
    tried_at: datetime


def given_to(session: Session, outgoing_id: UUID) -> tuple[str, str]:
    """The channel, and its gateway if one was asked for."""
    columns = select(OutgoingMessage.channel, OutgoingMessage.gateway)
    row = session.execute(columns.where(OutgoingMessage.id == outgoing_id)).one()
    return row.channel, row.gateway


def take(session: Session, outgoing_id: UUID, *, route: Route) -> tuple[str, Outbound] | None:
    """The channel and the message to send; None if it is not its turn, or its fate is known or being found out."""
    row = _held(session, outgoing_id)
    if row.delivery != Delivery.WAITING:
        return None
    if outgoing.is_opted_out(session, Way(row.channel, row.recipient), row.purpose):
        _end(session, row, Delivery.GIVEN_UP, words.say("The citizen wants no more messages this way."))
        return None
    gateway = route(row.channel, row.gateway)
    row.next_try_at = pacing.wait_until(session, row, gateway)
    if row.next_try_at is not None:
        return None
    row.delivery, row.sent_by = Delivery.SENDING, gateway
    row.attempts += 1
    row.tried_at = now()
    row.next_try_at = row.tried_at + TRY_TAKES
    return row.channel, _outbound(session, row, gateway)


def settle(session: Session, outgoing_id: UUID, receipt: Receipt) -> None:
    """Note the receipt. A row that is no longer being sent was settled by a callback that came first."""
    row = _held(session, outgoing_id)
    row.provider_id = row.provider_id or receipt.provider_id
    if receipt.state in ARRIVED:
        pacing.note_well(session, row)
    if row.delivery != Delivery.SENDING:
        return
    if receipt.state in ARRIVED:
        _end(session, row, Delivery(receipt.state.value), receipt.reason)
    elif receipt.state in LOST:
        pacing.pass_on(session, row)
        lose(session, row, receipt.reason)
    elif receipt.state == ReceiptState.UNKNOWN:
        # A provider that hangs makes one message unclear, and not one after the other.
        pacing.note_busy(session, row, receipt.retry_after)
        _end(session, row, Delivery.UNKNOWN, receipt.reason)
        row.next_try_at = now() + FIRST_ASKED
    else:
        until = pacing.note_busy(session, row, receipt.retry_after)
        _try_again(session, row, receipt.reason, not_before=until)


def ask(session: Session, outgoing_id: UUID) -> Question | None:
    """What to ask the provider about, and not again before as much time has gone by as since the try; for a day.

    None if the fate is known by now.
    """
    row = _held(session, outgoing_id)
    if row.delivery != Delivery.UNKNOWN or row.tried_at is None:
        return None
    since = now() - row.tried_at
    row.next_try_at = now() + max(FIRST_ASKED, since) if since < ASKED_FOR else None
    return Question(row.channel, _outbound(session, row, row.sent_by), row.provider_id, row.tried_at)


def learn(session: Session, outgoing_id: UUID, receipt: Receipt | None) -> None:
    """Note what the provider knows. None: it cannot be asked, so that a person decides."""
    row = _held(session, outgoing_id)
    if row.delivery != Delivery.UNKNOWN:
        return
    if receipt is None:
        row.next_try_at = None
    elif receipt.state in ARRIVED:
        row.provider_id = row.provider_id or receipt.provider_id
        _end(session, row, Delivery(receipt.state.value), receipt.reason)
    elif receipt.state in LOST:
        lose(session, row, receipt.reason)
    elif receipt.state == ReceiptState.ABSENT:
        _try_again(session, row, receipt.reason, not_before=now())


def lose(session: Session, row: OutgoingMessage, reason: str) -> None:
    """It did not arrive this way: as a text message, if it may, else people see it."""
    _end(session, row, Delivery.REFUSED, reason)
    outgoing.instead(session, row)


def find_due(session: Session) -> int:
    """Send what is due, ask about what is unclear, give up waiting for senders that are gone; returns how many."""
    at = now()
    rows = session.scalars(
        select(OutgoingMessage)
        .where(OutgoingMessage.next_try_at <= at)
        .order_by(OutgoingMessage.next_try_at, OutgoingMessage.id)
        .limit(SWEEP)
        .with_for_update(skip_locked=True)
    ).all()
    for row in rows:
        row.next_try_at = at + outgoing.TAKEN_UP_AFTER
        if row.delivery == Delivery.WAITING:
            emit(session, MessageReady(row.id, row.contact_id))
            continue
        if row.delivery == Delivery.SENDING:
            row.delivery, row.settled_at = Delivery.UNKNOWN, at
            row.last_error = words.say("The sending was interrupted: perhaps it went out, perhaps not.")
            told(session, row)
        emit(session, OutcomeUnclear(row.id))
    return len(rows)


def told(session: Session, row: OutgoingMessage) -> None:
    """Whoever looks at the thread sees it."""
    if row.message_id is not None and row.contact_id is not None:
        emit(session, DeliveryChanged(row.id, row.contact_id))


def _held(session: Session, outgoing_id: UUID) -> OutgoingMessage:
    return session.get_one(OutgoingMessage, outgoing_id, with_for_update=True, populate_existing=True)


def _try_again(session: Session, row: OutgoingMessage, reason: str, *, not_before: datetime) -> None:
    if pacing.is_hopeless(row, texting_rule.current(session)):
        lose(session, row, words.say("Given up after {tries} tries. {reason}", tries=row.attempts, reason=reason).strip())
        return
    row.delivery, row.settled_at, row.last_error = Delivery.WAITING, None, reason
    row.next_try_at = max(not_before, pacing.again_at(row))
    told(session, row)


def _end(session: Session, row: OutgoingMessage, delivery: Delivery, reason: str) -> None:
    row.delivery, row.last_error, row.settled_at, row.next_try_at = delivery, reason, now(), None
    told(session, row)
    following = pacing.next_of(session, row)
    if following is not None:
        emit(session, MessageReady(following.id, following.contact_id))


def _outbound(session: Session, row: OutgoingMessage, gateway: str) -> Outbound:
    heard_at = session.scalar(
        select(Conversation.heard_at).where(
            Conversation.channel == row.channel, Conversation.sender_hash == conversations.hash_of(row.recipient)
        )
    )
    return Outbound(
        key=str(row.id),
        recipient=row.recipient,
        text=row.text,
        purpose=row.purpose,
        values=json.loads(row.values or "{}"),
        files=_files_of(session, row),
        heard_at=heard_at,
        gateway=gateway,
        answered=answered.by(session, row),
    )


def _files_of(session: Session, row: OutgoingMessage) -> tuple[File, ...]:
    if row.purpose == telling.REPORT:
        return _book_of(session, row)
    if row.message_id is None:
        return ()
    rows = session.scalars(select(Attachment).where(Attachment.message_id == row.message_id).order_by(Attachment.created_at))
    return tuple(File(each.name, files.open(each)) for each in rows)


def _book_of(session: Session, row: OutgoingMessage) -> tuple[File, ...]:
    """What is small is not kept: a signed report gives the same book at every try."""
    report_id = telling.report_in(row)
    if report_id is None:
        return ()
    report = reports.signed(session, report_id)
    return (File(sheets.name_of(report), sheets.write(report)),)
