"""The police platform (110): signed JSON both ways, in the manner of the gateway of no particular provider."""

import hmac
import json
from collections.abc import Mapping

import httpx

from hotline.channels.gateways.calling import call
from hotline.errors import Invalid, NotGenuine
from hotline.ports import PoliceOrder, PoliceWord, Receipt, ReceiptState
from hotline.settings import Police as Settings
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed
from models.base import now

FRESH_SECONDS = 300
# What it may say of an order.
STATES = frozenset({"received", "done", "returned"})
LONGEST_NUMBER, LONGEST_WORDS = 64, 2000


class Police:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def send(self, order: PoliceOrder) -> Receipt:
        secret = self._settings.secret
        if secret is None or not self._settings.url:
            return Receipt(ReceiptState.REFUSED, reason="not connected")
        body = json.dumps({"id": order.key, **order.body}, ensure_ascii=False).encode()
        timestamp = str(int(now().timestamp()))
        headers = {"content-type": "application/json", TIMESTAMP: timestamp, SIGNATURE: signed(secret, timestamp, body)}
        request = httpx.Request("POST", self._settings.url, content=body, headers=headers)
        answer = call(request, seconds=self._settings.timeout_seconds)
        return answer if isinstance(answer, Receipt) else _receipt(answer)

    def word(self, headers: Mapping[str, str], body: bytes) -> PoliceWord:
        """Signed, and signed just now, before anything of it is read."""
        secret, timestamp = self._settings.secret, headers.get(TIMESTAMP, "")
        if secret is None or not (timestamp.isascii() and timestamp.isdigit()):
            raise NotGenuine()
        if not hmac.compare_digest(headers.get(SIGNATURE, "").encode(), signed(secret, timestamp, body).encode()):
            raise NotGenuine()
        if abs(now().timestamp() - int(timestamp[:12])) > FRESH_SECONDS:
            raise NotGenuine("This callback is too old.")
        return _word(body)


def _receipt(answer: httpx.Response) -> Receipt:
    """Without a number of its own the order was not taken: it is tried again."""
    if not answer.is_success:
        return Receipt(ReceiptState.REFUSED, reason=f"status {answer.status_code}")
    try:
        said = answer.json()
    except ValueError:
        said = None
    number = said.get("number") if isinstance(said, dict) else None
    if not isinstance(number, str) or not number:
        return Receipt(ReceiptState.TRY_LATER, reason="no receipt")
    return Receipt(ReceiptState.ACCEPTED, number[:LONGEST_NUMBER])


def _word(body: bytes) -> PoliceWord:
    try:
        said = json.loads(body)
    except ValueError as error:
        raise Invalid() from error
    if not isinstance(said, dict) or said.get("state") not in STATES:
        raise Invalid(field="state")
    words = {name: said.get(name, "") for name in ("id", "number", "said")}
    if not all(isinstance(each, str) for each in words.values()) or not words["id"]:
        raise Invalid(field="id")
    if said["state"] == "returned" and not words["said"].strip():
        raise Invalid(field="said")
    plain = words["said"].replace("\0", "")[:LONGEST_WORDS]
    return PoliceWord(words["id"], said["state"], words["number"].replace("\0", "")[:LONGEST_NUMBER], plain)
