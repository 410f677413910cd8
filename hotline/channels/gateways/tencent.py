"""Tencent Cloud SMS: approved templates out, signed by TC3-HMAC-SHA256; texts and receipts in as JSON, unsigned."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from hotline.channels.gateways import payload
from hotline.channels.gateways.calling import call
from hotline.channels.gateways.gateway import Guard, unset
from hotline.channels.gateways.payload import Item
from hotline.ports import HttpAnswer, Inbound, Outbound, Parsed, RawRequest, Receipt, ReceiptState
from hotline.settings import Sms
from hotline.signatures.tencent import signed_headers
from models.base import now

VERSION = "2021-01-11"
ANSWER = HttpAnswer(body=b'{"result":0,"errmsg":"OK"}', media_type="application/json")
OK = "Ok"
# Its limits of pace, and what an operator mends without the message being wrong.
LATER = ("LimitExceeded", "RequestLimitExceeded", "AuthFailure", "FailedOperation.InsufficientBalance", "ResourceUnavailable")
# It does not say whether the text had been sent when it failed.
UNSURE = "InternalError"
OPTED_OUT = "FailedOperation.PhoneNumberInBlacklist"
REPORTS = {"SUCCESS": ReceiptState.DELIVERED, "FAIL": ReceiptState.REFUSED}
LISTED = 100
# The list of receipts is asked for a span of at most this length.
SPAN = timedelta(days=1)


class Tencent:
    name = "tencent"

    def __init__(self, settings: Sms) -> None:
        self._settings = settings
        self._guard = Guard(settings.tencent_callback_secret, settings.tencent_callback_from)

    def lacks(self) -> Sequence[str]:
        of = self._settings
        return unset(
            tencent_secret_id=of.tencent_secret_id,
            tencent_secret_key=of.tencent_secret_key,
            tencent_app_id=of.tencent_app_id,
            tencent_sign_name=of.tencent_sign_name,
            tencent_templates=of.tencent_templates,
        )

    def parse(self, raw: RawRequest) -> Parsed:
        """A text has a `text`, a receipt a `report_status`; either may come to the one address."""
        self._guard.check(raw)
        items = payload.items_of(raw.body)
        reports = [item for item in items if payload.word_of(item, "report_status") in REPORTS]
        return Parsed(
            messages=tuple(_message(item) for item in items if "text" in item),
            receipts=tuple(_receipt(item, named="sid") for item in reports),
            answer=ANSWER,
        )

    def send(self, message: Outbound) -> Receipt:
        template = self._settings.tencent_templates.get(message.purpose)
        if template is None:
            return Receipt(ReceiptState.REFUSED, reason=f"no template for “{message.purpose}”")
        values = {"text": message.text, **message.values}
        answer = self._ask(
            "SendSms",
            {
                "PhoneNumberSet": [message.recipient],
                "SmsSdkAppId": self._settings.tencent_app_id,
                "SignName": self._settings.tencent_sign_name,
                "TemplateId": template.id,
                "TemplateParamSet": [values.get(name, "") for name in template.params],
                "SessionContext": message.key,
            },
        )
        return answer if isinstance(answer, Receipt) else _sent(answer)

    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt:
        """By our own key, which comes back as SessionContext. Only finished ones are listed: absence says nothing."""
        answer = self._ask(
            "PullSmsSendStatusByPhoneNumber",
            {
                "BeginTime": int(tried_at.timestamp()),
                "EndTime": int(min(now(), tried_at + SPAN).timestamp()) + 1,
                "Offset": 0,
                "Limit": LISTED,
                "PhoneNumber": message.recipient,
                "SmsSdkAppId": self._settings.tencent_app_id,
            },
        )
        listed = [] if isinstance(answer, Receipt) else _objects(answer, "PullSmsSendStatusSet")
        for each in listed:
            is_it = each.get("SessionContext") == message.key or (provider_id and each.get("SerialNo") == provider_id)
            if is_it and payload.word_of(each, "ReportStatus") in REPORTS:
                return _receipt(each, named="SerialNo", state="ReportStatus", why="Description")
        return Receipt(ReceiptState.UNKNOWN, provider_id, "not listed yet")

    def _ask(self, action: str, parameters: Mapping[str, Any]) -> Item | Receipt:
        secret = self._settings.tencent_secret_key
        body = json.dumps(parameters, ensure_ascii=False).encode()
        request = httpx.Request("POST", f"{self._settings.tencent_base_url.rstrip('/')}/", content=body)
        request.headers.update(
            signed_headers(
                action,
                body,
                host=request.headers["host"],
                key_id=self._settings.tencent_secret_id,
                key_secret=secret.get_secret_value() if secret else "",
                timestamp=int(now().timestamp()),
            )
        )
        request.headers.update({"x-tc-version": VERSION, "x-tc-region": self._settings.tencent_region})
        answer = call(request, seconds=self._settings.timeout_seconds)
        if isinstance(answer, Receipt):
            return answer
        return _response(answer) or Receipt(ReceiptState.UNKNOWN, reason="not its usual answer")


def _message(item: Item) -> Inbound:
    mobile, nation = payload.word_of(item, "mobile"), payload.word_of(item, "nationcode")
    number = payload.sender(f"+{nation}{mobile}" if nation else mobile)
    text, written = payload.text_of(item, "text"), payload.word_of(item, "time")
    return Inbound(
        channel="sms",
        # It gives a text no name: the same number, second and words are the same text.
        external_id=f"tencent:{payload.digest_of(mobile, written, text)}",
        sender=number,
        text=text,
        received_at=now(),
        sent_at=payload.unix_time(written),
        number=number,
    )


def _receipt(item: Item, *, named: str, state: str = "report_status", why: str = "errmsg") -> Receipt:
    return Receipt(REPORTS[item[state]], payload.name(payload.word_of(item, named)), payload.reason(payload.word_of(item, why)))


def _response(answer: httpx.Response) -> Item | None:
    try:
        found = answer.json()["Response"]
    except (ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


def _sent(response: Item) -> Receipt:
    error = response.get("Error")
    said = error if isinstance(error, dict) else next(iter(_objects(response, "SendStatusSet")), {})
    code = payload.reason(payload.word_of(said, "Code"))
    if code == OK:
        return Receipt(ReceiptState.ACCEPTED, payload.name(payload.word_of(said, "SerialNo")))
    if code.startswith(LATER):
        return Receipt(ReceiptState.TRY_LATER, reason=code)
    if not code or code.startswith(UNSURE):
        return Receipt(ReceiptState.UNKNOWN, reason=code)
    return Receipt(ReceiptState.UNREACHABLE if code == OPTED_OUT else ReceiptState.REFUSED, reason=code)


def _objects(response: Item, field: str) -> Sequence[Item]:
    found = response.get(field)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
