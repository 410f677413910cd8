"""The whole case on one page: history, masked data, reading that is noted, rights."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, text

from hotline.db import Database
from models import AccessLog, Case, CaseStatus, Role
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.forms import form


@pytest.fixture
def number(pages: Database) -> str:
    with pages.unit_of_work() as session:
        return make_case(session, status=CaseStatus.CLOSED, assists=("T001",)).number


def test_the_centre_sees_the_whole_history(as_role: SignIn, number: str) -> None:
    page = as_role(Role.VERIFIER).get(f"/case/{number}").text

    for word in ("立案", "派单", "签收", "答复", "办结", "垃圾已清运，今后每天清运两次。", "打印工单"):
        assert word in page
    assert "138****0172" in page
    assert "13800000172" not in page


def test_every_reading_is_noted(as_role: SignIn, pages: Database, number: str) -> None:
    browser = as_role(Role.VERIFIER)

    browser.get(f"/case/{number}")

    with pages.reading() as session:
        case_id = session.scalars(select(Case.id)).one()
        assert session.scalars(select(AccessLog.what).where(AccessLog.subject_id == case_id)).all() == ["opened"]


@pytest.mark.parametrize("path", ["/case/{number}", "/verify/to_check/{number}"])
def test_who_looks_takes_no_turn_from_those_who_write(as_role: SignIn, pages: Database, number: str, path: str) -> None:
    browser = as_role(Role.VERIFIER)
    url = path.format(number=number)
    browser.get(url)

    with pages.unit_of_work():
        again = browser.get(url)

    assert again.status_code == 200


def test_what_cannot_be_noted_is_not_shown(as_role: SignIn, pages: Database, number: str) -> None:
    browser = as_role(Role.VERIFIER)
    with pages.unit_of_work() as session:
        session.execute(text("CREATE TRIGGER full_disk BEFORE INSERT ON access_log BEGIN SELECT RAISE(ABORT, 'full'); END"))

    answer = TestClient(browser.app, raise_server_exceptions=False, cookies=browser.cookies).get(f"/case/{number}")

    assert answer.status_code == 500
    assert number not in answer.text


def test_the_number_is_shown_against_a_reason(as_role: SignIn, number: str) -> None:
    browser = as_role(Role.VERIFIER)
    found = form(browser.get(f"/case/{number}").text, "reveal")

    assert "13800000172" in browser.post(found.action, data=found.filled(reason="回访")).text
    assert browser.post(found.action, data=found.filled(reason=" ")).status_code == 422


def test_a_unit_knows_the_centre_by_its_roles(as_role: SignIn, number: str) -> None:
    page = as_role(Role.LIAISON, unit="CGJ").get(f"/case/{number}").text

    assert "话务员" not in page
    assert "坐席" in page or "派单员" in page
    assert "来往消息" not in page


@pytest.mark.parametrize("who", [{"unit": "SCJ"}, {"unit": "T002"}])
def test_another_unit_does_not_find_the_case(as_role: SignIn, number: str, who: dict[str, Any]) -> None:
    assert as_role(Role.LIAISON, **who).get(f"/case/{number}").status_code == 404


def test_a_number_typed_anywhere_leads_to_the_page(as_role: SignIn, number: str) -> None:
    browser = as_role(Role.DISPATCHER)

    assert browser.get("/case", params={"number": f" {number} "}).headers["location"] == f"/case/{number}"
    assert browser.get("/case/990181-20200101-000001").status_code == 404


def test_a_case_without_a_known_place_is_shown_as_well(as_role: SignIn, pages: Database) -> None:
    with pages.unit_of_work() as session:
        case = make_case(session, township_code="", community_code="990181001001", place_text="不清楚")
        nowhere = make_case(session, township_code="", place_text="不清楚")
    browser = as_role(Role.VERIFIER)

    assert "滨江社区 不清楚" in browser.get(f"/case/{case.number}").text
    assert "不清楚" in browser.get(f"/case/{nowhere.number}").text
