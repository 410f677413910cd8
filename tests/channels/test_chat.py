"""Robots of enterprise chats: what each is sent, how it is signed, and what its answers mean."""

import json

import httpx
import pytest
import time_machine

from hotline.channels import chat
from hotline.channels.chat import Chat
from hotline.ports import Outbound, Receipt, ReceiptState
from hotline.settings import Chat as ChatSettings

WECOM = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k"
DINGTALK = "https://oapi.dingtalk.com/robot/send?access_token=t"
FEISHU = "https://open.feishu.cn/open-apis/bot/v2/hook/h"


@pytest.fixture
def robot(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Takes everything."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request, *, seconds: float) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"errcode": 0, "errmsg": "ok"})

    monkeypatch.setattr(chat, "call", answer)
    return asked


def sent(kind: str, address: str, secret: str = "") -> Receipt:
    values = {"secret": secret} if secret else {}
    return Chat(ChatSettings()).send(Outbound("a key", address, "待签收1件", values=values, gateway=kind))


@pytest.mark.parametrize(
    ("kind", "address", "body"),
    [
        ("wecom", WECOM, {"msgtype": "text", "text": {"content": "待签收1件"}}),
        ("dingtalk", DINGTALK, {"msgtype": "text", "text": {"content": "待签收1件"}}),
        ("feishu", FEISHU, {"msg_type": "text", "content": {"text": "待签收1件"}}),
    ],
)
def test_each_chat_is_sent_what_it_understands(robot: list[httpx.Request], kind: str, address: str, body: object) -> None:
    assert sent(kind, address) == Receipt(ReceiptState.DELIVERED, "a key")

    assert [str(request.url) for request in robot] == [address]
    assert json.loads(robot[0].content) == body


@time_machine.travel(1_700_000_000, tick=False)
def test_dingtalk_is_signed_in_the_address_and_feishu_in_the_body(robot: list[httpx.Request]) -> None:
    sent("dingtalk", DINGTALK, "SECret")
    sent("feishu", FEISHU, "SECret")

    assert dict(robot[0].url.params) == {
        "access_token": "t",
        "timestamp": "1700000000000",
        "sign": "F55vlsAdc0a3mVDx/8L2Nr6l+p28jgN7eSHFXdvW9I4=",
    }
    body = json.loads(robot[1].content)
    assert (body["timestamp"], body["sign"]) == ("1700000000", "5iSV9Pr3uPe5co6u1yZRRkYDEYGNySKiq4yfM953e9A=")


@pytest.mark.parametrize(
    "address",
    [
        "http://qyapi.weixin.qq.com/x",
        "https://169.254.169.254/latest",
        "https://qyapi.weixin.qq.com@evil.example/x",
        "https://user@qyapi.weixin.qq.com/x",
        "https://evil.example/?qyapi.weixin.qq.com",
        "file:///etc/passwd",
    ],
)
def test_nothing_goes_to_hosts_that_are_not_listed(robot: list[httpx.Request], address: str) -> None:
    assert sent("wecom", address).state == ReceiptState.REFUSED
    assert robot == []


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (httpx.Response(200, json={"code": 0}), ReceiptState.DELIVERED),
        (httpx.Response(200, json={"StatusCode": 0}), ReceiptState.DELIVERED),
        (httpx.Response(200, json={"errcode": 45009}), ReceiptState.TRY_LATER),
        (httpx.Response(200, json={"code": 11232}), ReceiptState.TRY_LATER),
        (httpx.Response(200, json={"errcode": 310000}), ReceiptState.REFUSED),
        (httpx.Response(404), ReceiptState.REFUSED),
        (httpx.Response(200, text="<html>"), ReceiptState.UNKNOWN),
        (httpx.Response(200, json=[]), ReceiptState.UNKNOWN),
        (httpx.Response(200, json={}), ReceiptState.UNKNOWN),
    ],
)
def test_an_answer_means_what_the_robot_says(
    monkeypatch: pytest.MonkeyPatch, answer: httpx.Response, state: ReceiptState
) -> None:
    monkeypatch.setattr(chat, "call", lambda request, *, seconds: answer)

    assert sent("wecom", WECOM).state == state
