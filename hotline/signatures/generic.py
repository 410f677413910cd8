"""How a gateway of no particular provider signs, both ways."""

import hashlib
import hmac

from pydantic import SecretStr

TIMESTAMP = "x-hotline-timestamp"
SIGNATURE = "x-hotline-signature"


def signed(secret: SecretStr, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.get_secret_value().encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
