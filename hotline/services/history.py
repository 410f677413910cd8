"""The history of a case: added to under the case's lock, chained by an HMAC, never changed."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services.actors import Actor
from models import Action, Assignment, Case, CaseEvent, EventNote, Role, new_id, now, privacy
from models.base import CITY_TIME

NO_EVENT = bytes(32)
# The serial and the mac of an event.
Tail = tuple[int, bytes]
# An event and its note, if that is still kept.
Told = tuple[CaseEvent, str | None]


def append(
    session: Session,
    case: Case,
    *,
    action: Action,
    from_status: str | None,
    to_status: str,
    by: Actor,
    role: Role | None,
    key: str,
    note: str = "",
    assignment: Assignment | None = None,
    first: bool = False,
    after: Tail | None = None,
) -> CaseEvent:
    """Add one event. The caller holds the lock on the case and has looked for `key`; `first` says that there is none before.

    Who adds to many cases has looked up their `tails` at once, and hands on the one that it comes `after`.
    """
    serial, before = after or ((0, NO_EVENT) if first else _tail(session, case))
    event = CaseEvent(
        id=new_id(),
        case_id=case.id,
        assignment_id=assignment.id if assignment else None,
        serial=serial + 1,
        at=now(),
        action=action,
        from_status=from_status,
        to_status=to_status,
        by_id=by.staff_id,
        by_role=role,
        key=key,
    )
    if note:
        event.note_digest = _digest(event.id, note)
        session.add(EventNote(event_id=event.id, text=note))
    event.mac = _seal(event, before)
    session.add(event)
    return event


def note(
    session: Session,
    case: Case,
    action: Action,
    *,
    by: Actor,
    role: Role | None,
    key: str,
    text: str = "",
    assignment: Assignment | None = None,
    first: bool = False,
    after: Tail | None = None,
) -> CaseEvent:
    """Add one event that moves nothing; all else is as in `append`."""
    return append(
        session,
        case,
        action=action,
        from_status=case.status,
        to_status=case.status,
        by=by,
        role=role,
        key=key,
        note=text,
        assignment=assignment,
        first=first,
        after=after,
    )


def tails(session: Session, case_ids: Collection[UUID]) -> dict[UUID, Tail]:
    """The last stored event of each case; `append` says what it comes after."""
    last = select(CaseEvent.case_id, func.max(CaseEvent.serial).label("serial")).where(CaseEvent.case_id.in_(case_ids))
    latest = last.group_by(CaseEvent.case_id).subquery()
    rows = session.execute(
        select(CaseEvent.case_id, CaseEvent.serial, CaseEvent.mac).join(
            latest, (CaseEvent.case_id == latest.c.case_id) & (CaseEvent.serial == latest.c.serial)
        )
    )
    return {case_id: (serial, bytes(mac)) for case_id, serial, mac in rows}


def with_key(session: Session, case: Case, key: str) -> CaseEvent | None:
    """The event that this key has made already."""
    return session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.key == key)).one_or_none()


def verify(session: Session, case: Case) -> int | None:
    """The serial of the first event that is not as it was written, or is missing; None if the chain holds.

    An erased note breaks nothing; a changed one does. A tail that was cut off shows only beside `day_head` of its day.
    """
    rows = session.execute(
        select(CaseEvent, EventNote.text)
        .outerjoin(EventNote, EventNote.event_id == CaseEvent.id)
        .where(CaseEvent.case_id == case.id)
        .order_by(CaseEvent.serial)
        .execution_options(populate_existing=True)
    )
    return first_broken((event, note) for event, note in rows)


def first_broken(told: Iterable[Told]) -> int | None:
    """As `verify`, of the events of one case in their order."""
    before = NO_EVENT
    for expected, (event, note) in enumerate(told, start=1):
        genuine = event.serial == expected and event.mac == _seal(event, before)
        if not genuine or (note is not None and event.note_digest != _digest(event.id, note)):
            return expected
        before = event.mac
    return None


@dataclass(frozen=True)
class DayHead:
    """One line that stands for all events of a day; kept outside the database it proves them."""

    day: date
    events: int
    digest: str


def day_head(session: Session, day: date) -> DayHead:
    """Over the events of one day in the city, in the order of their ids."""
    start = datetime.combine(day, time(), CITY_TIME)
    macs = session.scalars(
        select(CaseEvent.mac).where(CaseEvent.at >= start, CaseEvent.at < start + timedelta(days=1)).order_by(CaseEvent.id)
    )
    digest, count = hashlib.sha256(), 0
    for count, mac in enumerate(macs.yield_per(1000), start=1):  # noqa: B007 -- the last one is the number of events
        digest.update(mac)
    return DayHead(day, count, digest.hexdigest())


def _tail(session: Session, case: Case) -> Tail:
    """The last event, be it stored or still waiting to be written in this transaction."""
    waiting = [new for new in session.new if isinstance(new, CaseEvent) and new.case_id == case.id]
    if waiting:
        last = max(waiting, key=lambda event: event.serial)
        return last.serial, last.mac
    with session.no_autoflush:
        row = session.execute(
            select(CaseEvent.serial, CaseEvent.mac).where(CaseEvent.case_id == case.id).order_by(CaseEvent.serial.desc()).limit(1)
        ).one_or_none()
    return (row.serial, bytes(row.mac)) if row else (0, NO_EVENT)


def _digest(event_id: UUID, note: str) -> bytes:
    """Keyed and bound to its event, so that an erased note cannot be guessed from what is left of it."""
    return privacy.lookup_hash(f"note {event_id}", note)


def _seal(event: CaseEvent, before: bytes) -> bytes:
    parts = [
        before.hex(),
        str(event.id),
        str(event.case_id),
        str(event.assignment_id or ""),
        event.serial,
        event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        event.action,
        event.from_status,
        event.to_status,
        str(event.by_id or ""),
        event.by_role,
        event.key,
        event.note_digest.hex() if event.note_digest else "",
    ]
    return privacy.ring().seal_history(json.dumps(parts).encode())
