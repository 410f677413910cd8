"""The calls behind a figure of the telephone: how long each waited, who answered, what became of it. Numbers are masked."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import reading_calls
from hotline.services.reading_calls import SOON_SECONDS, Of
from hotline.services.reading_phone import PastCall
from hotline.services.senders import masked_sender
from hotline.services.talk_time import TALKED_UNTIL
from models import Call, Case, Contact, Staff

MOST = 200


@dataclass(frozen=True)
class Line(PastCall):
    number: str
    cases: Sequence[str]

    @property
    def soon(self) -> bool:
        return self.call.answered_at is not None and self.waited is not None and self.waited.total_seconds() <= SOON_SECONDS


@dataclass(frozen=True)
class Listing:
    lines: Sequence[Line]
    count: int


def listing(session: Session, of: Of) -> Listing:
    """Newest first."""
    conditions = reading_calls.counted(of)
    rows = session.execute(
        select(Call, Staff.name, TALKED_UNTIL, Contact)
        .join(Contact, Contact.id == Call.contact_id)
        .outerjoin(Staff, Staff.id == Call.staff_id)
        .where(*conditions)
        .order_by(Call.started_at.desc(), Call.id)
        .limit(MOST)
    ).all()
    cases = filed(session, {call.contact_id for call, *_ in rows})
    lines = [
        Line(call, agent or "", talked_until, masked(contact), cases.get(contact.id, ()))
        for call, agent, talked_until, contact in rows
    ]
    return Listing(lines, session.scalar(select(func.count()).select_from(Call).where(*conditions)) or 0)


def masked(contact: Contact) -> str:
    """Of who wants to stay unknown, nothing."""
    return "" if contact.confidential else masked_sender(contact)


def filed(session: Session, contacts: Collection[UUID]) -> Mapping[UUID, Sequence[str]]:
    found = defaultdict[UUID, list[str]](list)
    for contact_id, number in session.execute(select(Case.contact_id, Case.number).where(Case.contact_id.in_(contacts))):
        found[contact_id].append(number)
    return found
