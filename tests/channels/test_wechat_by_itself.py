"""What is answered by itself on WeChat: keys of the account's menu, and what comes while a question is open."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from classifier import Place
from hotline import channels
from hotline.channels.wechat_account import account
from hotline.channels.wechat_words import PERSON
from hotline.db import Database
from hotline.sandbox.wechat import Wechat as StandIn
from hotline.services import triage
from hotline.services.conversations import conversation_rule
from hotline.services.messages import texts
from models import Contact, Direction, GuidedExchange, Message, OutgoingMessage, Rule
from tests.channels.wechat import GRID, LATITUDE, LONGITUDE, PLAIN, Door, channel_for
from tests.conftest import Drain
from tests.fakes import StubClassifier, prediction

SOMEBODY = "oOpenIdOfACitizen_0000000001"


@pytest.fixture
def door(client: TestClient) -> Door:
    return Door(client)


@pytest.fixture
def wechat(door: Door, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setitem(channels.register(), "wechat", channel_for(PLAIN))
    return StandIn(PLAIN, deliver=door)


@pytest.fixture(autouse=True)
def place_is_missing() -> Iterator[None]:
    triage.use(StubClassifier(prediction(place=Place("none"))))
    yield
    triage.use(None)


def answers(database: Database) -> list[tuple[str, str]]:
    with database.reading() as session:
        return [(row.purpose, row.text) for row in session.scalars(select(OutgoingMessage).order_by(OutgoingMessage.created_at))]


def contacts(database: Database) -> int:
    with database.reading() as session:
        return len(session.scalars(select(Contact)).all())


@pytest.mark.parametrize(
    ("key", "occasion", "said"),
    [
        ("progress", "menu_progress", "/track"),
        ("talk", "menu_talk", "语音、图片或位置"),
        ("hours", "menu_hours", "在线人工回复时间：全天。"),
        ("no such key", "welcome", "欢迎关注"),
        ("", "welcome", "欢迎关注"),
    ],
)
def test_a_key_is_answered_with_its_text_and_an_unknown_one_with_the_welcome(
    wechat: StandIn, pages: Database, drain: Drain, key: str, occasion: str, said: str
) -> None:
    assert wechat.inject_event(SOMEBODY, "CLICK", key) == 200
    drain()

    [(purpose, text)] = answers(pages)
    assert purpose == occasion
    assert said in text
    assert "{" not in text
    assert contacts(pages) == 0


def test_a_key_that_opens_something_by_itself_is_not_answered(wechat: StandIn, pages: Database, drain: Drain) -> None:
    for event in ("VIEW", "view_miniprogram", "scancode_push", "pic_weixin", "location_select"):
        assert wechat.inject_event(SOMEBODY, event, "talk") == 200
    drain()

    assert answers(pages) == []
    assert contacts(pages) == 0


def test_who_begins_to_follow_is_welcomed(wechat: StandIn, door: Door, pages: Database, drain: Drain) -> None:
    wechat.inject_event(SOMEBODY, "subscribe")
    assert door.again().status_code == 200
    drain()

    assert [purpose for purpose, _ in answers(pages)] == ["welcome"]


def test_who_asks_for_a_person_stands_in_the_queue_once_and_is_asked_nothing(
    wechat: StandIn, door: Door, pages: Database, drain: Drain
) -> None:
    assert wechat.inject_event(SOMEBODY, "CLICK", PERSON) == 200
    assert door.again().status_code == 200
    drain()

    with pages.reading() as session:
        contact = session.scalars(select(Contact)).one()
        assert session.scalars(select(Message.text).where(Message.direction == Direction.IN)).all() == ["转人工"]
        assert session.scalars(select(GuidedExchange)).all() == []
    [(purpose, text)] = answers(pages)
    assert purpose == "received"
    assert contact.reference in text
    assert "什么地方" not in text


def test_who_asks_for_a_person_while_being_asked_is_asked_no_more(wechat: StandIn, pages: Database, drain: Drain) -> None:
    wechat.inject(SOMEBODY, "路灯坏了")
    drain()
    assert "什么地方" in answers(pages)[0][1]

    wechat.inject_event(SOMEBODY, "CLICK", PERSON)
    drain()

    with pages.reading() as session:
        assert session.scalars(select(GuidedExchange)).one().ended_at is not None
    assert contacts(pages) == 1


def test_a_picture_is_no_answer_to_a_question_and_a_position_is(wechat: StandIn, pages: Database, drain: Drain) -> None:
    wechat.inject(SOMEBODY, "路灯坏了")
    drain()
    wechat.inject(SOMEBODY, "", [b"\xff\xd8\xff of no picture"])
    wechat.inject_voice(SOMEBODY, b"#!AMR\n")
    drain()
    assert len(answers(pages)) == 1

    wechat.inject_location(SOMEBODY, LATITUDE, LONGITUDE, "老王小店")
    drain()

    assert "谢谢" in answers(pages)[-1][1]
    with pages.reading() as session:
        contact = session.scalars(select(Contact)).one()
        assert (contact.place_text, contact.grid_code) == ("老王小店", GRID)


def test_hours_are_told_as_they_are_now(wechat: StandIn, pages: Database, drain: Drain) -> None:
    hours = [
        {"days": [5, 1, 2, 3, 4], "from": "08:30", "to": "17:30"},
        {"days": [7], "from": "09:00", "to": "12:00"},
    ]
    with pages.unit_of_work() as session:
        body = {**conversation_rule.current(session).model_dump(mode="json", by_alias=True), "hours": hours}
        session.add(Rule(kind=conversation_rule.KIND, code="default", edition=99, digest="own", body=body, current=True))

    wechat.inject_event(SOMEBODY, "CLICK", "hours")
    drain()

    assert "周一至周五 08:30—17:30；周日 09:00—12:00。" in answers(pages)[0][1]


def test_every_key_of_the_menu_that_ships_has_an_answer() -> None:
    buttons = [each for button in account().menu for each in button.get("sub_button", [button])]
    keys = [each["key"] for each in buttons if each["type"] == "click"]

    assert PERSON in keys
    assert texts.WELCOME not in {texts.of_key(key) for key in keys if key != PERSON}
