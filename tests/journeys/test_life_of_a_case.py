"""A letter from arrival to score, every step through a public door, read as a browser without script reads it."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from hotline.cli import export
from hotline.cli.drill.pages import Page
from hotline.db import Database
from models import Role
from tests.conftest import SignIn

TEXT = "银杏路15号门口的路灯坏了一个星期，晚上看不清台阶。"
ANSWER = "灯具已更换，现照明正常。"


def get(browser: TestClient, url: str) -> Page:
    answer = browser.get(url, follow_redirects=True)
    assert answer.status_code == 200, (url, answer.status_code)
    return Page(answer.status_code, str(answer.url), answer.text)


def send(browser: TestClient, page: Page, name: str, /, **typed: str) -> Page:
    form = page.form(name)
    answer = browser.post(form.action, data=form.filled(typed), follow_redirects=True)
    assert answer.status_code == 200, (name, answer.status_code, Page(answer.status_code, "", answer.text).described())
    return Page(answer.status_code, str(answer.url), answer.text)


@pytest.fixture
def citizen(client: TestClient) -> TestClient:
    return client


def write(citizen: TestClient, **typed: str) -> tuple[str, str]:
    """Returns what the citizen is given: number and code."""
    letter = {"kind": "help", "text": TEXT, "name": "赵女士", "number": "13809001234", "consent": "yes", **typed}
    slip = send(citizen, get(citizen, "/"), "letter", **letter).form("track")
    return slip.first("number"), slip.first("code")


def take_and_file(agent: TestClient, *, unit: str = "ZJJ", **typed: str) -> None:
    desk = get(agent, "/desk")
    available = next(form for form in desk.forms("presence") if form.first("state") == "available")
    agent.post(available.action, data=available.filled({}))
    opened = send(agent, get(agent, "/desk"), "take-next")
    filled = {"request_type": "help", "category": "0203", "unit": unit, "place_text": "银杏路15号", "title": "路灯不亮", **typed}
    send(agent, opened, "file", **filled)


def open_at_unit(liaison: TestClient, number: str) -> Page:
    link = get(liaison, f"/unit?q={number}").link(r"/unit/[0-9a-f-]{36}[^\"]*")
    assert link is not None
    return get(liaison, link)


def answer(liaison: TestClient, number: str) -> None:
    send(liaison, open_at_unit(liaison, number), "sign")
    send(liaison, open_at_unit(liaison, number), "answer", public_text=ANSWER, closure="solved", internal_note="已换镇流器")


def track(citizen: TestClient, number: str, code: str) -> Page:
    return send(citizen, get(citizen, "/track"), "track", number=number, code=code)


def case_row(pages: Database, number: str) -> dict[str, object]:
    with pages.reading() as session:
        return next(row for row in export.cases(session) if row["number"] == number)


def test_a_letter_becomes_a_case_an_answer_and_a_score(
    citizen: TestClient, as_role: SignIn, drain: Callable[[], int], pages: Database
) -> None:
    number, code = write(citizen)
    drain()
    take_and_file(as_role(Role.AGENT))
    drain()
    answer(as_role(Role.LIAISON, unit="ZJJ"), number)
    verifier = as_role(Role.VERIFIER)
    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="passed")
    drain()

    progress = track(citizen, number, code)
    link = progress.link(r"/survey/[\w-]+")
    assert ANSWER in progress.html
    assert link is not None
    send(citizen, get(citizen, link), "survey", solved="yes", result="very_satisfied", unit="satisfied")
    drain()

    assert case_row(pages, number)["status"] == "closed"
    with pages.reading() as session:
        (survey,) = export.surveys(session)
    assert (survey["case"], survey["solved"], survey["scores"]["satisfaction"]) == (number, True, 1.0)


def test_the_unit_note_stays_inside(citizen: TestClient, as_role: SignIn, drain: Callable[[], int]) -> None:
    number, code = write(citizen)
    take_and_file(as_role(Role.AGENT))
    answer(as_role(Role.LIAISON, unit="ZJJ"), number)
    drain()

    assert "已换镇流器" not in track(citizen, number, code).html


def test_a_returned_case_goes_to_the_unit_that_was_proposed(citizen: TestClient, as_role: SignIn, pages: Database) -> None:
    number, _ = write(citizen)
    take_and_file(as_role(Role.AGENT), unit="CGJ")
    wrong, right, dispatcher = as_role(Role.LIAISON, unit="CGJ"), as_role(Role.LIAISON, unit="ZJJ"), as_role(Role.DISPATCHER)

    asked = {"reason": "not_my_duty", "basis": "路灯由住建局管理", "proposed_unit": "ZJJ"}
    send(wrong, open_at_unit(wrong, number), "ask-return", **asked)
    send(dispatcher, get(dispatcher, f"/verify/returns/{number}"), "decide-return", grant="true", unit="ZJJ", note="同意")
    answer(right, number)

    row = case_row(pages, number)
    assert (row["status"], row["unit"], row["dispatched"]) == ("answered", "ZJJ", 2)


def test_an_answer_that_is_sent_back_is_given_again(citizen: TestClient, as_role: SignIn, pages: Database) -> None:
    number, _ = write(citizen)
    take_and_file(as_role(Role.AGENT))
    liaison, verifier = as_role(Role.LIAISON, unit="ZJJ"), as_role(Role.VERIFIER)
    answer(liaison, number)

    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="sent_back", remark="何时修好？")
    send(liaison, open_at_unit(liaison, number), "answer", public_text=ANSWER, closure="solved")
    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="passed")

    row = case_row(pages, number)
    assert (row["status"], row["answers"], row["checks"]) == ("closed", 2, ["sent_back", "passed"])


def test_a_dissatisfied_citizen_is_heard_by_the_centre(
    citizen: TestClient, as_role: SignIn, drain: Callable[[], int], pages: Database
) -> None:
    number, code = write(citizen)
    take_and_file(as_role(Role.AGENT))
    verifier = as_role(Role.VERIFIER)
    answer(as_role(Role.LIAISON, unit="ZJJ"), number)
    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="passed")
    drain()
    link = track(citizen, number, code).link(r"/survey/[\w-]+")
    assert link is not None

    send(citizen, get(citizen, link), "survey", solved="no", result="dissatisfied", unit="dissatisfied", remark="又灭了")
    drain()
    send(verifier, get(verifier, f"/verify/reopening/{number}"), "decide-reopening", grant="true", note="再次派修")

    assert case_row(pages, number)["status"] == "reopened"


def test_a_remark_of_the_citizen_reaches_the_unit(citizen: TestClient, as_role: SignIn) -> None:
    number, code = write(citizen)
    take_and_file(as_role(Role.AGENT))

    send(citizen, track(citizen, number, code), "remark", text="隔壁那盏也不亮了")

    assert "隔壁那盏也不亮了" in open_at_unit(as_role(Role.LIAISON, unit="ZJJ"), number).html


def test_the_same_letter_sent_twice_is_one_contact(citizen: TestClient, pages: Database) -> None:
    form = get(citizen, "/").form("letter")
    filled = form.filled({"kind": "help", "text": TEXT, "number": "13809001234", "consent": "yes"})

    first, second = (citizen.post("/", data=filled).text for _ in range(2))

    assert re.findall(r"data-reference>([^<]+)", first) == re.findall(r"data-reference>([^<]+)", second)
    with pages.reading() as session:
        assert len(list(export.contacts(session))) == 1
