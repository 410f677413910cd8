"""Makers of recordings: stored and noted as the telephony process does it, of calls that an agent answered."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services.telephone import recording_store, recordings
from hotline.services.telephone.recording_store import SpoolFile
from models import Call, Contact, Recording, RecordingKind, Staff, now
from tests.factories_calls import make_call, make_line
from tests.sounds import tone, wav

SIDES = {RecordingKind.MIXED: "", RecordingKind.CALLER: "-in", RecordingKind.AGENT: "-out", RecordingKind.VOICE_MESSAGE: ""}


def spoken_call(session: Session) -> tuple[Call, Contact, Staff]:
    """A call that was answered, its contact, and who answered it."""
    line = make_line(session)
    call = make_call(session, facts=("queued", "rang", "answered", "ended"), line=line, seconds=60)
    return call, session.get_one(Contact, call.contact_id), session.get_one(Staff, line.staff_id)


def make_recording(
    session: Session,
    call: Call | None = None,
    kind: RecordingKind = RecordingKind.MIXED,
    *,
    seconds: float = 1,
    age: timedelta | None = None,
) -> Recording:
    """A tone; the data folder has its place for recordings."""
    call = call or spoken_call(session)[0]
    content = wav(tone(seconds))
    message = kind == RecordingKind.VOICE_MESSAGE
    path = Path("voicemail" if message else "monitor") / f"{call.linkedid}{SIDES[kind]}.wav"
    file = SpoolFile(path, call.linkedid, SIDES[kind], message, ended_at=now())
    stored = recording_store.store([content], size=len(content), media_type="audio/wav", at=now(), seconds=seconds)
    assert recordings.keep(session, call, file, stored)
    recording = session.scalars(select(Recording).where(Recording.source_name == file.name)).one()
    if age:
        recording.recorded_at = now() - age
    session.flush()
    return recording
