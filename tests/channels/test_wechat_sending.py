"""What goes out by WeChat, against a stand-in over real sockets: window, templates, faults, the token, files."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from hotline import channels
from hotline.channels.wechat import Wechat
from hotline.channels.wechat_account import account
from hotline.db import Database
from hotline.errors import FileRefused, NotFound, Unavailable
from hotline.ports import File, Media, Outbound, ReceiptState
from hotline.sandbox.wechat import Wechat as StandIn
from hotline.services.messages.provider_tokens import ProviderTokens
from models import Attachment, PendingMedia, ProviderToken, now
from tests.channels.wechat import PLAIN, Door, channel_for, serving
from tests.pictures import picture

ANYBODY = "oOpenIdOfACitizen"
AMR = b"#!AMR\n" + bytes([0x3C]) + bytes(31)
JPEG_MARK = b"\xff\xd8\xff"


@pytest.fixture(scope="module")
def answering() -> Iterator[tuple[StandIn, str]]:
    """One server for all of these; what it is asked is told apart by fresh state in `stand_in`."""
    stand_in = StandIn(PLAIN)
    with serving(stand_in) as url:
        yield stand_in, url


@pytest.fixture
def stand_in(answering: tuple[StandIn, str]) -> StandIn:
    found, _ = answering
    found.end_token()
    found.received.clear()
    found.templates.clear()
    found.tokens_given = 0
    return found


@pytest.fixture
def url(answering: tuple[StandIn, str]) -> str:
    return answering[1]


@pytest.fixture
def wechat(stand_in: StandIn, url: str, sqlite_database: Database) -> Wechat:
    channels.install(ProviderTokens())
    return channel_for(PLAIN, base_url=url, templates={"answered": stand_in.add_template("工单办理结果通知")})


def message(text: str = "已派单", *, to: str = ANYBODY, heard_at: datetime | None = None, **more: object) -> Outbound:
    return Outbound(key=str(uuid4()), recipient=to, text=text, heard_at=heard_at or now(), **more)  # type: ignore[arg-type]


def told(stand_in: StandIn) -> list[tuple[str, str]]:
    return [(each.kind, each.text) for each in stand_in.received]


def test_within_two_days_an_answer_is_a_message(wechat: Wechat, stand_in: StandIn) -> None:
    receipt = wechat.send(message("您好，已派单", heard_at=now() - timedelta(hours=47)))

    assert receipt.state == ReceiptState.ACCEPTED
    assert told(stand_in) == [("text", "您好，已派单")]


def test_later_it_is_an_approved_template_which_is_sent_once(wechat: Wechat, stand_in: StandIn) -> None:
    values = {"number": "990181-1", "answer": "路灯已修好，" * 9}
    late = message(heard_at=now() - timedelta(hours=49), purpose="answered", values=values)

    first, again = wechat.send(late), wechat.send(late)

    assert first.state == again.state == ReceiptState.ACCEPTED
    assert first.provider_id == again.provider_id != ""
    (received,) = stand_in.received
    assert (received.kind, received.body["data"]["character_string1"]) == ("template", {"value": "990181-1"})
    assert received.body["data"]["thing2"]["value"] == "路灯已修好，路灯已修好，路灯已修好，路…"
    assert "url" not in received.body


def test_a_window_that_wechat_has_closed_leaves_the_template(wechat: Wechat, stand_in: StandIn) -> None:
    receipt = wechat.send(message(to="anybody-45015", purpose="answered", values={"link": "https://hotline.example/t"}))

    assert receipt.state == ReceiptState.ACCEPTED
    assert [(each.kind, each.body["url"]) for each in stand_in.received] == [("template", "https://hotline.example/t")]


def test_what_has_no_template_does_not_reach_a_citizen_any_more(wechat: Wechat, stand_in: StandIn) -> None:
    assert wechat.send(message(heard_at=now() - timedelta(hours=49), purpose="survey")).state == ReceiptState.UNREACHABLE
    assert wechat.send(message(heard_at=now() - timedelta(hours=49))).state == ReceiptState.UNREACHABLE
    assert stand_in.received == []


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("45015", ReceiptState.UNREACHABLE),
        ("43004", ReceiptState.UNREACHABLE),
        ("43019", ReceiptState.UNREACHABLE),
        ("40003", ReceiptState.UNREACHABLE),
        ("45047", ReceiptState.TRY_LATER),
        ("45009", ReceiptState.TRY_LATER),
        ("40001", ReceiptState.TRY_LATER),
        ("_1", ReceiptState.TRY_LATER),
        ("48001", ReceiptState.REFUSED),
        ("45002", ReceiptState.REFUSED),
    ],
)
def test_each_refusal_of_wechat_means_what_wechat_says(wechat: Wechat, code: str, state: ReceiptState) -> None:
    receipt = wechat.send(message(to=f"anybody-{code}"))

    assert receipt.state == state
    assert code.replace("_", "-") in receipt.reason


def test_a_lasting_refusal_of_the_token_is_tried_once_again_only(wechat: Wechat, stand_in: StandIn) -> None:
    wechat.send(message(to="anybody-40001"))

    assert stand_in.tokens_given <= 3  # the first, the same again, a forced one


def test_a_long_answer_comes_in_pieces_that_wechat_takes(wechat: Wechat, stand_in: StandIn) -> None:
    text = "路灯已经修好，谢谢您的反映。" * 120

    assert wechat.send(message(text)).state == ReceiptState.ACCEPTED
    assert len(stand_in.received) == 3
    assert "".join(each.text for each in stand_in.received) == text


def test_pictures_follow_the_words(wechat: Wechat, stand_in: StandIn) -> None:
    receipt = wechat.send(message("修好了", files=(File("现场.jpg", picture()),)))

    assert receipt.state == ReceiptState.ACCEPTED
    assert told(stand_in) == [("text", "修好了"), ("image", "［图片］")]
    kept, media_type = stand_in.media[stand_in.received[1].body["image"]["media_id"]]
    assert (kept[:3], media_type) == (JPEG_MARK, "image/jpeg")


def test_a_file_that_wechat_does_not_take_is_refused_before_anything_is_sent(wechat: Wechat, stand_in: StandIn) -> None:
    assert wechat.send(message(files=(File("答复.pdf", b"%PDF-1.7"),))).state == ReceiptState.REFUSED
    assert stand_in.received == []


def test_a_server_that_is_not_there_is_tried_later(sqlite_database: Database) -> None:
    channels.install(ProviderTokens())

    assert channel_for(PLAIN).send(message()).state == ReceiptState.TRY_LATER


def test_an_account_that_is_not_connected_reaches_nobody() -> None:
    assert channels.get("wechat").send(message()).state == ReceiptState.UNREACHABLE


class HangsUp:
    """Takes a request and closes without a word; `takes` answers are given before."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                if self._answers:
                    body = self._answers.pop(0)
                    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
                    connection.sendall(head.encode() + body)

    def close(self) -> None:
        self._socket.close()


def test_what_may_have_been_sent_is_not_said_to_be_unsent(sqlite_database: Database) -> None:
    channels.install(ProviderTokens())
    with closing(HangsUp(b'{"access_token": "t", "expires_in": 7200}')) as server:
        assert channel_for(PLAIN, base_url=server.url).send(message()).state == ReceiptState.UNKNOWN


def test_without_a_token_nothing_can_have_been_sent(sqlite_database: Database) -> None:
    channels.install(ProviderTokens())
    for answers in ((), (b"<html>",), (b'{"errcode": 40125, "errmsg": "invalid appsecret"}',), (b'{"access_token": "t"}',)):
        with closing(HangsUp(*answers)) as server:
            assert channel_for(PLAIN, base_url=server.url).send(message()).state == ReceiptState.TRY_LATER


def test_the_second_half_of_an_answer_that_fails_is_told_as_unclear(wechat: Wechat, stand_in: StandIn, url: str) -> None:
    answers = (b'{"access_token": "t", "expires_in": 7200}', b'{"errcode": 0}', b'{"errcode": 45047, "errmsg": "too many"}')
    with closing(HangsUp(*answers)) as server:
        receipt = channel_for(PLAIN, base_url=server.url).send(message("路" * 1000))

    assert receipt.state == ReceiptState.UNKNOWN
    assert receipt.reason == "1 of 2 parts were sent, then: 45047 too many"


def test_a_token_is_fetched_once_and_kept_encrypted(wechat: Wechat, stand_in: StandIn, sqlite_database: Database) -> None:
    for _ in range(3):
        wechat.send(message())

    assert stand_in.tokens_given == 1
    with sqlite_database.reading() as session:
        (row,) = session.scalars(select(ProviderToken)).all()
        raw = session.connection().exec_driver_sql("SELECT token FROM provider_token").scalar_one()
        assert row.token not in str(raw)


def test_a_refused_token_is_renewed_and_the_message_sent(wechat: Wechat, stand_in: StandIn) -> None:
    wechat.send(message("一"))
    for spoil in (stand_in.refuse_token, stand_in.end_token):
        spoil()
        assert wechat.send(message("二")).state == ReceiptState.ACCEPTED

    assert [text for _, text in told(stand_in)] == ["一", "二", "二"]


def test_a_token_is_renewed_before_it_ends(wechat: Wechat, stand_in: StandIn, sqlite_database: Database) -> None:
    wechat.send(message())
    with sqlite_database.unit_of_work() as session:
        session.execute(update(ProviderToken).values(expires_at=now() + timedelta(minutes=3)))
    wechat.send(message())
    wechat.send(message())

    assert stand_in.tokens_given == 2


def test_many_at_once_renew_a_refused_token_once(stand_in: StandIn, url: str, database: Database) -> None:
    channels.install(ProviderTokens())
    senders = [channel_for(PLAIN, base_url=url) for _ in range(6)]  # as many processes
    with ThreadPoolExecutor(6) as pool:
        first = list(pool.map(lambda each: each.send(message()), senders))
        given = stand_in.tokens_given
        stand_in.end_token()
        second = list(pool.map(lambda each: each.send(message()), senders))

    assert {receipt.state for receipt in first + second} == {ReceiptState.ACCEPTED}
    assert (given, stand_in.tokens_given) == (1, 2)


def test_a_renewal_whose_process_died_is_taken_over(wechat: Wechat, stand_in: StandIn, sqlite_database: Database) -> None:
    with sqlite_database.unit_of_work() as session:
        session.add(ProviderToken(name=f"wechat:{PLAIN.app_id}:renewing", token="", expires_at=now() - timedelta(seconds=1)))

    assert wechat.send(message()).state == ReceiptState.ACCEPTED


def test_no_token_and_no_open_id_reaches_a_log(
    client: TestClient, wechat: Wechat, stand_in: StandIn, capfd: pytest.CaptureFixture[str], sqlite_database: Database
) -> None:
    for recipient in (ANYBODY, "anybody-45015", "anybody-40001"):
        wechat.send(message(to=recipient))

    with sqlite_database.reading() as session:
        token = session.scalars(select(ProviderToken)).one().token
    written = capfd.readouterr()
    assert token not in written.err + written.out
    assert ANYBODY not in written.err + written.out


def test_files_are_fetched_and_what_is_gone_is_said(wechat: Wechat, stand_in: StandIn) -> None:
    kept = {kind: stand_in.keep(content, kind) for kind, content in (("image/jpeg", picture()), ("video/mp4", b"....ftypmp42"))}

    assert wechat.fetch(Media(kept["image/jpeg"], "image")).content == picture()
    assert wechat.fetch(Media(kept["video/mp4"], "video/mp4")).name == "微信视频"
    with pytest.raises(NotFound):
        wechat.fetch(Media("gone", "image"))
    stand_in.refuse_token()
    assert wechat.fetch(Media(kept["image/jpeg"], "image")).name == "微信图片"


def test_a_file_that_is_too_large_is_not_read_to_its_end(wechat: Wechat, stand_in: StandIn) -> None:
    huge = stand_in.keep(bytes(11 * 1024 * 1024), "image/jpeg")

    with pytest.raises(FileRefused):
        wechat.fetch(Media(huge, "image"))


def test_files_are_fetched_later_where_wechat_is_away(sqlite_database: Database) -> None:
    channels.install(ProviderTokens())

    with pytest.raises(Unavailable):
        channel_for(PLAIN).fetch(Media("any", "image"))


def test_a_picture_and_a_voice_hang_on_their_messages(
    client: TestClient,
    wechat: Wechat,
    stand_in: StandIn,
    drain: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
    sqlite_database: Database,
) -> None:
    monkeypatch.setitem(channels.register(), "wechat", wechat)
    citizen = StandIn(PLAIN, deliver=Door(client))
    citizen.media = stand_in.media
    citizen.inject(ANYBODY, "", [picture()])
    citizen.inject_voice(ANYBODY, AMR, "井盖不见了")
    citizen.inject_voice(ANYBODY, b"no voice at all")

    drain()

    with sqlite_database.reading() as session:
        files = session.scalars(select(Attachment).order_by(Attachment.created_at)).all()
        assert [(file.name, file.media_type) for file in files] == [("微信图片.jpg", "image/jpeg"), ("微信语音.amr", "audio/amr")]
        assert [bool(row.failure) for row in session.scalars(select(PendingMedia).order_by(PendingMedia.created_at))] == [
            False,
            False,
            True,
        ]


def test_every_template_that_ships_can_be_filled_from_nothing() -> None:
    for template in account().templates.values():
        assert all(field["value"].strip() for field in template.filled({}).values())
        assert template.address({}) == ""
