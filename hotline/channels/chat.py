"""Groups of enterprise chats by the webhook of a robot: plain JSON as WeCom, DingTalk and Feishu take it. It only sends.

`gateway` of a message is the kind of chat, `recipient` the robot's address, and its values may hold the robot's secret.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from hotline.channels.gateways.calling import call
from hotline.errors import NotGenuine
from hotline.ports import HttpAnswer, Outbound, Parsed, RawRequest, Receipt, ReceiptState, Refusal
from hotline.settings import Chat as ChatSettings
from hotline.signatures import chat as signatures
from models.base import now

WECOM, DINGTALK, FEISHU = "wecom", "dingtalk", "feishu"
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
# The robot was asked too often; the message was not shown.
TOO_OFTEN = frozenset({45009, 130101, 9499, 11232})


class Chat:
    kind = "chat"

    def __init__(self, settings: ChatSettings) -> None:
        self._settings = settings

    def parse(self, raw: RawRequest) -> Parsed:
        raise NotGenuine("Robots are only written to.")

    def refuse(self, reason: Refusal) -> HttpAnswer:
        return HttpAnswer(status=403, body=reason.encode())

    def send(self, message: Outbound) -> Receipt:
        if not is_allowed(message.recipient, self._settings):
            return Receipt(ReceiptState.REFUSED, reason="the robot's host is not listed")
        content = _content(message)
        if content is None:
            return Receipt(ReceiptState.REFUSED, reason="no such chat")
        address, body = content
        headers = {"content-type": "application/json"}
        request = httpx.Request("POST", address, content=json.dumps(body, ensure_ascii=False).encode(), headers=headers)
        answer = call(request, seconds=self._settings.timeout_seconds)
        return answer if isinstance(answer, Receipt) else _receipt(answer, message)


def is_allowed(address: str, settings: ChatSettings) -> bool:
    """Only hosts that the operator lists, and nothing in the clear that leaves the machine."""
    parts = urlsplit(address)
    is_sealed = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
    return is_sealed and parts.username is None and parts.hostname in settings.hosts


def _content(message: Outbound) -> tuple[str, Mapping[str, Any]] | None:
    """The address and the body; signed where the robot has a secret."""
    secret, at = message.values.get("secret", ""), now()
    if message.gateway == FEISHU:
        body: dict[str, Any] = {"msg_type": "text", "content": {"text": message.text}}
        if secret:
            timestamp = str(int(at.timestamp()))
            body |= {"timestamp": timestamp, "sign": signatures.feishu(secret, timestamp)}
        return message.recipient, body
    if message.gateway not in (WECOM, DINGTALK):
        return None
    address = message.recipient
    if message.gateway == DINGTALK and secret:
        timestamp = str(int(at.timestamp() * 1000))
        signed = urlencode({"timestamp": timestamp, "sign": signatures.dingtalk(secret, timestamp)})
        address = f"{address}{'&' if urlsplit(address).query else '?'}{signed}"
    return address, {"msgtype": "text", "text": {"content": message.text}}


def _receipt(answer: httpx.Response, message: Outbound) -> Receipt:
    """Robots answer 200 also to what they refuse; 0 is yes, under one of three names."""
    if not answer.is_success:
        return Receipt(ReceiptState.REFUSED, reason=f"status {answer.status_code}")
    try:
        said = answer.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        return Receipt(ReceiptState.UNKNOWN, reason="not the robot's usual answer")
    code = next((said[name] for name in ("errcode", "code", "StatusCode") if name in said), None)
    if code == 0:
        return Receipt(ReceiptState.DELIVERED, message.key)
    if code in TOO_OFTEN:
        return Receipt(ReceiptState.TRY_LATER, reason=f"code {code}")
    return Receipt(ReceiptState.REFUSED if isinstance(code, int) else ReceiptState.UNKNOWN, reason=f"code {code}"[:40])
