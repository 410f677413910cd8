"""What citizens wrote, behind the wall's rates for messages and letters: who waited how long, for whom. Numbers are masked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, func, not_, select
from sqlalchemy.orm import Session

from hotline.services import queue_rule
from hotline.services.reading_wall import midnight
from hotline.services.wall import prompt
from hotline.services.wall.calls import MOST, filed, masked
from models import Contact, Staff, Urgency, now
from models.base import FIRST_DATED


class Of(StrEnum):
    """A rate, by what it counts; or what was late of it."""

    TEXTS = "texts"
    TEXTS_LATE = "texts_late"
    LETTERS = "letters"
    LETTERS_LATE = "letters_late"


CHANNELS = {Of.TEXTS: prompt.TEXTS, Of.TEXTS_LATE: prompt.TEXTS, Of.LETTERS: prompt.LETTERS, Of.LETTERS_LATE: prompt.LETTERS}
LATE = (Of.TEXTS_LATE, Of.LETTERS_LATE)


@dataclass(frozen=True)
class Line:
    contact: Contact
    agent: str
    waited: timedelta  # until now, where nobody has taken it
    soon: bool
    number: str
    cases: Sequence[str]


@dataclass(frozen=True)
class Listing:
    lines: Sequence[Line]
    count: int


def listing(session: Session, of: Of) -> Listing:
    """Newest first."""
    at = now()
    rule = queue_rule.current(session)
    limits = {channel: rule.limit(channel, Urgency.NORMAL) for channel in CHANNELS[of]}
    soon, conditions = prompt.in_time(limits), _counted(of, limits, at)
    rows = session.execute(
        select(Contact, Staff.name, soon)
        .outerjoin(Staff, Staff.id == Contact.taken_by_id)
        .where(*conditions)
        .order_by(Contact.received_at.desc(), Contact.id)
        .limit(MOST)
    ).all()
    cases = filed(session, {contact.id for contact, *_ in rows})
    lines = [
        Line(
            contact,
            agent or "",
            (contact.taken_at or at) - contact.received_at,
            bool(was_soon),
            masked(contact),
            cases.get(contact.id, ()),
        )
        for contact, agent, was_soon in rows
    ]
    return Listing(lines, session.scalar(select(func.count()).select_from(Contact).where(*conditions)) or 0)


def _counted(of: Of, limits: dict[str, float], at: datetime) -> list[ColumnElement[bool]]:
    today = [Contact.received_at >= midnight(at), Contact.id >= FIRST_DATED, Contact.channel.in_(CHANNELS[of])]
    late = [not_(prompt.in_time(limits))] if of in LATE else []
    return [*today, prompt.decided(limits, at), *late]
