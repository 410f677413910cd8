"""Tencent Cloud's TC3-HMAC-SHA256: how a call to it is signed."""

import hashlib
import hmac
from datetime import UTC, datetime

ALGORITHM = "TC3-HMAC-SHA256"
SERVICE = "sms"
JSON = "application/json; charset=utf-8"


def signed_headers(
    action: str, body: bytes, *, host: str, key_id: str, key_secret: str, timestamp: int, service: str = SERVICE
) -> dict[str, str]:
    headers = {"content-type": JSON, "host": host, "x-tc-action": action.lower()}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    canonical = "\n".join(("POST", "/", "", lines, names, hashlib.sha256(body).hexdigest()))
    day = f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d}"
    scope = f"{day}/{service}/tc3_request"
    to_sign = "\n".join((ALGORITHM, str(timestamp), scope, hashlib.sha256(canonical.encode()).hexdigest()))
    key = f"TC3{key_secret}".encode()
    for part in (day, service, "tc3_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    return {
        "content-type": JSON,
        "x-tc-action": action,
        "x-tc-timestamp": str(timestamp),
        "authorization": f"{ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}",
    }
