"""Twilio: signed forms in, its own client out. Receiving needs the auth token only."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import requests
from starlette.datastructures import FormData
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from urllib3.exceptions import MaxRetryError, NewConnectionError

from hotline.channels.gateways import payload, twilio_media
from hotline.channels.gateways.calling import busy
from hotline.channels.gateways.gateway import unset
from hotline.errors import Invalid, NotGenuine
from hotline.ports import (
    File,
    HttpAnswer,
    Inbound,
    Media,
    Outbound,
    Parsed,
    RawRequest,
    Receipt,
    ReceiptState,
    Signal,
    SignalKind,
)
from hotline.settings import Sms
from models.base import now

EMPTY_ANSWER = HttpAnswer(body=b"<Response/>", media_type="text/xml; charset=utf-8")
MOST_FIELDS = 300
MOST_MEDIA = 10
STATES = {
    "queued": ReceiptState.ACCEPTED,
    "accepted": ReceiptState.ACCEPTED,
    "scheduled": ReceiptState.ACCEPTED,
    "sending": ReceiptState.ACCEPTED,
    "sent": ReceiptState.ACCEPTED,
    "delivered": ReceiptState.DELIVERED,
    "read": ReceiptState.DELIVERED,
    "undelivered": ReceiptState.REFUSED,
    "failed": ReceiptState.REFUSED,
    "canceled": ReceiptState.REFUSED,
}
OPT_OUT_TYPES = {"STOP": SignalKind.OPTED_OUT, "START": SignalKind.OPTED_IN}
# https://www.twilio.com/docs/api/errors: the recipient has opted out; too many at once; a queue is full.
OPTED_OUT = 21610
TOO_MANY = frozenset({14107, 20429, 21611, 30001})
# Ours to mend, not the message's fault: a wrong token, an account that is suspended.
OURS = frozenset({401, 403})
# Clocks differ, and a message may be listed a moment late.
TOLERANCE = timedelta(minutes=1)
SURELY_LISTED = timedelta(minutes=2)
LATEST = 50


class Twilio:
    name = "twilio"

    def __init__(self, settings: Sms, *, public_url: str) -> None:
        self._settings = settings
        self._callback = f"{public_url}/api/channels/sms/twilio"

    def lacks(self) -> Sequence[str]:
        of = self._settings
        return unset(twilio_account_sid=of.twilio_account_sid, twilio_auth_token=of.twilio_auth_token, twilio_from=of.twilio_from)

    def parse(self, raw: RawRequest) -> Parsed:
        form = self._genuine(raw)
        if "MessageStatus" in form:
            return Parsed(receipts=_receipts(form), answer=EMPTY_ANSWER)
        message = _message(form)
        kind = OPT_OUT_TYPES.get(_field(form, "OptOutType"))
        if kind is None:
            return Parsed(messages=(message,), answer=EMPTY_ANSWER)
        signal = Signal(kind, "sms", message.external_id, message.sender, message.received_at, value=message.text)
        return Parsed(signals=(signal,), answer=EMPTY_ANSWER)

    def _genuine(self, raw: RawRequest) -> FormData:
        token, signature = self._settings.twilio_auth_token, raw.headers.get("x-twilio-signature")
        if raw.method != "POST" or token is None or not signature:
            raise NotGenuine()
        try:
            pairs = parse_qsl(raw.body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        except ValueError as error:
            raise NotGenuine() from error
        form = FormData([*pairs])
        if not RequestValidator(token.get_secret_value()).validate(raw.url, form, signature):
            raise NotGenuine()
        return form

    def send(self, message: Outbound) -> Receipt:
        sender = self._settings.twilio_from
        by = {"messaging_service_sid": sender} if sender.startswith("MG") else {"from_": sender}
        try:
            sent = self._client().messages.create(to=message.recipient, body=message.text, status_callback=self._callback, **by)
        except (TwilioException, requests.RequestException, ValueError) as error:
            return _failed(error)
        return Receipt(ReceiptState.ACCEPTED, str(sent.sid))

    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt:
        """Without an id: the same text to the same number since then. None there means that it was not sent."""
        try:
            messages = self._client().messages
            found = [messages(provider_id).fetch()] if provider_id else _same(messages, message, since=tried_at - TOLERANCE)
        except (TwilioException, requests.RequestException, ValueError):
            return Receipt(ReceiptState.UNKNOWN, provider_id, "the provider did not answer")
        if found:
            return _receipt(str(found[0].sid), str(found[0].status), str(found[0].error_code or ""))
        if now() - tried_at < SURELY_LISTED:
            return Receipt(ReceiptState.UNKNOWN, reason="not listed yet")
        return Receipt(ReceiptState.ABSENT, reason="not listed: it was not sent")

    def fetch(self, media: Media) -> File:
        return twilio_media.fetch(self._settings, media)

    def _client(self) -> Any:
        token = self._settings.twilio_auth_token
        client = Client(
            self._settings.twilio_account_sid,
            token.get_secret_value() if token else "",
            http_client=TwilioHttpClient(pool_connections=False, timeout=self._settings.timeout_seconds),
        )
        client.api.base_url = self._settings.twilio_base_url.rstrip("/")
        return client


def _field(form: FormData, name: str) -> str:
    return str(form.get(name, ""))


def _message(form: FormData) -> Inbound:
    sender = payload.sender(_field(form, "From"))
    return Inbound(
        channel="sms",
        external_id=payload.name(_field(form, "MessageSid")),
        sender=sender,
        text=_field(form, "Body"),
        received_at=now(),
        number=sender,
        media=_media(form),
    )


def _media(form: FormData) -> tuple[Media, ...]:
    announced = _field(form, "NumMedia") or "0"
    if not (announced.isascii() and announced.isdigit() and len(announced) <= 2):
        raise Invalid()
    places = range(min(int(announced), MOST_MEDIA))
    found = [Media(_field(form, f"MediaUrl{n}"), payload.reason(_field(form, f"MediaContentType{n}"))) for n in places]
    return tuple(media for media in found if media.reference)


def _receipts(form: FormData) -> tuple[Receipt, ...]:
    status = _field(form, "MessageStatus")
    sid = payload.name(_field(form, "MessageSid"))
    return (_receipt(sid, status, _field(form, "ErrorCode")),) if status in STATES else ()


def _receipt(sid: str, status: str, code: str) -> Receipt:
    reason = payload.reason(f"{status} {code}".strip())
    return Receipt(STATES.get(status, ReceiptState.UNKNOWN), sid, reason)


def _failed(error: Exception) -> Receipt:
    """The words of an error may hold the number; its code does not."""
    if isinstance(error, TwilioRestException):
        return _refused(error.status, int(error.code or 0))
    is_unsent = isinstance(error, requests.ConnectTimeout) or _never_connected(error)
    state = ReceiptState.TRY_LATER if is_unsent else ReceiptState.UNKNOWN
    return Receipt(state, reason=type(error).__name__)


def _refused(status: int, code: int) -> Receipt:
    if found := busy(status):
        return found
    reason = f"Twilio {code or status}"
    if code in TOO_MANY or status in OURS:
        return Receipt(ReceiptState.TRY_LATER, reason=reason)
    return Receipt(ReceiptState.UNREACHABLE if code == OPTED_OUT else ReceiptState.REFUSED, reason=reason)


def _never_connected(error: Exception) -> bool:
    cause = error.args[0] if isinstance(error, requests.ConnectionError) and error.args else None
    return isinstance(cause, MaxRetryError) and isinstance(cause.reason, NewConnectionError)


def _same(messages: Any, message: Outbound, *, since: datetime) -> list[Any]:
    latest = messages.list(to=message.recipient, limit=LATEST)
    # An account on trial puts a sentence before every text.
    return [each for each in latest if str(each.body).endswith(message.text) and _made_since(each, since)]


def _made_since(listed: Any, since: datetime) -> bool:
    return listed.date_created is not None and bool(listed.date_created >= since)
