"""WeChat's callbacks through the public door: who is believed, what each message becomes, and that none counts twice."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import time_machine
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hotline import channels
from hotline.api.callbacks import FROM_SENDER
from hotline.db import Database
from hotline.errors import Invalid, NotGenuine
from hotline.ports import RawRequest
from hotline.sandbox.wechat import Wechat as StandIn
from hotline.sandbox.wechat_callbacks import Account, Callback, Callbacks, written
from hotline.services.conversations import conversations
from hotline.signatures.wechat import Envelope, is_signed, signature
from models import Contact, Conversation, ConversationSignal, Delivery, Message, OutgoingMessage, PendingMedia
from tests.channels.wechat import AES_KEY, APP_ID, GRID, LATITUDE, LONGITUDE, PATH, PLAIN, SAFE, TOKEN, Door, channel_for

ONE_DATABASE = True
ANYBODY = "oOpenIdOfACitizen_0000000001"


@pytest.fixture(params=[PLAIN, SAFE], ids=["plain", "safe"])
def account(request: pytest.FixtureRequest) -> Account:
    found: Account = request.param
    return found


@pytest.fixture
def door(client: TestClient) -> Door:
    return Door(client)


@pytest.fixture
def wechat(account: Account, door: Door, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setitem(channels.register(), "wechat", channel_for(account))
    return StandIn(account, deliver=door)


def messages(database: Database) -> list[Message]:
    with database.reading() as session:
        return list(session.scalars(select(Message).order_by(Message.received_at, Message.external_id)))


def signals(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        rows = session.scalars(select(ConversationSignal).order_by(ConversationSignal.created_at))
        return [(row.kind, row.value) for row in rows]


def changed(callback: Callback, **query: str) -> str:
    """The callback's URL with other words in it; an empty one is left out."""
    words = {name: values[0] for name, values in parse_qs(urlsplit(callback.url).query).items()} | query
    return f"{PATH}?{urlencode({name: word for name, word in words.items() if word})}"


def test_the_signature_and_the_wrapping_are_those_of_wechats_own_sample() -> None:
    sealed = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="

    assert is_signed("5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3", "QDG6eK", "1409659589", "263014780", sealed)
    assert Envelope(AES_KEY, APP_ID).open(sealed) == b"1616140317555161061"


def test_the_address_is_confirmed_by_saying_the_word_back(wechat: StandIn, client: TestClient) -> None:
    answer = client.get(wechat.callbacks.check_url())

    assert (answer.status_code, answer.text) == (200, "echo")
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_address_is_not_confirmed_to_anybody_else(wechat: StandIn, client: TestClient) -> None:
    genuine = wechat.callbacks.check_url()

    assert client.get(genuine.replace("signature=", "signature=0")).status_code == 403
    assert client.get(genuine.split("&echostr")[0]).status_code == 403
    assert client.get(f"{PATH}?echostr=echo").status_code == 403


def test_a_text_is_stored_before_wechat_is_told(wechat: StandIn, door: Door, database: Database) -> None:
    assert wechat.inject(ANYBODY, "路灯坏了 ]]> <b>&") == 200

    assert door.again().text == "success"
    (message,) = messages(database)
    assert (message.channel, message.text) == ("wechat", "路灯坏了 ]]> <b>&")
    assert message.sent_at is not None
    with database.reading() as session:
        assert session.scalars(select(Conversation)).one().sender == ANYBODY


def test_whatever_a_citizen_sends_is_there_to_be_read(wechat: StandIn, database: Database) -> None:
    wechat.inject(ANYBODY, "路灯坏了")
    wechat.inject(ANYBODY, "", [b"jpeg"])
    wechat.inject_voice(ANYBODY, b"amr")
    wechat.inject_voice(ANYBODY, b"amr", "门口的井盖不见了")
    wechat.inject_video(ANYBODY, b"mp4")
    said = wechat.callbacks.message
    wechat.callbacks.send(said(ANYBODY, "shortvideo", MediaId="m", ThumbMediaId="t"))
    wechat.callbacks.send(said(ANYBODY, "link", Title="新闻", Description="说明", Url="https://news.example/1"))
    wechat.callbacks.send(said(ANYBODY, "file", Title="合同.pdf", FileTotalLen=7))

    assert [message.text for message in messages(database)] == [
        "路灯坏了",
        "［图片］",
        "［语音］",
        "门口的井盖不见了",
        "［视频］",
        "［小视频］",
        "［链接］新闻\n说明\nhttps://news.example/1",
        "［file］\nTitle：合同.pdf\nFileTotalLen：7",
    ]
    with database.reading() as session:
        kinds = session.scalars(select(PendingMedia.media_type).order_by(PendingMedia.created_at)).all()
        assert list(kinds) == ["image", "audio/amr", "audio/amr", "video/mp4", "video/mp4"]
        assert len(session.scalars(select(Contact)).all()) == 1


def test_a_position_says_in_which_grid_it_is(wechat: StandIn, database: Database) -> None:
    wechat.inject_location(ANYBODY, LATITUDE, LONGITUDE, "滨江路 15 号")

    assert messages(database)[0].text == "［位置］滨江路 15 号"
    with database.reading() as session:
        contact = session.scalars(select(Contact)).one()
        assert (contact.grid_code, contact.place_text) == (GRID, "滨江路 15 号")


def test_a_position_that_is_none_is_kept_as_words(wechat: StandIn, database: Database) -> None:
    wechat.callbacks.send(wechat.callbacks.message(ANYBODY, "location", Location_X="nan", Location_Y="1e9", Label="桥头"))

    assert messages(database)[0].text == "［位置］桥头"
    with database.reading() as session:
        assert session.scalars(select(Contact)).one().grid_code is None


def test_what_is_no_message_opens_no_contact(wechat: StandIn, database: Database) -> None:
    for event, key in (
        ("subscribe", "qrscene_7"),
        ("SCAN", "7"),
        ("CLICK", "call_me"),
        ("VIEW", "https://hotline.example/track"),
        ("LOCATION", ""),
        ("kf_create_session", ""),
    ):
        assert wechat.inject_event(ANYBODY, event, key) == 200

    assert signals(database) == [
        ("subscribed", "qrscene_7"),
        ("scanned", "7"),
        ("menu", "call_me"),
        ("opened", "https://hotline.example/track"),
        ("located", ""),
        ("other", "kf_create_session"),
    ]
    with database.reading() as session:
        assert session.scalars(select(Contact)).all() == []


def test_who_leaves_the_account_is_known_to_have_left(wechat: StandIn, database: Database) -> None:
    wechat.inject(ANYBODY, "路灯坏了")
    wechat.inject_event(ANYBODY, "unsubscribe")

    with database.reading() as session:
        assert session.scalars(select(Conversation)).one().left_at is not None


def test_a_genuine_delivery_again_is_answered_as_the_first_time_and_stored_once(
    wechat: StandIn, door: Door, database: Database
) -> None:
    wechat.inject(ANYBODY, "路灯坏了")
    assert [(door.again().status_code, door.again().text) for _ in range(2)] == [(200, "success")] * 2
    wechat.inject_event(ANYBODY, "CLICK", "call_me")
    assert door.again().status_code == 200

    assert len(messages(database)) == 1
    assert signals(database) == [("menu", "call_me")]


def test_three_deliveries_at_once_are_one_message(wechat: StandIn, client: TestClient, database: Database) -> None:
    callback = wechat.callbacks.message(ANYBODY, "text", Content="路灯坏了")

    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: client.post(callback.url, content=callback.body), range(3)))

    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len(messages(database)) == 1
    with database.reading() as session:
        assert len(session.scalars(select(Contact)).all()) == 1


def test_a_forgery_is_refused_and_stores_nothing(
    account: Account, wechat: StandIn, client: TestClient, database: Database
) -> None:
    genuine = wechat.callbacks.message(ANYBODY, "text", Content="路灯坏了")
    stranger = StandIn(Account(PATH, "another token", account.app_id, aes_key=account.aes_key))
    forged = stranger.callbacks.message(ANYBODY, "text", Content="路灯坏了")

    for url in (
        forged.url,
        PATH,
        changed(genuine, signature="0" * 40),
        changed(genuine, signature="ü" * 40),
        changed(genuine, nonce="1"),
        changed(genuine, timestamp=str(int(time.time()) + 1)),
    ):
        assert client.post(url, content=genuine.body).status_code == 403

    assert messages(database) == []


def test_a_stale_callback_is_refused(wechat: StandIn, client: TestClient, database: Database) -> None:
    for shift in (timedelta(minutes=-6), timedelta(minutes=6)):
        with time_machine.travel(datetime.now(UTC) + shift):
            callback = wechat.callbacks.message(ANYBODY, "text", Content="路灯坏了")
        assert client.post(callback.url, content=callback.body).status_code == 403
    for odd in ("", "soon", "-1", "９" * 10, "9" * 30):
        words = {"timestamp": odd, "nonce": "1", "signature": signature(TOKEN, odd, "1")}
        assert client.post(f"{PATH}?{urlencode(words)}", content=callback.body).status_code == 403

    assert messages(database) == []


@pytest.mark.parametrize("account", [PLAIN], ids=["plain"])
def test_what_cannot_be_read_is_refused_as_a_forgery(wechat: StandIn, client: TestClient, database: Database) -> None:
    genuine = wechat.callbacks.message(ANYBODY, "text", Content="路灯坏了")
    text = genuine.body.decode()
    for body in (
        b"",
        b"\xff\xfe",
        text.encode("utf-16"),
        text.encode("gbk"),
        b'<?xml version="1.0" encoding="gbk"?>' + text.encode("gbk"),
        text.replace("xml>", "html>").encode(),
        text.replace("<MsgId>", "<MsgId>1</MsgId><MsgId>").encode(),
        text.replace(ANYBODY, "").encode(),
        text.replace("text]]", "te xt]]").encode(),
        text.replace("<CreateTime>", "<CreateTime>9999999999999").encode(),
        b'<!DOCTYPE xml [<!ENTITY a "aaaa">]>' + genuine.body,
        b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x">' + genuine.body,
        b"<xml>" + b"<a>" * 5000 + b"</a>" * 5000 + b"</xml>",
        b"<xml>" + b"<a/>" * 10_000 + b"</xml>",
    ):
        assert client.post(genuine.url, content=body).status_code == 403, body[:80]

    assert messages(database) == []


@pytest.mark.parametrize("account", [SAFE], ids=["safe"])
def test_in_safe_mode_only_what_is_wrapped_for_this_account_is_taken(
    wechat: StandIn, client: TestClient, database: Database
) -> None:
    genuine = wechat.callbacks.message(ANYBODY, "text", Content="路灯坏了")
    other = StandIn(Account(PATH, TOKEN, "wx0000000000000002", aes_key=AES_KEY)).callbacks.message(ANYBODY, "text", Content="x")
    plain = StandIn(PLAIN).callbacks.message(ANYBODY, "text", Content="downgraded")

    assert client.post(other.url, content=other.body).status_code == 403
    assert client.post(plain.url, content=plain.body).status_code == 403
    assert client.post(genuine.url, content=plain.body).status_code == 403
    assert client.post(genuine.url, content=other.body).status_code == 403
    assert client.post(changed(genuine, msg_signature="0" * 40), content=genuine.body).status_code == 403
    assert messages(database) == []

    assert client.post(changed(genuine, signature=""), content=genuine.body).status_code == 200
    assert len(messages(database)) == 1


@pytest.mark.parametrize("account", [SAFE], ids=["safe"])
def test_a_wrapping_that_is_signed_and_cannot_be_opened_is_refused(wechat: StandIn, client: TestClient) -> None:
    genuine = wechat.callbacks.message(ANYBODY, "text", Content="路灯坏了")
    words = {name: values[0] for name, values in parse_qs(urlsplit(genuine.url).query).items()}

    for sealed in ("x", "ü", "AAAA", "A" * 64, "A" * 4096):
        own = signature(TOKEN, words["timestamp"], words["nonce"], sealed)
        body = written({"ToUserName": "gh", "Encrypt": sealed})
        assert client.post(changed(genuine, msg_signature=own), content=body).status_code == 403


@pytest.mark.parametrize("account", [PLAIN], ids=["plain"])
def test_an_account_without_a_token_believes_nobody(wechat: StandIn, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(channels.register(), "wechat", channel_for(Account(PATH, "")))
    callback = StandIn(Account(PATH, "")).callbacks.message(ANYBODY, "text", Content="x")

    assert client.post(callback.url, content=callback.body).status_code == 403


def test_a_template_message_is_known_to_have_arrived_or_not(wechat: StandIn, database: Database) -> None:
    with database.unit_of_work() as session:
        session.add_all(
            OutgoingMessage(
                channel="wechat",
                recipient=ANYBODY,
                text="已答复",
                purpose="answered",
                provider_id=number,
                delivery=Delivery.ACCEPTED,
            )
            for number in ("200163836", "200163840", "200163850")
        )

    assert wechat.report(ANYBODY, "200163836") == 200
    assert wechat.report(ANYBODY, "200163840", "failed:user block") == 200
    sent = {"List": {"TemplateId": "t", "MsgID": 200163850, "ErrorCode": 0, "ErrorStatus": "success"}}
    wechat.callbacks.send(wechat.callbacks.event(ANYBODY, "subscribe_msg_sent_event", SubscribeMsgSentEvent=sent))

    with database.reading() as session:
        rows = session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.provider_id)).all()
        assert [(row.delivery, row.last_error) for row in rows] == [
            ("delivered", ""),
            ("refused", "failed:user block"),
            ("delivered", ""),
        ]


NAMES = ("ToUserName", "FromUserName", "CreateTime", "MsgType", "MsgId", "Event", "EventKey", "Content", "MediaId", "Location_X")
WORDS = st.sampled_from(["text", "image", "voice", "event", "location", "subscribe", "SCAN", "1", "-1", "1e400", ANYBODY, "nan"])


CHANNELS = {account: channel_for(account) for account in (PLAIN, SAFE)}
BODIES = st.one_of(
    st.dictionaries(st.sampled_from(NAMES), st.one_of(WORDS, st.text(max_size=40)), max_size=8).map(
        lambda words: written(words).decode().encode(errors="ignore")
    ),
    st.text(max_size=200).map(lambda text: f"<xml><Encrypt>{text}</Encrypt></xml>".encode(errors="ignore")),
    st.binary(max_size=300),
)


def taken(account: Account, body: bytes) -> bool:
    """Whether the channel takes a body under a genuine signature; it refuses in words that the door knows, or not at all."""
    callback = Callbacks(account).message(ANYBODY, "text")
    query = {name: values[0] for name, values in parse_qs(urlsplit(callback.url).query).items()}
    try:
        CHANNELS[account].parse(RawRequest("POST", callback.url, {}, query, body))
    except (Invalid, NotGenuine):
        return False
    return True


@settings(max_examples=500, deadline=None)
@given(BODIES)
def test_no_body_however_odd_breaks_the_channel(body: bytes) -> None:
    assert taken(PLAIN, body) in (True, False)
    assert not taken(SAFE, body)


def test_a_genuine_message_with_flipped_bytes_breaks_nothing() -> None:
    chance = random.Random(12345)
    genuine = Callbacks(PLAIN).message(ANYBODY, "location", Location_X=35.1, Location_Y=110.1, Label="桥头").body

    for _ in range(2000):
        body = bytearray(genuine)
        for _ in range(chance.randint(1, 6)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        assert taken(PLAIN, bytes(body)) in (True, False)


@pytest.mark.parametrize("account", [PLAIN], ids=["plain"])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
def test_no_body_however_odd_breaks_the_door(wechat: StandIn, client: TestClient, body: bytes) -> None:
    url = wechat.callbacks.message(ANYBODY, "text").url

    assert client.post(url, content=body).status_code in (200, 403)


def test_a_flood_of_one_follower_is_held_up_and_delivered_again(wechat: StandIn, door: Door, database: Database) -> None:
    said = wechat.callbacks.message
    clicks = [wechat.callbacks.event(ANYBODY, "CLICK", CreateTime=int(time.time()) - second) for second in range(FROM_SENDER)]
    assert {wechat.callbacks.send(each) for each in clicks} == {200}

    held = said(ANYBODY, "text", Content="路灯坏了")
    assert wechat.callbacks.send(held) == 429
    assert wechat.callbacks.send(clicks[0]) == 200, "what is noted needs no further try"
    assert wechat.callbacks.send(said("oSomebodyElse_0000000000001", "text", Content="路灯坏了")) == 200

    door.client.app.state.sender_pace.clear(conversations.key_of("wechat", ANYBODY))  # type: ignore[attr-defined]
    assert wechat.callbacks.send(held) == 200
    assert len(messages(database)) == 2
