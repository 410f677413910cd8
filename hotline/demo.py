"""What only the demo may do and keep; imports nothing heavy, for the supervisor asks as well."""

import base64
import os
import secrets
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
