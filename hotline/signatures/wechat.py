"""How WeChat signs, and how safe mode wraps a message: AES-256-CBC around noise, length, content and the account's id."""

import base64
import binascii
import hashlib
import hmac
import secrets
import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from hotline.errors import NotGenuine

NOISE = 16
LENGTH = struct.Struct(">I")
BLOCK = 32  # WeChat pads to the length of the key, not of AES's block
AES_BLOCK = 16


def signature(*words: str) -> str:
    return hashlib.sha1("".join(sorted(words)).encode()).hexdigest()  # noqa: S324 -- what WeChat defines


def is_signed(given: str, *words: str) -> bool:
    return hmac.compare_digest(given.encode(), signature(*words).encode())


class Envelope:
    """The wrapping of one account: nobody without its key can read or make one, and one for another account is refused."""

    def __init__(self, aes_key: str, app_id: str) -> None:
        key = base64.b64decode(aes_key + "=")
        self._cipher = Cipher(algorithms.AES(key), modes.CBC(key[:AES_BLOCK]))
        self._app_id = app_id.encode()

    def open(self, sealed: str) -> bytes:
        try:
            wrapped = base64.b64decode(sealed, validate=True)
            decryptor = self._cipher.decryptor()
            framed = _unpadded(decryptor.update(wrapped) + decryptor.finalize())
            (length,) = LENGTH.unpack_from(framed, NOISE)
        except (binascii.Error, ValueError, struct.error) as error:
            raise NotGenuine("The encrypted message cannot be opened.") from error
        first = NOISE + LENGTH.size
        content, app_id = framed[first : first + length], framed[first + length :]
        if not self._app_id or not hmac.compare_digest(app_id, self._app_id):
            raise NotGenuine("The message is for another account.")
        return content

    def seal(self, content: bytes) -> str:
        framed = secrets.token_bytes(NOISE) + LENGTH.pack(len(content)) + content + self._app_id
        padder = PKCS7(BLOCK * 8).padder()
        encryptor = self._cipher.encryptor()
        return base64.b64encode(encryptor.update(padder.update(framed) + padder.finalize()) + encryptor.finalize()).decode()


def _unpadded(padded: bytes) -> bytes:
    # WeChat's own samples pad to 16 as well as to 32, so that the number of the last byte is what counts.
    count = padded[-1] if padded else 0
    if not 1 <= count <= BLOCK or padded[-count:] != bytes([count]) * count:
        raise ValueError("wrong padding")
    return padded[:-count]
