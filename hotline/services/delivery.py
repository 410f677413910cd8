"""Outgoing messages on their way: taken for a try, settled by what the provider said. The sending lies between the two."""

from uuid import UUID

from sqlalchemy.orm import Session

from hotline.ports import Outbound, Receipt, ReceiptState
from models import Delivery, OutgoingMessage, now


def take(session: Session, outgoing_id: UUID) -> tuple[str, Outbound] | None:
    """The channel and the message to send; None if its fate is known already."""
    row = session.get_one(OutgoingMessage, outgoing_id, with_for_update=True)
    if row.delivery != Delivery.WAITING:
        return None
    row.attempts += 1
    return row.channel, Outbound(key=str(row.id), recipient=row.recipient, text=row.text)


def settle(session: Session, outgoing_id: UUID, receipt: Receipt) -> None:
    """Note the receipt. `unknown` is settled too: it may have arrived, so a person decides whether to send it again."""
    row = session.get_one(OutgoingMessage, outgoing_id, with_for_update=True)
    if row.delivery != Delivery.WAITING:
        return
    row.delivery = Delivery(ReceiptState(receipt.state).value)
    row.provider_id, row.last_error, row.settled_at = receipt.provider_id, receipt.reason, now()
