"""Providers' callbacks: size, signature, repeats, and an answer that comes after the commit."""

import time
from collections.abc import Iterator

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline import channels, db
from hotline.api.callbacks import FROM_SENDER, WITHIN
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.services.limiting import Window
from models import Contact, Delivery, Message, OutgoingMessage
from tests.fakes import SIGNATURE, RecordingChannel
from tests.statements import counted

URL = "/api/channels/sms/twilio"
GENUINE = {"x-signature": SIGNATURE}


@pytest.fixture(autouse=True)
def sms(monkeypatch: pytest.MonkeyPatch) -> RecordingChannel:
    channel = RecordingChannel("sms")
    monkeypatch.setitem(channels.register(), "sms", channel)
    return channel


def stored(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(row.gateway, row.text) for row in session.scalars(select(Message).order_by(Message.external_id))]


def test_a_message_is_stored_before_the_provider_is_told(client: TestClient, database: Database, sms: RecordingChannel) -> None:
    answer = client.post(f"{URL}?a=1", content="m1 +8613800138000 路灯坏了 西门\nm2 +8613800138000 请快点", headers=GENUINE)

    assert (answer.status_code, answer.text) == (200, "thank you")
    assert stored(database) == [("twilio", "路灯坏了 西门"), ("twilio", "请快点")]
    assert (sms.requests[0].url, sms.requests[0].query) == (f"http://127.0.0.1:8000{URL}?a=1", {"a": "1"})


def test_a_repeat_is_answered_as_the_first_time_and_stores_nothing(client: TestClient, database: Database) -> None:
    for _ in range(3):
        assert client.post(URL, content="m1 +8613800138000 路灯坏了", headers=GENUINE).status_code == 200

    assert len(stored(database)) == 1
    with database.reading() as session:
        assert len(session.scalars(select(Contact)).all()) == 1


def line(sender: int, serial: int) -> str:
    return f"s{sender}-{serial} +861380013800{sender} 第{serial}条"


def test_a_flood_of_one_sender_waits_at_its_provider_and_nobody_else_does(
    client: TestClient, sqlite_database: Database, clock: time_machine.Traveller
) -> None:
    def post(*lines: str) -> tuple[int, str]:
        answer = client.post(URL, content="\n".join(lines), headers=GENUINE)
        return answer.status_code, answer.text

    client.app.state.sender_pace = Window(FROM_SENDER, WITHIN, clock=time.time)  # type: ignore[attr-defined]
    flood = [line(1, serial) for serial in range(FROM_SENDER + 2)]

    assert {post(each) for each in flood[:FROM_SENDER]} == {(200, "thank you")}
    assert post(flood[FROM_SENDER]) == (429, "too_many")
    assert post(flood[0]) == (200, "thank you"), "what is stored needs no further try"
    assert post(line(2, 1)) == (200, "thank you")
    assert post(flood[FROM_SENDER + 1], line(3, 1)) == (429, "too_many"), "and the other one of the two is stored"
    assert len(stored(sqlite_database)) == FROM_SENDER + 2

    clock.shift(WITHIN)
    assert {post(each) for each in flood} == {(200, "thank you")}
    assert post(line(3, 1)) == (200, "thank you")
    assert len(stored(sqlite_database)) == FROM_SENDER + 4


def test_a_number_is_one_sender_however_it_is_spelt(client: TestClient, sqlite_database: Database) -> None:
    spellings = ("+8613800138000", "13800138000", "008613800138000")
    for serial in range(FROM_SENDER):
        client.post(URL, content=f"m{serial} {spellings[serial % 3]} 路灯坏了", headers=GENUINE)

    assert client.post(URL, content="more +8613800138000 路灯坏了", headers=GENUINE).status_code == 429


def test_a_flood_of_forgeries_costs_no_look_into_the_database(client: TestClient, sqlite_database: Database) -> None:
    with sqlite_database.reading() as session, counted(session) as statements:
        answers = {client.post(URL, content=line(1, serial)).status_code for serial in range(FROM_SENDER * 2)}

    assert (answers, statements) == ({403}, [])
    assert client.post(URL, content=line(1, 1), headers=GENUINE).status_code == 200, "nobody is shut out by a forger"


def test_a_forgery_is_refused_and_stores_nothing(client: TestClient, database: Database) -> None:
    for path in (URL, "/api/channels/mailbox", "/api/channels/console"):
        assert client.post(path, content="m1 +8613800138000 forged").status_code == 403

    assert stored(database) == []


def test_more_than_64_kib_is_refused_before_anything_reads_it(client: TestClient, sms: RecordingChannel) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(20):
            yield b"x" * 8192

    assert client.post(URL, content=endless(), headers=GENUINE).status_code == 413
    assert client.post(URL, content=b"x" * 65_537, headers=GENUINE).status_code == 413
    assert sms.requests == []


def test_nonsense_is_refused_in_the_providers_form(client: TestClient, database: Database) -> None:
    answer = client.post(URL, content="nonsense", headers=GENUINE)

    assert (answer.status_code, answer.text) == (422, "malformed")
    assert stored(database) == []


def test_a_provider_may_ask_with_get(client: TestClient, sms: RecordingChannel) -> None:
    answer = client.get("/api/channels/sms?echostr=1", headers=GENUINE)

    assert answer.status_code == 200
    assert (sms.requests[0].method, sms.requests[0].query) == ("GET", {"echostr": "1"})


def test_an_unknown_channel_is_not_found(client: TestClient) -> None:
    assert client.post("/api/channels/pigeon", content="x").status_code == 404


def test_what_cannot_be_stored_is_not_said_to_be_received(
    client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Database:
        raise Unavailable()

    monkeypatch.setattr(db, "database", gone)
    answer = client.post(URL, content="m1 +8613800138000 路灯坏了", headers=GENUINE)

    assert (answer.status_code, answer.text) == (503, "unavailable")
    assert stored(database) == []


def test_receipts_move_a_sent_message_forwards_only(client: TestClient, database: Database) -> None:
    with database.unit_of_work() as session:
        session.add_all(
            OutgoingMessage(
                channel=channel,
                recipient="+8613800138000",
                text="已答复",
                purpose="answered",
                provider_id=provider_id,
                delivery=Delivery.ACCEPTED,
            )
            for channel, provider_id in (("sms", "p1"), ("wechat", "p1"), ("sms", ""))
        )

    for state in ("delivered", "accepted", "unknown"):
        assert client.post(URL, content=f"receipt p1 {state}", headers=GENUINE).status_code == 200

    with database.reading() as session:
        rows = session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.id)).all()
        assert sorted(row.delivery for row in rows) == ["accepted", "accepted", "delivered"]
