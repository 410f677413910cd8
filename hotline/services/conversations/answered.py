"""What an outgoing message answers: the citizen's latest word before it, and what led to that."""

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from hotline.ports import Answered
from hotline.services.messages import texts
from models import Contact, Direction, Message, OutgoingMessage

# Back to here an answer names what was said.
MOST = 12
LONGEST_LINE = 400


def by(session: Session, row: OutgoingMessage) -> Answered | None:
    """None if the citizen has said nothing that it could answer, on this channel at least."""
    said = session.execute(
        select(
            Message.direction,
            Message.external_id,
            OutgoingMessage.provider_id,
            func.substr(Message.text, 1, LONGEST_LINE),
            Contact.confidential,
        )
        .join(Contact, Contact.id == Message.contact_id)
        .outerjoin(OutgoingMessage, and_(OutgoingMessage.message_id == Message.id, OutgoingMessage.channel == Message.channel))
        .where(
            Message.contact_id == row.contact_id,
            Message.channel == row.channel,
            Message.received_at <= row.created_at,
            Message.id != row.message_id,
        )
        .order_by(Message.received_at.desc(), Message.id.desc())
        .limit(MOST)
    ).all()
    names = [external_id if direction == Direction.IN else provider_id for direction, external_id, provider_id, *_ in said]
    place = next((at for at, (direction, *_) in enumerate(said) if direction == Direction.IN), None)
    if place is None:
        return None
    *_, text, confidential = said[place]
    is_open = not confidential and row.purpose != texts.PROGRESS
    return Answered(
        external_id=names[place],
        before=tuple(name for name in reversed(names[place + 1 :]) if name),
        first_line=next(iter(text.strip().splitlines()), "") if is_open else "",
    )
