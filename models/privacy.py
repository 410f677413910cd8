"""Personal fields: encrypted at rest, found again by a keyed hash, masked for the eye.

The keys are handed in once per process by `install`; without them no personal field can be written or read.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import Dialect, LargeBinary, TypeDecorator

NONCE = 12


class KeysMissing(RuntimeError):
    """No key was installed before a personal field was touched."""


class KeyRing:
    """Keys derived from the master secrets: the first one writes, all of them read (so that a key can be replaced)."""

    def __init__(self, masters: Sequence[bytes]) -> None:
        if not masters or any(len(master) < 32 for master in masters):
            raise ValueError("a privacy key has at least 32 bytes")
        self._masters = list(masters)
        self._ciphers = [AESGCM(self.derive("field", master)) for master in self._masters]
        self._lookup = self.derive("lookup")
        self._history = self.derive("history")

    def derive(self, purpose: str, master: bytes | None = None) -> bytes:
        """A 32-byte key for one purpose. Look-up and history keys stay with the oldest master: they cannot be replaced."""
        return hmac.digest(master or self._masters[-1], b"hotline/" + purpose.encode(), hashlib.sha256)

    def encrypt(self, plain: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE)
        return nonce + self._ciphers[0].encrypt(nonce, plain, None)

    def decrypt(self, sealed: bytes) -> bytes:
        for cipher in self._ciphers:
            try:
                return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], None)
            except InvalidTag:
                continue
        raise InvalidTag("none of the installed keys opens this field")

    def lookup(self, purpose: str, value: str) -> bytes:
        """The same value gives the same 32 bytes, which say nothing without the key."""
        return hmac.digest(self._lookup, f"{purpose}\0{value}".encode(), hashlib.sha256)

    def seal_history(self, content: bytes) -> bytes:
        return hmac.digest(self._history, content, hashlib.sha256)


_ring: KeyRing | None = None


def install(ring: KeyRing) -> None:
    """Hand the keys to this process; a second call replaces them."""
    global _ring
    _ring = ring


def ring() -> KeyRing:
    if _ring is None:
        raise KeysMissing("no privacy key installed: set HOTLINE_PRIVACY__KEY")
    return _ring


def lookup_hash(purpose: str, value: str) -> bytes:
    return ring().lookup(purpose, value)


class EncryptedText(TypeDecorator[str]):
    """Text that only a process with the key can read; equal texts give different bytes."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        return None if value is None else ring().encrypt(value.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:
        return None if value is None else ring().decrypt(bytes(value)).decode()


def mask_number(number: str | None) -> str:
    """138****0172, 0900-62***18: enough to recognise, not enough to dial."""
    if not number:
        return "未留号码"
    shown = number.removeprefix("+86")
    if number.startswith("+86") and len(shown) != 11:
        shown = "0" + shown
    if len(shown) < 7:
        return shown[:1] + "*" * (len(shown) - 1)
    return f"{shown[:3]}{'*' * (len(shown) - 7)}{shown[-4:]}"


def mask_name(name: str | None) -> str:
    return f"{name[0]}{'*' * max(1, len(name) - 1)}" if name else "未留姓名"
