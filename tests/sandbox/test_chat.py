"""The groups of enterprise chats that are played: what the service's own channel sends arrives, and is shown."""

import httpx
import pytest
from fastapi.testclient import TestClient

from hotline.channels import chat
from hotline.channels.chat import Chat
from hotline.ports import Outbound, Receipt, ReceiptState
from hotline.sandbox.chat import ChatRobots
from hotline.settings import Chat as ChatSettings


@pytest.fixture
def robots() -> ChatRobots:
    return ChatRobots(secret="SECret")


@pytest.fixture
def page(robots: ChatRobots, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """What the channel sends goes there."""
    client = TestClient(robots.app, base_url="http://127.0.0.1")

    def call(request: httpx.Request, *, seconds: float) -> httpx.Response:
        answer = client.post(request.url.raw_path.decode(), content=request.content)
        return httpx.Response(answer.status_code, content=answer.content)

    monkeypatch.setattr(chat, "call", call)
    return client


def sent(kind: str, text: str, secret: str) -> Receipt:
    message = Outbound("a key", f"http://127.0.0.1/{kind}", text, values={"secret": secret}, gateway=kind)
    return Chat(ChatSettings(hosts=["127.0.0.1"])).send(message)


@pytest.mark.parametrize("kind", ["wecom", "dingtalk", "feishu"])
def test_what_is_sent_to_a_group_is_read_there(page: TestClient, robots: ChatRobots, kind: str) -> None:
    assert sent(kind, "待签收1件<b>", "SECret").state == ReceiptState.DELIVERED

    assert [(each.recipient, each.text) for each in robots.received] == [(kind, "待签收1件<b>")]
    shown = page.get("/").text
    assert "待签收1件&lt;b&gt;" in shown
    assert "<b>待" not in shown


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
def test_what_is_signed_with_another_secret_is_refused(page: TestClient, robots: ChatRobots, kind: str) -> None:
    assert sent(kind, "待签收1件", "other").state == ReceiptState.REFUSED
    assert list(robots.received) == []
