"""Writing with a citizen at the desk: the thread, answers and files, sentences at hand, whose thread it is."""

import re
from datetime import timedelta

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline import channels
from hotline.db import Database
from hotline.ports import Signal, SignalKind
from hotline.services import intake
from hotline.services.conversations import conversations
from hotline.services.files import files
from hotline.settings import Settings
from models import Attachment, Citizen, Contact, Direction, Message, Role, now
from tests.conftest import Drain, SignIn
from tests.factories_contacts import make_contact, make_inbound
from tests.fakes import RecordingChannel
from tests.pictures import picture
from tests.web.desk import contact_of, drafted, follow, send, take
from tests.web.forms import form, forms

ACCOUNT = "openid-1"
NUMBER = "+8613800138001"
WILL_NOT_FOLLOW = "不会改发短信"


@pytest.fixture(autouse=True)
def wechat(monkeypatch: pytest.MonkeyPatch) -> RecordingChannel:
    channel = RecordingChannel("wechat")
    monkeypatch.setitem(channels.register(), "wechat", channel)
    monkeypatch.setitem(channels.register(), "sms", RecordingChannel("sms"))
    return channel


def written(
    pages: Database, text: str = "路灯坏了", *, channel: str = "wechat", sender: str = ACCOUNT, **values: object
) -> Contact:
    with pages.unit_of_work() as session:
        return intake.receive(session, make_inbound(channel=channel, sender=sender, text=text, **values)).contact


@pytest.fixture
def agent(as_role: SignIn) -> TestClient:
    browser = as_role(Role.AGENT)
    send(browser, form(browser.get("/desk").text, "presence", state="available"))
    return browser


def test_an_answer_goes_out_and_stands_in_the_thread_with_its_delivery(
    agent: TestClient, pages: Database, drain: Drain, wechat: RecordingChannel
) -> None:
    contact = written(pages)
    page = follow(agent, form(take(agent), "reply"), text="已转城管局，今晚有人去看。")
    assert "已转城管局，今晚有人去看。" in page

    drain()

    assert [message.text for message in wechat.sent if "城管局" in message.text] == ["已转城管局，今晚有人去看。"]
    talk = agent.get(f"/desk/contact/{contact.id}/talk").text
    assert "已提交" in talk
    assert contact_of(pages, contact.id).first_answer_at is not None


def test_pressed_twice_it_is_sent_once(agent: TestClient, pages: Database) -> None:
    contact = written(pages)
    once = form(take(agent), "reply")
    for _ in range(2):
        assert send(agent, once, text="您好").status_code == 303

    with pages.reading() as session:
        ours = session.scalars(select(Message).where(Message.contact_id == contact.id, Message.direction == Direction.OUT)).all()
        assert [message.text for message in ours] == ["您好"]


def test_a_picture_goes_with_an_answer_but_not_by_text_message(agent: TestClient, pages: Database, settings: Settings) -> None:
    files.make_folder(settings)
    written(pages)
    written(pages, channel="sms", sender="+8613800138001")
    for expected in (303, 422):
        page = take(agent)
        sent = form(page, "reply")
        answer = agent.post(
            sent.action, data=sent.filled(text="请看图"), files={"files": ("图.png", picture("PNG"), "image/png")}
        )
        assert answer.status_code == expected, answer.text

    with pages.reading() as session:
        assert len(session.scalars(select(Attachment)).all()) == 1


@pytest.mark.parametrize("text", ["", "   ", "字" * 2001])
def test_nothing_and_too_much_are_refused_in_words(agent: TestClient, pages: Database, text: str) -> None:
    written(pages)
    answer = send(agent, form(take(agent), "reply"), text=text)
    assert answer.status_code == 422
    assert "1到2000个字" in answer.text


def test_a_letter_has_no_answer_box(agent: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        make_contact(session)
    assert "reply" not in [each.name for each in forms(take(agent))]


def test_a_colleague_neither_answers_nor_sees_sentences_for_it(agent: TestClient, as_role: SignIn, pages: Database) -> None:
    contact = written(pages)
    sent = form(take(agent), "reply")
    other = as_role(Role.AGENT)
    csrf = form(other.get("/desk").text, "presence").filled()["csrf"]

    answer = other.post(sent.action, data={**sent.filled(text="您好"), "csrf": csrf})

    assert answer.status_code == 404
    assert other.get(f"/desk/contact/{contact.id}/canned").status_code == 404


def test_sentences_at_hand_are_found_by_any_word_and_filled_in(agent: TestClient, pages: Database) -> None:
    contact = written(pages)
    take(agent)

    found = agent.get(f"/desk/contact/{contact.id}/canned", params={"q": "已登记"}).text

    assert contact.reference in found
    assert "{number}" not in found
    assert "没有找到" in agent.get(f"/desk/contact/{contact.id}/canned", params={"q": "没有这样的话"}).text


def test_what_a_citizen_writes_is_escaped(agent: TestClient, pages: Database) -> None:
    written(pages, "<script>alert(1)</script>")
    assert "<script>alert(1)" not in take(agent)


def test_a_thread_shows_earlier_episodes_but_not_confidential_ones(agent: TestClient, pages: Database) -> None:
    for text, confidential in (("去年的路灯", False), ("举报的事", True)):
        contact = written(pages, text)
        with pages.unit_of_work() as session:
            session.get_one(Contact, contact.id).confidential = confidential
        send(agent, form(take(agent), "void"), note="无效")
    written(pages, "今年的路灯")

    page = take(agent)

    assert "去年的路灯" in page
    assert "今年的路灯" in page
    assert "举报的事" not in page


def test_who_is_confirmed_has_one_history_on_all_channels(agent: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        make_contact(session, number="13800138000", text="写信说过的井盖")
    send(agent, form(take(agent), "void"), note="无效")
    written(pages, "微信上说的路灯")
    page = take(agent)
    assert "写信说过的井盖" not in page

    page = follow(agent, form(page, "confirm"), name="王五", number="138 0013 8000")

    assert "已确认身份" in page
    assert "写信说过的井盖" in page
    with pages.reading() as session:
        assert [citizen.name for citizen in session.scalars(select(Citizen))] == ["王五"]


def test_a_binding_is_loosened_again(agent: TestClient, pages: Database) -> None:
    written(pages)
    page = follow(agent, form(take(agent), "confirm"), name="王五", number="13800138000")

    page = follow(agent, form(page, "loosen"))

    assert "已确认身份" not in page


def test_a_number_that_is_none_is_refused(agent: TestClient, pages: Database) -> None:
    written(pages)
    answer = send(agent, form(take(agent), "confirm"), name="王五", number="12")
    assert answer.status_code == 422
    assert "电话号码" in answer.text


def test_the_service_asks_what_is_ticked(agent: TestClient, pages: Database, drain: Drain, wechat: RecordingChannel) -> None:
    written(pages)
    page = follow(agent, form(take(agent), "ask"), ask="time")
    drain()

    assert "正在请市民补充：时间" in page
    assert any("什么时候" in message.text for message in wechat.sent)


def test_nothing_ticked_is_a_question_back(agent: TestClient, pages: Database) -> None:
    written(pages)
    sent = form(take(agent), "ask")
    assert agent.post(sent.action, data={"csrf": sent.filled()["csrf"]}).status_code == 422


def test_a_contact_in_hand_says_that_it_waits_for_an_answer(
    clock: time_machine.Traveller, agent: TestClient, pages: Database
) -> None:
    contact = written(pages)
    page = take(agent)
    assert "data-unanswered" in page
    page = follow(agent, form(page, "reply"), text="您好")
    assert "data-unanswered" not in page

    clock.shift(timedelta(minutes=5))
    written(pages, "还没有来")

    assert "data-unanswered" in agent.get(f"/desk/queue?c={contact.id}").text


def test_the_length_of_a_text_message_is_told_while_it_is_written(agent: TestClient, as_role: SignIn, pages: Database) -> None:
    contact = written(pages, channel="sms", sender="+8613800138001")
    page = take(agent)
    counter = f"/desk/contact/{contact.id}/segments"
    assert f'hx-post="{counter}"' in page
    fields = form(page, "reply").filled(text="路" * 83)

    assert "83 字 · 2 条短信" in agent.post(counter, data=fields).text
    assert agent.post(counter, data=fields | {"text": ""}).text.strip() == ""
    other = as_role(Role.AGENT)
    csrf = form(other.get("/desk").text, "presence").filled()["csrf"]
    assert other.post(counter, data=fields | {"csrf": csrf}).status_code == 404


def test_only_text_messages_are_counted(agent: TestClient, pages: Database) -> None:
    contact = written(pages)
    assert f"/desk/contact/{contact.id}/segments" not in take(agent)


@pytest.mark.parametrize(("channel", "sender", "status"), [("sms", "+8613800138001", 409), ("wechat", ACCOUNT, 303)])
def test_whoever_wants_no_texts_is_not_written_to_and_the_box_says_why(
    agent: TestClient, pages: Database, channel: str, sender: str, status: int
) -> None:
    contact = written(pages, channel=channel, sender=sender)
    before = form(take(agent), "reply")
    with pages.unit_of_work() as session:
        conversations.note(session, Signal(SignalKind.OPTED_OUT, channel, "stop-1", sender, now()))

    page = agent.get(f"/desk?c={contact.id}").text
    answer = send(agent, before, text="您好")

    refused = status == 409
    assert answer.status_code == status
    assert ("对方已退订短信" in answer.text) is refused
    assert ('disabled aria-describedby="no-reply"' in page) is refused
    assert ("对方已退订短信，不能发给他，请改为打电话。" in page) is refused


def no_texts_to(pages: Database, number: str) -> None:
    with pages.unit_of_work() as session:
        conversations.note(session, Signal(SignalKind.OPTED_OUT, "sms", f"stop-{number}", number, now()))


def test_a_number_that_wants_no_texts_is_told_before_an_answer_could_fall_back_on_it(agent: TestClient, pages: Database) -> None:
    contact = written(pages, number=NUMBER)
    page = take(agent)
    assert WILL_NOT_FOLLOW not in page

    no_texts_to(pages, NUMBER)

    for path in (f"/desk?c={contact.id}", f"/desk/contact/{contact.id}/talk"):
        assert WILL_NOT_FOLLOW in agent.get(path).text
    assert send(agent, form(page, "reply"), text="您好").status_code == 303


def test_somebody_elses_refusal_is_no_warning(agent: TestClient, pages: Database) -> None:
    written(pages, number=NUMBER)
    no_texts_to(pages, "+8613800138009")
    assert WILL_NOT_FOLLOW not in take(agent)


@pytest.mark.parametrize(
    ("number", "opted_out", "said"),
    [
        ("", False, "已经没有办法写给这位市民"),
        ("+8613800138001", True, "对方已退订短信，不能发给他"),
        ("+8613800138001", False, ""),
    ],
)
def test_who_no_longer_follows_is_written_to_by_text_or_the_box_is_closed(
    agent: TestClient, pages: Database, number: str, opted_out: bool, said: str
) -> None:
    contact = written(pages, number=number)
    before = form(take(agent), "reply")
    with pages.unit_of_work() as session:
        conversations.note(session, Signal(SignalKind.UNSUBSCRIBED, "wechat", "gone-1", ACCOUNT, now()))
    if opted_out:
        no_texts_to(pages, number)

    page = agent.get(f"/desk?c={contact.id}").text
    answer = send(agent, before, text="您好")

    assert ('disabled aria-describedby="no-reply"' in page) is bool(said)
    assert said in page
    assert answer.status_code == (409 if said else 303)
    assert said in answer.text


def told(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-told="(\w+)" data-value="([^"]*)"', page))


def test_answers_that_arrive_while_the_form_is_filled_in_come_with_the_thread(
    agent: TestClient, pages: Database, drain: Drain
) -> None:
    contact = written(pages, "路灯坏了")
    page = take(agent)
    assert send(agent, drafted(page, contact.id, title="路灯", place_text="")).status_code == 303
    follow(agent, form(page, "ask"), ask="time")
    drain()
    assert "occurred" not in told(agent.get(f"/desk/contact/{contact.id}/talk").text)

    written(pages, "昨天<晚上>八点")
    drain()

    fresh = agent.get(f"/desk/contact/{contact.id}/talk").text
    assert told(fresh)["occurred"] == "昨天&lt;晚上&gt;八点"
    assert form(agent.get(f"/desk?c={contact.id}").text, "file").fields["occurred"] == "昨天<晚上>八点"


def test_a_number_comes_masked_with_the_thread_and_a_place_with_its_areas(
    agent: TestClient, pages: Database, drain: Drain
) -> None:
    contact = written(pages, "路灯坏了")
    page = take(agent)
    send(agent, drafted(page, contact.id, title="路灯"))
    sent = form(page, "ask")
    agent.post(sent.action, data={"csrf": sent.fields["csrf"], "ask": ["place", "who"]})
    drain()
    for text in ("望江路30号", "王五 13800138000"):
        written(pages, text)
        drain()

    found = told(agent.get(f"/desk/contact/{contact.id}/talk").text)

    assert (found["place_text"], found["grid_code"], found["name"]) == ("望江路30号", "990181001001002", "王五")
    assert "8000" in found["number"]
    assert "13800138000" not in found["number"]
