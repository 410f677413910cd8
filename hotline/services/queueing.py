"""Who is served next: one ranked queue over all channels. A contact is given to one agent only.

Locks are taken in one order, a seat's before the queue's and the queue's before the contact's, so that nobody waits in a ring.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Executable,
    Uuid,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal_column,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningDelete, ReturningUpdate

from hotline.errors import AlreadyTaken, NotAllowed, NoteRequired, NotFound, RuleBroken, WrongState
from hotline.events import ContactConcluded, ContactQueued, ContactTaken
from hotline.services import core, outbox, queue_rule, ranking
from hotline.services.queue_rule import VOICE, VOICE_MESSAGE, QueueRule
from models import (
    AccessLog,
    Call,
    Case,
    Conclusion,
    Contact,
    Offer,
    Presence,
    PresenceState,
    QueueEntry,
    Role,
    Staff,
    Urgency,
    new_id,
    now,
)

_IN_CALL = exists().where(Call.contact_id == Contact.id, Call.ended_at.is_(None))
ONLY_WHO_TOOK_IT = "Only the person who has taken this contact, or the shift leader, may do this."
NEEDS_NOTE = frozenset({Conclusion.REDIRECTED, Conclusion.VOID})


@dataclass(frozen=True)
class Waiting:
    """A contact in its place in the queue: how much of its clock is used (1 is the limit), and what is left."""

    contact: Contact
    share: float
    seconds_left: float
    reserved_for_id: uuid.UUID | None


class Count(NamedTuple):
    waiting: int
    oldest_seconds: float
    past_clock: int


def enqueue(session: Session, contact: Contact) -> None:
    """Give the contact a place, or leave it the one it has. A call's clock runs from here, a message's from its arrival."""
    _place(session, contact, queue_rule.current(session), channel=contact.channel)


def _return(session: Session, contact: Contact, rule: QueueRule, *, reserved_for: uuid.UUID | None = None) -> None:
    """Back to its place. A call that is over does not come back as one: nobody waits at the other end."""
    channel = VOICE_MESSAGE if contact.channel == VOICE else contact.channel
    _place(session, contact, rule, channel=channel, reserved_for=reserved_for)


def _place(session: Session, contact: Contact, rule: QueueRule, *, channel: str, reserved_for: uuid.UUID | None = None) -> None:
    contact.queued_at = contact.queued_at or now()
    entry = {**place_of(contact, rule, channel=channel), "reserved_for_id": reserved_for}
    if core.insert_once(session, QueueEntry, entry, unique=("contact_id",)):
        outbox.emit(session, ContactQueued(contact.id))


def place_of(contact: Contact, rule: QueueRule, *, channel: str) -> dict[str, Any]:
    """The row in the queue. The clock is the original one, however often it comes back; after an answer the next message's."""
    clock_from = contact.queued_at if channel == VOICE else contact.unanswered_since
    return {
        "contact_id": contact.id,
        "channel": channel,
        "skill": contact.skill,
        "language": contact.language,
        "urgency_weight": rule.weight(contact.urgency),
        "clock_from": (clock_from or contact.received_at).timestamp(),
        "limit_seconds": rule.limit(channel, contact.urgency),
    }


def leave(session: Session, contact: Contact) -> None:
    """Out of the queue, for nobody to be given."""
    session.execute(delete(QueueEntry).where(QueueEntry.contact_id == contact.id).execution_options(synchronize_session=False))


def take_next(session: Session, staff: Staff) -> Contact | None:
    """The first text that suits this person, or None; never one that somebody else is given at the same moment.

    Calls are given by the exchange; which of the two comes first for a free telephone is the router's decision.
    """
    if _lock_seat(session, staff) != PresenceState.AVAILABLE:
        return None
    return _give_first(session, {**ranking.person(staff), "at": now().timestamp(), "by": staff.id})


def _lock_seat(session: Session, staff: Staff) -> str:
    """Where the person stands. One taking at a time for one person, so that two open pages do not overfill a desk."""
    found = core.send(session, _seat(core.is_sqlite(session)), {"person": staff.id})
    return str(found[0][0]) if found else PresenceState.OFFLINE


@cache
def _seat(on_sqlite: bool) -> Executable:
    # Until the end of the transaction: to plan a taking for this very person takes PostgreSQL longer than the taking itself.
    planned_once = [] if on_sqlite else [func.set_config("plan_cache_mode", "force_generic_plan", true())]
    seat = select(Presence.state, *planned_once).where(Presence.staff_id == bindparam("person"))
    return seat.with_for_update(of=Presence)


def _give_first(session: Session, asked: dict[str, Any]) -> Contact | None:
    if core.is_sqlite(session):
        claimed = core.send(session, _claim(), asked)
        return _give_to(session, claimed[0][0], asked["by"]) if claimed else None
    given = core.send(session, _claim_and_give(), {**asked, "event_id": new_id(), "moment": now()})
    if not given:
        return None
    outbox.announced(session)
    return core.loaded(session, Contact, given[0])


@cache
def _claim() -> ReturningDelete[tuple[uuid.UUID]]:
    """Takes the first suitable place out of the queue. Places that others are just taking are skipped, not waited for."""
    held_out = exists().where(Offer.contact_id == QueueEntry.contact_id, Offer.staff_id != bindparam("person"))
    first = (
        select(QueueEntry.contact_id)
        .where(ranking.SUITS, ranking.IS_TEXT, ranking.FITS, ~held_out)
        .order_by(*ranking.ORDER)
        .limit(literal_column("1"))
        .with_for_update(skip_locked=True)
    )
    return delete(core.table(QueueEntry)).where(QueueEntry.contact_id == first.scalar_subquery()).returning(QueueEntry.contact_id)


@cache
def _claim_and_give() -> Executable:
    """Claimed, given and told in one journey to the server; SQLite knows no DELETE within WITH."""
    given = _giving(_claim().cte("claimed").c.contact_id).cte("given")
    told = outbox.telling(ContactTaken, given, contact_id=given.c.id, staff_id=bindparam("by", type_=Uuid))
    return select(given).add_cte(told.cte("told"))


@cache
def _give() -> Executable:
    return _giving(bindparam("contact"))


def _giving(contact_id: ColumnElement[uuid.UUID]) -> ReturningUpdate[Any]:
    contact = core.table(Contact)
    taken = update(contact).values(taken_at=bindparam("moment"), taken_by_id=bindparam("by"), version=contact.c.version + 1)
    return taken.where(contact.c.id == contact_id).returning(*contact.columns)


def _give_to(session: Session, contact_id: uuid.UUID, staff_id: uuid.UUID) -> Contact:
    (row,) = core.send(session, _give(), {"contact": contact_id, "by": staff_id, "moment": now()})
    outbox.emit(session, ContactTaken(contact_id, staff_id))
    return core.loaded(session, Contact, row)


def take(session: Session, staff: Staff, contact_id: uuid.UUID) -> Contact:
    """A particular contact, by choice: capacity counts, rank and skill do not. Taking one's own again changes nothing."""
    if _lock_seat(session, staff) == PresenceState.OFFLINE:
        raise RuleBroken("Set yourself to available first.")
    entry = session.get(QueueEntry, contact_id, with_for_update=True, populate_existing=True)
    if entry is None:
        return _taken_before(session, staff, contact_id)
    if entry.reserved_for_id not in (None, staff.id):
        raise RuleBroken("This contact is kept for a colleague.")
    if entry.channel == VOICE:
        raise RuleBroken("A call is answered at the telephone.")
    count = session.execute(select(ranking.OPEN_TEXT), {"person": staff.id}).scalar() or 0
    if count >= staff.capacity:
        raise RuleBroken("You have {count} contacts open; finish one first.", count=count)
    session.delete(entry)
    session.flush()
    return _give_to(session, contact_id, staff.id)


def _taken_before(session: Session, staff: Staff, contact_id: uuid.UUID) -> Contact:
    contact = session.get(Contact, contact_id, populate_existing=True)
    if contact is None:
        raise NotFound()
    if contact.concluded_at is not None:
        raise WrongState("This contact is concluded.")
    if contact.taken_by_id != staff.id:
        raise AlreadyTaken()
    return contact


def put_back(session: Session, contact: Contact, *, by: Staff, reason: str) -> None:
    """Back to its old place in the queue, with the clock it had."""
    _lock_open(session, contact)
    _refuse_others(contact, by)
    _refuse_in_call(session, contact)
    _note(session, contact, "put_back", by=by, reason=reason)
    _free(session, contact)
    _return(session, contact, queue_rule.current(session))


def hand_over(session: Session, contact: Contact, *, by: Staff, to: Staff | None = None, skill: str | None = None) -> None:
    """To one person, for whom it is kept, or to a skill group; the clock runs on. Shift leaders also move what still waits."""
    if (to is None) == (skill is None):
        raise RuleBroken("Choose either a colleague or a skill group.")
    leave(session, contact)
    _lock_open(session, contact)
    _refuse_others(contact, by)
    _refuse_in_call(session, contact)
    if to is not None:
        _refuse_absent(session, to)
    _note(session, contact, "handed_over", by=by, reason=to.username if to else f"skill {skill}")
    _free(session, contact)
    contact.skill = skill or contact.skill
    _return(session, contact, queue_rule.current(session), reserved_for=to.id if to else None)


def release(session: Session, staff_ids: Collection[uuid.UUID]) -> int:
    """What these people leave behind goes back to everybody: places kept for them, and open contacts, whose number it returns.

    A caller who still speaks with one of them stays with him or her.
    """
    session.execute(
        update(QueueEntry)
        .where(QueueEntry.reserved_for_id.in_(staff_ids))
        .values(reserved_for_id=None)
        .execution_options(synchronize_session=False)
    )
    left = session.scalars(
        select(Contact)
        .where(Contact.taken_by_id.in_(staff_ids), Contact.concluded_at.is_(None), ~_IN_CALL)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    rule = queue_rule.current(session)
    for contact in left:
        _free(session, contact)
        _return(session, contact, rule)
    return len(left)


def raise_urgency(session: Session, contact: Contact, urgency: Urgency) -> bool:
    """Up, never down: it goes ahead and its clock may get shorter. Returns whether anything changed."""
    if not _is_higher(urgency, contact):
        return False
    rule = queue_rule.current(session)
    session.execute(
        update(QueueEntry)
        .where(QueueEntry.contact_id == contact.id, QueueEntry.urgency_weight < rule.weight(urgency))
        .values(urgency_weight=rule.weight(urgency), limit_seconds=rule.limit(contact.channel, urgency))
        .execution_options(synchronize_session=False)
    )
    session.refresh(contact, with_for_update=True)
    if not _is_higher(urgency, contact):
        return False
    contact.urgency = urgency
    contact.version += 1
    return True


def _is_higher(urgency: Urgency, contact: Contact) -> bool:
    return urgency.weight > Urgency(contact.urgency).weight  # a column gives back plain text


def conclude(session: Session, contact: Contact, conclusion: Conclusion, *, by: Staff | None, note: str = "") -> None:
    """The end of the episode. `by` is None for the service itself: a caller who hung up before anybody answered."""
    leave(session, contact)
    _lock_open(session, contact)
    if by is not None:
        _refuse_others(contact, by)
    if conclusion in NEEDS_NOTE and not note.strip():
        raise NoteRequired(field="note")
    if conclusion == Conclusion.FILED and not _has_case(session, contact):
        raise RuleBroken("Nothing has been filed from this contact yet.")
    outbox.emit(session, _end(contact, conclusion, note))


def end_filed(contact: Contact, conclusion: Conclusion, *, by_id: uuid.UUID | None, note: str = "") -> ContactConcluded:
    """What `conclude` does, for whoever holds the contact and has made a case of it. Taken, it has no place in the queue."""
    if by_id is None or contact.taken_by_id != by_id:
        raise NotAllowed(ONLY_WHO_TOOK_IT)
    return _end(contact, conclusion, note)


def _end(contact: Contact, conclusion: Conclusion, note: str) -> ContactConcluded:
    contact.concluded_at = now()
    contact.conclusion = conclusion
    contact.conclusion_note = note.strip()
    contact.version += 1
    return ContactConcluded(contact.id)


def _has_case(session: Session, contact: Contact) -> bool:
    return session.scalar(select(Case.id).where(Case.contact_id == contact.id).limit(1)) is not None


def waiting(session: Session, *, channel: str | None = None, limit: int = 50, after: int = 0) -> list[Waiting]:
    """A stretch of the queue in its order, without regard to who may take what."""
    left = QueueEntry.clock_from + QueueEntry.limit_seconds - ranking.AT
    rows = session.execute(
        select(Contact, ranking.SHARE_USED, left, QueueEntry.reserved_for_id)
        .join(QueueEntry, QueueEntry.contact_id == Contact.id)
        .where(*([QueueEntry.channel == channel] if channel else []))
        .order_by(*ranking.ORDER)
        .limit(limit)
        .offset(after),
        {"at": now().timestamp()},
    )
    return [Waiting(*row) for row in rows]


def counts(session: Session) -> dict[str, Count]:
    """By channel: how many wait, for how long the one who waits longest, how many are past their clock."""
    rows = session.execute(
        select(
            QueueEntry.channel,
            func.count(),
            func.max(ranking.AT - QueueEntry.clock_from),
            func.sum(case((ranking.IS_PAST, 1), else_=0)),
        ).group_by(QueueEntry.channel),
        {"at": now().timestamp()},
    )
    return {channel: Count(number, float(oldest), past) for channel, number, oldest, past in rows}


def _lock_open(session: Session, contact: Contact) -> None:
    session.refresh(contact, with_for_update=True)
    if contact.concluded_at is not None:
        raise WrongState("This contact is concluded.")


def _refuse_others(contact: Contact, by: Staff) -> None:
    if contact.taken_by_id != by.id and Role.SHIFT_LEADER not in by.roles:
        raise NotAllowed(ONLY_WHO_TOOK_IT)


def _refuse_in_call(session: Session, contact: Contact) -> None:
    if contact.channel == VOICE and session.scalar(select(_IN_CALL).where(Contact.id == contact.id)):
        raise RuleBroken("The caller is still there: end the call or hand it on at the telephone.")


def _refuse_absent(session: Session, staff: Staff) -> None:
    presence = session.get(Presence, staff.id)
    if presence is None or presence.state == PresenceState.OFFLINE:
        raise RuleBroken("{name} is not at a desk.", name=staff.name)


def _note(session: Session, contact: Contact, what: str, *, by: Staff, reason: str) -> None:
    if not reason.strip():
        raise NoteRequired(field="reason")
    session.add(AccessLog(staff_id=by.id, subject_kind="contact", subject_id=contact.id, what=what, reason=reason.strip()))


def _free(session: Session, contact: Contact) -> None:
    contact.taken_at = None
    contact.taken_by_id = None
    contact.version += 1
