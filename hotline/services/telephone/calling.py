"""What happens to a call, as facts. Each may come late, twice, or before the one that it follows; the rows are right in the end.

`at` is the exchange's time. The call's row is held until the transaction ends, so that two who learn of the same fact take turns.
A seat's lock comes before a contact's: whoever gathers facts into one transaction begins it with those about seats.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, literal_column, select, update
from sqlalchemy.orm import Session

from hotline.events import CallAnswered, CallEnded, CallRang, ContactTaken
from hotline.ports import Inbound
from hotline.services import core, outbox, presence, queueing
from hotline.services.queue_rule import VOICE
from hotline.services.telephone import call_endings, call_rows, callbacks, switching, telephone_rule
from models import (
    Call,
    CallbackReason,
    CallEnding,
    CallLeg,
    CallStep,
    Case,
    Contact,
    Direction,
    PhoneLine,
    Presence,
    PresenceState,
    SwitchboardAction,
    SwitchboardCommand,
    TryOutcome,
    now,
)

PLACED = call_rows.PLACED
_SEAT_AT = (
    select(Presence)
    .join(PhoneLine, PhoneLine.staff_id == Presence.staff_id)
    .where(PhoneLine.extension == bindparam("extension"))
    .with_for_update(of=Presence)
    .execution_options(populate_existing=True)
)
_HEARD = (
    update(core.table(PhoneLine))
    .where(PhoneLine.extension == bindparam("line"), PhoneLine.missed_rings > 0)
    .values(missed_rings=literal_column("0"))
)
_PLACING = frozenset({SwitchboardAction.PLACE_CALL, SwitchboardAction.PLACE_CALLBACK, SwitchboardAction.ASK_CITIZEN})


@dataclass(frozen=True)
class Ring:
    """Whose telephone rings, and for what."""

    staff_id: UUID
    contact_id: UUID
    call_id: UUID


def arrived(session: Session, *, linkedid: str, channel_name: str, number: str, name: str, called: str, at: datetime) -> Call:
    """A call is a contact from here on, even if its caller hangs up in the notice."""
    number, name = call_rows.caller_number(number), call_rows.clean(name, call_rows.LONGEST_NAME)
    inbound = Inbound(VOICE, linkedid, sender=number, text="", received_at=at, number=number, name=name)
    channel_name = call_rows.clean(channel_name, call_rows.LONGEST_CHANNEL)
    called = call_rows.clean(called, call_rows.LONGEST_NUMBER)
    call = call_rows.hold(session, linkedid, at=at, inbound=inbound, channel_name=channel_name, called_number=called)
    call.channel_name, call.called_number = call.channel_name or channel_name, call.called_number or called
    call.started_at = min(call.started_at, at)
    contact = session.get_one(Contact, call.contact_id)
    contact.received_at = min(contact.received_at, at)
    if call.direction == Direction.IN and contact.number is None and number:
        call_rows.identify(contact, number=number, name=name)
        _settle_again(session, call)
    return call


def queued(session: Session, linkedid: str, *, queue: str, at: datetime) -> None:
    """The caller waits; again, if the telephone of whoever answered first fell silent."""
    call = call_rows.hold(session, linkedid, at=at)
    if call.queued_at is None or at > call.queued_at:
        call.queue = call_rows.clean(queue, 32)
    call.queued_at = call_rows.earliest(call.queued_at, at)
    if call.ended_at is not None:
        call_endings.settle(session, call)
    elif call.answered_at is None or not call_rows.speaks(session, call, at=at):
        _wait(session, call, at)


def _wait(session: Session, call: Call, at: datetime) -> None:
    contact = session.get_one(Contact, call.contact_id)
    if contact.concluded_at is not None:
        return
    asked = telephone_rule.current(session).queues.get(call.queue)
    if asked is not None:
        contact.skill, contact.language = asked.skill, asked.language
    if contact.taken_by_id is not None:
        contact.taken_at, contact.taken_by_id = None, None
        contact.version += 1
    contact.queued_at = call_rows.earliest(contact.queued_at, at)
    queueing.enqueue(session, contact)


def rang(session: Session, linkedid: str, *, extension: str, unique_id: str, channel_name: str, at: datetime) -> Ring | None:
    """None if the telephone is nobody's."""
    call = call_rows.hold(session, linkedid, at=at)
    leg, is_new = call_rows.leg(session, call, extension=extension, unique_id=unique_id, at=at, channel_name=channel_name)
    leg.started_at = min(leg.started_at, at)
    if leg.staff_id is None:
        return None
    if is_new:
        outbox.emit(session, CallRang(call.contact_id, leg.staff_id))
    return Ring(leg.staff_id, call.contact_id, call.id)


def not_answered(session: Session, linkedid: str, *, extension: str, at: datetime, unique_id: str = "") -> None:
    """A ring ended without an answer. The router looks at how many there were in a row."""
    call = call_rows.hold(session, linkedid, at=at)
    leg, _ = call_rows.leg(session, call, extension=extension, unique_id=unique_id, at=at)
    if leg.answered_at is not None or not call_rows.end_leg(leg, at):
        return
    missed = update(PhoneLine).where(PhoneLine.extension == extension).values(missed_rings=PhoneLine.missed_rings + 1)
    session.execute(missed.execution_options(synchronize_session=False))


def answered(session: Session, linkedid: str, *, extension: str, unique_id: str, at: datetime) -> Ring | None:
    """A person of the centre speaks with the citizen, whose earlier misses are owed no call any more."""
    call = call_rows.hold(session, linkedid, at=at)
    leg, _ = call_rows.leg(session, call, extension=extension, unique_id=unique_id, at=at)
    if leg.answered_at is None:
        leg.answered_at = at
        _note_answer(session, call, leg, at)
    return None if leg.staff_id is None else Ring(leg.staff_id, call.contact_id, call.id)


def _note_answer(session: Session, call: Call, leg: CallLeg, at: datetime) -> None:
    if call.answered_at is None or at < call.answered_at:
        call.answered_at, call.staff_id = at, leg.staff_id
    if call.ended_at is not None:
        leg.ended_at = leg.ended_at or call.ended_at
        call_endings.settle(session, call)
    core.send(session, _HEARD, {"line": leg.endpoint})
    taken = _give(session, call, at)
    if leg.staff_id is not None:
        outbox.emit(session, CallAnswered(call.id, call.contact_id, leg.staff_id), *taken)
    if leg.ended_at is not None:
        _wrap_up(session, leg)


def _give(session: Session, call: Call, at: datetime) -> list[ContactTaken]:
    """The contact to whoever has the call in hand, and what is to be told of it; out of the queue first."""
    who = call_rows.owner(session, call)
    call_endings.leave_voice_queue(session, call.contact_id)
    contact = call_rows.contact_of(session, call)
    if call.direction == Direction.IN:
        callbacks.drop(session, contact.number_hash, at=at, unless=contact.id)
    if who is not None and call.direction == Direction.OUT:
        call_endings.reopen_abandoned(contact)
    if who is None or contact.concluded_at is not None or contact.taken_by_id == who:
        return []
    contact.taken_at, contact.taken_by_id = call_rows.earliest(contact.taken_at, at), who
    contact.version += 1
    return [ContactTaken(contact.id, who)]


def held(session: Session, linkedid: str, *, at: datetime, extension: str) -> None:
    _hold_or_resume(session, linkedid, CallStep.HELD, at, extension)


def resumed(session: Session, linkedid: str, *, at: datetime, extension: str) -> None:
    _hold_or_resume(session, linkedid, CallStep.RESUMED, at, extension)


def _hold_or_resume(session: Session, linkedid: str, which: CallStep, at: datetime, extension: str) -> None:
    call = call_rows.hold(session, linkedid, at=at)
    staff_id = call_rows.staff_of(session, extension)
    if call_rows.add_step(session, call, which, at=at, staff_id=staff_id, detail=extension):
        call_rows.reckon_hold(session, call)


def step(
    session: Session, linkedid: str, step: CallStep, *, at: datetime, staff_id: UUID | None = None, detail: str = ""
) -> None:
    call = call_rows.hold(session, linkedid, at=at)
    if call_rows.add_step(session, call, step, at=at, staff_id=staff_id, detail=detail) and step == CallStep.PHONE_LOST:
        _settle_again(session, call)


def agent_left(
    session: Session, linkedid: str, *, extension: str, at: datetime, lost: bool = False, unique_id: str = ""
) -> UUID | None:
    """A leg of ours ended; who spoke wraps up. `lost`: the telephone fell silent, and the caller waits for it to come back."""
    # The first of all locks: whoever moves a seat writes its calls next.
    seat = session.scalars(_SEAT_AT, {"extension": extension}).one_or_none()
    call = call_rows.hold(session, linkedid, at=at)
    leg, _ = call_rows.leg(session, call, extension=extension, unique_id=unique_id, at=at)
    is_news = call_rows.end_leg(leg, at)
    if lost:
        step(session, linkedid, CallStep.PHONE_LOST, at=at, staff_id=leg.staff_id, detail=extension)
    elif is_news and leg.answered_at is not None:
        _wrap_up(session, leg, seat)
        _hand_on(session, call, at)
    return leg.staff_id


def _hand_on(session: Session, call: Call, at: datetime) -> None:
    """Somebody else of ours may still speak with the citizen: after a transfer, or in a conference."""
    if call.ended_at is None and call_rows.speaks(session, call, at=at):
        taken = _give(session, call, at)
        if taken:
            outbox.emit(session, *taken)


def _wrap_up(session: Session, leg: CallLeg, seat: Presence | None = None) -> None:
    """Time for notes; not long after the fact, when that time is over. Who paused during the call, or left, meant it."""
    if leg.staff_id is None or leg.ended_at is None:
        return
    seat = seat or session.get(Presence, leg.staff_id, with_for_update=True, populate_existing=True)
    if seat is None or seat.state != PresenceState.AVAILABLE:
        return
    lasts = timedelta(seconds=telephone_rule.current(session).wrap_up)
    if leg.ended_at > now() - lasts:
        presence.shift(session, seat, PresenceState.WRAP_UP)


def wants_callback(session: Session, linkedid: str, *, position: int | None, at: datetime) -> None:
    """The caller keeps the place and hangs up. Who hides the number cannot be rung, and is told nothing else by us."""
    call = call_rows.hold(session, linkedid, at=at)
    call_endings.note(call, CallEnding.WANTS_CALLBACK)
    contact = session.get_one(Contact, call.contact_id)
    if contact.number:
        callbacks.owe(
            session,
            reason=CallbackReason.REQUESTED,
            number=contact.number,
            due_at=at,
            contact_id=contact.id,
            queue=call.queue,
            position=position,
        )
    _settle_again(session, call)


def voice_message(session: Session, linkedid: str, *, at: datetime) -> None:
    call = call_rows.hold(session, linkedid, at=at)
    call_endings.note(call, CallEnding.VOICE_MESSAGE)
    _settle_again(session, call)


def no_agent(session: Session, linkedid: str, *, at: datetime) -> None:
    """Nobody was free within the limit, or nobody is there; a message by voice may follow."""
    call = call_rows.hold(session, linkedid, at=at)
    call_endings.note(call, CallEnding.NO_AGENT)
    _settle_again(session, call)


def self_served(session: Session, linkedid: str, *, at: datetime) -> None:
    """Keys have told the caller how far a case is; a person may still be asked for."""
    call = call_rows.hold(session, linkedid, at=at)
    call_endings.note(call, CallEnding.SELF_SERVED)
    _settle_again(session, call)


def turned_away(session: Session, linkedid: str, *, at: datetime) -> None:
    """A number that is refused for a time has begun to hear so; its caller may still ask for a person, or leave a message."""
    call = call_rows.hold(session, linkedid, at=at)
    call_endings.note(call, CallEnding.TURNED_AWAY)
    _settle_again(session, call)


def ended(session: Session, linkedid: str, *, at: datetime, reconstructed: bool = False) -> list[UUID]:
    """Those of ours whose telephones were still in it."""
    call = call_rows.hold(session, linkedid, at=at)
    return [] if call.ended_at is not None else _end(session, call, at, reconstructed)


def interrupted(session: Session, linkedid: str, *, at: datetime) -> None:
    """The exchange died in mid-call, or nothing tells how the call ended."""
    call = call_rows.hold(session, linkedid, at=at)
    if call.ended_at is None:
        if call.ending not in call_endings.WISHES:
            call.ending = CallEnding.INTERRUPTED
        _end(session, call, at, reconstructed=True)


def _end(session: Session, call: Call, at: datetime, reconstructed: bool) -> list[UUID]:
    legs = [leg for leg in call_rows.legs(session, call) if leg.ended_at is None]
    call.ended_at = at
    call.reconstructed = call.reconstructed or reconstructed
    for leg in legs:
        leg.ended_at = at
        if leg.answered_at is not None:
            _wrap_up(session, leg)
    if call.held_since is not None:
        call_rows.reckon_hold(session, call)
    call_endings.settle(session, call)
    outbox.emit(session, CallEnded(call.id, call.contact_id))
    return [leg.staff_id for leg in legs if leg.staff_id is not None]


def _settle_again(session: Session, call: Call) -> None:
    if call.ended_at is not None:
        call_endings.settle(session, call)


def placed(
    session: Session,
    *,
    linkedid: str,
    command_id: UUID,
    number: str,
    staff_id: UUID | None,
    contact_id: UUID | None,
    case_id: UUID | None,
    at: datetime,
    channel_name: str = "",
) -> Call:
    """A call of ours to a citizen. It belongs to the contact or the case that it is about, else to one of its own."""
    if contact_id is None and case_id is not None:
        contact_id = session.get_one(Case, case_id).contact_id
    number = call_rows.caller_number(number)
    inbound = Inbound(VOICE, linkedid, sender=number, text="", received_at=at, number=number, source=PLACED)
    call = call_rows.hold(session, linkedid, at=at, inbound=inbound, contact_id=contact_id)
    contact = session.get_one(Contact, call.contact_id)
    if contact.source == PLACED and contact.taken_by_id is None:
        contact.taken_at, contact.taken_by_id = at, staff_id
    call.direction = Direction.OUT
    call.started_at = min(call.started_at, at)
    call.staff_id = call.staff_id or staff_id
    call.channel_name = call.channel_name or call_rows.clean(channel_name, call_rows.LONGEST_CHANNEL)
    call.called_number = call.called_number or number[: call_rows.LONGEST_NUMBER]
    callbacks.note_placed(session, call, command_id)
    return call


def placed_by_command(session: Session, linkedid: str, command_id: UUID, *, at: datetime, channel_name: str = "") -> Call | None:
    """The same, with everything about it taken from the command that asked for it; None if that asked for something else."""
    command = session.get(SwitchboardCommand, command_id)
    if command is None or command.action not in _PLACING:
        return None
    asked = switching.arguments_of(command)
    return placed(
        session,
        linkedid=linkedid,
        command_id=command_id,
        number=str(asked.get("number") or ""),
        staff_id=command.by_id,
        contact_id=_id(asked.get("contact_id")),
        case_id=_id(asked.get("case_id")),
        at=at,
        channel_name=channel_name,
    )


def _id(value: switching.Value) -> UUID | None:
    return UUID(str(value)) if value else None


def citizen_said(session: Session, linkedid: str, outcome: TryOutcome, *, at: datetime) -> None:
    """What became of ringing the citizen, in a call that we placed."""
    callbacks.note_outcome(session, call_rows.hold(session, linkedid, at=at), outcome)


def known(session: Session, linkedids: list[str]) -> set[str]:
    return set(session.scalars(select(Call.linkedid).where(Call.linkedid.in_(linkedids))))
