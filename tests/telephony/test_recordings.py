"""Finished recordings leave the spool once, whole and encrypted; whatever dies on the way loses and doubles nothing."""

import asyncio
import hashlib
import logging
import os
import struct
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import time_machine
from sqlalchemy import select

from hotline import db, process
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.services.telephone import calling, recording_store, recording_upkeep, recordings, sound
from hotline.settings import Settings
from hotline.telephony import recordings as telephony
from hotline.telephony.recordings import Taker
from models import Call, CallLeg, CallStep, Direction, Recording, RecordingKind, now
from tests.factories_calls import make_call, make_line
from tests.real.disks import Disk
from tests.sounds import levels, silence, tone, wav

UID = "t21000-1795289344.6"
ENDED = ("queued", "rang", "answered", "ended")


class Killed(BaseException):
    """kill -9: nothing catches it, nothing is tidied."""


@pytest.fixture
def spool(settings: Settings) -> Path:
    spool = recording_store.spool_of(settings)
    for folder in ("monitor", "voicemail"):
        (spool / folder).mkdir(parents=True)
    recording_store.make_folder(settings)
    return spool


@pytest.fixture
def take(settings: Settings, spool: Path) -> Callable[[], int]:
    """A pass of a process that has just started."""
    return lambda: Taker(settings, process.pusher(settings)).take()


def put(spool: Path, name: str, content: bytes, *, age: float = 10, folder: str = "monitor") -> Path:
    path = spool / folder / name
    path.write_bytes(content)
    at = now().timestamp() - age
    os.utime(path, (at, at))
    return path


def call(database: Database, *, facts: tuple[str, ...] = ENDED, linkedid: str = UID) -> Call:
    with database.unit_of_work() as session:
        return make_call(session, linkedid=linkedid, facts=facts, line=make_line(session), at=now() - timedelta(minutes=2))


def in_trouble(taker: Taker) -> bool:
    return taker.trouble.lasts


def rows(database: Database) -> list[Recording]:
    with database.reading() as session:
        return list(session.scalars(select(Recording).order_by(Recording.source_name)))


def heard(recording: Recording) -> bytes:
    return b"".join(recording_store.open(recording.stored_as).pieces())


def kept_files(settings: Settings) -> list[str]:
    folder = settings.data_dir / "recordings"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_mix_both_sides_and_a_message_are_kept_by_day_encrypted(
    database: Database, settings: Settings, spool: Path, take: Callable[[], int]
) -> None:
    ended = call(database)
    sounds = {f"{UID}{side}.wav": wav(tone(1, hertz=hertz)) for side, hertz in (("", 300), ("-in", 400), ("-out", 500))}
    for name, content in sounds.items():
        put(spool, name, content)
    put(spool, f"{UID}.wav", wav(tone(2)), folder="voicemail")

    assert take() == 4

    found = {recording.source_name: recording for recording in rows(database)}
    assert {name: recording.kind for name, recording in found.items()} == {
        f"monitor/{UID}.wav": RecordingKind.MIXED,
        f"monitor/{UID}-in.wav": RecordingKind.CALLER,
        f"monitor/{UID}-out.wav": RecordingKind.AGENT,
        f"voicemail/{UID}.wav": RecordingKind.VOICE_MESSAGE,
    }
    for name, content in sounds.items():
        recording = found[f"monitor/{name}"]
        assert heard(recording) == content
        assert (recording.call_id, recording.size, recording.seconds, recording.repaired) == (ended.id, len(content), 1.0, False)
        assert recording.digest == hashlib.sha256(content).hexdigest()
        assert recording.recorded_at == ended.answered_at
        path = settings.data_dir / "recordings" / recording.stored_as
        assert path.stat().st_mode & 0o777 == 0o600
        assert content[1000:1100] not in path.read_bytes()
    assert list(spool.rglob("*.wav")) == []
    assert take() == 0


def test_a_call_that_goes_on_is_left_alone(database: Database, spool: Path, take: Callable[[], int]) -> None:
    call(database, facts=("queued", "rang", "answered"))
    put(spool, f"{UID}.wav", wav(tone(1)))
    put(spool, "unknown-1.wav", wav(tone(1)))

    assert take() == 0
    assert len(list(spool.rglob("*.wav"))) == 2


def test_a_file_that_is_being_written_to_is_left_alone(database: Database, spool: Path, take: Callable[[], int]) -> None:
    call(database)
    put(spool, f"{UID}.wav", wav(tone(1)), age=0)

    assert take() == 0


def test_a_file_without_sound_is_dropped_and_noted(
    database: Database, spool: Path, take: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    call(database)
    put(spool, f"{UID}.wav", wav(silence(0)))
    put(spool, f"{UID}-in.wav", b"")

    with caplog.at_level(logging.INFO):
        assert take() == 2

    assert [record.levelname for record in caplog.records if record.message == "nothing was recorded"] == ["WARNING"] * 2
    assert rows(database) == []
    assert list(spool.rglob("*.wav")) == []


def test_a_recording_cut_short_by_a_crash_is_mended(database: Database, spool: Path, take: Callable[[], int]) -> None:
    call(database)
    whole = wav(tone(3))
    cut = bytearray(whole)
    struct.pack_into("<I", cut, 4, 0)
    struct.pack_into("<I", cut, 40, 0)
    put(spool, f"{UID}-in.wav", bytes(cut))

    take()

    [recording] = rows(database)
    assert recording.repaired
    assert recording.seconds == 3.0
    assert heard(recording) == whole


def test_what_is_no_sound_stays_and_keeps_nothing_else_waiting(
    database: Database, settings: Settings, spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    call(database)
    odd = put(spool, f"{UID}.wav", bytes(5000), age=900)
    put(spool, f"{UID}-out.wav", wav(tone(1)))
    taker = Taker(settings, process.pusher(settings))

    assert [taker.take(), taker.take()] == [1, 0]

    assert [recording.kind for recording in rows(database)] == [RecordingKind.AGENT]
    assert odd.exists()
    assert caplog.text.count("stays in the spool") == 1
    left = recording_store.backlog(spool)
    assert (left.files, left.bytes) == (1, 5000)
    assert left.oldest_seconds == pytest.approx(900, abs=30)


def test_one_that_cannot_be_noted_keeps_the_others_from_nothing(
    database: Database, settings: Settings, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(database)
    odd = put(spool, f"{UID}.wav", wav(tone(1)))
    put(spool, f"{UID}-in.wav", wav(tone(1)))
    put(spool, f"{UID}-out.wav", wav(tone(1)))
    taker = Taker(settings, process.pusher(settings))
    keep = recordings.keep

    def refuse_one(session: Any, of: Call, file: Any, stored: Any) -> bool:
        if file.path == odd:
            raise ValueError
        return keep(session, of, file, stored)

    with monkeypatch.context() as broken:
        broken.setattr(recordings, "keep", refuse_one)
        assert taker.take() == 2
    assert in_trouble(taker)
    assert odd.exists()

    assert taker.take() == 1

    assert not in_trouble(taker)
    assert sorted(kept_files(settings)) == sorted(each.stored_as for each in rows(database))


def test_in_a_call_that_we_placed_the_channel_is_the_agents(database: Database, spool: Path, take: Callable[[], int]) -> None:
    placed = call(database, linkedid="placed-1")
    with database.unit_of_work() as session:
        session.get_one(Call, placed.id).direction = Direction.OUT
        session.add(CallLeg(call_id=placed.id, unique_id=UID, endpoint="2001", started_at=now()))
    put(spool, f"{UID}-in.wav", wav(tone(1)))
    put(spool, f"{UID}-out.wav", wav(tone(1)))

    assert take() == 2

    assert {each.source_name.removeprefix(f"monitor/{UID}"): each.kind for each in rows(database)} == {
        "-in.wav": RecordingKind.AGENT,
        "-out.wav": RecordingKind.CALLER,
    }


def die(monkeypatch: pytest.MonkeyPatch, seam: str) -> None:
    """The next time the work comes to this point, the process is gone."""
    before = {"storing": (os, "fsync"), "noting": (recordings, "keep"), "leaving": (Path, "unlink")}
    after = {"stored": (recording_store, "store_wave"), "noted": (recordings, "keep")}
    module, name = (before | after)[seam]
    real = getattr(module, name)

    def killed(*arguments: Any, **values: Any) -> None:
        if seam in after:
            real(*arguments, **values)
        raise Killed

    monkeypatch.setattr(module, name, killed)


@pytest.mark.parametrize("seam", ["storing", "stored", "noting", "noted", "leaving"])
def test_killed_anywhere_nothing_is_lost_or_doubled(
    database: Database, settings: Settings, spool: Path, take: Callable[[], int], seam: str
) -> None:
    call(database)
    content = wav(tone(2))
    path = put(spool, f"{UID}.wav", content)
    with pytest.MonkeyPatch.context() as fatal:
        die(fatal, seam)
        with pytest.raises(Killed):
            take()
    assert path.exists()

    assert take() == 1
    assert take() == 0

    [recording] = rows(database)
    assert heard(recording) == content
    assert not path.exists()
    with time_machine.travel(now() + timedelta(days=2)), database.unit_of_work() as session:
        recording_upkeep.sweep(session)
    assert kept_files(settings) == [recording.stored_as]


def test_a_commit_whose_answer_is_lost_is_tried_again_with_the_same_file(
    database: Database, settings: Settings, spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    call(database)
    put(spool, f"{UID}.wav", wav(tone(1)))
    taker = Taker(settings, process.pusher(settings))
    real = database.unit_of_work

    class AnswerLost:
        def __enter__(self) -> Any:
            self._work = real()
            return self._work.__enter__()

        def __exit__(self, *error: Any) -> None:
            self._work.__exit__(*error)
            raise Unavailable

    with monkeypatch.context() as broken:
        broken.setattr(db, "unit_of_work", AnswerLost)
        assert [taker.take(), taker.take()] == [0, 0]
    assert in_trouble(taker)

    assert taker.take() == 1

    assert not in_trouble(taker)
    [recording] = rows(database)
    assert kept_files(settings) == [recording.stored_as]
    assert heard(recording) == wav(tone(1))
    assert caplog.text.count("recordings stay in the spool") == 2  # when it began, and that it is over


def test_a_file_that_went_on_growing_takes_the_place_of_what_was_stored(
    database: Database, spool: Path, take: Callable[[], int]
) -> None:
    call(database)
    put(spool, f"{UID}.wav", wav(tone(1)))
    take()
    put(spool, f"{UID}.wav", wav(tone(3)))
    take()
    put(spool, f"{UID}.wav", wav(tone(2)))
    take()

    [recording] = rows(database)
    assert heard(recording) == wav(tone(3))
    assert recording.seconds == 3.0


def test_what_was_stored_and_is_gone_is_stored_again(
    database: Database, settings: Settings, spool: Path, take: Callable[[], int]
) -> None:
    call(database)
    put(spool, f"{UID}.wav", wav(tone(1)))
    take()
    (settings.data_dir / "recordings" / rows(database)[0].stored_as).unlink()
    put(spool, f"{UID}.wav", wav(tone(1)))

    assert take() == 1
    assert heard(rows(database)[0]) == wav(tone(1))


@pytest.mark.parametrize("fault", ["full", "read-only", "missing"])
def test_a_disk_that_takes_nothing_leaves_recordings_in_the_spool_until_it_does(
    sqlite_database: Database, settings: Settings, spool: Path, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    call(sqlite_database)
    path = put(spool, f"{UID}.wav", wav(tone(60)), age=600)
    folder = settings.data_dir / "recordings"
    taker = Taker(settings, process.pusher(settings))
    if fault == "missing":
        folder.rmdir()
        assert [taker.take(), taker.take()] == [0, 0]
        assert not folder.exists()
        folder.mkdir()
    else:
        with Disk.under(folder) as disk:
            disk.fill() if fault == "full" else disk.make_read_only()
            assert [taker.take(), taker.take()] == [0, 0]
            assert [each for each in folder.rglob("*") if each.is_file() and each.name != "ballast"] == []

    assert path.exists()
    assert in_trouble(taker)
    assert recording_store.backlog(spool).files == 1
    assert caplog.text.count("recordings stay in the spool") == 1
    assert rows(sqlite_database) == []

    assert taker.take() == 1
    assert heard(rows(sqlite_database)[0]) == wav(tone(60))
    assert recording_store.backlog(spool) == recording_store.Backlog(0, 0, 0.0)


def test_silence_is_where_the_recording_was_paused(database: Database, spool: Path, take: Callable[[], int]) -> None:
    spoken = call(database)
    answered = spoken.answered_at
    assert answered is not None
    with database.unit_of_work() as session:
        for step, seconds in ((CallStep.RECORDING_PAUSED, 2), (CallStep.RECORDING_RESUMED, 5)):
            calling.step(session, UID, step, at=answered + timedelta(seconds=seconds))
    put(spool, f"{UID}.wav", wav(np.concatenate([tone(2), silence(3), tone(3)])))
    take()

    [recording] = rows(database)
    with database.reading() as session:
        [stretch] = recordings.muted(session, recording)
    assert (stretch.start, stretch.end) == (2.0, 5.0)
    samples = np.frombuffer(heard(recording)[sound.HEADER :], dtype="<i2")
    muted = samples[int(stretch.start * 8000) : int(stretch.end * 8000)]
    assert levels(muted, 3) == [0.0, 0.0, 0.0]
    assert min(levels(samples[:16000], 2)) > 5000


def test_the_process_takes_what_a_crash_left_and_goes_on_taking(
    sqlite_database: Database, settings: Settings, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telephony, "EVERY_SECONDS", 0.05)
    call(sqlite_database)
    put(spool, f"{UID}.wav", wav(tone(1)))

    async def watch() -> None:
        running = asyncio.create_task(telephony.run(settings, process.pusher(settings)))
        await until(lambda: len(rows(sqlite_database)) == 1)
        put(spool, f"{UID}-in.wav", wav(tone(1)))
        await until(lambda: len(rows(sqlite_database)) == 2)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    asyncio.run(watch())


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not await asyncio.to_thread(holds):
            await asyncio.sleep(0.02)
