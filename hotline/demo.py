"""What only the demo may do and keep; imports nothing heavy, for the supervisor asks as well."""

import base64
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path


def demo_secret(path: Path) -> bytes:
    """32 bytes that the demo keeps in its data folder, readable by its owner only; made at the first call."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return base64.b64decode(path.read_bytes())
    made = secrets.token_bytes(32)
    with open(handle, "wb") as file:
        file.write(base64.b64encode(made))
    return made


def sandbox_secret(data_dir: Path) -> bytes:
    """From which all secrets between the demo's service and its stand-ins are derived."""
    return demo_secret(data_dir / "demo-sandbox.key")


def derived(secret: bytes, what: str, length: int = 32) -> str:
    return hmac.digest(secret, what.encode(), "sha256").hex()[:length]


@dataclass(frozen=True)
class UnitSystemSecrets:
    """Between the service and the system of a unit that a stand-in plays."""

    key: str  # with which the system calls
    signing: str  # with which the service signs what it tells


def unit_system_secrets(data_dir: Path) -> UnitSystemSecrets:
    secret = sandbox_secret(data_dir)
    return UnitSystemSecrets(f"hk_{derived(secret, 'unit system key', 43)}", derived(secret, "unit system signing"))
