"""Sound as the exchange leaves it: whole, cut short, empty, or something else; its outline, and the archive's format."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from hotline.services.telephone import sound
from tests.sounds import RATE, levels, silence, tone, wav


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "t-1.wav"


def test_a_whole_file_is_taken_as_it_is(file: Path) -> None:
    content = wav(tone(2))

    wave = sound.examine(put(file, content))

    assert wave is not None
    assert (wave.rate, wave.seconds, wave.repaired, wave.size) == (RATE, 2.0, False, len(content))
    assert b"".join(wave.pieces()) == content


@pytest.mark.parametrize("announced", [0, 1600], ids=["nothing", "a part"])
def test_a_header_that_a_crash_left_behind_is_written_anew(file: Path, announced: int) -> None:
    whole = wav(tone(1))
    cut = bytearray(whole)
    struct.pack_into("<I", cut, 4, announced)
    struct.pack_into("<I", cut, 40, announced)

    wave = sound.examine(put(file, bytes(cut)))

    assert wave is not None
    assert wave.repaired
    assert b"".join(wave.pieces()) == whole


def test_half_a_sample_at_the_end_is_left_out(file: Path) -> None:
    whole = wav(tone(1))

    wave = sound.examine(put(file, whole + b"\x01"))

    assert wave is not None
    assert not wave.repaired
    assert b"".join(wave.pieces()) == whole


@pytest.mark.parametrize("content", [b"", b"RIFF", wav(silence(0)), wav(silence(0)) + b"\0"])
def test_a_header_alone_is_no_sound(file: Path, content: bytes) -> None:
    assert sound.examine(put(file, content)) is None


@pytest.mark.parametrize(
    "content",
    [
        bytes(4000),
        b"RIFF\0\0\0\0AVI " + bytes(100),
        wav(tone(1))[:36] + b"LIST" + struct.pack("<I", 8000) + bytes(8000),
        wav(tone(1)).replace(struct.pack("<HH", 1, 1), struct.pack("<HH", 1, 2), 1),
        wav(tone(1))[:12] + b"data" + struct.pack("<I", 4000) + bytes(4000),
    ],
    ids=["zeros", "another kind", "no sound", "two channels", "no format"],
)
def test_what_is_no_sound_of_ours_is_said(file: Path, content: bytes) -> None:
    with pytest.raises(sound.NotSound):
        sound.examine(put(file, content))


def test_a_file_that_shrinks_while_it_is_read_ends_early(file: Path) -> None:
    wave = sound.examine(put(file, wav(tone(2))))
    put(file, wav(tone(1)))

    assert wave is not None
    assert len(b"".join(wave.pieces())) < wave.size


def test_the_outline_follows_the_sound_in_both_formats() -> None:
    content = wav(np.concatenate([tone(1, 0.5), silence(1), tone(2, 0.25)]))
    archived = sound.to_opus([content])

    for pieces, kind in (([content[:1001], content[1001:]], sound.WAV), ([archived], sound.OPUS)):
        heights = sound.peaks(pieces, kind, 40)
        assert len(heights) == 40
        assert heights[5] == pytest.approx(50, abs=5)
        assert heights[15] == pytest.approx(0, abs=2)
        assert heights[30] == pytest.approx(25, abs=4)


def test_a_short_sound_has_a_short_outline() -> None:
    assert len(sound.peaks([wav(tone(0.05))], sound.WAV, 800)) == 5


def test_the_archive_holds_the_same_sound_in_a_fraction_of_the_space() -> None:
    content = wav(np.concatenate([tone(3), silence(3)]))

    archived = sound.to_opus([content[:50], content[50:3333], content[3333:]])

    assert archived.startswith(b"OggS")
    assert b"OpusHead" in archived[:64]
    assert len(archived) * 4 < len(content)
    heard, rate = soundfile.read(io.BytesIO(archived), dtype="int16")
    assert (rate, len(heard)) == (RATE, 6 * RATE)
    assert levels(heard, 6) == pytest.approx(levels(np.concatenate([tone(3), silence(3)]), 6), abs=600)
