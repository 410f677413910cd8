"""The shift leader's floor, and what agents ask of it."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import switching
from hotline.settings import Settings
from models import (
    Announcement,
    BreakRequest,
    CommandState,
    HelpCall,
    Presence,
    Role,
    Staff,
    SwitchboardAction,
    SwitchboardCommand,
)
from tests.conftest import SignIn
from tests.factories_calls import make_call, make_line
from tests.factories_contacts import make_agent
from tests.web.forms import form, forms


def post(browser: TestClient, path: str, *, script: bool = False, **values: str) -> Any:
    """With the token, which is in every page's sign-out; with `script` as htmx sends it."""
    csrf = form(front(browser), "sign-out").fields["csrf"]
    return browser.post(path, data=values, headers={"X-CSRF-Token": csrf, **({"HX-Request": "true"} if script else {})})


def front(browser: TestClient) -> str:
    return next(answer.text for path in ("/floor", "/desk", "/unit") if (answer := browser.get(path)).status_code == 200)


@pytest.fixture
def leader(as_role: SignIn) -> TestClient:
    return as_role(Role.SHIFT_LEADER, username="leader")


@pytest.fixture
def agent(as_role: SignIn) -> TestClient:
    browser = as_role(Role.AGENT, username="agent", name="甲")
    post(browser, "/desk/presence", state="available")
    return browser


def id_of(pages: Database, username: str) -> UUID:
    with pages.reading() as session:
        return session.scalars(select(Staff.id).where(Staff.username == username)).one()


def commands(pages: Database, action: SwitchboardAction) -> list[dict[str, switching.Value]]:
    with pages.reading() as session:
        rows = session.scalars(select(SwitchboardCommand).where(SwitchboardCommand.action == action))
        return [switching.arguments_of(row) for row in rows]


def test_an_empty_floor_says_so(leader: TestClient) -> None:
    text = leader.get("/floor").text

    assert "没有人在排队" in text
    assert "没有坐席在岗" in text
    assert "电话交换机未连接" in text


def test_the_board_shows_who_waits_and_who_speaks_with_masked_numbers(leader: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        line = make_line(session, make_agent(session, name="甲"))
        make_call(session, number="13800138001", facts=("queued", "rang", "answered"), line=line)
        make_call(session, number="13800138002")

    text = leader.get("/floor/board").text

    assert "甲" in text
    assert "<b>1</b> 通话中</p><p><b>0</b> 空闲" in text
    assert "138****8001" in text
    assert "138****8002" in text
    assert "综合" in text
    assert "13800138001" not in text
    assert "/floor/spy/" in text


def test_a_silent_call_for_help_reaches_the_floor_and_one_leader_comes(
    leader: TestClient, agent: TestClient, as_role: SignIn, pages: Database
) -> None:
    with pages.unit_of_work() as session:
        staff = session.scalars(select(Staff).where(Staff.username == "agent")).one()
        call = make_call(session, facts=("queued", "rang", "answered"), line=make_line(session, staff))
    assert "来电人听不到" in post(agent, "/floor/help", script=True).text

    asked = form(leader.get("/floor/board").text, "answer-help")
    answered = leader.post(asked.action, data=asked.filled())

    assert answered.headers["location"] == f"/desk?c={call.contact_id}"
    assert "求助" not in leader.get("/floor/board").text
    late = post(as_role(Role.SHIFT_LEADER), asked.action)
    assert (late.status_code, "已有同事前去支援" in late.text) == (409, True)


def test_help_without_a_call_leads_back_to_the_floor(leader: TestClient, agent: TestClient, pages: Database) -> None:
    post(agent, "/floor/help")
    with pages.reading() as session:
        help_id = session.scalars(select(HelpCall.id)).one()

    assert post(leader, f"/floor/help/{help_id}").headers["location"] == "/floor"
    assert post(leader, f"/floor/help/{uuid4()}").status_code == 404


def test_a_notice_is_on_every_desk_until_it_is_confirmed(leader: TestClient, agent: TestClient) -> None:
    sent = form(leader.get("/floor").text, "notice")
    leader.post(sent.action, data=sent.filled(text="城北<停水>"))

    shown = form(agent.get("/floor/notices").text, "notice-read")
    assert "城北&lt;停水&gt;" in agent.get("/floor/notices").text
    left = agent.post(shown.action, data=shown.filled())

    assert left.headers["location"] == "/desk"
    assert forms(agent.get("/floor/notices").text) == []
    assert "已确认 1 人" in leader.get("/floor").text


def test_a_hand_over_is_not_on_the_agents_desks(leader: TestClient, agent: TestClient, as_role: SignIn) -> None:
    answer = post(leader, "/floor/notice", text="夜班注意线路", hand_over="true")

    assert answer.status_code == 303
    assert "夜班注意线路" not in agent.get("/floor/notices").text
    assert "夜班注意线路" in as_role(Role.SUPERVISOR).get("/floor/notices").text


def test_what_is_written_on_the_floor_is_kept_without_control_characters(
    leader: TestClient, agent: TestClient, pages: Database
) -> None:
    post(leader, "/floor/notice", text="城北\x00停水\x07")
    post(agent, "/floor/break", reason="喝\x00水", minutes="15")

    assert "城北停水" in agent.get("/floor/notices").text
    with pages.reading() as session:
        assert session.scalars(select(BreakRequest.reason)).one() == "喝水"


def test_words_that_are_missing_or_too_many_are_refused_in_chinese(leader: TestClient) -> None:
    empty, long = post(leader, "/floor/notice", text="  "), post(leader, "/floor/announcement", text="长" * 81)

    assert (empty.status_code, "请填写此项" in empty.text) == (422, True)
    assert (long.status_code, "最多 80 个字" in long.text) == (409, True)


def test_a_break_is_asked_for_granted_and_begins(leader: TestClient, agent: TestClient, pages: Database) -> None:
    assert post(agent, "/floor/break", reason="喝水", minutes="15").headers["location"] == "/desk"

    asked = form(leader.get("/floor/board").text, "break")
    leader.post(asked.action, data=asked.filled(grant="yes"))

    with pages.reading() as session:
        presence = session.get_one(Presence, id_of(pages, "agent"))
        assert (presence.state, presence.reason) == ("paused", "喝水")
    assert "喝水" in leader.get("/floor/board").text


def test_a_break_may_be_refused_or_taken_back(leader: TestClient, agent: TestClient, pages: Database) -> None:
    for answer in ("refuse", "take back"):
        post(agent, "/floor/break", reason="喝水", minutes="15")
        asked = form(leader.get("/floor/board").text, "break")
        if answer == "refuse":
            leader.post(asked.action, data=asked.filled(grant=""))
            assert all("喝水未获批准" in agent.get(path).text for path in ("/desk", "/phone/seat"))
        else:
            assert post(agent, "/floor/break/take-back").headers["location"] == "/desk"
            late = leader.post(asked.action, data=asked.filled(grant="yes"))
            assert (late.status_code, "已经处理或收回" in late.text) == (409, True)
        assert "申请喝水" not in leader.get("/floor/board").text
    assert "未获批准" not in agent.get("/phone/seat").text

    with pages.reading() as session:
        assert {row.state.value for row in session.scalars(select(BreakRequest))} == {"refused", "taken_back"}
        assert session.get_one(Presence, id_of(pages, "agent")).state == "available"


def test_who_asked_for_a_break_can_take_it_back_at_the_desk(leader: TestClient, agent: TestClient) -> None:
    asked = form(agent.get("/desk").text, "ask-break")
    agent.post(asked.action, data=asked.filled(reason="喝水"))

    for path in ("/desk", "/phone/seat"):
        page = agent.get(path).text
        assert "收回申请" in page
        assert "ask-break" not in {each.name for each in forms(page)}
    back = form(agent.get("/desk").text, "take-break-back")
    agent.post(back.action, data=back.filled())

    assert "收回申请" not in agent.get("/desk").text
    assert "break" not in {each.name for each in forms(leader.get("/floor/board").text)}


def test_the_desk_says_until_when_a_granted_break_lasts(leader: TestClient, agent: TestClient) -> None:
    post(agent, "/floor/break", reason="喝水", minutes="15")
    asked = form(leader.get("/floor/board").text, "break")
    leader.post(asked.action, data=asked.filled(grant="yes"))

    for path in ("/desk", "/phone/seat"):
        page = agent.get(path).text
        assert "小休 · 喝水" in page
        assert "data-until=" in page
        assert "ask-break" in {each.name for each in forms(page)}


def test_a_break_has_an_end(agent: TestClient) -> None:
    answer = post(agent, "/floor/break", reason="喝水", minutes="600")

    assert (answer.status_code, "1 至 120 分钟" in answer.text) == (422, True)


def test_words_to_callers_run_until_they_are_switched_off(leader: TestClient, pages: Database) -> None:
    sent = form(leader.get("/floor").text, "announcement")
    leader.post(sent.action, data=sent.filled(text="城北停水，20 点恢复"))

    page = leader.get("/floor").text
    assert "城北停水，20 点恢复" in page
    off = form(page, "announcement-off")
    leader.post(off.action, data=off.filled())

    assert "城北停水" not in leader.get("/floor").text
    with pages.reading() as session:
        assert session.scalars(select(Announcement)).one().ended_at is not None


@pytest.fixture
def in_call(pages: Database, leader: TestClient, agent: TestClient) -> str:
    """The agent speaks with a caller, and the leader has a telephone; the caller's Linkedid."""
    with pages.unit_of_work() as session:
        staff = session.scalars(select(Staff).where(Staff.username == "agent")).one()
        make_line(session, session.scalars(select(Staff).where(Staff.username == "leader")).one())
        return make_call(session, facts=("queued", "rang", "answered"), line=make_line(session, staff)).linkedid


def test_a_leader_listens_and_then_speaks(leader: TestClient, pages: Database, in_call: str) -> None:
    agent_id = id_of(pages, "agent")
    early = post(leader, "/floor/spy-mode", mode="barge")
    assert (early.status_code, "没有旁听通话" in early.text) == (409, True)

    assert "开始旁听" in post(leader, f"/floor/spy/{agent_id}", script=True).text
    with pages.unit_of_work() as session:
        session.scalars(select(SwitchboardCommand).where(SwitchboardCommand.action == "spy")).one().state = CommandState.DONE
    said = [post(leader, "/floor/spy-mode", mode=mode, script=True).text for mode in ("listen", "whisper", "barge")]

    assert [each in text for each, text in zip(("只听", "只有坐席", "双方"), said, strict=True)] == [True] * 3
    assert [each["linkedid"] for each in commands(pages, SwitchboardAction.SPY)] == [in_call]
    assert [each["mode"] for each in commands(pages, SwitchboardAction.SPY_MODE)] == ["listen", "whisper", "barge"]


def test_nobody_listens_to_who_is_in_no_call_or_in_another_way(leader: TestClient, pages: Database, in_call: str) -> None:
    silent = post(leader, f"/floor/spy/{id_of(pages, 'leader')}")

    assert (silent.status_code, "没有通话" in silent.text) == (409, True)
    assert post(leader, "/floor/spy-mode", mode="record").status_code == 422


def test_practice_rings_the_own_telephone(leader: TestClient, pages: Database, in_call: str) -> None:
    assert "不计入任何统计" in post(leader, "/floor/train", script=True).text

    (asked,) = commands(pages, SwitchboardAction.TRAIN)
    assert asked["prompt"] == "hotline/training"


def test_agents_practise_from_their_own_telephone(agent: TestClient, pages: Database, settings: Settings) -> None:
    settings.telephony = "on"
    assert post(agent, "/phone/sign-in").status_code == 200
    practice = form(agent.get("/phone").text, "train")

    assert agent.post(practice.action, data=practice.fields).status_code == 303
    assert len(commands(pages, SwitchboardAction.TRAIN)) == 1


def test_who_has_no_telephone_is_told_to_open_it(agent: TestClient) -> None:
    answer = post(agent, "/floor/train")

    assert (answer.status_code, "请先打开软电话" in answer.text) == (409, True)


def test_without_script_the_page_with_the_form_comes_again_and_says_what_was_done(leader: TestClient, in_call: str) -> None:
    csrf = form(leader.get("/floor").text, "sign-out").fields["csrf"]

    answer = leader.post("/floor/train", data={"csrf": csrf}, headers={"Referer": "http://testserver/desk?c=1"})
    strange = [
        leader.post("/floor/help", data={"csrf": csrf}, headers={"Referer": referer})
        for referer in ("http://elsewhere.example/desk", "http://testserver//elsewhere.example", "")
    ]

    assert (answer.status_code, answer.headers["location"]) == (303, "/desk?c=1")
    assert {(each.status_code, each.headers["location"]) for each in strange} == {(303, "/desk")}
    assert "已悄悄通知值班长" in leader.get("/floor").text


# --- who may not

NOBODY = "00000000-0000-4000-8000-000000000000"
LEADERS_ALONE = [
    f"/floor/help/{NOBODY}",
    "/floor/notice",
    f"/floor/break/{NOBODY}",
    "/floor/announcement",
    f"/floor/spy/{NOBODY}",
    "/floor/spy-mode",
]
OF_THE_CENTRE = ["/floor/help", f"/floor/notice/{NOBODY}/read", "/floor/break", "/floor/break/take-back", "/floor/train"]


def test_an_agent_neither_sees_the_floor_nor_leads_it(agent: TestClient) -> None:
    assert [agent.get(path).status_code for path in ("/floor", "/floor/board")] == [403, 403]
    refused = {path: post(agent, path, text="词", mode="listen", grant="yes").status_code for path in LEADERS_ALONE}
    assert set(refused.values()) == {403}, refused


def test_a_liaison_has_no_part_in_the_floor(as_role: SignIn) -> None:
    browser = as_role(Role.LIAISON, unit="CGJ")

    assert {browser.get(path).status_code for path in ("/floor", "/floor/board", "/floor/notices")} == {403}
    refused = {
        path: post(browser, path, text="词", mode="listen", reason="喝水").status_code for path in LEADERS_ALONE + OF_THE_CENTRE
    }
    assert set(refused.values()) == {403}, refused


@pytest.mark.parametrize("path", LEADERS_ALONE + OF_THE_CENTRE)
def test_nothing_is_done_without_the_token_of_the_session(leader: TestClient, path: str) -> None:
    answer = leader.post(path, data={"text": "词", "mode": "listen"})

    assert (answer.status_code, "页面已过期" in answer.text) == (403, True)


def test_every_form_of_the_floor_has_a_name_and_carries_the_token(leader: TestClient, agent: TestClient) -> None:
    post(agent, "/floor/help")
    post(agent, "/floor/break", reason="喝水", minutes="10")
    post(leader, "/floor/announcement", text="停水")

    found = forms(leader.get("/floor").text)

    assert {"answer-help", "break", "announcement-off"} <= {each.name for each in found}
    assert all(each.name and each.fields["csrf"] for each in found)
