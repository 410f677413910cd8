"""The agents' desk through its pages: queue, presence, taking and giving away, and what is known around a contact."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from classifier import Neighbour, Ranked
from classifier import Urgency as SuggestedUrgency
from hotline.db import Database
from hotline.ports import File
from models import AccessLog, Presence, QueueEntry, Role, Urgency
from tests.conftest import SignIn
from tests.factories_contacts import make_contact
from tests.fakes import StubClassifier, prediction
from tests.pictures import photograph
from tests.web.desk import NUMBER, contact_of, follow, looked_up, send, take
from tests.web.forms import form


def test_nobody_takes_anything_before_saying_that_he_is_there(as_role: SignIn, arrive: Callable[..., UUID]) -> None:
    browser = as_role(Role.AGENT)
    contact_id = arrive()

    page = browser.get("/desk").text
    assert "您现在离线" in page
    taken = send(browser, form(page, "take"))

    assert taken.status_code == 409
    assert browser.get(f"/desk?c={contact_id}").text.count("这件诉求还在等候") == 1


def test_the_queue_shows_clocks_in_words_and_masked_numbers(
    clock: time_machine.Traveller, agent: TestClient, arrive: Callable[..., UUID]
) -> None:
    arrive(channel="sms", waited=240, text="路灯不亮，看不清路。")
    arrive(channel="mailbox", waited=60, text="希望增设公交站。")
    arrive(channel="mailbox", confidential=True, text="单位欠薪，请保护我。")

    page = agent.get("/desk").text

    assert "超 1:00" in page
    assert "剩 23 小时" in page
    assert "138****0172" in page
    assert NUMBER.removeprefix("+86") not in page
    assert "保密诉求" in page
    assert "欠薪" not in page
    only_sms = agent.get("/desk/queue?channel=sms").text
    assert "路灯不亮" in only_sms
    assert "公交站" not in only_sms


def test_the_next_contact_opens_with_suggestions_to_confirm(agent: TestClient, arrive: Callable[..., UUID]) -> None:
    arrive(text="小区门口路灯坏了<script>alert(1)</script>")

    page = take(agent)
    filing = form(page, "file")

    assert (filing.fields["category"], filing.fields["unit"], filing.fields["request_type"]) == ("0101", "CGJ", "complaint")
    assert "<mark>路灯</mark>" in page
    assert "<script>alert" not in page
    assert "70%" in page
    assert "仅为此号码，未确认身份" in page
    assert "分钟" in page or "小时" in page


def test_two_agents_want_one_contact_and_one_is_told(agent: TestClient, as_role: SignIn, arrive: Callable[..., UUID]) -> None:
    other = as_role(Role.AGENT)
    send(other, form(other.get("/desk").text, "presence", state="available"))
    arrive()
    mine, theirs = (form(browser.get("/desk").text, "take") for browser in (agent, other))

    first, second = send(agent, mine), send(other, theirs)

    assert first.status_code == 303
    assert (second.status_code, "已由同事受理" in second.text) == (409, True)


def test_an_empty_queue_is_said(agent: TestClient) -> None:
    assert "现在没有适合您的诉求" in take(agent)


def test_a_contact_goes_back_with_its_clock(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive(channel="sms", waited=100)
    back = form(take(agent), "put-back")

    assert send(agent, back).status_code == 422
    page = follow(agent, back, reason="需要会方言的同事")

    assert "已放回队列" in page
    entry = looked_up(pages, lambda session: session.get_one(QueueEntry, contact_id))
    contact = contact_of(pages, contact_id)
    assert isinstance(entry, QueueEntry)
    assert entry.clock_from == pytest.approx(contact.received_at.timestamp(), abs=1)


def test_a_contact_is_handed_to_a_colleague_or_a_skill_group(
    agent: TestClient, as_role: SignIn, pages: Database, arrive: Callable[..., UUID]
) -> None:
    other = as_role(Role.AGENT, name="李坐席")
    send(other, form(other.get("/desk").text, "presence", state="available"))
    colleague = looked_up(pages, lambda session: session.scalars(select(Presence).order_by(Presence.since.desc())).first())
    assert isinstance(colleague, Presence)
    arrive()
    over = form(take(agent), "hand-over")

    assert send(agent, over, to="nonsense").status_code == 422
    assert "已移交给李坐席" in follow(agent, over, to=str(colleague.staff_id))
    assert "移交给您" in other.get("/desk").text
    over = form(take(other), "hand-over")
    assert "已移交技能组" in follow(other, over, to="", skill="general")


def test_the_number_is_shown_for_a_reason_that_is_noted(agent: TestClient, pages: Database, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    reveal = form(take(agent), "reveal")

    assert send(agent, reveal).status_code == 422
    whole = send(agent, reveal, reason="需要回拨")
    piece = agent.post(reveal.action, data=reveal.filled(reason="再看一次"), headers={"HX-Request": "true"})

    assert NUMBER in whole.text
    assert "<html" not in piece.text
    rows = looked_up(
        pages,
        lambda session: session.execute(
            select(AccessLog.what, AccessLog.reason).where(AccessLog.subject_id == contact_id, AccessLog.what == "number")
        ).all(),
    )
    assert [reason for _, reason in rows] == ["需要回拨", "再看一次"]
    assert agent.post(f"/desk/contact/{uuid4()}/reveal", data=reveal.filled(reason="x")).status_code == 404


def test_earlier_matters_of_the_number_stand_beside_the_contact(agent: TestClient, arrive: Callable[..., UUID]) -> None:
    arrive(text="第一次反映：井盖坏了。")
    follow(agent, form(take(agent), "file"), place_text="滨江路12号")
    arrive(text="第二次反映。", sender="someone else")

    page = take(agent)

    assert "此号码此前 1 件" in page
    assert "第一次反映" in page


def test_an_attachment_is_a_download_that_no_browser_runs(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    arrive(files=(File("现场 照片.jpg", photograph()),))
    page = take(agent)
    url = page.split('href="/desk/attachments/')[1].split('"')[0]

    answer = agent.get(f"/desk/attachments/{url}")

    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert "sandbox" in answer.headers["content-security-policy"]
    assert agent.get(f"/desk/attachments/{uuid4()}").status_code == 404


def test_a_pause_needs_a_reason_and_going_home_gives_everything_back(
    agent: TestClient, pages: Database, arrive: Callable[..., UUID]
) -> None:
    contact_id = arrive()
    page = take(agent)

    paused = form(page, "presence", state="paused")
    assert send(agent, paused).status_code == 422
    assert "小休 · 用餐" in follow(agent, paused, reason="用餐")
    page = follow(agent, form(agent.get("/desk").text, "presence", state="wrap_up"))
    assert "整理" in page
    follow(agent, form(page, "presence", state="offline"))

    assert contact_of(pages, contact_id).taken_by_id is None


def test_a_sign_of_life_says_where_the_seat_stands(agent: TestClient) -> None:
    page = agent.get("/desk").text
    token = {"X-CSRF-Token": form(page, "presence").fields["csrf"]}

    assert agent.post("/desk/beat", headers=token).json() == {"state": "available"}
    send(agent, form(page, "presence", state="offline"))
    assert agent.post("/desk/beat", headers=token).json() == {"state": "offline"}


def test_only_who_holds_a_contact_sees_its_pieces(agent: TestClient, as_role: SignIn, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    take(agent)
    other = as_role(Role.AGENT)

    for piece in ("talk", "filing"):
        assert agent.get(f"/desk/contact/{contact_id}/{piece}").status_code == 200
        assert other.get(f"/desk/contact/{contact_id}/{piece}").text == ""
    assert "在同事手上" in other.get(f"/desk?c={contact_id}").text


def test_a_concluded_contact_shows_how_it_ended(agent: TestClient, arrive: Callable[..., UUID]) -> None:
    contact_id = arrive()
    follow(agent, form(take(agent), "void"), note="误发")

    page = agent.get(f"/desk?c={contact_id}").text

    assert "已结束：无效" in page
    assert "误发" in page


def test_an_emergency_stands_first_and_says_why(
    agent: TestClient, suggestions: StubClassifier, arrive: Callable[..., UUID]
) -> None:
    arrive(text="普通诉求，早到。", channel="sms", waited=100)
    suggestions.said = prediction(urgency=SuggestedUrgency("emergency", "因“着火”升为特急"))
    arrive(text="楼道着火了。")

    page = agent.get("/desk").text
    assert page.index("楼道着火") < page.index("普通诉求")
    page = take(agent)
    assert "因“着火”升为特急" in page
    assert form(page, "file").fields["urgency"] == Urgency.EMERGENCY


def test_a_unit_that_returns_have_named_is_suggested_with_the_reason(
    agent: TestClient, suggestions: StubClassifier, arrive: Callable[..., UUID]
) -> None:
    reason = "近期同类件 3 次被裁定改派，不再建议城管"
    suggestions.said = prediction(unit=(Ranked("ZJJ", 0.7, ("路灯",), reason), Ranked("GAJ", 0.1)))
    arrive(text="路灯坏了。")

    page = take(agent)

    assert reason in page
    assert form(page, "file").fields["unit"] == "ZJJ"


def test_who_is_not_sure_shows_examples_and_a_long_text_says_what_was_read(
    agent: TestClient, suggestions: StubClassifier, arrive: Callable[..., UUID]
) -> None:
    alike = (Neighbour("灯杆歪了，晚上不亮", "0203", 0.6), Neighbour("已撤销的分类", "9999", 0.5))
    suggestions.said = prediction(sure=False, neighbours=alike, shortened=True)
    arrive(text="那个东西坏了。")

    page = take(agent)

    assert all(words in page for words in ("没有把握", "灯杆歪了，晚上不亮", "路灯照明", "开头 3000 字和结尾 1000 字"))
    assert "已撤销的分类" not in page


def test_an_agent_reaches_those_who_wait_behind_the_first_fifty(agent: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        texts = [f"wait-{make_contact(session, channel='sms', waited=600 - place).id}" for place in range(53)]
        make_contact(session, channel="mailbox", waited=1)

    first, second, beyond = (agent.get(url).text for url in ("/desk", "/desk/queue?channel=sms&page=2", "/desk?page=9"))

    assert '后面还有 <span class="num">4</span> 件' in first
    assert 'href="/desk?page=2"' in first
    assert [each in first for each in texts] == [True] * 50 + [False] * 3
    assert [each in second for each in texts] == [False] * 50 + [True] * 3
    assert '前面还有 <span class="num">50</span> 件' in second
    assert "后面还有" not in second
    assert 'href="/desk?page=1"' in beyond
    assert "还有 <" not in agent.get("/desk/queue?channel=mailbox").text
