"""Files sealed in chunks: any stretch is read by itself, and whatever was changed, cut, moved or swapped is refused."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from hotline.services.files import sealed
from hotline.services.files.sealed import CHUNK, HEADER, TAG, SealBroken, Sealed, seal, sealed_size
from models import privacy
from tests.conftest import KEY

CONTENT = bytes(number % 251 for number in range(3 * CHUNK + 1000))


def put(path: Path, content: bytes = CONTENT, name: str = "a") -> Path:
    with path.open("wb") as out:
        seal([content[:10], content[10:70_000], content[70_000:]], out, name=name, length=len(content))
    return path


@pytest.mark.parametrize(
    ("start", "end"),
    [(0, None), (0, 1), (CHUNK - 1, CHUNK + 1), (CHUNK, 2 * CHUNK), (3 * CHUNK + 999, None), (5, 10**9), (10**9, None), (7, 7)],
)
def test_any_stretch_is_read_by_itself(tmp_path: Path, start: int, end: int | None) -> None:
    file = Sealed(put(tmp_path / "f"), name="a")

    assert b"".join(file.pieces(start, end)) == CONTENT[start:end]


@pytest.mark.parametrize("length", [0, 1, CHUNK, CHUNK + 1])
def test_its_size_is_known_beforehand_and_its_content_is_hidden(tmp_path: Path, length: int) -> None:
    path = put(tmp_path / "f", CONTENT[:length])

    assert path.stat().st_size == sealed_size(length)
    assert CONTENT[:32] not in path.read_bytes()
    assert b"".join(Sealed(path, name="a").pieces()) == CONTENT[:length]


def test_the_same_content_is_sealed_differently_each_time(tmp_path: Path) -> None:
    first, second = put(tmp_path / "f").read_bytes(), put(tmp_path / "g").read_bytes()

    assert first[HEADER.size :] != second[HEADER.size :]


def _swapped(content: bytes) -> bytes:
    first, second = HEADER.size, HEADER.size + CHUNK + TAG
    return content[:first] + content[second : second + CHUNK + TAG] + content[first:second] + content[second + CHUNK + TAG :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:20],
        lambda content: content[:-1],
        lambda content: content[: HEADER.size + CHUNK + TAG],
        lambda content: b"RIFF" + content[4:],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: content[:30] + bytes([content[30] ^ 1]) + content[31:],
        _swapped,
    ],
    ids=["header cut", "tail cut", "chunks cut", "another kind", "a bit", "its key", "chunks swapped"],
)
def test_what_was_spoilt_is_refused(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    path = put(tmp_path / "f")
    path.write_bytes(spoil(path.read_bytes()))

    with pytest.raises(SealBroken):
        list(Sealed(path, name="a").pieces())


def test_a_file_in_the_place_of_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SealBroken):
        list(Sealed(put(tmp_path / "f", name="b"), name="a").pieces())


def test_fewer_bytes_than_announced_are_refused() -> None:
    with pytest.raises(ValueError, match="announced"):
        seal([b"short"], io.BytesIO(), name="a", length=6)


def test_a_file_outlives_the_replacement_of_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path / "f")
    new = b"another key for the tests, 32 bytes at least"

    monkeypatch.setattr(privacy, "_ring", privacy.KeyRing([new, KEY]))
    assert b"".join(Sealed(path, name="a").pieces()) == CONTENT

    monkeypatch.setattr(privacy, "_ring", privacy.KeyRing([new]))
    with pytest.raises(SealBroken):
        sealed.Sealed(path, name="a")
