"""Forms that are refused: without script the page comes again, saying why, with what was typed."""

from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from models import CaseStatus, Role, Subscriber
from tests.conftest import SignIn
from tests.web.cases import a_case, lead_url
from tests.web.desk import submit
from tests.web.forms import PageForm, form

HTMX = {"HX-Request": "true"}
TYPED = "已电话联系，<b>明早</b>派人"
ESCAPED = "已电话联系，&lt;b&gt;明早&lt;/b&gt;派人"


def send_from(browser: TestClient, url: str, sent: PageForm, **values: str) -> Any:
    """As a browser does that says which page the form was on."""
    return browser.post(sent.action, data=sent.filled(**values), headers={"Referer": f"http://testserver{url}"})


def written_again(page: str) -> str:
    return page.partition("您刚才填写的内容")[2].partition("</details>")[0]


def test_a_refused_check_stands_in_its_form_again(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.ANSWERED)
    verifier, url = as_role(Role.VERIFIER), f"/verify/to_check/{number}"
    sent = form(verifier.get(url).text, "verdict")

    answer = send_from(verifier, url, sent, verdict="sent_back", remark=" ")

    assert answer.status_code == 422
    assert "data-refused" in answer.text
    assert "意见：请填写理由。" in answer.text
    assert form(answer.text, "verdict").action == sent.action


def test_a_choice_and_a_text_are_kept(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.TO_DISPATCH)
    dispatcher, url = as_role(Role.DISPATCHER), f"/verify/to_dispatch/{number}"
    sent = form(dispatcher.get(url).text, "dispatch")

    answer = send_from(dispatcher, url, sent, unit="", assists="ZJJ", note=TYPED)

    assert answer.status_code == 422
    again = form(answer.text, "dispatch")
    assert (again.fields["note"], again.fields["assists"]) == (TYPED, "ZJJ")


def test_refused_a_second_time_what_was_typed_is_still_there(as_role: SignIn, pages: Database) -> None:
    """The browser names the address of the form then, which is no page."""
    number = a_case(pages, CaseStatus.TO_DISPATCH)
    dispatcher, url = as_role(Role.DISPATCHER), f"/verify/to_dispatch/{number}"
    sent = form(dispatcher.get(url).text, "dispatch")
    again = form(send_from(dispatcher, url, sent, unit="", note=TYPED).text, "dispatch")

    answer = send_from(dispatcher, sent.action, again, unit="", note=again.fields["note"])

    assert answer.status_code == 422
    assert ESCAPED in written_again(answer.text)


def test_with_script_the_page_stays_and_a_toast_says_why(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.ANSWERED)
    verifier = as_role(Role.VERIFIER)
    page = verifier.get(f"/verify/to_check/{number}").text
    sent = form(page, "verdict")

    answer = verifier.post(sent.action, data=sent.filled(verdict="sent_back"), headers=HTMX)

    assert f'hx-post="{sent.action}"' in page
    assert (answer.status_code, answer.headers["HX-Reswap"]) == (422, "none")
    assert 'data-field="remark"' in answer.text


@pytest.mark.parametrize(
    ("status", "tab", "name", "values"),
    [
        (CaseStatus.TO_DISPATCH, "to_dispatch", "dispatch", {"unit": "CGJ", "note": TYPED}),
        (CaseStatus.ANSWERED, "to_check", "verdict", {"verdict": "sent_back", "remark": TYPED}),
    ],
)
def test_the_second_of_two_at_the_centre_keeps_what_was_typed(
    as_role: SignIn, pages: Database, status: CaseStatus, tab: str, name: str, values: dict[str, str]
) -> None:
    number = a_case(pages, status)
    quick, slow = as_role(Role.DISPATCHER, Role.VERIFIER), as_role(Role.DISPATCHER, Role.VERIFIER)
    url = f"/verify/{tab}/{number}"
    seen = form(slow.get(url).text, name)
    assert submit(quick, url, name, **values).status_code == 303

    answer = send_from(slow, url, seen, **values)

    assert answer.status_code == 409
    assert ESCAPED in written_again(answer.text)
    assert "<b>明早" not in answer.text


@pytest.mark.parametrize(
    ("name", "field", "values"),
    [
        ("answer", "public_text", {"closure": "solved"}),
        ("ask-return", "basis", {"reason": "not_my_duty", "proposed_unit": "ZJJ"}),
    ],
)
def test_the_second_of_two_at_a_unit_keeps_what_was_typed(
    as_role: SignIn, pages: Database, name: str, field: str, values: dict[str, str]
) -> None:
    url = lead_url(pages, a_case(pages, CaseStatus.IN_PROGRESS))
    quick, slow = as_role(Role.LIAISON, unit="CGJ"), as_role(Role.LIAISON, unit="CGJ")
    seen = form(slow.get(url).text, name)
    assert submit(quick, url, name, **values, **{field: "同事先写的"}).status_code == 303

    answer = send_from(slow, url, seen, **values, **{field: TYPED})

    assert answer.status_code == 409
    assert ESCAPED in written_again(answer.text)


def test_what_was_typed_is_shown_where_the_page_is_not_known(as_role: SignIn, pages: Database) -> None:
    number = a_case(pages, CaseStatus.ANSWERED)
    verifier = as_role(Role.VERIFIER)
    sent = form(verifier.get(f"/verify/to_check/{number}").text, "verdict")
    stale = sent.filled(verdict="sent_back", remark=TYPED, seen="0")

    answers = [
        verifier.post(sent.action, data=stale, headers=headers)
        for headers in (
            {},
            {"Referer": "http://testserver/desk/stream?topics=queue"},
            {"Referer": "http://testserver/case/990181-20260101-999999"},
            {"Referer": "http://elsewhere.example/verify"},
        )
    ]

    assert {answer.status_code for answer in answers} == {409}
    assert all(ESCAPED in written_again(answer.text) and "回到首页" in answer.text for answer in answers)


def test_a_person_to_be_told_who_is_refused_stands_in_the_form_again(as_role: SignIn, pages: Database) -> None:
    supervisor = as_role(Role.SUPERVISOR)
    sent = form(supervisor.get("/wall/alerts").text, "subscriber-add")

    answer = send_from(supervisor, "/wall/alerts", sent, name="沈主任", way="email", address="没有邮箱", wants="stuck")

    assert answer.status_code == 422
    again = form(answer.text, "subscriber-add").fields
    assert (again["name"], again["way"], again["address"], again["wants"]) == ("沈主任", "email", "没有邮箱", "stuck")
    with pages.reading() as session:
        assert session.scalars(select(Subscriber)).first() is None
