"""Recordings as rows: who may hear which, what is noted, where they were paused, and how long they are kept."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import NotAllowed, NotFound, Unavailable
from hotline.services import access, cases
from hotline.services.actors import SERVICE
from hotline.services.telephone import calling, recording_store, recording_upkeep, recordings
from hotline.services.telephone.recordings import Stretch
from hotline.settings import Settings
from models import (
    AccessLog,
    Action,
    Call,
    CallStep,
    Case,
    CaseStatus,
    Contact,
    Recording,
    RecordingKind,
    Role,
    Staff,
    now,
)
from tests.factories import make_staff
from tests.factories_calls import make_call, make_line, tell
from tests.factories_cases import make_case
from tests.factories_recordings import make_recording, spoken_call


@pytest.fixture(autouse=True)
def folder(settings: Settings) -> Path:
    recording_store.make_folder(settings)
    return settings.data_dir / "recordings"


def me(staff: Staff, *roles: Role) -> access.Me:
    return access.Me(staff.id, uuid4(), staff.username, staff.name, frozenset(roles or {Role.AGENT}), None, "", "")


def somebody(session: Session, *roles: Role) -> access.Me:
    return me(make_staff(session, roles=roles), *roles)


def spoken(session: Session, **values: object) -> tuple[Call, Contact, access.Me]:
    """A call that an agent answered, with its contact and that agent."""
    call, contact, staff = spoken_call(session)
    for name, value in values.items():
        setattr(contact, name, value)
    return call, contact, me(staff)


def test_a_call_is_heard_whole_and_by_its_sides(session: Session) -> None:
    call, contact, agent = spoken(session)
    for kind in reversed(RecordingKind):
        make_recording(session, call, kind)

    whole, message = recordings.of_contact(session, agent, contact)

    assert {whole.recording.kind, message.recording.kind} == {RecordingKind.MIXED, RecordingKind.VOICE_MESSAGE}
    track = whole if whole.recording.kind == RecordingKind.MIXED else message
    assert {side.kind for side in track.sides} == {RecordingKind.CALLER, RecordingKind.AGENT}
    assert not track.may_copy


def test_one_side_alone_is_heard_all_the_same(session: Session) -> None:
    call, contact, agent = spoken(session)
    make_recording(session, call, RecordingKind.CALLER)

    [track] = recordings.of_contact(session, agent, contact)

    assert (track.recording.kind, list(track.sides)) == (RecordingKind.CALLER, [])


@pytest.mark.parametrize("role", [Role.SHIFT_LEADER, Role.VERIFIER, Role.QUALITY_JUDGE, Role.SUPERVISOR])
def test_these_hear_calls_that_are_not_their_own(session: Session, role: Role) -> None:
    call, contact, _ = spoken(session)
    recording = make_recording(session, call)
    listener = somebody(session, role)

    assert recordings.see(session, listener, recording.id) is recording
    [track] = recordings.of_contact(session, listener, contact)
    assert track.may_copy == (role != Role.VERIFIER)


OTHERS = [Role.AGENT, Role.CALLBACK_AGENT, Role.DISPATCHER, Role.LIAISON, Role.GRID_WORKER, Role.ADMINISTRATOR]


@pytest.mark.parametrize("role", OTHERS)
def test_these_hear_nothing_but_their_own_calls(session: Session, role: Role) -> None:
    call, contact, _ = spoken(session)
    recording = make_recording(session, call)
    other = somebody(session, role)

    assert recordings.of_contact(session, other, contact) == []
    with pytest.raises(NotFound):
        recordings.see(session, other, recording.id)
    with pytest.raises((NotFound, NotAllowed)):
        recordings.see_copy(session, other, recording.id)


def test_a_confidential_call_is_heard_by_its_agent_and_the_trusted_only(session: Session) -> None:
    call, contact, agent = spoken(session, confidential=True)
    recording = make_recording(session, call)

    for listener in (agent, somebody(session, Role.VERIFIER), somebody(session, Role.SHIFT_LEADER)):
        assert recordings.see(session, listener, recording.id) is recording
    for refused in (somebody(session, Role.QUALITY_JUDGE), somebody(session, Role.SUPERVISOR)):
        assert recordings.of_contact(session, refused, contact) == []
        with pytest.raises(NotFound):
            recordings.see(session, refused, recording.id)


def looks(session: Session, recording: Recording) -> list[str]:
    return list(
        session.scalars(select(AccessLog.what).where(AccessLog.subject_id == recording.id).order_by(AccessLog.created_at))
    )


def test_each_start_of_a_player_is_noted_once(session: Session, clock: time_machine.Traveller) -> None:
    call, _, agent = spoken(session)
    recording = make_recording(session, call)

    def listen(from_byte: int) -> None:
        recordings.note_listening(session, agent, recording, from_byte=from_byte)
        session.flush()

    for first_byte in (0, 0, 40_000, 80_000):
        listen(first_byte)
    assert looks(session, recording) == ["listened"]

    clock.shift(timedelta(minutes=5))
    listen(120_000)
    assert looks(session, recording) == ["listened"]
    listen(0)
    assert looks(session, recording) == ["listened"] * 2

    clock.shift(timedelta(hours=2))
    listen(500)
    assert looks(session, recording) == ["listened"] * 3


def test_a_copy_is_noted(session: Session) -> None:
    call, _, _ = spoken(session)
    recording = make_recording(session, call)

    recordings.see_copy(session, somebody(session, Role.QUALITY_JUDGE), recording.id)
    session.flush()

    assert looks(session, recording) == ["copied"]
    with pytest.raises(NotAllowed):
        recordings.see_copy(session, somebody(session, Role.VERIFIER), recording.id)


def paused(session: Session, call: Call, *steps: tuple[CallStep, datetime]) -> None:
    for step, at in steps:
        calling.step(session, call.linkedid, step, at=at)
    session.flush()


PAUSED, RESUMED = CallStep.RECORDING_PAUSED, CallStep.RECORDING_RESUMED


@pytest.mark.parametrize(
    ("steps", "stretches"),
    [
        ([], []),
        ([(PAUSED, 10), (RESUMED, 25)], [Stretch(10, 25)]),
        ([(PAUSED, 10), (PAUSED, 12), (RESUMED, 25), (RESUMED, 30)], [Stretch(10, 25)]),
        ([(PAUSED, 10), (RESUMED, 11), (PAUSED, 20), (RESUMED, 22)], [Stretch(10, 11), Stretch(20, 22)]),
        ([(PAUSED, 50)], [Stretch(50, 60)]),
        ([(RESUMED, 5)], []),
        ([(PAUSED, 58), (RESUMED, 70)], [Stretch(58, 60)]),
        ([(PAUSED, 70), (RESUMED, 80)], []),
        ([(PAUSED, -10), (RESUMED, 4)], [Stretch(0, 4)]),
    ],
)
def test_pauses_are_stretches_of_the_recording(
    session: Session, steps: list[tuple[CallStep, int]], stretches: list[Stretch]
) -> None:
    call, _, _ = spoken(session)
    assert call.answered_at is not None
    paused(session, call, *((step, call.answered_at + timedelta(seconds=seconds)) for step, seconds in steps))

    assert recordings.muted(session, make_recording(session, call, seconds=60)) == stretches


def test_while_nobody_speaks_with_the_caller_the_recording_stands_still(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    at = now() - timedelta(minutes=10)
    call = make_call(session, facts=("queued", "rang", "answered", "agent_left"), line=first, at=at, seconds=20)
    for fact, seconds in (("rang", 200), ("answered", 210), ("ended", 260)):
        tell(session, call.linkedid, fact, at=at + timedelta(seconds=seconds), line=second)
    # Recorded from 60 s to 80 s, and again from 210 s.
    paused(session, call, (PAUSED, at + timedelta(seconds=220)), (RESUMED, at + timedelta(seconds=225)))

    assert recordings.muted(session, make_recording(session, call, seconds=70)) == [Stretch(30, 35)]


def test_a_message_has_no_pauses(session: Session) -> None:
    call, _, _ = spoken(session)
    paused(session, call, (PAUSED, now()))

    assert recordings.muted(session, make_recording(session, call, RecordingKind.VOICE_MESSAGE)) == []


def test_an_outline_is_made_once_and_a_missing_file_is_said(session: Session, folder: Path) -> None:
    call, _, _ = spoken(session)
    shown = make_recording(session, call)
    gone = make_recording(session, call, RecordingKind.CALLER)

    assert set(recordings.outline(shown)) == {50}
    for recording in (shown, gone):
        (folder / recording.stored_as).unlink()

    assert set(recordings.outline(shown)) == {50}
    with pytest.raises(Unavailable):
        recordings.outline(gone)


def test_what_is_old_is_forgotten_unless_a_case_is_at_work_with_it(database: Database, folder: Path) -> None:
    long_ago = timedelta(days=731)
    with database.unit_of_work() as session:
        old = make_recording(session, age=long_ago)
        fresh = make_recording(session, age=timedelta(days=729))
        case = make_case(session, status=CaseStatus.CLOSED)
        at_work = make_recording(session, of_case(session, case), age=long_ago)

    with database.unit_of_work() as session:
        assert recording_upkeep.forget(session) == 1
        assert (folder / old.stored_as).exists()
    with database.unit_of_work() as session:
        assert recording_upkeep.forget(session) == 0

    assert not (folder / old.stored_as).exists()
    assert (folder / fresh.stored_as).exists()
    assert (folder / at_work.stored_as).exists()
    with database.reading() as session:
        erased = session.get_one(Recording, old.id)
        assert erased.erased_at is not None
        assert erased.digest == old.digest
        assert session.get_one(Recording, at_work.id).erased_at is None
        with pytest.raises(NotFound):
            recordings.see(session, me(Staff(id=uuid4(), username="leader", name="班长"), Role.SHIFT_LEADER), old.id)

    with database.unit_of_work() as session:
        cases.advance(session, session.get_one(Case, case.id), Action.ARCHIVE, by=SERVICE, key="archive")
        assert recording_upkeep.forget(session) == 1
    assert not (folder / at_work.stored_as).exists()


def of_case(session: Session, case: Case) -> Call:
    call, _, _ = spoken(session)
    call.contact_id = case.contact_id
    return call


def test_what_is_forgotten_in_a_transaction_that_fails_is_kept(database: Database, folder: Path) -> None:
    with database.unit_of_work() as session:
        old = make_recording(session, age=timedelta(days=731))

    def forget_and_fail() -> None:
        with database.unit_of_work() as session:
            recording_upkeep.forget(session)
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError):
        forget_and_fail()

    assert (folder / old.stored_as).exists()


def set_back(path: Path) -> None:
    """Written two days ago."""
    at = now().timestamp() - 2 * 86400
    os.utime(path, (at, at))


def test_a_file_of_an_erased_recording_that_was_left_behind_is_swept(database: Database, folder: Path) -> None:
    with database.unit_of_work() as session:
        recording = make_recording(session)
        kept = make_recording(session)
        recording.erased_at = now()
    young = folder / recording.stored_as.partition("/")[0] / "young"
    young.write_bytes(b"?")
    for stored in (recording, kept):
        set_back(folder / stored.stored_as)

    with database.unit_of_work() as session:
        assert recording_upkeep.sweep(session) == 1

    assert not (folder / recording.stored_as).exists()
    assert (folder / kept.stored_as).exists()
    assert young.exists()


def test_a_recording_that_is_not_what_was_recorded_is_found(session: Session, folder: Path) -> None:
    call, _, _ = spoken(session)
    sound, spoilt, gone = (
        make_recording(session, call, kind) for kind in (RecordingKind.MIXED, RecordingKind.CALLER, RecordingKind.AGENT)
    )
    another = make_recording(session)
    path = folder / spoilt.stored_as
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    (folder / gone.stored_as).unlink()
    another.digest = "0" * 64
    session.flush()

    found = recording_upkeep.verify(session, 100)

    assert {recording.id for recording in found} == {spoilt.id, gone.id, another.id}
    assert recording_upkeep.is_sound(sound)
