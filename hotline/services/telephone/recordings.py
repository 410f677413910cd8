"""Recordings of calls: noted once, heard by those who may, each hearing noted."""

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.errors import NotFound, Unavailable
from hotline.services import access, core
from hotline.services.access import Me
from hotline.services.files.sealed import SealBroken
from hotline.services.telephone import recording_store, sound
from hotline.services.telephone.recording_store import SpoolFile, Stored
from models import (
    AccessLog,
    Call,
    CallEvent,
    CallLeg,
    CallStep,
    Contact,
    Direction,
    Recording,
    RecordingKind,
    Role,
    now,
)

# Who hears calls that are not their own; a contact's agent and whoever answered hear theirs.
LISTENERS = frozenset({Role.SHIFT_LEADER, Role.VERIFIER, Role.QUALITY_JUDGE, Role.SUPERVISOR})
TAKES_COPIES = frozenset({Role.SHIFT_LEADER, Role.QUALITY_JUDGE, Role.SUPERVISOR})
SIDES = frozenset({RecordingKind.CALLER, RecordingKind.AGENT})
LISTENED = "listened"
COPIED = "copied"
# A player asks for the beginning more than once as it starts, and for other stretches as long as it is open.
SAME_START = timedelta(seconds=10)
SAME_PLAYER = timedelta(hours=1)

OUTLINE = 600
# A long archived recording takes seconds to decode.
_heavy_work = threading.BoundedSemaphore(2)


@dataclass(frozen=True)
class Stretch:
    """From and to, in seconds of the recording."""

    start: float
    end: float


@dataclass(frozen=True)
class Track:
    """A recording as it is offered to one person: what plays first, and the sides that were kept apart."""

    recording: Recording
    sides: Sequence[Recording]
    call: Call
    muted: Sequence[Stretch]
    may_copy: bool
    missing: RecordingKind | None = None  # the one side that was lost


@dataclass(frozen=True)
class _Pauses:
    """Of a call: when its recordings were paused and went on, and when somebody spoke with the caller."""

    steps: Sequence[CallEvent]
    legs: Sequence[CallLeg]


# ---- taken from the exchange


def call_of(session: Session, unique_ids: Collection[str]) -> dict[str, Call]:
    """The calls that these channels belong to: a caller's channel gives a call its name, others are its legs."""
    legs = select(CallLeg.unique_id, Call).join(Call, Call.id == CallLeg.call_id).where(CallLeg.unique_id.in_(unique_ids))
    found = {unique_id: call for unique_id, call in session.execute(legs)}
    return found | {call.linkedid: call for call in session.scalars(select(Call).where(Call.linkedid.in_(unique_ids)))}


def keep(session: Session, call: Call, file: SpoolFile, stored: Stored) -> bool:
    """Note what was stored of a file. False if that is known already, and `stored` is not needed.

    A known one gives way if the exchange went on writing to the file, or if what was stored of it is gone.
    """
    if core.insert_once(session, Recording, _values(call, file, stored), unique=("source_name",)):
        return True
    known = session.scalars(select(Recording).where(Recording.source_name == file.name).with_for_update()).one()
    if known.stored_as == stored.stored_as:
        return True
    if known.erased_at is not None:
        return False
    if stored.seconds <= known.seconds and recording_store.is_there(known.stored_as, known.size):
        return False
    for name, value in vars(stored).items():
        setattr(known, name, value)
    return True


def _values(call: Call, file: SpoolFile, stored: Stored) -> dict[str, object]:
    # What the exchange hears on the channel is the caller, unless the service placed the call and that channel is the agent's.
    caller_side = "-in" if call.direction == Direction.IN else "-out"
    return {
        **vars(stored),
        "call_id": call.id,
        "kind": file.kind(caller_side=caller_side),
        "source_name": file.name,
        "recorded_at": began_at(call, file, stored.seconds),
    }


def began_at(call: Call, file: SpoolFile, seconds: float) -> datetime:
    """Both sides are recorded from the moment that they hear each other."""
    if file.message or call.answered_at is None:
        return file.ended_at - timedelta(seconds=seconds)
    return call.answered_at


# ---- heard


def of_contact(session: Session, me: Me, contact: Contact) -> list[Track]:
    """What this person may hear of a contact that is open before them anyway; nothing, if nothing."""
    of_call: dict[UUID, tuple[Call, list[Recording]]] = {}
    for recording, call in _of_contact(session, contact):
        if _may_hear(me, contact, call):
            of_call.setdefault(call.id, (call, []))[1].append(recording)
    pauses = _pauses(session, of_call)
    return [track for call, found in of_call.values() for track in _tracks(me, call, found, pauses.get(call.id))]


def last_erased(session: Session, contact: Contact) -> datetime | None:
    """When recordings of this contact were erased because their time was over, if any were."""
    erased: datetime | None = session.scalar(
        select(func.max(Recording.erased_at)).join(Call, Call.id == Recording.call_id).where(Call.contact_id == contact.id)
    )
    return erased


def to_copy(session: Session, me: Me, contact: Contact) -> tuple[list[Recording], int]:
    """What this person may take along of a contact, both sides too; and of how many calls there is more."""
    rows = _of_contact(session, contact)
    taken = [recording for recording, call in rows if me.has(*TAKES_COPIES) and _may_hear(me, contact, call)]
    return taken, len({call.id for _, call in rows} - {recording.call_id for recording in taken})


def _of_contact(session: Session, contact: Contact) -> Sequence[tuple[Recording, Call]]:
    rows = session.execute(
        select(Recording, Call)
        .join(Call, Call.id == Recording.call_id)
        .where(Call.contact_id == contact.id, Recording.erased_at.is_(None))
        .order_by(Recording.recorded_at, Recording.id)
    )
    return [(recording, call) for recording, call in rows]


def _tracks(me: Me, call: Call, found: Sequence[Recording], pauses: _Pauses | None) -> list[Track]:
    of_channel: dict[str, list[Recording]] = {}
    for recording in found:
        channel = recording.source_name.removesuffix(".wav").removesuffix("-in").removesuffix("-out")
        of_channel.setdefault(channel, []).append(recording)
    tracks = []
    for together in of_channel.values():
        mixed = [each for each in together if each.kind == RecordingKind.MIXED]
        sides = [each for each in together if each not in mixed] if mixed else []
        copies, lost = me.has(*TAKES_COPIES), _lost(together)
        tracks += [Track(each, sides, call, _muted(each, pauses), copies, lost) for each in mixed or together]
    return tracks


def _lost(together: Sequence[Recording]) -> RecordingKind | None:
    lost = SIDES - {each.kind for each in together}
    return min(lost) if len(lost) == 1 else None


def see(session: Session, me: Me, recording_id: UUID) -> Recording:
    """For those who may hear it; of a confidential contact its agent and a few others."""
    row = session.execute(
        select(Recording, Call)
        .join(Call, Call.id == Recording.call_id)
        .where(Recording.id == recording_id, Recording.erased_at.is_(None))
    ).first()
    if row is None:
        raise NotFound()
    recording, call = row
    if not _may_hear(me, access.see_contact(session, me, call.contact_id), call):
        raise NotFound()
    found: Recording = recording
    return found


def see_copy(session: Session, me: Me, recording_id: UUID) -> Recording:
    """For those who may take it with them. Noted."""
    access.require(me, *TAKES_COPIES)
    recording = see(session, me, recording_id)
    access.note_look(session, me, "recording", recording.id, COPIED)
    return recording


def _may_hear(me: Me, contact: Contact, call: Call) -> bool:
    own = me.staff_id in (contact.taken_by_id, call.staff_id)
    if contact.confidential and not own and not me.has(*access.TRUSTED):
        return False
    return me.has(*access.CENTRE) and (own or me.has(*LISTENERS))


def note_listening(session: Session, me: Me, recording: Recording, *, from_byte: int) -> None:
    """Once for each start of a player, however many stretches it asks for."""
    same = SAME_START if from_byte == 0 else SAME_PLAYER
    noted = select(AccessLog.id).where(
        AccessLog.subject_kind == "recording",
        AccessLog.subject_id == recording.id,
        AccessLog.staff_id == me.staff_id,
        AccessLog.what == LISTENED,
        AccessLog.created_at > now() - same,
    )
    if session.scalar(noted.limit(1)) is None:
        access.note_look(session, me, "recording", recording.id, LISTENED)


def outline(recording: Recording) -> list[int]:
    """Its waveform: heights from 0 to 100, of stretches of equal length."""
    return _outline(recording.stored_as, recording.media_type)


@lru_cache(maxsize=1000)
def _outline(stored_as: str, media_type: str) -> list[int]:
    content = recording_store.open(stored_as)
    with _heavy_work:
        try:
            return sound.peaks(content.pieces(), media_type, OUTLINE)
        except (OSError, SealBroken) as error:
            raise Unavailable(recording_store.UNREADABLE) from error


def muted(session: Session, recording: Recording) -> list[Stretch]:
    """Where the recording was paused, because a card or identity number was read out: there it holds silence."""
    return _muted(recording, _pauses(session, [recording.call_id]).get(recording.call_id))


def _pauses(session: Session, calls: Collection[UUID]) -> dict[UUID, _Pauses]:
    """Of those of these calls that were paused at all."""
    steps: dict[UUID, list[CallEvent]] = {}
    paused = (CallStep.RECORDING_PAUSED, CallStep.RECORDING_RESUMED)
    if calls:
        events = select(CallEvent).where(CallEvent.call_id.in_(calls), CallEvent.step.in_(paused))
        for step in session.scalars(events.order_by(CallEvent.at, CallEvent.id)):
            steps.setdefault(step.call_id, []).append(step)
    legs: dict[UUID, list[CallLeg]] = {call_id: [] for call_id in steps}
    if steps:
        answered = select(CallLeg).where(CallLeg.call_id.in_(steps), CallLeg.answered_at.is_not(None))
        for leg in session.scalars(answered.order_by(CallLeg.answered_at)):
            legs[leg.call_id].append(leg)
    return {call_id: _Pauses(found, legs[call_id]) for call_id, found in steps.items()}


def _muted(recording: Recording, pauses: _Pauses | None) -> list[Stretch]:
    if pauses is None or recording.kind == RecordingKind.VOICE_MESSAGE:
        return []
    connected = _connected(recording, pauses.legs)
    found: list[Stretch] = []
    since: datetime | None = None
    for step in pauses.steps:
        if step.step == CallStep.RECORDING_PAUSED:
            since = since or step.at
        elif since is not None:
            found.append(Stretch(_position(connected, since), _position(connected, step.at)))
            since = None
    if since is not None:
        found.append(Stretch(_position(connected, since), recording.seconds))
    within = [Stretch(min(each.start, recording.seconds), min(each.end, recording.seconds)) for each in found]
    return [each for each in within if each.end > each.start]


def _connected(recording: Recording, legs: Sequence[CallLeg]) -> list[tuple[datetime, datetime]]:
    """When somebody spoke with the caller, in order and without overlaps: only then does the recording run."""
    end = recording.recorded_at + timedelta(days=1)
    spans = [(leg.answered_at, leg.ended_at or end) for leg in legs if leg.answered_at]
    merged: list[tuple[datetime, datetime]] = []
    for start, until in spans:
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], until))
        else:
            merged.append((start, until))
    return merged or [(recording.recorded_at, end)]


def _position(connected: Sequence[tuple[datetime, datetime]], at: datetime) -> float:
    return sum((max(timedelta(), min(at, end) - start) for start, end in connected), timedelta()).total_seconds()
