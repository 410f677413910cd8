"""Any gateway that speaks JSON over HTTP: its fields are named in the settings, both ways are signed with HMAC-SHA256."""

import hmac
import json
from collections.abc import Sequence
from datetime import datetime

import httpx

from hotline.channels.gateways import payload
from hotline.channels.gateways.calling import call
from hotline.channels.gateways.gateway import unset
from hotline.channels.gateways.payload import Item
from hotline.errors import NotGenuine
from hotline.ports import HttpAnswer, Inbound, Outbound, Parsed, RawRequest, Receipt, ReceiptState
from hotline.settings import Sms
from hotline.signatures.generic import SIGNATURE, TIMESTAMP, signed
from models.base import now

FRESH_SECONDS = 300
ANSWER = HttpAnswer(body=b'{"ok":true}', media_type="application/json")


class Generic:
    name = "generic"

    def __init__(self, settings: Sms) -> None:
        self._settings = settings

    def lacks(self) -> Sequence[str]:
        return unset(generic_url=self._settings.generic_url, generic_secret=self._settings.generic_secret)

    def parse(self, raw: RawRequest) -> Parsed:
        self._check(raw)
        state = self._settings.generic_in.get("state", "")
        items = payload.items_of(raw.body)
        return Parsed(
            messages=tuple(self._message(item) for item in items if state not in item),
            receipts=tuple(
                self._receipt(item) for item in items if payload.word_of(item, state) in self._settings.generic_states
            ),
            answer=ANSWER,
        )

    def _check(self, raw: RawRequest) -> None:
        """Signed, and signed just now; a repeat within that time is dropped by its id."""
        secret, timestamp = self._settings.generic_secret, raw.headers.get(TIMESTAMP, "")
        if secret is None or not (timestamp.isascii() and timestamp.isdigit()):
            raise NotGenuine()
        given = raw.headers.get(SIGNATURE, "").encode()
        if not hmac.compare_digest(given, signed(secret, timestamp, raw.body).encode()):
            raise NotGenuine()
        if abs(now().timestamp() - int(timestamp[:12])) > FRESH_SECONDS:
            raise NotGenuine("This callback is too old.")

    def send(self, message: Outbound) -> Receipt:
        secret = self._settings.generic_secret
        if secret is None:
            return Receipt(ReceiptState.TRY_LATER, reason="no secret")
        known = {"recipient": message.recipient, "text": message.text, "key": message.key, "purpose": message.purpose}
        words = {**message.values, **known}
        body = json.dumps({field: words.get(word, "") for field, word in self._settings.generic_out.items()}).encode()
        timestamp = str(int(now().timestamp()))
        headers = {"content-type": "application/json", TIMESTAMP: timestamp, SIGNATURE: signed(secret, timestamp, body)}
        request = httpx.Request("POST", self._settings.generic_url, content=body, headers=headers)
        answer = call(request, seconds=self._settings.timeout_seconds)
        return answer if isinstance(answer, Receipt) else self._sent(answer, message)

    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt:
        return Receipt(ReceiptState.UNKNOWN, provider_id, "this gateway cannot be asked")

    def _sent(self, answer: httpx.Response, message: Outbound) -> Receipt:
        """Without a name of its own the text is called by our key."""
        if not answer.is_success:
            return Receipt(ReceiptState.REFUSED, reason=f"status {answer.status_code}")
        try:
            said = answer.json()
        except ValueError:
            said = {}
        named = said.get(self._settings.generic_answer_id) if isinstance(said, dict) else None
        return Receipt(ReceiptState.ACCEPTED, payload.name(str(named or message.key)))

    def _message(self, item: Item) -> Inbound:
        fields = self._settings.generic_in
        number = payload.sender(payload.word_of(item, fields["sender"]))
        return Inbound(
            channel="sms",
            external_id=payload.name(f"generic:{payload.word_of(item, fields['id'])}"),
            sender=number,
            text=payload.text_of(item, fields["text"]),
            received_at=now(),
            sent_at=_time(item.get(fields.get("at", ""))),
            number=number,
        )

    def _receipt(self, item: Item) -> Receipt:
        fields = self._settings.generic_in
        word = payload.word_of(item, fields["state"])
        state = ReceiptState(self._settings.generic_states[word])
        return Receipt(state, payload.name(payload.word_of(item, fields["id"])), payload.reason(word))


def _time(value: object) -> datetime | None:
    """Unix seconds, or ISO 8601; without a zone it is China's."""
    found = payload.unix_time(value)
    if found is not None or not isinstance(value, str):
        return found
    try:
        aware = datetime.fromisoformat(value)
    except ValueError:
        return None
    return aware if aware.tzinfo else payload.china_time(value)
