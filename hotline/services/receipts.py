"""What providers say later of messages that we sent. It comes repeatedly and in any order."""

from sqlalchemy import update
from sqlalchemy.orm import Session

from hotline.ports import Receipt
from models import Delivery, OutgoingMessage, now

# What a message may still be for a receipt to count: a late "accepted" does not take back "delivered".
OPEN_TO = {
    Delivery.ACCEPTED: (Delivery.WAITING, Delivery.UNKNOWN),
    Delivery.UNKNOWN: (Delivery.WAITING,),
    Delivery.DELIVERED: (Delivery.WAITING, Delivery.UNKNOWN, Delivery.ACCEPTED),
    Delivery.REFUSED: (Delivery.WAITING, Delivery.UNKNOWN, Delivery.ACCEPTED),
}


def note(session: Session, channel: str, receipt: Receipt) -> None:
    """Never moves a message backwards; a receipt for a message that is not ours changes nothing."""
    state = Delivery(receipt.state)
    session.execute(
        update(OutgoingMessage)
        .where(
            OutgoingMessage.channel == channel,
            OutgoingMessage.provider_id == receipt.provider_id,
            OutgoingMessage.provider_id != "",
            OutgoingMessage.delivery.in_(OPEN_TO[state]),
        )
        .values(delivery=state, last_error=receipt.reason, settled_at=now())
        .execution_options(synchronize_session=False)
    )
