"""Aliyun Dysms: approved templates out, signed by ACS3-HMAC-SHA256; texts and receipts in as JSON arrays, unsigned."""

import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx

from hotline.channels.gateways import payload
from hotline.channels.gateways.calling import call
from hotline.channels.gateways.gateway import Guard, national, unset
from hotline.channels.gateways.payload import Item
from hotline.ports import HttpAnswer, Inbound, Outbound, Parsed, RawRequest, Receipt, ReceiptState
from hotline.settings import Sms
from hotline.signatures.aliyun import canonical_query, signed_headers
from models.base import now

ANSWER = HttpAnswer(body=b'{"code":0,"msg":"ok"}', media_type="application/json")
OK = "OK"
# Its limits of pace, per number and in all, and what an operator mends without the message being wrong.
LATER = frozenset(
    {
        "isv.BUSINESS_LIMIT_CONTROL",
        "isv.DAY_LIMIT_CONTROL",
        "isv.MONTH_LIMIT_CONTROL",
        "isv.AMOUNT_NOT_ENOUGH",
        "isv.OUT_OF_SERVICE",
        "isp.SYSTEM_ERROR",
        "isp.GATEWAY_ERROR",
        "ServiceUnavailable",
        "SignatureDoesNotMatch",
        "InvalidAccessKeyId.NotFound",
        "isp.RAM_PERMISSION_DENY",
    }
)
THROTTLING = "Throttling"
OPTED_OUT = frozenset({"isv.MOBILE_IN_BLACK", "MOBILE_IN_BLACK"})
# QuerySendDetails: waiting for the receipt, failed, arrived.
SEND_STATUS = {"1": ReceiptState.ACCEPTED, "2": ReceiptState.REFUSED, "3": ReceiptState.DELIVERED}
SURELY_LISTED = timedelta(minutes=2)
PAGE = 50


class Aliyun:
    name = "aliyun"

    def __init__(self, settings: Sms) -> None:
        self._settings = settings
        self._guard = Guard(settings.aliyun_callback_secret, settings.aliyun_callback_from)

    def lacks(self) -> Sequence[str]:
        of = self._settings
        return unset(
            aliyun_access_key_id=of.aliyun_access_key_id,
            aliyun_access_key_secret=of.aliyun_access_key_secret,
            aliyun_sign_name=of.aliyun_sign_name,
            aliyun_templates=of.aliyun_templates,
        )

    def parse(self, raw: RawRequest) -> Parsed:
        """Texts (SmsUp) have a `sequence_id`, receipts (SmsReport) a `biz_id`; either may come to the one address."""
        self._guard.check(raw)
        items = payload.items_of(raw.body)
        return Parsed(
            messages=tuple(_message(item) for item in items if "sequence_id" in item),
            receipts=tuple(_receipt(item) for item in items if "biz_id" in item),
            answer=ANSWER,
        )

    def send(self, message: Outbound) -> Receipt:
        template = self._settings.aliyun_templates.get(message.purpose)
        if template is None:
            return Receipt(ReceiptState.REFUSED, reason=f"no template for “{message.purpose}”")
        answer = self._ask(
            "SendSms",
            {
                "PhoneNumbers": national(message.recipient),
                "SignName": self._settings.aliyun_sign_name,
                "TemplateCode": template,
                "TemplateParam": json.dumps(dict(message.values) or {"text": message.text}, ensure_ascii=False),
                "OutId": message.key,
            },
        )
        return answer if isinstance(answer, Receipt) else _sent(answer)

    def look_up(self, message: Outbound, *, provider_id: str, tried_at: datetime) -> Receipt:
        """By our own key, which comes back as OutId; a message that is not listed was not sent."""
        answer = self._ask(
            "QuerySendDetails",
            {
                "PhoneNumber": national(message.recipient),
                "SendDate": f"{tried_at.astimezone(payload.CHINA):%Y%m%d}",
                "PageSize": str(PAGE),
                "CurrentPage": "1",
                **({"BizId": provider_id} if provider_id else {}),
            },
        )
        if isinstance(answer, Receipt) or answer.get("Code") != OK:
            return Receipt(ReceiptState.UNKNOWN, provider_id, "the provider did not say")
        found = next((each for each in _details(answer) if each.get("OutId") == message.key), None)
        if found is not None:
            state = SEND_STATUS.get(payload.word_of(found, "SendStatus"), ReceiptState.UNKNOWN)
            return Receipt(state, provider_id, _code(found, "ErrCode"))
        if now() - tried_at < SURELY_LISTED:
            return Receipt(ReceiptState.UNKNOWN, provider_id, "not listed yet")
        return Receipt(ReceiptState.ABSENT, reason="not listed: it was not sent")

    def _ask(self, action: str, parameters: Mapping[str, str]) -> Item | Receipt:
        secret = self._settings.aliyun_access_key_secret
        request = httpx.Request("POST", f"{self._settings.aliyun_base_url.rstrip('/')}/?{canonical_query(parameters)}")
        request.headers.update(
            signed_headers(
                action,
                parameters,
                host=request.headers["host"],
                key_id=self._settings.aliyun_access_key_id,
                key_secret=secret.get_secret_value() if secret else "",
                at=f"{now():%Y-%m-%dT%H:%M:%SZ}",
                nonce=secrets.token_hex(16),
            )
        )
        answer = call(request, seconds=self._settings.timeout_seconds)
        if isinstance(answer, Receipt):
            return answer
        try:
            found: Any = answer.json()
        except ValueError:
            found = None
        return found if isinstance(found, dict) else Receipt(ReceiptState.UNKNOWN, reason="not its usual answer")


def _message(item: Item) -> Inbound:
    number = payload.sender(payload.word_of(item, "phone_number"))
    return Inbound(
        channel="sms",
        external_id=payload.name(f"aliyun:{payload.word_of(item, 'sequence_id')}"),
        sender=number,
        text=payload.text_of(item, "content"),
        received_at=now(),
        sent_at=payload.china_time(payload.word_of(item, "send_time")),
        number=number,
    )


def _receipt(item: Item) -> Receipt:
    state = ReceiptState.DELIVERED if item.get("success") is True else ReceiptState.REFUSED
    return Receipt(state, payload.name(payload.word_of(item, "biz_id")), _code(item, "err_code"))


def _sent(answer: Item) -> Receipt:
    code = _code(answer, "Code")
    if code == OK:
        return Receipt(ReceiptState.ACCEPTED, payload.name(payload.word_of(answer, "BizId")))
    if code in LATER or code.startswith(THROTTLING):
        return Receipt(ReceiptState.TRY_LATER, reason=code)
    return Receipt(ReceiptState.UNREACHABLE if code in OPTED_OUT else ReceiptState.REFUSED, reason=code)


def _details(answer: Item) -> Sequence[Item]:
    listed = answer.get("SmsSendDetailDTOs") or {}
    found = listed.get("SmsSendDetailDTO", []) if isinstance(listed, dict) else []
    return [each for each in found if isinstance(each, dict)]


def _code(item: Item, field: str) -> str:
    return payload.reason(payload.word_of(item, field))
