"""Words that a unit's answers begin with: who keeps them, where they are offered, and that none is an answer."""

import re
from html import unescape
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from models import Answer, Assignment, Case, CaseStatus, RequestType, Role, Unit
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.forms import form, forms

TITLE, TEXT = "垃圾清运", "您好，您反映的“{title}”（{number}）{unit}已收到。"


@pytest.fixture
def liaison(as_role: SignIn) -> TestClient:
    browser = as_role(Role.LIAISON, unit="CGJ")
    assert write(browser, title=TITLE, text=TEXT) == 303
    return browser


def write(browser: TestClient, name: str = "new-template", **values: str) -> int:
    found = form(browser.get("/unit/templates").text, name)
    return browser.post(found.action, data=found.filled(**values)).status_code


def at_work(pages: Database, **values: Any) -> str:
    """The page of a unit's part."""
    with pages.unit_of_work() as session:
        case = make_case(session, status=CaseStatus.IN_PROGRESS, **values)
        return f"/unit/{session.scalars(select(Assignment.id).where(Assignment.case_id == case.id, Assignment.lead)).one()}"


def at_hand(browser: TestClient, url: str, wanted: str = "") -> list[str]:
    page = browser.get(f"{url}/templates", params={"q": wanted}).text
    return [unescape(text) for text in re.findall(r'data-text="([^"]*)"', page)]


def answer(browser: TestClient, url: str, text: str) -> int:
    found = form(browser.get(url).text, "answer")
    return browser.post(found.action, data=found.filled(public_text=text)).status_code


def test_a_liaison_writes_changes_and_removes_a_template(liaison: TestClient) -> None:
    assert write(liaison, "template", title="清运", text="已安排清运。") == 303
    page = liaison.get("/unit/templates").text
    assert "已安排清运。" in page
    assert TEXT not in page

    assert write(liaison, "remove-template") == 303

    assert "还没有模板" in liaison.get("/unit/templates").text


@pytest.mark.parametrize("text", ["", "。。。", "您好{name}", "您好{number", "字" * 2001])
def test_what_could_not_be_filled_in_is_refused(liaison: TestClient, text: str) -> None:
    assert write(liaison, title="坏的", text=text) == 422


def test_a_template_is_found_by_its_words_and_filled_in_for_the_case(liaison: TestClient, pages: Database) -> None:
    url = at_work(pages)
    with pages.reading() as session:
        number, title = session.execute(select(Case.number, Case.title)).one()
        unit = session.scalars(select(Unit.name).where(Unit.code == "CGJ")).one()

    assert at_hand(liaison, url, "清运 收到") == [f"您好，您反映的“{title}”（{number}）{unit}已收到。"]
    assert at_hand(liaison, url, "清运 路灯") == []


@pytest.mark.parametrize("closed", [{"confidential": True}, {"request_type": RequestType.REPORT}])
def test_of_a_confidential_case_only_the_summary_is_filled_in(
    liaison: TestClient, pages: Database, closed: dict[str, object]
) -> None:
    url = at_work(pages, title="张某某举报邻居", unit_summary="请核查该处卫生", **closed)

    (text,) = at_hand(liaison, url)

    assert "请核查该处卫生" in text
    assert "张某某" not in text


@pytest.mark.parametrize("around", ["{}", " {} \n", "{}！", "{}\n{}"])
def test_a_template_alone_is_no_answer(liaison: TestClient, pages: Database, around: str) -> None:
    url = at_work(pages)
    (text,) = at_hand(liaison, url)

    assert answer(liaison, url, around.replace("{}", text)) == 422
    assert answer(liaison, url, f"{text}11 月 20 日已清走两车。") == 303

    with pages.reading() as session:
        assert session.scalars(select(Answer.public_text)).one().endswith("已清走两车。")


def test_units_below_use_it_and_others_do_not_see_it(liaison: TestClient, as_role: SignIn, pages: Database) -> None:
    street, community = as_role(Role.LIAISON, unit="T001"), as_role(Role.LIAISON, unit="990181001001")
    write(street, title="街道", text="街道已派人到场。")
    url = at_work(pages, unit="990181001001")

    assert at_hand(community, url) == ["街道已派人到场。"]
    assert liaison.get(f"{url}/templates").status_code == 404
    assert "街道已派人到场" not in liaison.get("/unit/templates").text
    assert liaison.get("/unit/templates?unit=T001").status_code == 404
    assert community.get("/unit/templates?unit=T001").status_code == 404


def test_a_grid_worker_reads_templates_and_changes_none(liaison: TestClient, as_role: SignIn) -> None:
    worker = as_role(Role.GRID_WORKER, unit="CGJ")
    writing = form(liaison.get("/unit/templates").text, "new-template")
    reading = worker.get("/unit/templates").text
    own = next(each.fields["csrf"] for each in forms(reading) if "csrf" in each.fields)

    answered = worker.post(writing.action, data=writing.filled(title="我的", text="好的", csrf=own))

    assert TITLE in reading
    assert {"template", "new-template", "remove-template"}.isdisjoint(each.name for each in forms(reading))
    assert answered.status_code == 403
    assert "您的岗位没有这项权限。" in answered.text
