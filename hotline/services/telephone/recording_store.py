"""Where recordings lie: in the exchange's spool until they are taken, then in the data folder, encrypted, by day."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hotline.errors import Unavailable
from hotline.services.files import sealed
from hotline.services.telephone import sound
from hotline.settings import Settings, get_settings
from models import RecordingKind, now
from models.base import CITY_TIME

UNREADABLE = "This recording cannot be read at the moment."
# The exchange closes a file within milliseconds of a hang-up.
QUIET_SECONDS = 2
# What nobody writes to for so long should have been taken.
LEFT_SECONDS = 300
# No transaction lasts as long as this.
SURELY_SETTLED = timedelta(days=1)
LATELY = timedelta(days=4)

_NAMED = re.compile(r"(?P<unique_id>[\w.-]+?)(?P<side>-in|-out)?\.wav")


@dataclass(frozen=True)
class SpoolFile:
    """A file of the exchange. `side` is -in or -out, as seen from the channel, of a recording whose sides are kept apart."""

    path: Path
    unique_id: str
    side: str
    message: bool
    ended_at: datetime  # when it was last written to

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    def kind(self, *, caller_side: str) -> RecordingKind:
        if self.message:
            return RecordingKind.VOICE_MESSAGE
        if not self.side:
            return RecordingKind.MIXED
        return RecordingKind.CALLER if self.side == caller_side else RecordingKind.AGENT


@dataclass(frozen=True)
class Stored:
    """A file on the disk that no row knows yet."""

    stored_as: str
    media_type: str
    size: int
    digest: str
    seconds: float
    repaired: bool = False


@dataclass(frozen=True)
class Backlog:
    """What the exchange has recorded and nobody has taken: a full disk, or a service that is down."""

    files: int
    bytes: int
    oldest_seconds: float


def spool_of(settings: Settings) -> Path:
    return settings.data_dir / "asterisk" / "spool"


def make_folder(settings: Settings) -> None:
    """Once, when the process starts. Later a missing folder is a disk that is not mounted, and is not made anew."""
    _folder().mkdir(mode=0o700, exist_ok=True)


def waiting(spool: Path) -> Iterator[SpoolFile]:
    """Files that are not being written to, the oldest first."""
    found = [file for file in map(_spool_file, _wav_files(spool)) if file is not None]
    yield from sorted(found, key=lambda file: file.ended_at)


def backlog(spool: Path) -> Backlog:
    written = [stat for path in _wav_files(spool) if (stat := _stat(path)) is not None]
    left = [stat for stat in written if _age(stat) > LEFT_SECONDS]
    return Backlog(len(left), sum(stat.st_size for stat in left), max(map(_age, left), default=0.0))


def _wav_files(spool: Path) -> Iterator[Path]:
    for folder in ("monitor", "voicemail"):
        yield from (spool / folder).glob("*.wav")


def _spool_file(path: Path) -> SpoolFile | None:
    stat, named = _stat(path), _NAMED.fullmatch(path.name)
    if stat is None or named is None or _age(stat) < QUIET_SECONDS:
        return None
    message = path.parent.name == "voicemail"
    return SpoolFile(path, named["unique_id"], named["side"] or "", message, datetime.fromtimestamp(stat.st_mtime, UTC))


def _stat(path: Path) -> os.stat_result | None:
    """Nothing of a file that was taken meanwhile."""
    try:
        return path.stat()
    except FileNotFoundError:
        return None


def _age(stat: os.stat_result) -> float:
    return now().timestamp() - stat.st_mtime


def store(pieces: Iterable[bytes], *, size: int, media_type: str, at: datetime, seconds: float, repaired: bool = False) -> Stored:
    """Encrypted, whole or not at all, and on the disk before this returns. OSError if the disk does not take it."""
    stored = _write(pieces, size=size, media_type=media_type, at=at, seconds=seconds, repaired=repaired)
    flush_folders([stored])
    return stored


def _write(pieces: Iterable[bytes], *, size: int, media_type: str, at: datetime, seconds: float, repaired: bool) -> Stored:
    stored_as = f"{at.astimezone(CITY_TIME):%Y-%m-%d}/{secrets.token_hex(24)}"
    path = _folder() / stored_as
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _flush(_folder())
    digest = hashlib.sha256()

    def passing() -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            yield piece

    aside = path.with_suffix(".part")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            sealed.seal(passing(), out, name=stored_as, length=size)
            out.flush()
            os.fsync(out.fileno())
        aside.rename(path)
    except (OSError, ValueError):
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        raise
    return Stored(stored_as, media_type, size, digest.hexdigest(), seconds, repaired)


def store_wave(wave: sound.Wave, *, at: datetime) -> Stored:
    """One of several: it is there for good once `flush_folders` has returned. ValueError if the file grew shorter meanwhile."""
    return _write(wave.pieces(), size=wave.size, media_type=sound.WAV, at=at, seconds=wave.seconds, repaired=wave.repaired)


def flush_folders(stored: Iterable[Stored]) -> None:
    """A file is flushed alone, its name with all others of its day."""
    for folder in {(_folder() / each.stored_as).parent for each in stored}:
        _flush(folder)


def open(stored_as: str) -> sealed.Sealed:
    """A file that is missing, or not the one that was stored, is Unavailable."""
    try:
        return sealed.Sealed(_folder() / stored_as, name=stored_as)
    except (OSError, sealed.SealBroken) as error:
        raise Unavailable(UNREADABLE) from error


def is_there(stored_as: str, size: int) -> bool:
    stat = _stat(_folder() / stored_as)
    return stat is not None and stat.st_size == sealed.sealed_size(size)


def remove(stored_as: str) -> None:
    """A folder that cannot be written to cannot be tidied; the sweep comes back to it."""
    with suppress(OSError):
        (_folder() / stored_as).unlink(missing_ok=True)


def touched_lately() -> Iterator[list[str]]:
    """What lies in the day folders to or from which anything was moved lately: only there can be what no row knows.

    Too young to be judged is what may belong to a transaction that is still open.
    """
    for day in sorted(_folder().glob("????-??-??")):
        if _age(day.stat()) < LATELY.total_seconds():
            yield [f"{day.name}/{path.name}" for path in day.iterdir() if _is_settled(path)]


def _is_settled(path: Path) -> bool:
    stat = _stat(path)
    return stat is not None and _age(stat) > SURELY_SETTLED.total_seconds()


def _folder() -> Path:
    return get_settings().data_dir / "recordings"


def _flush(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
