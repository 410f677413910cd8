"""Calls from a number that is not served for a time: a notice instead of the queue, a person in an emergency, a way to appeal."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import phones, queueing
from hotline.services.sideways import refusals
from hotline.services.sideways.refusals import OfCalls
from models import Call, CallEnding, Conclusion, Contact, NumberRefusal, RefusalState, now
from models.base import CITY_TIME

FLOW = "refused_number"
SPOKEN = "电话留言申诉，请听录音。"


def until(session: Session, caller: str) -> Mapping[str, str] | None:
    """What the notice says to this caller; None for everybody else, and in a city that serves such calls."""
    number = phones.normalise(caller)
    if number is None or refusals.rule(session).calls == OfCalls.SERVED:
        return None
    standing = (NumberRefusal.state == RefusalState.IN_FORCE, NumberRefusal.until > now())
    latest = select(NumberRefusal.until).where(NumberRefusal.sender_hash == phones.number_hash(number), *standing)
    end: datetime | None = session.scalar(latest.order_by(NumberRefusal.until.desc()).limit(1))
    return None if end is None else _said(end)


def _said(end: datetime) -> Mapping[str, str]:
    """The full hour by which it is over."""
    hour = (end + timedelta(hours=1) - timedelta(microseconds=1)).astimezone(CITY_TIME)
    return {"month": str(hour.month), "day": str(hour.day), "hour": str(hour.hour)}


def turn_away(session: Session, contact: Contact) -> None:
    """The call is over, and its caller has heard nothing but the notice. Said once more, it counts once."""
    if contact.concluded_at is not None:
        return
    row, told = refusals.current(session, contact), ""
    if row is not None:  # else it was lifted, or over, before the caller hung up
        row.turned_away += 1
        told = refusals.in_writing(session, row, refusals.TEXT)
    queueing.conclude(session, contact, Conclusion.REFUSED, by=None, note=told)


def hear_appeal(session: Session, contact: Contact) -> None:
    """The message that was left instead of waiting for a person is the appeal, unless there was one already."""
    row = None if refusals.rule(session).calls == OfCalls.SERVED else refusals.current(session, contact)
    if row is not None and row.appealed_at is None:
        refusals.appeal(session, row, SPOKEN)


def spoken_appeals(session: Session, rows: Sequence[NumberRefusal]) -> Mapping[UUID, UUID]:
    """Which contact's message is to be listened to, by refusal."""
    spoken = [row.id for row in rows if row.appeal == SPOKEN]
    if not spoken:
        return {}
    left = (Call.ending == CallEnding.VOICE_MESSAGE, Call.queued_at.is_(None), Call.started_at >= NumberRefusal.decided_at)
    found = session.execute(
        select(NumberRefusal.id, Contact.id)
        .join(Contact, Contact.number_hash == NumberRefusal.sender_hash)
        .join(Call, Call.contact_id == Contact.id)
        .where(NumberRefusal.id.in_(spoken), *left)
        .order_by(Call.started_at.desc())
    )
    # The first message counts; it comes last.
    return {refusal_id: contact_id for refusal_id, contact_id in found}
