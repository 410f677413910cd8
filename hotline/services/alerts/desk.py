"""What people do about alerts: look at them, say that they know, name who is told by message."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound
from hotline.services import access, phones
from hotline.services.access import Me
from hotline.services.alerts import saying
from hotline.services.alerts.telling import REPORT
from models import Alert, AlertKind, MessageWay, Role, Staff, Subscriber, Unit, now
from models.privacy import mask_number

LEADERS = (Role.SUPERVISOR, Role.SHIFT_LEADER, Role.ADMINISTRATOR)
WANTED = (*AlertKind, REPORT)
OF_UNITS = frozenset({AlertKind.STUCK, REPORT})
KEPT_ON_LIST = timedelta(days=30)
MOST = 200


@dataclass(frozen=True)
class Shown:
    """An alert in words."""

    alert: Alert
    headline: str
    details: str
    known_by: str


@dataclass(frozen=True)
class Named:
    person: Subscriber
    address: str  # masked
    unit: str


def open_now(session: Session) -> Sequence[Shown]:
    """Newest first; what nobody has taken note of before the rest."""
    rows = _shown(session, select(Alert, Staff.name).where(Alert.cleared_at.is_(None)))
    return sorted(rows, key=lambda row: (row.alert.known_at is not None, -row.alert.created_at.timestamp()))


def lately(session: Session) -> Sequence[Shown]:
    since = now() - KEPT_ON_LIST
    asked = select(Alert, Staff.name).where(or_(Alert.cleared_at.is_(None), Alert.created_at >= since))
    return _shown(session, asked.order_by(Alert.created_at.desc()).limit(MOST))


def _shown(session: Session, asked: Select[Alert, str]) -> list[Shown]:
    rows = session.execute(asked.outerjoin(Staff, Staff.id == Alert.known_by_id))
    return [Shown(alert, saying.headline(alert), saying.details(alert), name or "") for alert, name in rows]


def take_note(session: Session, alert_id: UUID, *, by: Me) -> Alert:
    """Whoever is first is named; the second changes nothing."""
    access.require(by, *LEADERS)
    alert = session.get(Alert, alert_id, with_for_update=True)
    if alert is None:
        raise NotFound()
    if alert.known_at is None:
        alert.known_at, alert.known_by_id = now(), by.staff_id
    return alert


def named(session: Session) -> Sequence[Named]:
    rows = session.execute(
        select(Subscriber, Unit.short)
        .outerjoin(Unit, Unit.id == Subscriber.unit_id)
        .where(Subscriber.active)
        .order_by(Unit.short.is_not(None), Unit.short, Subscriber.name)
    )
    return [Named(person, _masked(person), unit or "") for person, unit in rows]


def name_person(
    session: Session, *, name: str, way: MessageWay, address: str, wants: Sequence[str], unit: str = "", by: Me
) -> Subscriber:
    access.require(by, Role.ADMINISTRATOR, Role.SUPERVISOR)
    if not name.strip():
        raise Invalid("Please fill in this field.", field="name")
    chosen = [each for each in WANTED if each in wants]
    if not chosen:
        raise Invalid("Please choose what the person is told.", field="wants")
    if unit and not set(chosen) <= OF_UNITS:
        raise Invalid("People of a unit are told when it is stuck, and its report.", field="wants")
    person = Subscriber(name=name.strip()[:64], way=way, address=_address(way, address), wants=list(map(str, chosen)))
    if unit:
        person.unit_id = session.scalar(select(Unit.id).where(Unit.code == unit, Unit.active))
        if person.unit_id is None:
            raise Invalid("There is no such unit.", field="unit")
    session.add(person)
    session.flush()
    return person


def leave_out(session: Session, subscriber_id: UUID, *, by: Me) -> None:
    access.require(by, Role.ADMINISTRATOR, Role.SUPERVISOR)
    person = session.get(Subscriber, subscriber_id)
    if person is None:
        raise NotFound()
    person.active = False


def _address(way: MessageWay, typed: str) -> str:
    if way == MessageWay.SMS:
        number = phones.normalise(typed)
        if number is None or not phones.takes_texts(number):
            raise Invalid("This is no mobile number.", field="address")
        return number
    name, at, host = typed.strip().partition("@")
    if not (name and at and "." in host) or any(mark.isspace() or mark in ",;<>" for mark in typed.strip()):
        raise Invalid("This is no e-mail address.", field="address")
    return typed.strip()[:254]


def _masked(person: Subscriber) -> str:
    if person.way == MessageWay.SMS:
        return mask_number(person.address)
    name, _, host = person.address.partition("@")
    return f"{name[:2]}***@{host}"
