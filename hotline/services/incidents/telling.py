"""What is said of an incident: to agents while it lasts, and its news to the citizens, each once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NotFound, WrongState
from hotline.events import IncidentUpdated
from hotline.services import queueing
from hotline.services.actors import Actor
from hotline.services.conversations import threads
from hotline.services.incidents.linking import LINKED_BY, hold_incident
from hotline.services.messages import notices, outgoing
from hotline.services.outbox import emit
from models import Case, Conclusion, Contact, Incident, IncidentCase, IncidentUpdate, Staff, new_id, now

LONGEST = 200


def set_known(session: Session, incident: Incident, *, text: str, until: datetime | None, by: Actor) -> None:
    """What agents may tell whoever calls about it, for how long; an empty text takes it back."""
    if not by.roles & LINKED_BY:
        raise NotAllowed()
    text = text.strip()
    if len(text) > LONGEST:
        raise Invalid("The text has at most {most} characters.", field="text", most=LONGEST)
    if text and (until is None or until <= now()):
        raise Invalid("Please say until when this is so.", field="until")
    hold_incident(session, incident)
    if incident.ended_at is not None:
        raise WrongState()
    incident.known_text, incident.known_until = text, until if text else None
    session.flush()


def tell_known(session: Session, contact: Contact, incident_id: UUID, *, by: Staff, key: str) -> None:
    """Answer a contact with what is known, and end it: in its thread where one writes, else the agent has said it."""
    incident = session.get(Incident, incident_id, with_for_update=True)
    if incident is None:
        raise NotFound()
    if incident.ended_at is not None or incident.known_until is None or incident.known_until <= now():
        raise WrongState()
    if contact.concluded_at is not None:
        return
    if threads.is_talked(contact):
        threads.reply(session, contact, text=incident.known_text, by=by, key=key)
    queueing.conclude(session, contact, Conclusion.ANSWERED, by=by, note=incident.known_text)
    incident.told_count += 1
    session.flush()


def update(session: Session, incident: Incident, *, text: str, by: Actor, key: str) -> IncidentUpdate:
    """News for all citizens of the incident; the same key again is the same news."""
    if not by.roles & LINKED_BY or by.staff_id is None:
        raise NotAllowed()
    hold_incident(session, incident)
    known = session.scalars(
        select(IncidentUpdate).where(IncidentUpdate.incident_id == incident.id, IncidentUpdate.key == key)
    ).one_or_none()
    if known is not None:
        return known
    if not 1 <= len(text.strip()) <= LONGEST:
        raise Invalid("The text has 1 to {most} characters.", field="text", most=LONGEST)
    if incident.ended_at is not None:
        raise WrongState()
    row = IncidentUpdate(id=new_id(), incident_id=incident.id, text=text.strip(), by_id=by.staff_id, key=key)
    session.add(row)
    emit(session, IncidentUpdated(row.id))
    session.flush()
    return row


def tell(session: Session, update_id: UUID) -> int:
    """One message for each citizen, however many of the cases are his or hers; returns how many."""
    row = session.get_one(IncidentUpdate, update_id)
    reached: set[tuple[str, bytes]] = set()
    told = 0
    for case in session.scalars(_concerned(row)):
        where = outgoing.reached_at(session, case)
        if where is None or where in reached:
            continue
        reached.add(where)
        values = {**notices.values_of(session, case), "news": row.text}
        told += outgoing.about_case(session, case, purpose="incident", values=values, round_=row.id.hex) is not None
    return told


def _concerned(row: IncidentUpdate) -> Select[Case]:
    """Those who belonged to it when the news came, first come first."""
    return (
        select(Case)
        .join(IncidentCase, IncidentCase.case_id == Case.id)
        .where(IncidentCase.incident_id == row.incident_id, IncidentCase.created_at <= row.created_at)
        .where(or_(IncidentCase.left_at.is_(None), IncidentCase.left_at > row.created_at))
        .order_by(IncidentCase.created_at, IncidentCase.id)
    )
