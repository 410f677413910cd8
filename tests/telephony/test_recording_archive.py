"""Old recordings become Opus: one at a time, the original kept until the sweep, and nothing lost on the way."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services.telephone import recording_store, recording_upkeep, sound
from hotline.settings import Settings
from hotline.telephony.recordings import Archive
from models import Recording, RecordingKind, now
from tests.factories_recordings import make_recording, spoken_call
from tests.real.disks import Disk

OLD = timedelta(days=31)


class Killed(BaseException):
    """kill -9: nothing catches it, nothing is tidied."""


@pytest.fixture(autouse=True)
def folder(settings: Settings) -> Path:
    recording_store.make_folder(settings)
    return settings.data_dir / "recordings"


def stored(database: Database, folder: Path, *kinds: RecordingKind, age: timedelta = OLD, seconds: float = 4) -> list[Recording]:
    """Recordings of one call, and their files, of that age."""

    def make(session: Session) -> list[Recording]:
        call = spoken_call(session)[0]
        return [make_recording(session, call, kind, seconds=seconds, age=age) for kind in kinds or [RecordingKind.MIXED]]

    with database.unit_of_work() as session:
        made = make(session)
    for recording in made:
        at = (now() - age).timestamp()
        os.utime(folder / recording.stored_as, (at, at))
    return made


def rows(database: Database) -> list[Recording]:
    with database.reading() as session:
        return list(session.scalars(select(Recording).order_by(Recording.id)))


def heard(recording: Recording) -> bytes:
    return b"".join(recording_store.open(recording.stored_as).pieces())


def kept(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_what_is_old_enough_becomes_opus_and_the_original_goes_with_the_sweep(database: Database, folder: Path) -> None:
    [before] = stored(database, folder)
    [young] = stored(database, folder, age=timedelta(days=29))
    archive = Archive()

    assert [archive.write_next(), archive.write_next()] == [True, False]

    after = next(row for row in rows(database) if row.id == before.id)
    assert (after.media_type, after.digest, after.seconds) == (sound.OPUS, before.digest, before.seconds)
    assert after.size * 4 < before.size
    assert sound.peaks([heard(after)], sound.OPUS, 4) == pytest.approx([50] * 4, abs=6)
    assert kept(folder) == {before.stored_as, after.stored_as, young.stored_as}
    with database.unit_of_work() as session:
        assert recording_upkeep.verify(session, 10) == []
        assert recording_upkeep.sweep(session) == 1
    assert kept(folder) == {after.stored_as, young.stored_as}


def test_killed_while_it_is_archived_a_recording_is_what_it_was(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [before] = stored(database, folder)
    content = heard(before)

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as fatal:
        fatal.setattr(recording_upkeep, "archive", killed)
        with pytest.raises(Killed):
            Archive().write_next()

    assert heard(rows(database)[0]) == content
    assert Archive().write_next()
    assert heard(rows(database)[0]).startswith(b"OggS")


def test_one_that_was_erased_meanwhile_stays_erased(database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [before] = stored(database, folder)
    real = recording_upkeep.store_as_opus

    def erased_meanwhile(recording: Recording) -> recording_store.Stored:
        with database.unit_of_work() as session:
            session.get_one(Recording, recording.id).erased_at = now()
        return real(recording)

    monkeypatch.setattr(recording_upkeep, "store_as_opus", erased_meanwhile)

    assert Archive().write_next()
    assert kept(folder) == {before.stored_as}
    assert rows(database)[0].media_type == sound.WAV


def test_one_that_cannot_be_read_does_not_keep_the_others_waiting(
    database: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    spoilt, _ = stored(database, folder, RecordingKind.CALLER, RecordingKind.AGENT)
    path = folder / spoilt.stored_as
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    archive = Archive()

    assert [archive.write_next() for _ in range(3)] == [True, True, False]

    assert {row.kind: row.media_type for row in rows(database)} == {
        RecordingKind.CALLER: sound.WAV,
        RecordingKind.AGENT: sound.OPUS,
    }
    assert caplog.text.count("cannot be archived") == 1
    with database.reading() as session:
        assert [recording.id for recording in recording_upkeep.verify(session, 10)] == [spoilt.id]


def test_a_full_disk_leaves_the_original_and_is_said_once(
    sqlite_database: Database, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = Archive()
    with Disk.under(folder) as disk:
        [before] = stored(sqlite_database, folder)
        disk.fill()
        assert [archive.write_next(), archive.write_next()] == [False, False]
        assert {name for name in kept(folder) if name != "ballast"} == {before.stored_as}
        assert caplog.text.count("nothing can be written to the archive") == 1
        disk.free()

        assert archive.write_next()
        assert rows(sqlite_database)[0].media_type == sound.OPUS
