"""The pages of whoever asks citizens: the callback desk, signs for supervisors, the rule for administrators."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from time_machine import Traveller

from hotline.db import Database
from hotline.services import surveys
from hotline.services.survey_plans import control, plans, pressure
from hotline.services.survey_plans.traces import Origin
from models import Case, CaseStatus, ControlCall, Grade, PressureSign, Role, Rule, Survey, SurveyAnswer, SurveyAttempt
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.services.survey_plans.surveying import ask_by
from tests.web.desk import submit
from tests.web.forms import form

GOOD: dict[str, Any] = {"solved": True, "result": Grade.SATISFIED, "unit": Grade.SATISFIED}


@pytest.fixture
def due(pages: Database, clock: Traveller) -> Case:
    """A citizen whom a person is to ask."""
    with pages.unit_of_work() as session:
        ask_by(session, [{"way": "person"}], control_share=1.0)
        case = make_case(session, status=CaseStatus.CLOSED)
        surveys.invite(session, case)
        return case


def address_of(pages: Database) -> str:
    with pages.reading() as session:
        return f"/asking/{session.scalars(select(SurveyAttempt.id).order_by(SurveyAttempt.number.desc())).first()}"


def test_a_citizen_is_asked_by_whoever_takes_the_call(as_role: SignIn, pages: Database, due: Case) -> None:
    browser = as_role(Role.CALLBACK_AGENT)
    assert due.title in browser.get("/asking").text
    url = address_of(pages)
    assert "话术" not in browser.get(url).text

    submit(browser, url, "take")
    assert "由城市管理综合行政执法局办理" in browser.get(url).text
    answer = submit(browser, url, "heard", solved="true", result="satisfied", unit="very_satisfied", remark="修好了")

    assert answer.status_code == 303
    with pages.reading() as session:
        said = session.scalars(select(SurveyAnswer)).one()
        assert (said.way, said.remark) == ("person", "修好了")
    assert "没有要打的电话" in browser.get("/asking").text


def test_at_night_no_call_is_offered(as_role: SignIn, pages: Database, due: Case, clock: Traveller) -> None:
    clock.shift(timedelta(hours=12))

    page = as_role(Role.CALLBACK_AGENT).get(address_of(pages)).text

    assert "现在不是可以回访市民的时段" in page
    assert 'data-form="take"' not in page


def test_why_nobody_was_reached_is_written_down(as_role: SignIn, pages: Database, due: Case) -> None:
    browser = as_role(Role.CALLBACK_AGENT)
    url = address_of(pages)
    submit(browser, url, "take")

    wrong = submit(browser, url, "unreached", outcome="later", again_at="")
    answer = submit(browser, url, "unreached", outcome="switched_off", note="关机")

    assert (wrong.status_code, answer.status_code) == (422, 303)
    with pages.reading() as session:
        attempt = session.scalars(select(SurveyAttempt)).one()
        assert (attempt.outcome, attempt.note) == ("switched_off", "关机")


@pytest.mark.parametrize("role", [Role.AGENT, Role.LIAISON, Role.ADMINISTRATOR])
def test_others_do_not_come_in(as_role: SignIn, pages: Database, due: Case, role: Role) -> None:
    browser = as_role(role, unit="CGJ") if role == Role.LIAISON else as_role(role)

    assert [browser.get(url).status_code for url in ("/asking", address_of(pages), "/signs")] == [403, 403, 403]


def test_a_content_citizen_is_called_again_as_a_check(as_role: SignIn, pages: Database, due: Case) -> None:
    with pages.unit_of_work() as session:
        survey = session.scalars(select(Survey)).one()
        control.draw(session, survey, surveys.record_answers(session, survey, way="web", **GOOD))
        plans.run_due(session)
        found = session.scalars(select(ControlCall.id)).one()
    browser = as_role(Role.CALLBACK_AGENT)

    assert "满意件复核" in browser.get("/asking").text
    answer = submit(browser, f"/asking/control/{found}", "control", finding="contradicted", note="没修")

    assert answer.status_code == 303
    assert "与原评价不符" in browser.get(f"/asking/control/{found}").text


def test_a_supervisor_looks_into_a_sign(as_role: SignIn, pages: Database, clock: Traveller) -> None:
    with pages.unit_of_work() as session:
        for _ in range(5):
            survey = surveys.invite(session, make_case(session, status=CaseStatus.CLOSED))
            assert survey is not None
            surveys.record_answers(session, survey, way="web", origin=Origin(address="10.0.0.9", agent="x"), **GOOD)
        pressure.look(session)
    browser = as_role(Role.SUPERVISOR)

    assert "同一来源连续评价" in browser.get("/signs").text
    submit(browser, "/signs", "sign-seen", note="社区电脑，已抽听")

    with pages.reading() as session:
        assert session.scalars(select(PressureSign.note)).one() == "社区电脑，已抽听"


def test_who_has_no_number_was_not_called(as_role: SignIn, pages: Database, due: Case) -> None:
    with pages.unit_of_work() as session:
        nameless = make_case(session, status=CaseStatus.CLOSED)
        nameless.number_of_requester = None
        session.flush()
        surveys.invite(session, nameless)
        assert session.scalars(select(SurveyAttempt.outcome).where(SurveyAttempt.ended_at.is_not(None))).all() == ["no_way"]
    supervisor = as_role(Role.SUPERVISOR)
    assert "还没有打过" in supervisor.get("/signs").text

    caller, url = as_role(Role.CALLBACK_AGENT), address_of(pages)
    submit(caller, url, "take")
    submit(caller, url, "unreached", outcome="busy")

    assert "还没有打过" not in supervisor.get("/signs").text


def test_the_rule_is_checked_before_it_is_kept(as_role: SignIn, pages: Database) -> None:
    browser = as_role(Role.ADMINISTRATOR)
    page = form(browser.get("/admin/surveys").text, "rule-document")
    text = page.filled()["text"]
    line = text.split("\n").index("hours:") + 1

    checked = browser.post(page.action, data=page.filled(text=text.replace("0.05", "0.10"), keep="false"))
    wrong = browser.post(page.action, data=page.filled(text=text.replace("08:30", "03:00"), keep="true"))
    kept = browser.post(page.action, data=page.filled(text=text.replace("0.05", "0.10"), keep="true"))

    assert (checked.status_code, wrong.status_code, kept.status_code) == (200, 422, 303)
    assert "<td>复核比例</td><td>0.05</td><td><b>0.1</b></td>" in checked.text
    assert f"第 {line} 行，拨打时段：只在白天打电话" in wrong.text
    assert "抽 10%" in browser.get("/admin/surveys").text
    with pages.reading() as session:
        shares = [rule.body["control_share"] for rule in session.scalars(select(Rule).where(Rule.kind == "surveys"))]
    assert sorted(shares) == [0.05, 0.1]
