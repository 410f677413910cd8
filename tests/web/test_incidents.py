"""The pages of incidents: found, put together, told of, parted and ended by scripted browsers."""

from typing import Any

from sqlalchemy import select

from hotline.db import Database
from models import Case, CaseStatus, Incident, Role, now
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.desk import follow, looked_up, send
from tests.web.forms import form

WORDS = {"title": "全小区停水", "content": "滨江花园从早上开始全部停水，没有通知。", "community_code": "990181001001"}


def of_citizens(pages: Database, count: int = 3, **values: Any) -> list[str]:
    with pages.unit_of_work() as session:
        given = {"status": CaseStatus.DISPATCHED, **WORDS, **values}
        return [make_case(session, number=f"1390000{serial:04}", **given).number for serial in range(count)]


def the_incident(pages: Database) -> Incident:
    found: Incident = looked_up(pages, lambda session: session.scalars(select(Incident)).one())
    return found


def test_a_dispatcher_confirms_what_was_found_and_leads_the_incident(as_role: SignIn, pages: Database) -> None:
    numbers = of_citizens(pages)
    browser = as_role(Role.DISPATCHER)
    found = browser.get("/incidents").text
    assert "可能是同一事件" in found

    page = follow(browser, form(found, "open-incident-by-number"), cases=" ".join(numbers), title="全小区停水")
    assert all(number in page for number in numbers)
    page = follow(browser, form(page, "update"), text="抢修人员已到场")
    assert "抢修人员已到场" in page
    page = follow(browser, form(page, "known"), text="今晚八点恢复供水", until="2099-01-01T20:00")
    assert the_incident(pages).known_text == "今晚八点恢复供水"
    assert send(browser, form(page, "part"), reason=" ").status_code == 422
    page = follow(browser, form(page, "part"), reason="另一栋")
    assert "移出过 1 件" in page
    page = follow(browser, form(page, "end-incident"), reason="已恢复")

    assert the_incident(pages).ended_at <= now()  # type: ignore[operator]
    assert "已恢复" in page
    assert "全小区停水" in browser.get("/incidents?over=true").text


def test_a_further_case_joins_by_its_number(as_role: SignIn, pages: Database) -> None:
    numbers = of_citizens(pages, 2)
    browser = as_role(Role.SHIFT_LEADER)
    page = follow(browser, form(browser.get("/incidents").text, "open-incident-by-number"), cases=" ".join(numbers), title="停水")
    (late,) = of_others(pages)

    page = follow(browser, form(page, "join"), cases=late)

    assert late in page
    assert looked_up(pages, lambda session: session.scalars(select(Case.follows_id).where(Case.number == late)).one())
    assert send(browser, form(page, "join"), cases="990181-20200101-000001").status_code == 422


def of_others(pages: Database) -> list[str]:
    with pages.unit_of_work() as session:
        return [make_case(session, title="我家没有水", content="水龙头没水", number="13900009999").number]


def test_others_do_not_open_the_page(as_role: SignIn, pages: Database) -> None:
    assert as_role(Role.AGENT).get("/incidents").status_code == 403
    assert as_role(Role.LIAISON, unit="CGJ").get("/incidents").status_code == 403


def test_a_supervisor_looks_and_changes_nothing(as_role: SignIn, pages: Database) -> None:
    of_citizens(pages, 2)
    page = as_role(Role.SUPERVISOR).get("/incidents").text
    assert "并为同一事件" not in page


def test_shielded_cases_are_not_suggested(as_role: SignIn, pages: Database) -> None:
    of_citizens(pages, 2, confidential=True, unit_summary="停水")

    assert "没有相近的工单" in as_role(Role.DISPATCHER).get("/incidents").text
