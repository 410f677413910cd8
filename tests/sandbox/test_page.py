"""The page of the telephones: what its script sends and asks for, before a service that is played."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from hotline.sandbox import serving, wiring
from hotline.sandbox.stand_in import Sent
from hotline.sandbox.telephones import Telephones
from hotline.sandbox.wechat_callbacks import Account, Callbacks
from hotline.settings import Settings

OURS = "http://127.0.0.1:8400"


@pytest.fixture
def telephones(settings: Settings) -> Telephones:
    """Nobody answers where the service should be."""
    web = settings.web.model_copy(update={"port": 9})
    return serving.stand_ins(wiring.completed(settings.model_copy(update={"web": web}), bytes(32)))


@pytest.fixture
def page(telephones: Telephones) -> Iterator[TestClient]:
    with TestClient(serving.application(telephones), base_url=OURS) as client:
        yield client


def test_it_says_what_it_plays(page: TestClient) -> None:
    told = page.get("/played").json()

    assert told["channels"] == ["sms", "wechat", "mail"]
    assert told["gateways"] == ["twilio", "aliyun", "tencent", "generic"]
    assert told["pictures"] == ["twilio"]
    assert [button["name"] for button in told["menu"]] == ["网上来信", "查询进度", "帮助"]
    assert [button["key"] for button in told["menu"][2]["sub_button"]] == ["person", "talk", "hours"]


def test_another_name_for_this_machine_is_refused(page: TestClient) -> None:
    assert page.get("/", headers={"Host": "rebound.example"}).status_code == 400
    assert page.get("/").status_code == 200


def test_what_nobody_takes_stays_in_the_thread_as_not_taken(page: TestClient) -> None:
    words = {"what": "text", "who": "13900001234", "text": "路灯坏了"}

    assert page.post("/write/sms", data={**words, "gateway": "tencent"}).json() == {"status": 0}

    [line] = page.get("/threads", params={"sms": "+86 139 0000 1234"}).json()["sms"]
    assert (line["text"], line["by"], line["status"]) == ("路灯坏了", "tencent", 0)
    assert page.get("/threads", params={"sms": "13900001235"}).json() == {"sms": []}


@pytest.mark.parametrize(
    ("channel", "words"),
    [
        ("sms", {"what": "text", "who": "13900001234", "text": "x", "gateway": "pigeon"}),
        ("sms", {"what": "picture", "who": "13900001234", "gateway": "aliyun", "file": "a picture"}),
        ("sms", {"what": "follow", "who": "13900001234", "gateway": "twilio"}),
        ("mail", {"what": "voice", "who": "a@example.com"}),
        ("mail", {"what": "text", "who": "a@example.com", "text": " "}),
        ("wechat", {"what": "picture", "who": "oA"}),
        ("wechat", {"what": "dance", "who": "oA"}),
        ("wechat", {"what": "video", "who": "oA"}),
        ("wechat", {"what": "link", "who": "oA", "text": "路灯"}),
        ("mail", {"what": "link", "who": "a@example.com", "key": "https://news.example/1"}),
        ("wechat", {"what": "position", "who": "oA", "position": "here,there"}),
        ("wechat", {"what": "text", "text": "x"}),
        ("pigeon", {"what": "text", "who": "a", "text": "x"}),
    ],
)
def test_what_a_telephone_cannot_do_is_refused(page: TestClient, channel: str, words: dict[str, str]) -> None:
    file = {"file": ("a.png", words["file"])} if "file" in words else None
    assert page.post(f"/write/{channel}", data=words, files=file).status_code == 400


def test_a_link_and_a_video_are_sent_by_wechat_as_its_own_kinds(page: TestClient, telephones: Telephones) -> None:
    sent = list[bytes]()

    def deliver(_: str, body: bytes) -> int:
        sent.append(body)
        return 200

    assert telephones.wechat is not None
    telephones.wechat.callbacks = Callbacks(Account(OURS, "a token"), deliver=deliver)

    link = {"what": "link", "who": "oA", "text": "路灯修好了吗", "key": "https://news.example/1"}
    assert page.post("/write/wechat", data=link).json() == {"status": 200}
    video = {"what": "video", "who": "oA"}
    assert page.post("/write/wechat", data=video, files={"file": ("a.mp4", b"mp4")}).json() == {"status": 200}

    assert [kind in body for kind, body in zip((b"[link]", b"[video]"), sent, strict=True)] == [True, True]
    lines = page.get("/threads", params={"wechat": "oA"}).json()["wechat"]
    assert [line["text"] for line in lines] == ["［链接］路灯修好了吗", "［视频］"]


def test_a_mail_lies_there_until_it_is_fetched(page: TestClient, telephones: Telephones) -> None:
    assert page.post("/write/mail", data={"what": "text", "who": "a@example.com", "text": "路灯坏了"}).json() == {"status": 250}

    assert telephones.mail is not None
    assert len(telephones.mail.letters) == 1


def test_what_was_sent_by_any_gateway_stands_in_one_thread(page: TestClient, telephones: Telephones) -> None:
    telephones.gateways["aliyun"].received.append(Sent("1^0", "13900001234", '{"text": "已收到"}', state="3", at=1))
    telephones.gateways["twilio"].received.append(Sent("SM1", "+8613900001234", "在看", state="queued", at=2))

    lines = page.get("/threads", params={"sms": "13900001234"}).json()["sms"]

    assert [(line["text"], line["by"], line["state"]) for line in lines] == [
        ("已收到", "aliyun", "delivered"),
        ("在看", "twilio", "sent"),
    ]


def test_only_pictures_are_shown(page: TestClient, telephones: Telephones) -> None:
    telephones.pictures |= {"1": b"\x89PNG...", "2": b"<script>"}

    assert page.get("/picture/1").headers["content-type"] == "image/png"
    assert page.get("/picture/2").status_code == 404
    assert page.get("/picture/3").status_code == 404
