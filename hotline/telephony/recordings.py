"""Takes finished recordings out of the exchange's spool, and writes old ones anew for the archive. A crash anywhere only repeats.

A file is stored first, noted next, and leaves the spool last: what a crash leaves behind is a stored file that no row knows,
which is swept, or a spool file that is known, which is looked at again.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from uuid import UUID

from sqlalchemy.orm import Session

from hotline import db
from hotline.errors import Unavailable
from hotline.live import Pusher
from hotline.services.telephone import calling, recording_store, recording_upkeep, recordings, sound
from hotline.services.telephone.recording_store import SpoolFile, Stored
from hotline.settings import Settings
from models import Call

log = logging.getLogger(__name__)

EVERY_SECONDS = 2.0
AFTER_TROUBLE_SECONDS = 15.0
# What is to be archived is a month old.
ARCHIVED_EVERY_SECONDS = 60.0
AT_ONCE = 500
# Noted in one transaction.
TOGETHER = 30


async def run(settings: Settings, pusher: Pusher) -> None:
    """Until it is cancelled; begins with what was left behind. No fault of a disk or a file ends the telephone with it."""
    with suppress(OSError):  # the first pass says what is wrong
        recording_store.make_folder(settings)
    taker, archive = Taker(settings, pusher), Archive()
    idle_until = 0.0
    while True:
        busy = await asyncio.to_thread(taker.take) > 0
        if not busy and not taker.trouble.lasts and monotonic() >= idle_until:
            busy = await asyncio.to_thread(archive.write_next)
            idle_until = 0.0 if busy else monotonic() + ARCHIVED_EVERY_SECONDS
        if not busy:
            await asyncio.sleep(AFTER_TROUBLE_SECONDS if taker.trouble.lasts or archive.trouble.lasts else EVERY_SECONDS)


class Trouble:
    """Told when it begins and when it is over, not in between."""

    def __init__(self, what: str) -> None:
        self._what = what
        self.lasts = False

    def tell(self, errors: Sequence[Exception]) -> None:
        if errors and not self.lasts:
            log.error(self._what, extra={"failures": len(errors)}, exc_info=errors[0])
        elif self.lasts and not errors:
            log.warning("%s: over", self._what)
        self.lasts = bool(errors)


@dataclass(frozen=True)
class Heard:
    """A file of the spool with sound in it, and where it is stored."""

    file: SpoolFile
    call: Call
    wave: sound.Wave
    stored: Stored


class Taker:
    def __init__(self, settings: Settings, pusher: Pusher) -> None:
        self._spool = recording_store.spool_of(settings)
        self._pusher = pusher
        self.trouble = Trouble("recordings stay in the spool")
        # Said once; they stay where they are.
        self._not_sound: set[str] = set()
        # Stored, but not noted: perhaps it was, and only the answer was lost. Tried again with the same file.
        self._stored: dict[str, Stored] = {}

    def take(self) -> int:
        """Take what belongs to calls that have ended; returns how many files left the spool. What fails stays there."""
        taken, errors = 0, list[Exception]()
        try:
            files = [file for file in recording_store.waiting(self._spool) if file.name not in self._not_sound]
            ended = list(_of_ended_calls(files))
            for start in range(0, len(ended), TOGETHER):
                taken += self._take(ended[start : start + TOGETHER], errors)
        except Exception as error:
            errors.append(error)
        self.trouble.tell(errors)
        return taken

    def _take(self, some: Sequence[tuple[SpoolFile, Call]], errors: list[Exception]) -> int:
        heard, done = list[Heard](), list[tuple[SpoolFile, Call]]()
        for file, call in some:
            try:
                wave = sound.examine(file.path)
                if wave is None:
                    _note_empty(file, call)
                    done.append((file, call))
                else:
                    heard.append(Heard(file, call, wave, self._store(file, call, wave)))
            except sound.NotSound as error:
                self._not_sound.add(file.name)
                log.error("a recording cannot be read and stays in the spool", extra={"file": file.name, "error": str(error)})
            except Exception as error:
                errors.append(error)
        done += [(each.file, each.call) for each in self._note(heard, errors)]
        for file, _ in done:
            file.path.unlink(missing_ok=True)
        self._pusher.push({f"contact:{call.contact_id}" for _, call in done})
        return len(done)

    def _store(self, file: SpoolFile, call: Call, wave: sound.Wave) -> Stored:
        stored = self._stored.get(file.name)
        if stored is None or stored.size != wave.size:
            stored = recording_store.store_wave(wave, at=recordings.began_at(call, file, wave.seconds))
            self._stored[file.name] = stored
        return stored

    def _note(self, heard: Sequence[Heard], errors: list[Exception]) -> Sequence[Heard]:
        """Those that are known from now on. One that cannot be noted does not keep the others from it."""
        if not heard:
            return ()
        try:
            recording_store.flush_folders(each.stored for each in heard)
            with db.unit_of_work() as session:
                needed = [_keep(session, each) for each in heard]
        except Exception as error:
            if len(heard) > 1 and not isinstance(error, Unavailable):
                return [noted for each in heard for noted in self._note([each], errors)]
            errors.append(error)
            return ()
        for each, is_needed in zip(heard, needed, strict=True):
            del self._stored[each.file.name]
            if not is_needed:
                recording_store.remove(each.stored.stored_as)
        return heard


def _keep(session: Session, heard: Heard) -> bool:
    if heard.file.message:
        # Perhaps it was left while nobody listened to the exchange.
        left_at = recordings.began_at(heard.call, heard.file, heard.wave.seconds)
        calling.voice_message(session, heard.call.linkedid, at=left_at)
    return recordings.keep(session, heard.call, heard.file, heard.stored)


def _note_empty(file: SpoolFile, call: Call) -> None:
    """Usual for who gave up before anybody answered."""
    level = logging.WARNING if call.answered_at and not file.message else logging.INFO
    log.log(level, "nothing was recorded", extra={"file": file.name, "call": str(call.id)})


def _of_ended_calls(files: Sequence[SpoolFile]) -> Iterable[tuple[SpoolFile, Call]]:
    for start in range(0, len(files), AT_ONCE):
        some = files[start : start + AT_ONCE]
        with db.reading() as session:
            calls = recordings.call_of(session, {file.unique_id for file in some})
        for file in some:
            call = calls.get(file.unique_id)
            if call is not None and call.ended_at is not None:
                yield file, call


class Archive:
    def __init__(self) -> None:
        self.trouble = Trouble("nothing can be written to the archive")
        # Until the next start: one that cannot be read would keep the others waiting.
        self._unreadable: set[UUID] = set()

    def write_next(self) -> bool:
        """False if there is nothing to write anew, or no way to."""
        try:
            found, errors = self._write_next(), []
        except Exception as error:
            found, errors = False, [error]
        self.trouble.tell(errors)
        return found

    def _write_next(self) -> bool:
        with db.reading() as session:
            recording = recording_upkeep.to_archive(session, leaving=self._unreadable)
        if recording is None:
            return False
        try:
            stored = recording_upkeep.store_as_opus(recording)
        except (sound.NotSound, Unavailable) as error:
            self._unreadable.add(recording.id)
            log.error("a recording cannot be archived", extra={"recording": str(recording.id), "error": str(error)})
            return True
        with db.unit_of_work() as session:
            needed = recording_upkeep.archive(session, recording, stored)
        if not needed:
            recording_store.remove(stored.stored_as)
        return True
