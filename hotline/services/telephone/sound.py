"""Sound of calls: the exchange's WAV files, mended if a crash cut them short; the outline to draw; Ogg Opus for the archive."""

import io
import os
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
from numpy.typing import NDArray

WAV, OPUS = "audio/wav", "audio/ogg"
ENDINGS = {WAV: "wav", OPUS: "opus"}
HEADER = 44  # as the exchange writes it, and this module
_WIDTH = 2
_PCM = 1
_PIECE = 256 * 1024
_FRAME = 80
_LOUDEST = 32768

Samples = NDArray[np.int16]


class NotSound(Exception):
    """Not a WAV file of 16 bits and one channel."""


@dataclass(frozen=True)
class Wave:
    """A WAV file of the exchange, to be read as if its header told the truth."""

    path: Path
    rate: int
    offset: int
    length: int  # bytes of sound
    repaired: bool

    @property
    def seconds(self) -> float:
        return self.length / (self.rate * _WIDTH)

    @property
    def size(self) -> int:
        return HEADER + self.length

    def pieces(self) -> Iterator[bytes]:
        """The whole file, with a true header."""
        yield header(self.rate, self.length)
        left = self.length
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while left and (piece := file.read(min(_PIECE, left))):
                left -= len(piece)
                yield piece


def header(rate: int, length: int) -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, rate, rate * _WIDTH, _WIDTH, 8 * _WIDTH)
    return struct.pack("<4sI4s", b"RIFF", HEADER - 8 + length, b"WAVE") + form + struct.pack("<4sI", b"data", length)


def examine(path: Path) -> Wave | None:
    """None if there is a header at most. NotSound if this is something else.

    The exchange writes the sizes when it closes a file; one cut short by a crash says 0. Whatever follows the header is sound.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size <= HEADER:
            return None
        rate, announced = _read_header(file)
        offset = file.tell()
    length = (size - offset) // _WIDTH * _WIDTH
    return Wave(path, rate, offset, length, repaired=announced != length) if length else None


def _read_header(file: BinaryIO) -> tuple[int, int]:
    """Samples a second, and how many bytes of sound are announced; the file stands where they begin."""
    start = file.read(12)
    if start[:4] != b"RIFF" or start[8:] != b"WAVE":
        raise NotSound("no WAV file")
    rate = 0
    while len(named := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", named)
        if name == b"data" and rate:
            return rate, length
        body = file.read(length)
        if name == b"fmt ":
            rate = _rate(body)
    raise NotSound("no sound in it")


def _rate(form: bytes) -> int:
    kind, channels, rate, _, _, bits = struct.unpack("<HHIIHH", form[:16].ljust(16, b"\0"))
    if (kind, channels, bits) != (_PCM, 1, 8 * _WIDTH) or not rate:
        raise NotSound("not 16 bits and one channel")
    return int(rate)


def to_opus(wav: Iterable[bytes]) -> bytes:
    """The same sound as Ogg Opus, about a tenth of the size. NotSound at a rate that Opus does not know."""
    written = io.BytesIO()
    rate, blocks = _of_wav(wav)
    try:
        with soundfile.SoundFile(written, "w", samplerate=rate, channels=1, format="OGG", subtype="OPUS") as out:
            for block in blocks:
                out.write(block)
    except soundfile.LibsndfileError as error:
        raise NotSound(str(error)) from error
    return written.getvalue()


def peaks(content: Iterable[bytes], media_type: str, count: int) -> list[int]:
    """The loudest of each of `count` stretches of equal length, 0 to 100; fewer if the sound is that short."""
    _, blocks = _of_wav(content) if media_type == WAV else _of_opus(content)
    frames = np.concatenate([_loudest(block) for block in blocks])
    heights = [int(stretch.max()) for stretch in np.array_split(frames, min(count, len(frames)))]
    return [-(-height * 100 // _LOUDEST) for height in heights]


def _loudest(block: Samples) -> NDArray[np.int32]:
    """Of each ten milliseconds or so; the last frame of a block may be shorter, which nobody sees."""
    return np.maximum.reduceat(np.abs(block.astype(np.int32)), np.arange(0, len(block), _FRAME))


def _of_wav(content: Iterable[bytes]) -> tuple[int, Iterator[Samples]]:
    """Of a file with the header of this module: samples a second, and the samples."""
    pieces = iter(content)
    start = b""
    while len(start) < HEADER:
        start += next(pieces)
    (rate,) = struct.unpack_from("<I", start, 24)

    def blocks() -> Iterator[Samples]:
        held = b""
        for piece in chain([start[HEADER:]], pieces):
            held += piece
            whole = len(held) // _WIDTH * _WIDTH
            if whole:
                yield np.frombuffer(held[:whole], dtype="<i2")
            held = held[whole:]

    return rate, blocks()


def _of_opus(content: Iterable[bytes]) -> tuple[int, Iterator[Samples]]:
    file = soundfile.SoundFile(io.BytesIO(b"".join(content)))
    return file.samplerate, file.blocks(_PIECE, dtype="int16")
