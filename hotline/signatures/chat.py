"""How robots of enterprise chats are signed to."""

import base64
import hashlib
import hmac


def dingtalk(secret: str, timestamp: str) -> str:
    """Milliseconds; the secret signs both."""
    return _signed(secret.encode(), f"{timestamp}\n{secret}".encode())


def feishu(secret: str, timestamp: str) -> str:
    """Seconds; both together sign nothing."""
    return _signed(f"{timestamp}\n{secret}".encode(), b"")


def _signed(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
