"""Twilio's callbacks through the public door: signatures, repeats, order, pictures, opting out."""

from urllib.parse import urlencode

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.channels.sms import Sms
from hotline.db import Database
from models import Contact, Conversation, ConversationSignal, Delivery, Message, OutgoingMessage, PendingMedia
from tests.channels.conftest import Install
from tests.channels.providers import FORM, NUMBER, TWILIO, post_twilio, twilio_form, twilio_signature

pytestmark = pytest.mark.usefixtures("sms")


def messages(database: Database) -> list[Message]:
    with database.reading() as session:
        return list(session.scalars(select(Message).order_by(Message.external_id)))


def test_a_signed_text_is_stored_once_however_often_it_comes(client: TestClient, database: Database) -> None:
    answers = [post_twilio(client, twilio_form()) for _ in range(3)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(200, "<Response/>")}
    assert answers[0].headers["content-type"].startswith("text/xml")
    [message] = messages(database)
    assert (message.gateway, message.external_id, message.text) == ("twilio", "SM1", "路灯坏了")
    with database.reading() as session:
        contact = session.scalars(select(Contact)).one()
        conversation = session.scalars(select(Conversation)).one()
    assert (contact.channel, contact.number, conversation.sender) == ("sms", NUMBER, NUMBER)


def test_receiving_needs_the_auth_token_only(client: TestClient, sqlite_database: Database, install: Install) -> None:
    install(twilio_account_sid="", twilio_from="")

    assert post_twilio(client, twilio_form()).status_code == 200


def test_the_query_belongs_to_what_is_signed(client: TestClient, sqlite_database: Database) -> None:
    assert post_twilio(client, twilio_form(), path=f"{TWILIO}?a=1&b=%E8%B7%AF").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-twilio-signature": ""},
        {"x-twilio-signature": "nonsense"},
        {"x-twilio-signature": "签".encode().decode("latin-1")},
        {"x-twilio-signature": twilio_signature(twilio_form(), token="another token")},
        {"x-twilio-signature": twilio_signature(twilio_form(), path="/api/channels/sms/elsewhere")},
        {"x-twilio-signature": twilio_signature(twilio_form(Body="another text"))},
    ],
)
def test_a_forgery_is_refused_and_stores_nothing(
    client: TestClient, sqlite_database: Database, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    sent = {name.encode(): value.encode("latin-1") for name, value in {**headers, "content-type": FORM}.items()}
    answer = client.post(TWILIO, content=urlencode(twilio_form()), headers=sent)

    assert answer.status_code == 403
    assert messages(sqlite_database) == []
    assert NUMBER not in caplog.text


def test_a_signature_for_another_text_cannot_be_used_again(client: TestClient, sqlite_database: Database) -> None:
    signature = twilio_signature(twilio_form())

    assert post_twilio(client, twilio_form(Body="forged"), **{"x-twilio-signature": signature}).status_code == 403


def test_bodies_that_are_no_form_are_refused(client: TestClient, sqlite_database: Database) -> None:
    many = urlencode([(f"f{n}", "x") for n in range(1000)])
    for body in (b"Body=\xff\xfe", b"Body=%FF%FE", many.encode(), b"\xff" * 100):
        headers = {"x-twilio-signature": "AAAA", "content-type": FORM}
        assert client.post(TWILIO, content=body, headers=headers).status_code == 403

    assert client.get(TWILIO, headers={"x-twilio-signature": "AAAA"}).status_code == 403


def test_a_repeated_field_is_signed_with_all_its_values(client: TestClient, sqlite_database: Database) -> None:
    pairs = [*twilio_form().items(), ("Tag", "b"), ("Tag", "a")]
    signature = twilio_signature({**twilio_form(), "Taga": "", "Tagb": ""})  # as its rule spells it out: name, value, name, value
    spelt = {"x-twilio-signature": signature, "content-type": FORM}

    assert client.post(TWILIO, content=urlencode(pairs), headers=spelt).status_code == 200


def test_pictures_are_announced_with_their_text(client: TestClient, database: Database) -> None:
    url = "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages/SM1/Media/ME1"
    form = twilio_form(
        NumMedia="2", MediaUrl0=url, MediaContentType0="image/jpeg", MediaUrl1=f"{url}2", MediaContentType1="image/png"
    )

    assert post_twilio(client, form).status_code == 200

    with database.reading() as session:
        waiting = session.scalars(select(PendingMedia).order_by(PendingMedia.position)).all()
    assert [(row.reference, row.media_type) for row in waiting] == [(url, "image/jpeg"), (f"{url}2", "image/png")]


def test_only_the_word_opts_out_and_more_is_a_message(client: TestClient, database: Database) -> None:
    for sid, text in (("SM1", " 退订。"), ("SM2", "退订，路灯还没修"), ("SM3", "恢复")):
        assert post_twilio(client, twilio_form(MessageSid=sid, Body=text)).status_code == 200
    post_twilio(client, twilio_form(MessageSid="SM4", Body="stop please", OptOutType="STOP"))

    with database.reading() as session:
        signals = session.scalars(select(ConversationSignal).order_by(ConversationSignal.external_id)).all()
    assert [(row.external_id, row.kind) for row in signals] == [("SM1", "opted_out"), ("SM3", "opted_in"), ("SM4", "opted_out")]
    assert [message.text for message in messages(database)] == ["退订，路灯还没修"]


def test_states_repeat_and_come_in_any_order_and_never_go_back(client: TestClient, database: Database) -> None:
    with database.unit_of_work() as session:
        session.add_all(
            OutgoingMessage(
                channel="sms", recipient=NUMBER, text="已答复", purpose="answered", provider_id=sid, delivery=Delivery.ACCEPTED
            )
            for sid in ("SM8", "SM9")
        )

    for status in ("delivered", "sent", "queued", "delivered", "a state of tomorrow"):
        assert post_twilio(client, {"MessageSid": "SM8", "MessageStatus": status}).status_code == 200
    post_twilio(client, {"MessageSid": "SM9", "MessageStatus": "undelivered", "ErrorCode": "30003"}, path=f"{TWILIO}?status")

    with database.reading() as session:
        rows = session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.provider_id)).all()
    assert [(row.delivery, row.last_error) for row in rows] == [("delivered", "delivered"), ("refused", "undelivered 30003")]
    assert messages(database) == []


def test_a_gateway_that_nobody_runs_is_refused(client: TestClient, sqlite_database: Database, sms: Sms) -> None:
    for path in ("/api/channels/sms", "/api/channels/sms/pigeon"):
        assert client.post(path, content=b"{}").status_code == 403
