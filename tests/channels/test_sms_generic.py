"""Any signed JSON gateway through the public door: signature, freshness, its own fields."""

import json

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from models import Delivery, Message, OutgoingMessage, now
from tests.channels.conftest import Install
from tests.channels.providers import GENERIC, NUMBER, generic_headers

pytestmark = pytest.mark.usefixtures("sms")


def post(client: TestClient, content: object, **how: int | str) -> int:
    body = json.dumps(content).encode()
    return client.post(GENERIC, content=body, headers=generic_headers(body, **how)).status_code  # type: ignore[arg-type]


def texts(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(row.external_id, row.text) for row in session.scalars(select(Message).order_by(Message.external_id))]


def test_a_signed_text_is_stored_once(client: TestClient, database: Database) -> None:
    for _ in range(2):
        assert post(client, {"id": 7, "from": NUMBER, "text": "路灯坏了", "time": int(now().timestamp())}) == 200

    assert texts(database) == [("generic:7", "路灯坏了")]


def test_a_wrong_or_an_old_signature_is_refused(client: TestClient, sqlite_database: Database) -> None:
    text = {"id": 7, "from": NUMBER, "text": "路灯坏了"}

    assert post(client, text, secret="another") == 403
    assert post(client, text, seconds_ago=301) == 403
    assert post(client, text, seconds_ago=-301) == 403
    assert client.post(GENERIC, content=json.dumps(text)).status_code == 403
    assert client.post(GENERIC, content=b"{}", headers=generic_headers(json.dumps(text).encode())).status_code == 403
    assert texts(sqlite_database) == []


def test_its_fields_are_named_in_the_settings(client: TestClient, database: Database, install: Install) -> None:
    install(
        generic_in={"id": "msgid", "sender": "mobile", "text": "content", "at": "sendtime", "state": "stat"},
        generic_states={"DELIVRD": "delivered"},
    )
    with database.unit_of_work() as session:
        row = OutgoingMessage(channel="sms", recipient=NUMBER, text="已答复", purpose="answered", provider_id="p1")
        row.delivery = Delivery.ACCEPTED
        session.add(row)

    written = {"msgid": "m1", "mobile": "13800138000", "content": "西门", "sendtime": "2026-11-23 10:00:00"}
    assert post(client, [written, {"msgid": "p1", "stat": "DELIVRD"}, {"msgid": "p2", "stat": "WORD OF TOMORROW"}]) == 200

    assert texts(database) == [("generic:m1", "西门")]
    with database.reading() as session:
        assert session.scalars(select(OutgoingMessage.delivery)).all() == ["delivered"]
        sent_at = session.scalars(select(Message.sent_at)).one()
    assert f"{sent_at:%H:%M}" == "02:00"
