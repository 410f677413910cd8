"""Large files at rest: AES-256-GCM in chunks, so that any stretch is read without the rest.

The header holds the length and a key of the file's own, sealed by the key ring. Each chunk is bound to the header, the file's
name and its place: none can be dropped, moved, or taken from another file.
"""

import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from models import privacy

MARK = b"HOT1"
CHUNK = 64 * 1024
TAG = 16
KEY = 32
HEADER = struct.Struct(f">4sQ{privacy.NONCE + KEY + TAG}s")


class SealBroken(Exception):
    """The file is not what was sealed under this name, or no installed key opens it."""


def sealed_size(length: int) -> int:
    return HEADER.size + length + TAG * -(-length // CHUNK)


def seal(pieces: Iterable[bytes], out: BinaryIO, *, name: str, length: int) -> None:
    """Write what `pieces` add up to; `length` bytes, else ValueError."""
    key = secrets.token_bytes(KEY)
    header = HEADER.pack(MARK, length, privacy.ring().encrypt(key))
    cipher, bound = AESGCM(key), header + name.encode()
    out.write(header)
    written = 0
    for number, chunk in enumerate(_of_one_size(pieces)):
        out.write(cipher.encrypt(_nonce(number), chunk, bound))
        written += len(chunk)
    if written != length:
        raise ValueError(f"{written} bytes came where {length} were announced")


def _of_one_size(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= CHUNK:
            yield bytes(held[:CHUNK])
            del held[:CHUNK]
    if held:
        yield bytes(held)


def _nonce(number: int) -> bytes:
    """Never used twice: the key belongs to this file alone."""
    return number.to_bytes(privacy.NONCE, "big")


class Sealed:
    """A sealed file, ready to be read. OSError if it cannot be opened, SealBroken if it is no such file."""

    def __init__(self, path: Path, *, name: str) -> None:
        self._path = path
        with path.open("rb") as file:
            header = file.read(HEADER.size)
            there = os.fstat(file.fileno()).st_size
        if len(header) < HEADER.size or not header.startswith(MARK):
            raise SealBroken(name)
        _, self.length, sealed_key = HEADER.unpack(header)
        if there != sealed_size(self.length):
            raise SealBroken(name)
        try:
            self._cipher = AESGCM(privacy.ring().decrypt(sealed_key))
        except InvalidTag as error:
            raise SealBroken(name) from error
        self._bound = header + name.encode()
        self._name = name

    def pieces(self, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `end`, a chunk at a time."""
        end = self.length if end is None else min(end, self.length)
        with self._path.open("rb") as file:
            for number in range(start // CHUNK, -(-end // CHUNK)):
                first = number * CHUNK
                yield self._chunk(file, number)[max(0, start - first) : end - first]

    def _chunk(self, file: BinaryIO, number: int) -> bytes:
        file.seek(HEADER.size + number * (CHUNK + TAG))
        try:
            return self._cipher.decrypt(_nonce(number), file.read(CHUNK + TAG), self._bound)
        except InvalidTag as error:
            raise SealBroken(self._name) from error
