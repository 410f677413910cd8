"""What is left when a call is over: how it ended, what becomes of its contact, and whether we owe the caller a call.

Reckoned from the facts that are known. Should another one come to light afterwards, it is reckoned again.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select
from sqlalchemy.orm import Session

from hotline.events import ContactQueued
from hotline.services import core, outbox, queue_rule, queueing
from hotline.services.queue_rule import VOICE_MESSAGE
from hotline.services.sideways import refused_calls
from hotline.services.telephone import call_rows, callbacks, telephone_rule
from models import Call, Callback, CallbackReason, CallEnding, CallEvent, CallStep, Conclusion, Contact, Direction, QueueEntry

# A message by voice waits for an agent as text does; its contact is still a call.
# What callers wished for themselves, the stronger last; it counts whoever spoke with them before.
WISHES = (CallEnding.WANTS_CALLBACK, CallEnding.VOICE_MESSAGE)
# Noted while the call lasts, and true if nothing better comes.
_ASKED_NOBODY = (CallEnding.SELF_SERVED, CallEnding.TURNED_AWAY)
_NOTED = (*_ASKED_NOBODY, CallEnding.NO_AGENT, *WISHES)
GAVE_UP = frozenset({CallEnding.LEFT_IN_NOTICE, CallEnding.SHORT_ABANDON, CallEnding.ABANDONED, CallEnding.NO_AGENT})


def note(call: Call, ending: CallEnding) -> None:
    """Never back to something weaker, in whichever order the news come."""
    if call.ending not in _NOTED[_NOTED.index(ending) :]:
        call.ending = ending


def settle(session: Session, call: Call) -> None:
    """For a call that is over. Idempotent."""
    call.ending = _ending(session, call)
    if call.direction == Direction.OUT:
        _settle_placed(session, call)
        return
    if call.ending == CallEnding.SPOKEN and _is_in_hand(session, call):
        return
    leave_voice_queue(session, call.contact_id)
    contact = call_rows.contact_of(session, call)
    if _is_given_up(call):
        _conclude(session, call, contact)
    else:
        _reopen(session, call, contact)
        _hand_on(session, call, contact)
    owed = _owe(session, call, contact)
    if call.ending == CallEnding.WANTS_CALLBACK and (owed is None or owed.contact_id != contact.id):
        # A hidden number cannot be rung, whatever its caller wished; one that is owed a call already is rung for that contact.
        _conclude(session, call, contact)


_LOST = select(func.max(CallEvent.at)).where(CallEvent.call_id == bindparam("call_id"), CallEvent.step == CallStep.PHONE_LOST)
_IN_HAND = (
    select(Contact.taken_by_id.is_not(None))
    .where(Contact.id == bindparam("contact_id"), Contact.conclusion.is_distinct_from(Conclusion.ABANDONED))
    .where(_LOST.scalar_subquery().is_(None))
)


def _is_in_hand(session: Session, call: Call) -> bool:
    """How nearly every call ends: somebody has the contact, and nothing went amiss."""
    found = core.send(session, _IN_HAND, {"call_id": call.id, "contact_id": call.contact_id})
    return bool(found and found[0][0])


def _ending(session: Session, call: Call) -> CallEnding:
    if call.ending == CallEnding.INTERRUPTED or call.ending in WISHES:
        return call.ending
    if call.answered_at is not None:
        return CallEnding.SPOKEN
    if call.direction == Direction.OUT:
        return CallEnding.NOT_REACHED
    if call.ending in _ASKED_NOBODY and call.queued_at is None:
        return call.ending
    return CallEnding.NO_AGENT if call.ending == CallEnding.NO_AGENT else _patience(session, call)


def _patience(session: Session, call: Call) -> CallEnding:
    if call.queued_at is None or call.ended_at is None:
        return CallEnding.LEFT_IN_NOTICE
    short = timedelta(seconds=telephone_rule.current(session).short_abandon)
    return CallEnding.SHORT_ABANDON if call.ended_at - call.queued_at < short else CallEnding.ABANDONED


def _is_given_up(call: Call) -> bool:
    return call.ending in GAVE_UP or (call.ending == CallEnding.INTERRUPTED and call.answered_at is None)


_LEAVE = delete(core.table(QueueEntry)).where(
    QueueEntry.contact_id == bindparam("contact_id"), QueueEntry.channel == queue_rule.VOICE
)


def leave_voice_queue(session: Session, contact_id: UUID) -> None:
    core.send(session, _LEAVE, {"contact_id": contact_id})


def _conclude(session: Session, call: Call, contact: Contact) -> None:
    if contact.concluded_at is None and contact.taken_by_id is None:
        queueing.conclude(session, contact, Conclusion.ABANDONED, by=None)
        contact.concluded_at = call.ended_at


def reopen_abandoned(contact: Contact) -> bool:
    """Whoever gave up is spoken with after all: there may be a matter to file. False if it ended otherwise."""
    if contact.conclusion != Conclusion.ABANDONED:
        return False
    contact.concluded_at, contact.conclusion = None, None
    contact.version += 1
    return True


def _reopen(session: Session, call: Call, contact: Contact) -> None:
    """What was taken for an abandoned call was none."""
    if reopen_abandoned(contact):
        callbacks.withdraw(session, contact.id, at=call.ended_at or call.started_at)


def _hand_on(session: Session, call: Call, contact: Contact) -> None:
    """Nobody who was spoken with, or has left a message, is left without a person who sees to it."""
    if contact.concluded_at is not None or contact.taken_by_id is not None:
        return
    if call.ending == CallEnding.TURNED_AWAY:
        refused_calls.turn_away(session, contact)
    elif call.ending == CallEnding.SELF_SERVED:
        queueing.conclude(session, contact, Conclusion.ANSWERED, by=None)
    elif call.ending == CallEnding.VOICE_MESSAGE:
        enqueue_message(session, contact, at=call.ended_at or call.started_at)
        if call.queued_at is None:
            refused_calls.hear_appeal(session, contact)
    elif call.ending in (CallEnding.SPOKEN, CallEnding.INTERRUPTED):
        contact.taken_at, contact.taken_by_id = call.answered_at, call_rows.owner(session, call)
        contact.version += 1


def enqueue_message(session: Session, contact: Contact, *, at: datetime) -> None:
    """A place of its own for a message by voice; the clock runs from when it was left."""
    rule = queue_rule.current(session)
    entry = {
        "contact_id": contact.id,
        "channel": VOICE_MESSAGE,
        "skill": contact.skill,
        "language": contact.language,
        "urgency_weight": rule.weight(contact.urgency),
        "clock_from": at.timestamp(),
        "limit_seconds": rule.limit(VOICE_MESSAGE, contact.urgency),
        "reserved_for_id": None,
    }
    if core.insert_once(session, QueueEntry, entry, unique=("contact_id",)):
        contact.queued_at = contact.queued_at or at
        outbox.emit(session, ContactQueued(contact.id))


def _owe(session: Session, call: Call, contact: Contact) -> Callback | None:
    reason = _reason(session, call)
    if reason is None or call.ended_at is None or not contact.number:
        return None
    return callbacks.owe(
        session,
        reason=reason,
        number=contact.number,
        contact_id=contact.id,
        due_at=callbacks.first_due(session, reason, call.ended_at),
        queue=call.queue,
    )


def _reason(session: Session, call: Call) -> CallbackReason | None:
    if call.ending == CallEnding.INTERRUPTED:
        return CallbackReason.INTERRUPTED
    if call.ending == CallEnding.WANTS_CALLBACK:
        return CallbackReason.REQUESTED
    if call.ending in GAVE_UP:
        return CallbackReason.ABANDONED
    return CallbackReason.INTERRUPTED if call.ending == CallEnding.SPOKEN and _was_cut_off(session, call) else None


def _was_cut_off(session: Session, call: Call) -> bool:
    """The agent's telephone fell silent, and nobody spoke with the caller after that."""
    lost_at: datetime | None = session.scalar(_LOST, {"call_id": call.id})
    return lost_at is not None and not call_rows.speaks(session, call, at=lost_at)


def _settle_placed(session: Session, call: Call) -> None:
    """The contact waits on, if it does: what is tried next is the callback's affair."""
    contact = session.get_one(Contact, call.contact_id)
    leave_voice_queue(session, call.contact_id)
    callbacks.settle_try(session, call)
    if contact.source == call_rows.PLACED and contact.taken_by_id is None and contact.concluded_at is None:
        # The service's own call to whoever is on duty: there is nobody to conclude its contact.
        queueing.conclude(session, contact, Conclusion.ANSWERED, by=None)
