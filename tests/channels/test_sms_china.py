"""Aliyun and Tencent through the public door: a secret path, the provider's networks, repeats, receipts; their signatures."""

import json
from ipaddress import ip_network

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.channels.sms import Sms
from hotline.db import Database
from hotline.ports import Outbound
from hotline.signatures import aliyun, tencent
from models import Conversation, Delivery, Message, OutgoingMessage
from tests.channels.conftest import Install
from tests.channels.providers import ALIYUN, NUMBER, SECRET, TENCENT, post_json, post_twilio, twilio_form

pytestmark = pytest.mark.usefixtures("sms")

MOBILE = "13800138000"
SMS_UP = {
    "phone_number": MOBILE,
    "content": "路灯坏了",
    "send_time": "2026-11-23 10:00:00",
    "dest_code": "1",
    "sequence_id": 123456789,
}
REPORT = {"phone_number": MOBILE, "success": True, "err_code": "DELIVERED", "biz_id": "9^0", "out_id": "key", "sms_size": "1"}
REPLY = {"extend": "", "mobile": MOBILE, "nationcode": "86", "sign": "热线", "text": "路灯坏了", "time": 1795399200}
STATUS = {
    "user_receive_time": "2026-11-23 10:00:05",
    "nationcode": "86",
    "mobile": MOBILE,
    "report_status": "FAIL",
    "sid": "5000:1",
}


def messages(database: Database) -> list[Message]:
    with database.reading() as session:
        return list(session.scalars(select(Message).order_by(Message.received_at)))


def add_outgoing(database: Database, provider_id: str) -> None:
    with database.unit_of_work() as session:
        row = OutgoingMessage(channel="sms", recipient=NUMBER, text="已答复", purpose="answered", provider_id=provider_id)
        row.delivery = Delivery.ACCEPTED
        session.add(row)


def test_texts_come_as_an_array_and_each_is_stored_once(client: TestClient, database: Database) -> None:
    answers = [post_json(client, ALIYUN, [SMS_UP, {**SMS_UP, "sequence_id": 2, "content": "西门"}]) for _ in range(2)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, '{"code":0,"msg":"ok"}')}
    assert sorted(message.text for message in messages(database)) == ["西门", "路灯坏了"]
    assert f"{messages(database)[0].sent_at:%Y-%m-%d %H:%M}" == "2026-11-23 02:00"


def test_a_reply_without_a_name_is_known_by_what_it_says(client: TestClient, database: Database) -> None:
    for reply in (REPLY, REPLY, {**REPLY, "time": REPLY["time"] + 1}):  # type: ignore[operator]
        answer = post_json(client, TENCENT, reply)
        assert (answer.status_code, answer.json()) == (200, {"result": 0, "errmsg": "OK"})

    assert [message.text for message in messages(database)] == ["路灯坏了", "路灯坏了"]


def test_one_number_is_one_conversation_however_a_gateway_spells_it(client: TestClient, database: Database) -> None:
    post_json(client, ALIYUN, [SMS_UP])
    post_json(client, TENCENT, REPLY)
    post_twilio(client, twilio_form(From=NUMBER))

    with database.reading() as session:
        assert [row.sender for row in session.scalars(select(Conversation))] == [NUMBER]


@pytest.mark.parametrize(("path", "content"), [(ALIYUN, [SMS_UP]), (TENCENT, REPLY)])
def test_only_the_secret_path_is_a_way_in(client: TestClient, sqlite_database: Database, path: str, content: object) -> None:
    for secret in ("wrong", SECRET + "x", SECRET[:-1], "秘密"):
        assert post_json(client, path, content, secret=secret).status_code == 403
    assert client.post(path, content=json.dumps(content)).status_code == 403

    assert messages(sqlite_database) == []


def test_without_a_secret_nobody_is_let_in(client: TestClient, sqlite_database: Database, install: Install) -> None:
    install(aliyun_callback_secret=None, tencent_callback_secret=None)

    for path in (ALIYUN, TENCENT):
        assert client.post(path, content=b"[]").status_code == 403
        assert post_json(client, path, [], secret="None").status_code == 403


def test_only_the_providers_networks_are_let_in(client: TestClient, sqlite_database: Database, install: Install) -> None:
    networks = [ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")]
    install(aliyun_callback_from=networks)
    theirs = TestClient(client.app, client=("10.1.2.3", 50000))

    assert post_json(client, ALIYUN, [SMS_UP]).status_code == 403
    assert messages(sqlite_database) == []
    assert post_json(theirs, ALIYUN, [SMS_UP]).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"[[]]",
        b"1",
        b"[" * 60_000,
        b'{"a": "\\ud800"',
        json.dumps([{**SMS_UP, "phone_number": ["x"]}]).encode(),
        json.dumps([{**SMS_UP, "phone_number": "138\0"}]).encode(),
        json.dumps([{**SMS_UP, "content": None}]).encode(),
        json.dumps([{**SMS_UP, "sequence_id": {}}]).encode(),
        json.dumps([{"biz_id": ""}]).encode(),
        json.dumps([{}] * 501).encode(),
    ],
)
def test_what_no_provider_writes_is_refused(client: TestClient, sqlite_database: Database, body: bytes) -> None:
    assert client.post(f"{ALIYUN}/{SECRET}", content=body).status_code == 403
    assert messages(sqlite_database) == []


def test_receipts_settle_what_was_sent(client: TestClient, database: Database) -> None:
    add_outgoing(database, "9^0")
    add_outgoing(database, "5000:1")

    assert post_json(client, ALIYUN, [REPORT, REPORT, {**REPORT, "success": False}]).status_code == 200
    assert post_json(client, TENCENT, [{**STATUS, "errmsg": "MK:0001"}]).status_code == 200

    with database.reading() as session:
        rows = session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.provider_id)).all()
    assert [(row.delivery, row.last_error) for row in rows] == [("refused", "MK:0001"), ("delivered", "DELIVERED")]


def test_aliyuns_signature_is_the_one_of_its_documentation() -> None:
    headers = aliyun.signed_headers(
        "RunInstances",
        {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"},
        host="ecs.cn-shanghai.aliyuncs.com",
        key_id="YourAccessKeyId",
        key_secret="YourAccessKeySecret",
        at="2023-10-26T10:22:32Z",
        nonce="3156853299f313e23d1673dc12e1703d",
        version="2014-05-26",
    )

    assert headers["authorization"].endswith("Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0")


def test_tencents_signature_is_the_one_of_its_documentation() -> None:
    headers = tencent.signed_headers(
        "DescribeInstances",
        b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}',
        host="cvm.tencentcloudapi.com",
        key_id="AKIDz8krbsJ5yKBZQpn74WFkmLPx3*******",
        key_secret="Gu5t9xGARNpq86cd98joQYCN3*******",
        timestamp=1551113065,
        service="cvm",
    )

    assert headers["authorization"].endswith("Signature=be4f67d323c78ab9acb7395e43c0dbcf822a9cfac32fea2449a7bc7726b770a3")


def test_without_a_chosen_gateway_texts_are_printed(sms: Sms, capsys: pytest.CaptureFixture[str]) -> None:
    assert sms.send(Outbound(key="1", recipient=NUMBER, text="已答复")).provider_id == "1"
    assert "已答复" in capsys.readouterr().out
