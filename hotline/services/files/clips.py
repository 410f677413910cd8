"""Voice and video as telephones send them: AMR, MP3, MP4. Known by their structure; notes and positions are taken out."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

AMR, AMR_WIDE = b"#!AMR\n", b"#!AMR-WB\n"
# Bytes of a frame after its head, by the frame's type (3GPP TS 26.101 and 26.201, annex A); other types do not occur.
AMR_FRAMES = {0: 12, 1: 13, 2: 15, 3: 17, 4: 19, 5: 20, 6: 26, 7: 31, 8: 5, 15: 0}
AMR_WIDE_FRAMES = {0: 17, 1: 23, 2: 32, 3: 36, 4: 40, 5: 46, 6: 50, 7: 58, 8: 60, 9: 5, 14: 0, 15: 0}

ID3 = b"ID3"
MP3_KILOBITS = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
MP3_KILOBITS_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
MP3_HERTZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

BOX, LONG_BOX = struct.Struct(">I4s"), struct.Struct(">Q")
MOST_BOXES = 5000
DEEPEST = 8
HOLDERS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf"})
# What holds names, places and cameras. It is blanked where it stands: everything else is found by its distance from the start.
NOTES = frozenset({b"udta", b"meta", b"uuid", b"free", b"skip", b"wide", b"pnot"})


class Damaged(ValueError):
    """It begins like a clip and does not go on like one."""


@dataclass(frozen=True)
class Clip:
    content: bytes
    media_type: str
    ending: str


def read(content: bytes) -> Clip | None:
    """None for what is no clip at all."""
    for is_one, clean, media_type, ending in KINDS:
        if is_one(content):
            return Clip(clean(content), media_type, ending)
    return None


def _amr(content: bytes) -> bytes:
    wide = content.startswith(AMR_WIDE)
    lengths = AMR_WIDE_FRAMES if wide else AMR_FRAMES
    at = first = len(AMR_WIDE if wide else AMR)
    while at < len(content):
        length = lengths.get(content[at] >> 3 & 15) if content[at] & 0x83 == 0 else None
        if length is None or at + 1 + length > len(content):
            break
        at += 1 + length
    return _whole(content, first, at, start=0)


def _mp3(content: bytes) -> bytes:
    """The frames alone; a tag before or after them stays behind."""
    first = at = _after_tag(content)
    while length := _mp3_frame(content[at : at + 4]):
        if at + length > len(content):
            break
        at += length
    return _whole(content, first, at, start=first)


def _whole(content: bytes, first: int, end: int, *, start: int) -> bytes:
    """A last frame may be cut off, and tags may follow; a file without frames is none."""
    if end == first:
        raise Damaged()
    return content[start:end]


def _after_tag(content: bytes) -> int:
    if not content.startswith(ID3) or len(content) < 10:
        return 0
    size = 0
    for each in content[6:10]:
        size = size << 7 | each & 127
    return 10 + size


def _mp3_frame(head: bytes) -> int:
    """The length of a layer III frame; 0 if there is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, hertz = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in MP3_HERTZ or rate in (0, 15) or hertz == 3:
        return 0
    kilobits, factor = (MP3_KILOBITS[rate], 144_000) if version == 3 else (MP3_KILOBITS_LOW[rate], 72_000)
    return factor * kilobits // MP3_HERTZ[version][hertz] + (head[2] >> 1 & 1)


def _mp4(content: bytes) -> bytes:
    blank = bytearray(content)
    kinds = set()
    for count, (head, kind, start, end) in enumerate(_boxes(content, 0, len(content), 0)):
        if count > MOST_BOXES:
            raise Damaged()
        kinds.add(kind)
        if kind in NOTES:
            blank[head + 4 : head + 8] = b"free"
            blank[start:end] = bytes(end - start)
    if not {b"ftyp", b"moov", b"mdat"} <= kinds:
        raise Damaged()
    return bytes(blank)


def _boxes(content: bytes, at: int, end: int, depth: int) -> Iterator[tuple[int, bytes, int, int]]:
    """Where each box begins, its kind, and from where to where its content goes; those within the holders too."""
    while at < end:
        if at + BOX.size > end or depth > DEEPEST:
            raise Damaged()
        size, kind = BOX.unpack_from(content, at)
        start = at + BOX.size
        if size == 1 and start + LONG_BOX.size <= end:
            (size,) = LONG_BOX.unpack_from(content, start)
            start += LONG_BOX.size
        after = end if size == 0 else at + size
        if not start <= after <= end:
            raise Damaged()
        yield at, kind, start, after
        if kind in HOLDERS:
            yield from _boxes(content, start, after, depth + 1)
        at = after


KINDS: tuple[tuple[Callable[[bytes], bool], Callable[[bytes], bytes], str, str], ...] = (
    (lambda content: content.startswith((AMR, AMR_WIDE)), _amr, "audio/amr", ".amr"),
    (lambda content: content.startswith(ID3) or _mp3_frame(content[:4]) > 0, _mp3, "audio/mpeg", ".mp3"),
    (lambda content: content[4:8] == b"ftyp", _mp4, "video/mp4", ".mp4"),
)
