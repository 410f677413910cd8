"""The rows of a call: the call itself, held until the transaction ends; its legs and steps; and the words callers bring along."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from hotline.ports import Inbound
from hotline.services import core, intake, phones
from hotline.services.queue_rule import VOICE
from models import Call, CallEvent, CallLeg, CallStep, Contact, PhoneLine, new_id, now

LONGEST_NAME, LONGEST_NUMBER, LONGEST_CHANNEL = 64, 32, 80
# The source of a contact that began with a call of ours.
PLACED = "placed"
_NUMBER = re.compile(r"[\d+*# ().-]*\d[\d+*# ().-]*")
_HELD, _LEGS, _OPENED = "calls held", "legs of calls held", "contacts opened"

# The key of a call never changes: whoever writes a leg or a recording beside it need not wait.
_CALL = core.whole(Call).where(Call.linkedid == bindparam("linkedid")).with_for_update(key_share=True)
_CONTACT = core.whole(Contact).where(Contact.id == bindparam("contact_id")).with_for_update()
_LEG = core.whole(CallLeg).where(CallLeg.unique_id == bindparam("unique_id"))
_OF_CALL = core.whole(CallLeg).where(CallLeg.call_id == bindparam("call_id")).order_by(CallLeg.started_at)
_OWNER = select(PhoneLine.staff_id).where(PhoneLine.extension == bindparam("extension"))


def hold(
    session: Session,
    linkedid: str,
    *,
    at: datetime,
    inbound: Inbound | None = None,
    contact_id: UUID | None = None,
    **about: str,
) -> Call:
    """The call's row, locked. Whichever of its facts comes first opens the contact, unless it belongs to a known one.

    `about`: columns of the call, for one that is still unknown.
    """
    held: dict[str, Call] = session.info.setdefault(_HELD, {})
    if linkedid in held:
        return held[linkedid]
    call = _locked(session, linkedid)
    if call is None:
        inbound = inbound or Inbound(VOICE, linkedid, sender="", text="", received_at=at)
        call = _open(session, inbound, contact_id, about) or _locked(session, linkedid)
    if call is None:
        raise LookupError("a stored call cannot be read again")
    held[linkedid] = call
    return call


def _open(session: Session, inbound: Inbound, contact_id: UUID | None, about: dict[str, str]) -> Call | None:
    """None if somebody else has just stored it."""
    if contact_id is None:
        opened = intake.open_call(session, inbound, **about)
        if opened is None:
            return None
        contact, call = opened
        session.info.setdefault(_OPENED, []).append(contact)  # a session forgets what nobody holds
        return call
    values = {"linkedid": inbound.external_id, "contact_id": contact_id, "started_at": inbound.received_at, **about}
    core.insert_once(session, Call, values, unique=("linkedid",))
    return None


def _locked(session: Session, linkedid: str) -> Call | None:
    rows = core.send(session, _CALL, {"linkedid": linkedid})
    return core.loaded(session, Call, rows[0]) if rows else None


def contact_of(session: Session, call: Call) -> Contact:
    """The contact, locked. Whoever takes it out of the queue does that before."""
    return core.loaded(session, Contact, core.send(session, _CONTACT, {"contact_id": call.contact_id})[0])


def identify(contact: Contact, *, number: str, name: str) -> None:
    """Whose call it is, learnt after the call itself."""
    full = phones.normalise(number)
    contact.number, contact.number_hash = full or number, phones.number_hash(full) if full else None
    contact.sender_name = contact.sender_name or name or None


def staff_of(session: Session, extension: str) -> UUID | None:
    found = core.send(session, _OWNER, {"extension": extension})
    return found[0][0] if found else None


def legs(session: Session, call: Call) -> list[CallLeg]:
    """All of them, the oldest first. While the call is held nobody else adds any: they are read once."""
    known: dict[UUID, list[CallLeg]] = session.info.setdefault(_LEGS, {})
    if call.id not in known:
        known[call.id] = [core.loaded(session, CallLeg, row) for row in core.send(session, _OF_CALL, {"call_id": call.id})]
    return known[call.id]


def leg(
    session: Session, call: Call, *, extension: str, unique_id: str, at: datetime, channel_name: str = ""
) -> tuple[CallLeg, bool]:
    """The leg, and whether it is a new one. Without its id the last one of the extension is meant that still lives."""
    known = legs(session, call)
    found = _known(known, extension, unique_id)
    if found is not None:
        found.channel_name = found.channel_name or clean(channel_name, LONGEST_CHANNEL)
        return found, False
    values: dict[str, Any] = {
        "id": new_id(),
        "call_id": call.id,
        "unique_id": unique_id or f"{call.linkedid[:48]}/{extension[:8]}",
        "endpoint": clean(extension, 64),
        "channel_name": clean(channel_name, LONGEST_CHANNEL),
        "staff_id": staff_of(session, extension),
        "started_at": at,
        "answered_at": None,
        "ended_at": None,
        "created_at": now(),
    }
    if core.insert_once(session, CallLeg, values, unique=("unique_id",)):
        known.append(core.stored(session, CallLeg(**values)))
        return known[-1], True
    # It was told of another call before the two became one.
    return core.loaded(session, CallLeg, core.send(session, _LEG, {"unique_id": values["unique_id"]})[0]), False


def _known(legs: list[CallLeg], extension: str, unique_id: str) -> CallLeg | None:
    if unique_id:
        return next((each for each in legs if each.unique_id == unique_id), None)
    mine = [each for each in legs if each.endpoint == extension]
    living = [each for each in mine if each.ended_at is None] or mine
    return living[-1] if living else None


def end_leg(leg: CallLeg, at: datetime) -> bool:
    """False if its end was known. The end of the whole call, told first, may be later than that of the leg."""
    is_news = leg.ended_at is None
    leg.ended_at = earliest(leg.ended_at, at)
    return is_news


def owner(session: Session, call: Call) -> UUID | None:
    """Who has the call in hand: of those who speak the first one, else the last one who spoke."""
    spoken = [each for each in legs(session, call) if each.answered_at is not None and each.staff_id is not None]
    speaking = [each for each in spoken if each.ended_at is None]
    if speaking:
        return min(speaking, key=_answer).staff_id
    return max(spoken, key=_answer).staff_id if spoken else None


def _answer(leg: CallLeg) -> tuple[datetime, str]:
    return leg.answered_at or leg.started_at, leg.unique_id


def speaks(session: Session, call: Call, *, at: datetime) -> bool:
    """Whether somebody speaks with the caller at this time, or has begun to since."""
    answered = [each for each in legs(session, call) if each.answered_at is not None]
    return any(_answer(each)[0] >= at or each.ended_at is None for each in answered)


def add_step(
    session: Session, call: Call, step: CallStep, *, at: datetime, staff_id: UUID | None = None, detail: str = ""
) -> bool:
    """False if it is known already."""
    detail = clean(detail, 64)
    same = (CallEvent.call_id == call.id, CallEvent.step == step, CallEvent.at == at, CallEvent.detail == detail)
    if session.scalar(select(CallEvent.id).where(*same)) is not None:
        return False
    session.add(CallEvent(call_id=call.id, step=step, at=at, staff_id=staff_id, detail=detail))
    return True


def reckon_hold(session: Session, call: Call) -> None:
    """The time on hold, from its steps: however late one of them becomes known, the sum is right."""
    steps = select(CallEvent).where(CallEvent.call_id == call.id, CallEvent.step.in_([CallStep.HELD, CallStep.RESUMED]))
    since: datetime | None = None
    seconds = 0.0
    # Of two steps at the same moment the end of a hold comes first: it belongs to the one before.
    for event in sorted(session.scalars(steps), key=lambda each: (each.at, each.step == CallStep.HELD)):
        if event.step == CallStep.HELD:
            since = since or event.at
        elif since is not None:
            seconds += (event.at - since).total_seconds()
            since = None
    if since is not None and call.ended_at is not None:
        seconds += max(0.0, (call.ended_at - since).total_seconds())
        since = None
    call.held_since, call.held_seconds = since, seconds


def earliest(known: datetime | None, at: datetime) -> datetime:
    return at if known is None else min(known, at)


def clean(text: str, most: int) -> str:
    """One line of what can be shown. Networks hand on whatever a caller writes into a caller id."""
    return "".join(character for character in text if character.isprintable()).strip()[:most]


def caller_number(text: str) -> str:
    """As it can be rung back, or as it was given if that is no full number; empty for who hides it."""
    shown = clean(text, LONGEST_NUMBER)
    if not _NUMBER.fullmatch(shown):
        return ""
    return phones.normalise(shown) or shown
