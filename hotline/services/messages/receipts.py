"""What providers say later of messages that we sent. It comes repeatedly and in any order."""

from uuid import UUID

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from hotline.ports import Receipt, ReceiptState
from hotline.services.messages import delivery
from models import Delivery, OutgoingMessage, now

# What a message may still be for a receipt to count: a late "accepted" does not take back "delivered".
OPEN_TO = {
    ReceiptState.ACCEPTED: (Delivery.SENDING, Delivery.UNKNOWN),
    ReceiptState.DELIVERED: (Delivery.SENDING, Delivery.UNKNOWN, Delivery.ACCEPTED),
    ReceiptState.REFUSED: (Delivery.SENDING, Delivery.UNKNOWN, Delivery.ACCEPTED),
    ReceiptState.UNREACHABLE: (Delivery.SENDING, Delivery.UNKNOWN, Delivery.ACCEPTED),
}


def note(session: Session, channel: str, receipt: Receipt) -> None:
    """Never moves a message backwards; a receipt for a message that is not ours, or that says nothing, changes nothing."""
    ours = _ours(receipt)
    if receipt.state not in OPEN_TO or ours is None:
        return
    rows = session.scalars(
        select(OutgoingMessage)
        .where(OutgoingMessage.channel == channel, ours, OutgoingMessage.delivery.in_(OPEN_TO[receipt.state]))
        .with_for_update()
    ).all()
    for row in rows:
        row.provider_id = row.provider_id or receipt.provider_id
        if receipt.state in delivery.LOST:
            delivery.lose(session, row, receipt.reason)
        else:
            row.delivery, row.last_error = Delivery(receipt.state.value), receipt.reason
            row.settled_at, row.next_try_at = now(), None
            delivery.told(session, row)


def _ours(receipt: Receipt) -> ColumnElement[bool] | None:
    """By our own key where the provider gives it back: its first word may be faster than its answer with the id."""
    if receipt.key:
        try:
            return OutgoingMessage.id == UUID(receipt.key)
        except ValueError:
            return None
    return OutgoingMessage.provider_id == receipt.provider_id if receipt.provider_id else None
