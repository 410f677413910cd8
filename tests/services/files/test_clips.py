"""Voice and video from telephones: known by their structure, freed of what they tell beside sound and picture."""

import struct

import pytest

from hotline.errors import FileRefused
from hotline.ports import File
from hotline.services.files import clips, files

AMR = clips.AMR + (bytes([7 << 3]) + bytes(31)) * 3
MP3_FRAME = bytes([0xFF, 0xFB, 0x90, 0x64]) + bytes(413)  # 128 kbit/s, 44.1 kHz: 417 bytes


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def mp4(*, notes: bytes = b"") -> bytes:
    movie = box(b"mvhd", bytes(100)) + box(b"udta", notes) + box(b"trak", box(b"tkhd", bytes(84)) + box(b"meta", notes))
    return box(b"ftyp", b"isommp42") + box(b"moov", movie) + box(b"mdat", b"picture and sound") + box(b"uuid", notes)


@pytest.mark.parametrize(
    ("content", "media_type", "name"),
    [
        (AMR, "audio/amr", "a.amr"),
        (clips.AMR_WIDE + bytes([8 << 3]) + bytes(60), "audio/amr", "a.amr"),
        (MP3_FRAME * 3, "audio/mpeg", "a.mp3"),
        (mp4(), "video/mp4", "a.mp4"),
    ],
)
def test_what_a_telephone_records_is_kept_under_the_name_of_what_it_is(content: bytes, media_type: str, name: str) -> None:
    checked = files.check_fetched(File("a.exe", content))

    assert (checked.media_type, checked.name) == (media_type, name)


def test_a_video_loses_its_place_and_stays_as_long_as_it_was() -> None:
    told = mp4(notes=b"+31.2304+121.4737/ telephone of somebody")
    kept = files.check_fetched(File("a.mp4", told)).content

    assert b"121.4737" not in kept
    assert b"somebody" not in kept
    assert len(kept) == len(told)
    assert kept.index(b"picture and sound") == told.index(b"picture and sound")
    assert clips.read(kept) is not None


def test_a_song_loses_its_tags() -> None:
    tag = b"ID3\x04\x00\x00\x00\x00\x00\x0e" + b"somebody's dog"
    kept = files.check_fetched(File("a.mp3", tag + MP3_FRAME * 2 + b"TAG somebody")).content

    assert kept == MP3_FRAME * 2


def test_what_follows_a_voice_is_not_kept() -> None:
    assert files.check_fetched(File("a.amr", AMR + b"\xff<script>")).content == AMR


@pytest.mark.parametrize(
    "content",
    [
        clips.AMR,
        clips.AMR + b"\xff" * 40,
        b"ID3",
        b"ID3\x04\x00\x00\x7f\x7f\x7f\x7f",
        MP3_FRAME[:100],
        box(b"ftyp", b"isom"),
        box(b"ftyp", b"isom") + struct.pack(">I4s", 4, b"moov"),
        box(b"ftyp", b"isom") + struct.pack(">I4sQ", 1, b"moov", 2**63),
        mp4()[:-5],
        box(b"ftyp") + box(b"free") * 6000,
    ],
)
def test_what_only_begins_like_a_clip_is_refused(content: bytes) -> None:
    with pytest.raises(FileRefused):
        files.check_fetched(File("a.mp4", content))


def test_the_mailbox_takes_no_clips() -> None:
    with pytest.raises(FileRefused):
        files.check(File("a.amr", AMR))


def test_a_clip_of_more_than_ten_megabytes_is_refused() -> None:
    with pytest.raises(FileRefused):
        files.check_fetched(File("a.amr", AMR + bytes(files.MOST_BYTES)))
