"""Makers of arrivals, contacts and seats: valid with nothing but the session, every argument by name."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import uuid4

from sqlalchemy.orm import Session

from hotline.ports import Inbound
from hotline.services import intake, presence, queueing
from models import Contact, PresenceState, Staff, Urgency, now
from tests.factories import make_staff

_serial = count(1)


def make_inbound(**values: Any) -> Inbound:
    """A letter about a street light, or what is said otherwise."""
    serial = next(_serial)
    usual = {
        "channel": "mailbox",
        "external_id": uuid4().hex,
        "sender": f"+86138{serial:08d}",
        "text": "小区门口的路灯坏了一个多星期，晚上出门看不见路。",
        "received_at": now(),
    }
    return Inbound(**{**usual, **values})


def make_contact(
    session: Session,
    *,
    waited: float = 0,
    urgency: Urgency = Urgency.NORMAL,
    skill: str = "general",
    language: str = "zh",
    **values: Any,
) -> Contact:
    """A contact in the queue that arrived so many seconds ago; a call joined the queue when it arrived."""
    received_at = now() - timedelta(seconds=waited)
    contact = intake.receive(session, make_inbound(received_at=received_at, **values)).contact
    queueing.leave(session, contact)
    contact.skill, contact.language, contact.queued_at = skill, language, received_at
    queueing.enqueue(session, contact)
    queueing.raise_urgency(session, contact, urgency)
    session.flush()
    return contact


def make_agent(session: Session, *, state: PresenceState = PresenceState.AVAILABLE, **values: Any) -> Staff:
    """Somebody at a desk."""
    staff = make_staff(session, **values)
    presence.set_presence(session, staff, state, reason="喝水" if state == PresenceState.PAUSED else "")
    session.flush()
    return staff
