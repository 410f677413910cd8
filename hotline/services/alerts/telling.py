"""Alerts and reports by message, to the people who are named for them; each once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services.alerts import rule as rules
from hotline.services.alerts import saying
from hotline.services.messages import outgoing
from hotline.words import say
from models import Alert, AlertKind, MessageWay, OutgoingMessage, Subscriber, Unit

ALERT, REPORT = "alert", "report"


def tell_raised(session: Session, alert: Alert) -> int:
    """How many are told. One that comes back soon is on the wall only, for a rate may go up and down around its bar."""
    if _was_told_lately(session, alert):
        return 0
    text = say("[Alarm] {headline}: {details}.", headline=saying.headline(alert), details=saying.details(alert))
    return _tell(session, _concerned(session, alert), text, purpose=ALERT, about=f"{alert.id.hex}:raised")


def tell_cleared(session: Session, alert: Alert) -> int:
    """Only who heard of it hears that it is over."""
    if _was_told_lately(session, alert):
        return 0
    text = say("[Alarm over] {headline}.", headline=saying.headline(alert))
    return _tell(session, _concerned(session, alert), text, purpose=ALERT, about=f"{alert.id.hex}:cleared")


def tell_report(session: Session, text: str, *, unit_id: UUID | None, report_id: UUID) -> int:
    return _tell(session, subscribers(session, REPORT, unit_id=unit_id), text, purpose=REPORT, about=report_id.hex)


def report_in(row: OutgoingMessage) -> UUID | None:
    """Which report goes along with a message; on the other ways its link has to do."""
    _, about, _ = (row.key or "::").split(":")
    return UUID(about) if row.purpose == REPORT and row.channel == MessageWay.EMAIL and about else None


def subscribers(session: Session, wanted: str, *, unit_id: UUID | None = None) -> Sequence[Subscriber]:
    people = session.scalars(select(Subscriber).where(Subscriber.active, Subscriber.unit_id == unit_id).order_by(Subscriber.id))
    return [person for person in people if wanted in person.wants]


def _concerned(session: Session, alert: Alert) -> Sequence[Subscriber]:
    """Of a unit that is stuck its own people as well."""
    people = list(subscribers(session, alert.kind))
    if alert.kind == AlertKind.STUCK:
        unit_id = session.scalar(select(Unit.id).where(Unit.code == alert.subject))
        people += subscribers(session, alert.kind, unit_id=unit_id) if unit_id else []
    return people


def _tell(session: Session, people: Sequence[Subscriber], text: str, *, purpose: str, about: str) -> int:
    for person in people:
        key = f"{purpose}:{about}:{person.id.hex}"
        way = outgoing.Way(person.way, person.address)
        outgoing.to_colleague(session, way, text=text, purpose=purpose, values={"text": text}, key=key)
    return len(people)


def _was_told_lately(session: Session, alert: Alert) -> bool:
    since = alert.created_at - rules.current(session).told_again_after
    former = select(func.max(Alert.cleared_at)).where(
        Alert.kind == alert.kind, Alert.subject == alert.subject, Alert.created_at < alert.created_at
    )
    ended = session.scalar(former)
    return ended is not None and ended >= since
