"""The search page: what is typed, what is found, views that are kept, and the workbook that is taken out."""

import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from models import AccessLog, Case, CaseStatus, Role
from tests.conftest import Drain, SignIn
from tests.factories_cases import check, make_case
from tests.web.forms import form, forms

CELL = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@pytest.fixture
def filed(pages: Database, drain: Drain) -> Callable[..., str]:
    def make(**values: Any) -> str:
        with pages.unit_of_work() as session:
            number = make_case(session, **{"title": "反映问题", **values}).number
        drain()
        return number

    return make


def lines(content: bytes) -> Iterator[list[str]]:
    """The rows of the only sheet, as texts."""
    with zipfile.ZipFile(BytesIO(content)) as book:
        assert book.testzip() is None
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))  # noqa: S314 -- our own
    for row in sheet.iter(f"{CELL}row"):
        yield ["".join(cell.itertext()) for cell in row.iter(f"{CELL}c")]


def counting(page: str) -> str:
    """From where the first view of a page gets its number."""
    return page.partition('hx-get="')[2].partition('"')[0]


def sheet(browser: TestClient, url: str, **values: Any) -> Any:
    found = form(browser.get(url).text, "sheet")
    return browser.post(found.action, data={**found.fields, **values})


def test_words_lead_to_the_case(as_role: SignIn, filed: Callable[..., str]) -> None:
    wanted, other = filed(content="西门的路灯不亮"), filed(content="垃圾没人清")

    page = as_role(Role.AGENT).get("/search?q=路灯").text

    assert f"/case/{wanted}" in page
    assert other not in page
    assert "138****0172" in page


def test_what_the_citizen_was_answered_is_found_once_it_is_let_out(
    as_role: SignIn, filed: Callable[..., str], pages: Database, drain: Drain
) -> None:
    number, browser = filed(status=CaseStatus.ANSWERED), as_role(Role.AGENT)
    assert number not in browser.get("/search?q=清运两次").text

    with pages.unit_of_work() as session:
        check(session, session.scalars(select(Case).where(Case.number == number)).one())
    drain()

    assert f"/case/{number}" in browser.get("/search?q=清运两次").text


def test_everybody_with_cases_finds_the_way_there(as_role: SignIn) -> None:
    for browser in (as_role(Role.DISPATCHER), as_role(Role.LIAISON, unit="CGJ"), as_role(Role.GRID_WORKER, unit="CGJ")):
        assert 'href="/search"' in browser.get("/search").text
    assert as_role(Role.ADMINISTRATOR).get("/search").status_code == 403


def test_what_is_no_word_is_said_and_stays_in_the_field(as_role: SignIn) -> None:
    page = as_role(Role.AGENT).get("/search?q=的").text

    assert "请至少写两个字的词" in page
    assert 'value="的"' in page


def test_a_view_is_kept_opens_first_and_is_counted(as_role: SignIn, filed: Callable[..., str]) -> None:
    filed()
    browser = as_role(Role.AGENT)
    kept = form(browser.get("/search?state=open&q=").text, "keep-view")
    browser.post(kept.action, data=kept.filled(name="未办结的", opens_first="true"))

    assert browser.get("/search").headers["location"] == "/search?state=open"
    page = browser.get("/search?state=open").text
    assert "未办结的" in page
    assert browser.get(counting(page)).text == "1"

    gone = form(browser.get("/search?state=open").text, "delete-view")
    browser.post(gone.action, data=gone.fields)
    assert browser.get("/search").status_code == 200


def test_a_view_is_shared_with_a_role_by_those_who_lead_and_shows_each_his_own(
    as_role: SignIn, filed: Callable[..., str], pages: Database
) -> None:
    mine, others = filed(status=CaseStatus.DISPATCHED), filed(status=CaseStatus.DISPATCHED, unit="SCJ")
    leader, liaison = as_role(Role.SHIFT_LEADER), as_role(Role.LIAISON, unit="CGJ")
    kept = form(leader.get("/search?state=open").text, "keep-view")
    leader.post(kept.action, data=kept.filled(name="在办", shared_with="liaison"))

    assert "在办" in liaison.get("/search?q=").text
    assert "delete-view" not in [each.name for each in forms(liaison.get("/search?state=open").text)]
    found = liaison.get("/search?state=open").text
    assert (mine in found, others in found) == (True, False)
    asked = form(liaison.get("/search?q=").text, "keep-view")
    refused = liaison.post(asked.action, data={**asked.fields, "name": "我的", "shared_with": "liaison"})
    assert refused.status_code == 403


def test_nobody_deletes_the_view_of_another(as_role: SignIn) -> None:
    owner, other = as_role(Role.AGENT), as_role(Role.AGENT)
    kept = form(owner.get("/search?state=open").text, "keep-view")
    owner.post(kept.action, data=kept.filled(name="我的"))
    gone = form(owner.get("/search?state=open").text, "delete-view")

    answer = other.post(gone.action, data=form(other.get("/search?q=").text, "keep-view").fields)

    assert answer.status_code == 404
    assert other.get(counting(owner.get("/search?state=open").text)).status_code == 404
    assert "我的" in owner.get("/search?state=open").text


def test_a_workbook_has_the_columns_that_were_chosen_and_masks_the_person(as_role: SignIn, filed: Callable[..., str]) -> None:
    number = filed(content="路灯不亮")
    filed(content="垃圾没人清")
    browser = as_role(Role.AGENT)

    answer = sheet(browser, "/search?q=路灯", columns=["number", "name", "telephone", "status"])

    assert answer.status_code == 200
    assert list(lines(answer.content)) == [
        ["工单号", "诉求人", "电话", "状态"],
        [number, "王*", "138****0172", "待派单"],
    ]


def test_whole_numbers_are_taken_out_against_a_reason_by_those_who_may_and_each_is_noted(
    as_role: SignIn, filed: Callable[..., str], pages: Database
) -> None:
    filed()
    dispatcher, agent = as_role(Role.DISPATCHER), as_role(Role.AGENT)
    chosen = {"columns": ["telephone"], "unmasked": "true"}

    assert sheet(dispatcher, "/search?q=", **chosen).status_code == 422
    assert sheet(agent, "/search?q=", **chosen, reason="核对").status_code == 403
    assert list(lines(sheet(dispatcher, "/search?q=", **chosen, reason="督查组核对").content))[1:] == [["+8613800000172"]]
    with pages.reading() as session:
        noted = session.execute(select(AccessLog.subject_kind, AccessLog.what, AccessLog.reason)).all()
    assert noted == [("sheet", "sheet_unmasked", "督查组核对"), ("case", "sheet_unmasked", "督查组核对")]


def test_a_workbook_holds_what_its_reader_may_see_and_no_more(as_role: SignIn, filed: Callable[..., str]) -> None:
    mine = filed(status=CaseStatus.DISPATCHED)
    shielded = filed(status=CaseStatus.DISPATCHED, confidential=True, unit_summary="反映食堂卫生", content="过期肉")
    filed(status=CaseStatus.DISPATCHED, unit="SCJ")
    liaison = as_role(Role.LIAISON, unit="CGJ")

    answer = sheet(liaison, "/search?q=", columns=["number", "title", "telephone"])

    assert list(lines(answer.content))[1:] == [[shielded, "反映食堂卫生"], [mine, "反映问题", "138****0172"]]


def test_what_looks_like_a_formula_stays_text(as_role: SignIn, filed: Callable[..., str]) -> None:
    filed(title="=HYPERLINK(1)")

    content = sheet(as_role(Role.AGENT), "/search?q=", columns=["title"]).content

    assert list(lines(content))[1:] == [["=HYPERLINK(1)"]]
    with zipfile.ZipFile(BytesIO(content)) as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
        assert b"quotePrefix" in book.read("xl/styles.xml")


def test_a_workbook_without_columns_is_refused(as_role: SignIn) -> None:
    assert sheet(as_role(Role.AGENT), "/search?q=", columns=[]).status_code == 422
