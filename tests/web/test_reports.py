"""The reports: every page is drawn, whoever may sees a number sees its cases, and what people enter is there."""

import re
from datetime import UTC, datetime

import pytest
import time_machine
from sqlalchemy import select

from hotline.db import Database
from hotline.services.scores import sums
from models import AnswerMark, Case, OutsideFigure, Request, Role, ScoreCorrection, ScorePeriod
from tests.conftest import SignIn
from tests.services.scores.closing import ANGRY, HAPPY, closed, given_back
from tests.web.forms import form


@pytest.fixture
def numbers(pages: Database, clock: time_machine.Traveller) -> list[str]:
    """Of a case that pleased and of one that did not, both led by CGJ; and one of ZJJ."""
    with pages.unit_of_work() as session:
        cases = [closed(session, said=HAPPY), closed(session, said=ANGRY), closed(session, unit="ZJJ", said=HAPPY)]
        sums.refresh(session)
        return [case.number for case in cases]


def test_a_supervisor_goes_from_the_ranking_to_the_cases(as_role: SignIn, numbers: list[str]) -> None:
    supervisor = as_role(Role.SUPERVISOR)

    overview, ranking = supervisor.get("/reports").text, supervisor.get("/reports/ranking?group=bureaus").text
    behind = supervisor.get("/reports/cases?by=unit&key=CGJ&measure=resolution&only=missed").text

    assert "办结 <b>3</b> 件" in overview
    assert "城市管理综合行政执法局" in ranking
    assert "n=2" in ranking
    assert [number in behind for number in numbers] == [False, True, False]


@pytest.mark.parametrize("span", ["hour", "week", "quarter"])
def test_every_page_is_drawn_for_every_stretch(as_role: SignIn, numbers: list[str], span: str) -> None:
    everybody = as_role(Role.SUPERVISOR, Role.AGENT, username="everybody")
    dimensions = [f"/reports/ranking?by={by}" for by in ("unit", "township", "community", "grid", "category", "channel")]

    for url in (
        "/reports?",
        "/reports/unit/CGJ?",
        "/reports/agents?",
        "/reports/agent/everybody?",
        *(f"{each}&" for each in dimensions),
    ):
        page = everybody.get(f"{url}span={span}&on=2026-11-23&hour=10")
        assert page.status_code == 200, url


def test_a_unit_sees_its_own_figures_only_and_contests_a_case(as_role: SignIn, numbers: list[str], pages: Database) -> None:
    liaison = as_role(Role.LIAISON, unit="CGJ")
    assert liaison.get("/reports").headers["location"] == "/reports/unit/CGJ"
    assert liaison.get("/reports/unit/CGJ").status_code == 200
    for url in ("/reports/unit/ZJJ", "/reports/cases?by=unit&key=ZJJ&measure=contact"):
        assert liaison.get(url).status_code == 404
    for url in ("/reports/ranking", "/reports/cases?by=township&key=990181001&measure=contact", "/reports/agents"):
        assert liaison.get(url).status_code == 403

    behind = liaison.get("/reports/cases?by=unit&key=CGJ&measure=resolution").text
    assert f"/reports/appeals?number={numbers[1]}&amp;measure=resolution" in behind
    assert f"/reports/appeals?number={numbers[0]}" not in behind  # it counts for the unit
    asked = form(liaison.get(f"/reports/appeals?number={numbers[1]}&measure=resolution").text, "appeal")
    assert asked.fields["indicator"] == "resolution"
    assert liaison.post(asked.action, data=asked.filled(basis="已修复，附照片")).status_code == 303

    supervisor = as_role(Role.SUPERVISOR)
    ruling = form(supervisor.get("/reports/appeals").text, "ruling")
    assert supervisor.post(ruling.action, data=ruling.filled(grant="true", note="证据充分")).status_code == 303
    assert "证据充分" in liaison.get("/reports/appeals").text
    with pages.reading() as session:
        assert session.scalars(select(Request.state).where(Request.kind == "appeal")).all() == ["granted"]
    assert "申诉成立" in supervisor.get("/reports/cases?by=unit&key=CGJ&measure=resolution&only=omitted").text
    told = supervisor.get(f"/case/{numbers[1]}").text
    assert "考核申诉（同意）：证据充分" in told
    assert told.count("联系市民") == 1  # what the unit noted, and not the ruling


def test_a_unit_contests_a_return_though_the_case_is_another_units_now(
    as_role: SignIn, pages: Database, clock: time_machine.Traveller
) -> None:
    with pages.unit_of_work() as session:
        number = given_back(session, clock, first="CGJ", then="ZJJ").number
    liaison = as_role(Role.LIAISON, unit="CGJ")
    behind = liaison.get("/reports/cases?by=unit&key=CGJ&measure=return").text
    assert f"/reports/appeals?number={number}&amp;measure=return" in behind
    assert f"/case/{number}" not in behind  # it may not look at it any more

    asked = form(liaison.get(f"/reports/appeals?number={number}&measure=return").text, "appeal")
    refused = liaison.post(asked.action, data=asked.filled(indicator="resolution", basis="不服"))
    done = liaison.post(asked.action, data=asked.filled(basis="派错了，退得有理"))

    assert (refused.status_code, done.status_code) == (404, 303)
    assert "派错了，退得有理" in liaison.get("/reports/appeals").text


@pytest.mark.parametrize("role", [Role.LIAISON, Role.GRID_WORKER])
def test_a_units_people_are_led_to_what_they_may_read_only(as_role: SignIn, numbers: list[str], role: Role) -> None:
    browser = as_role(role, unit="CGJ")

    tabs = re.findall(
        r'<a href="(/reports[^"]*)"', browser.get("/reports/unit/CGJ").text.partition("</nav>")[2].partition("</nav>")[0]
    )

    assert "/reports/rules" in tabs
    assert {browser.get(url).status_code for url in tabs if url != "/reports"} == {200}


def test_an_agent_sees_the_own_figures_only(as_role: SignIn, numbers: list[str]) -> None:
    agent = as_role(Role.AGENT, username="selfish")
    as_role(Role.AGENT, username="other")

    assert agent.get("/reports").headers["location"] == "/reports/agent/selfish"
    assert agent.get("/reports/agent/selfish").status_code == 200
    assert agent.get("/reports/agent/other").status_code == 404
    assert agent.get("/reports/agents").status_code == 403
    assert agent.get("/reports/rules").status_code == 200


def test_a_leader_sees_the_own_group(as_role: SignIn, numbers: list[str]) -> None:
    as_role(Role.AGENT, username="general", skills=["general"])
    as_role(Role.AGENT, username="english", skills=["english"])
    leader = as_role(Role.SHIFT_LEADER, skills=["general"])

    assert [leader.get(f"/reports/agent/{name}").status_code for name in ("general", "english")] == [200, 404]


def test_a_month_is_closed_and_corrected_on_the_page(
    as_role: SignIn, numbers: list[str], pages: Database, clock: time_machine.Traveller
) -> None:
    clock.move_to(datetime(2026, 12, 20, 2, 0, tzinfo=UTC))
    supervisor = as_role(Role.SUPERVISOR)
    asked = form(supervisor.get("/reports/periods").text, "close-period")

    done = supervisor.post(asked.action, data=asked.filled(note="无异议"))
    assert done.status_code == 303
    assert supervisor.post(asked.action, data=asked.filled()).status_code == 409
    correction = form(supervisor.get(done.headers["location"]).text, "correction")
    sent = correction.filled(number=numbers[1], indicator="resolution", unit="CGJ", value="100", reason="复核属实")
    assert supervisor.post(correction.action, data=sent).status_code == 303

    with pages.reading() as session:
        assert session.scalars(select(ScorePeriod.note)).all() == ["无异议"]
        assert session.scalars(select(ScoreCorrection.value)).all() == [1.0]
    assert "复核属实" in supervisor.get(done.headers["location"]).text
    assert "已结账" in supervisor.get("/reports/ranking?span=month&on=2026-11-01").text


def test_figures_of_others_stand_beside_ours_and_judges_mark_answers(
    as_role: SignIn, numbers: list[str], pages: Database
) -> None:
    supervisor = as_role(Role.SUPERVISOR)
    entry = form(supervisor.get("/reports/unit/CGJ").text, "outside")
    sent = entry.filled(indicator="satisfaction", value="81.5", sample="400", source="省局电话抽查")
    assert supervisor.post(entry.action, data=sent).status_code == 303
    assert "第三方 81.5%" in supervisor.get("/reports/ranking").text

    judge = as_role(Role.QUALITY_JUDGE)
    mark = form(judge.get(f"/case/{numbers[0]}").text, "mark")
    assert judge.post(mark.action, data=mark.filled(points="90", remark="说清了")).status_code == 303
    assert "90 分" in judge.get(f"/case/{numbers[0]}").text
    with pages.reading() as session:
        marked = session.execute(select(Case.number, AnswerMark.mark).join(Case, Case.id == AnswerMark.case_id)).all()
        assert [tuple(row) for row in marked] == [(numbers[0], 90)]
        assert session.scalars(select(OutsideFigure.sample)).all() == [400]
    assert "答复切题：90 说清了" in judge.get(f"/case/{numbers[0]}").text


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("/reports/periods", {"month": "2026-11-01"}),
        ("/reports/corrections", {"number": "x", "month": "2026-11-01", "indicator": "resolution", "value": "0", "reason": "无"}),
        ("/reports/outside", {"unit": "CGJ", "month": "2026-11-01", "indicator": "fit", "value": "1", "source": "x"}),
        ("/reports/marks", {"key": "0123456789", "number": "x", "points": "1"}),
    ],
)
def test_entries_are_for_their_roles_only(as_role: SignIn, path: str, values: dict[str, str]) -> None:
    leader = as_role(Role.SHIFT_LEADER)
    token = form(leader.get("/reports").text, "sign-out").fields["csrf"]

    assert leader.post(path, data={**values, "csrf": token}).status_code == 403
