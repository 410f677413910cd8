"""Monthly reports and open figures, from the draft to what everybody may read."""

import zipfile
from datetime import UTC, datetime
from io import BytesIO

import pytest
import time_machine
from fastapi.testclient import TestClient

from hotline.db import Database
from models import CaseStatus, Role
from tests.conftest import Drain, SignIn
from tests.factories_cases import make_case
from tests.web.forms import form, forms

DECEMBER_2 = datetime(2026, 12, 2, 2, tzinfo=UTC)


@pytest.fixture
def november(pages: Database, drain: Drain, clock: time_machine.Traveller) -> None:
    """Six cases, five of them closed, in a month that is over."""
    with pages.unit_of_work() as session:
        for _ in range(5):
            make_case(session, status=CaseStatus.CLOSED)
        make_case(session)
    drain()
    clock.move_to(DECEMBER_2)


def test_a_report_goes_from_draft_to_open_figures(november: None, as_role: SignIn, client: TestClient, drain: Drain) -> None:
    supervisor, liaison = as_role(Role.SUPERVISOR), as_role(Role.LIAISON, unit="CGJ")
    draft = supervisor.get("/reports/monthly/2026-11").text
    hidden_before = [client.get("/open/2026-11.json").status_code, liaison.get("/reports/monthly/2026-11?unit=CGJ").status_code]

    sign = form(draft, "monthly-sign")
    answer = supervisor.post(sign.action, data=sign.filled(remark="垃圾清运要再快一些。"))
    drain()
    signed = supervisor.get("/reports/monthly/2026-11").text
    opened = client.get("/open").text

    assert "受理诉求 6 件。" in draft
    assert hidden_before == [404, 403]
    assert answer.status_code == 303
    assert "垃圾清运要再快一些。" in signed
    assert [each for each in forms(signed) if each.name == "monthly-sign"] == []
    assert "2026 年 11 月" in opened
    assert "垃圾清运要再快一些。" not in opened
    assert "城市管理综合行政执法局" in liaison.get("/reports/monthly/2026-11?unit=CGJ").text
    assert "/reports/monthly/2026-11?unit=CGJ" in liaison.get("/reports/monthly").text
    assert [liaison.get(f"/reports/monthly/2026-11{unit}").status_code for unit in ("", "?unit=T001")] == [403, 403]
    body = client.get("/open/2026-11.json").json()
    assert (body["received"], body["closed"], body["shares"]["resolution"]) == (6, 5, None)
    sheets = [liaison.get(f"/reports/monthly/2026-11.xlsx{unit}") for unit in ("?unit=CGJ", "", "?unit=T001")]
    assert [answer.status_code for answer in sheets] == [200, 403, 403]
    assert zipfile.is_zipfile(BytesIO(sheets[0].content))
    assert "/reports/monthly/2026-11.xlsx?unit=CGJ" in liaison.get("/reports/monthly/2026-11?unit=CGJ").text
    lines = client.get("/open/2026-11.csv").text.splitlines()
    assert lines[1] == "2026-11,total,,received,6"


def test_a_report_signed_twice_is_refused(november: None, as_role: SignIn) -> None:
    one, other = as_role(Role.SUPERVISOR), as_role(Role.SUPERVISOR)
    mine, theirs = (form(each.get("/reports/monthly/2026-11").text, "monthly-sign") for each in (one, other))

    answers = [one.post(mine.action, data=mine.filled()), other.post(theirs.action, data=theirs.filled())]

    assert [answer.status_code for answer in answers] == [303, 409]


def test_a_month_that_is_not_over_is_shown_and_not_signed(as_role: SignIn, clock: time_machine.Traveller) -> None:
    page = as_role(Role.SUPERVISOR).get("/reports/monthly/2026-11").text

    assert "本月还没有结束" in page
    assert "monthly-sign" not in page


def test_months_before_anything_came_are_not_waited_for(november: None, as_role: SignIn) -> None:
    page = as_role(Role.SUPERVISOR).get("/reports/monthly").text

    assert "2026 年 12 月" in page
    assert page.count("待签发") == 1
    assert "2026 年 10 月" not in page


def test_before_the_first_report_there_are_no_open_figures(client: TestClient) -> None:
    assert "还没有公布的月份" in client.get("/open").text


@pytest.mark.parametrize("path", ["/open/2026-11.csv", "/open/2026-11.pdf", "/open/next.json", "/open?month=2026-11"])
def test_what_is_not_opened_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/reports/monthly/2026-13", "/reports/monthly/2026-11?unit=nowhere"])
def test_there_is_no_report_of_what_there_is_not(as_role: SignIn, path: str) -> None:
    assert as_role(Role.SUPERVISOR).get(path).status_code == 404


def test_agents_do_not_see_reports(as_role: SignIn) -> None:
    agent = as_role(Role.AGENT)

    assert [agent.get(path).status_code for path in ("/reports/monthly", "/reports/monthly/2026-10")] == [403, 403]
