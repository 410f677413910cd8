"""The unit's desk: what a liaison sees, signs, answers and asks to return, and what is kept from him."""

import io
import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select

from hotline.db import Database
from hotline.services import cases
from hotline.services.files import files
from hotline.settings import Settings
from models import AccessLog, Action, Answer, Assignment, Attachment, Case, CaseStatus, Request, RequestType, Role, now
from tests.conftest import SignIn
from tests.factories_cases import an_actor, dispatch, fresh_key, send_back
from tests.web.cases import a_case, lead_url, state
from tests.web.desk import submit
from tests.web.forms import form, forms


def test_a_unit_sees_its_own_work_and_nobody_elses(liaison: TestClient, pages: Database) -> None:
    mine, others = a_case(pages), a_case(pages, unit="SCJ", title="电梯困人")

    page = liaison.get("/unit").text

    assert mine in page
    assert others not in page
    assert liaison.get(lead_url(pages, others)).status_code == 404


def test_a_liaison_signs_and_answers(liaison: TestClient, pages: Database) -> None:
    number = a_case(pages)
    url = lead_url(pages, number)

    assert submit(liaison, url, "sign").status_code == 303
    answered = submit(liaison, url, "answer", public_text="已清运。", internal_note="第三方清运")

    assert answered.status_code == 303
    assert state(pages, number) == CaseStatus.ANSWERED
    with pages.reading() as session:
        answer = session.scalars(select(Answer)).one()
        assert (answer.public_text, answer.internal_note) == ("已清运。", "第三方清运")


def test_a_unit_sees_that_a_closed_case_is_done_again_and_why(liaison: TestClient, pages: Database) -> None:
    number = a_case(pages, CaseStatus.CLOSED)
    with pages.unit_of_work() as session:
        case = session.scalars(select(Case).where(Case.number == number)).one()
        former = case.public_answer
        centre = an_actor(session, Role.VERIFIER, Role.DISPATCHER)
        cases.advance(session, case, Action.REOPEN, by=centre, key=fresh_key(), note="市民说又堆起来了")
        url = f"/unit/{dispatch(session, case).id}"

    listed, opened = liaison.get("/unit").text, liaison.get(url).text

    assert "二次办理" in listed
    assert "第 1 次：</b>市民说又堆起来了" in opened
    assert former
    assert former in opened


def test_a_button_that_would_be_refused_is_not_drawn(liaison: TestClient, pages: Database) -> None:
    signed_not_yet = liaison.get(lead_url(pages, a_case(pages))).text
    answered = liaison.get(lead_url(pages, a_case(pages, CaseStatus.ANSWERED))).text

    assert "answer" not in [each.name for each in forms(signed_not_yet)]
    assert {"sign", "answer", "ask-return"} & {each.name for each in forms(answered)} == set()


def test_the_second_click_on_sign_changes_nothing(liaison: TestClient, pages: Database) -> None:
    number = a_case(pages)
    found = form(liaison.get(lead_url(pages, number)).text, "sign")

    answers = [liaison.post(found.action, data=found.filled()) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [303, 303]


def test_who_is_slower_is_told(liaison: TestClient, as_role: SignIn, pages: Database) -> None:
    colleague = as_role(Role.LIAISON, unit="CGJ")
    url = lead_url(pages, a_case(pages))
    mine, theirs = form(liaison.get(url).text, "sign"), form(colleague.get(url).text, "sign")
    liaison.post(mine.action, data=mine.filled())

    answer = colleague.post(theirs.action, data=theirs.filled())

    assert answer.status_code == 409
    assert "有同事先一步处理了" in answer.text


def test_photographs_come_with_the_answer_and_are_a_download(liaison: TestClient, pages: Database, settings: Settings) -> None:
    files.make_folder(settings)
    number = a_case(pages, CaseStatus.IN_PROGRESS)
    written = io.BytesIO()
    Image.new("RGB", (20, 20)).save(written, "PNG")
    found = form(liaison.get(lead_url(pages, number)).text, "answer")

    liaison.post(
        found.action, data=found.filled(public_text="已清运。"), files=[("after", ("门口.png", written.getvalue(), "image/png"))]
    )

    with pages.reading() as session:
        attachment = session.scalars(select(Attachment)).one()
        assert attachment.name == "处理后 门口.png"
    download = liaison.get(f"/case/{number}/files/{attachment.id}")
    assert download.headers["content-disposition"].startswith("attachment;")
    assert download.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in download.headers["content-security-policy"]


def test_a_return_needs_a_basis_and_is_shown_as_being_decided(liaison: TestClient, pages: Database) -> None:
    number = a_case(pages)
    url = lead_url(pages, number)

    refused = submit(liaison, url, "ask-return", reason="not_my_duty", basis="", proposed_unit="ZJJ")
    asked = submit(liaison, url, "ask-return", reason="not_my_duty", basis="职责清单第三条", proposed_unit="ZJJ")

    assert (refused.status_code, asked.status_code) == (422, 303)
    with pages.reading() as session:
        assert session.scalars(select(Request.basis)).one() == "职责清单第三条"
    assert "退单待裁定" in liaison.get(url).text
    assert number in liaison.get("/unit?tab=returning").text


def test_a_case_that_was_given_back_is_no_longer_found_by_its_number(
    as_role: SignIn, liaison: TestClient, pages: Database
) -> None:
    number = a_case(pages)
    url = lead_url(pages, number)
    submit(liaison, url, "ask-return", reason="not_my_duty", basis="职责清单第三条", proposed_unit="ZJJ")
    assert url in liaison.get(f"/unit?q={number}").text

    submit(as_role(Role.DISPATCHER), f"/verify/returns/{number}", "decide-return", grant="true", unit="ZJJ")

    assert url not in liaison.get(f"/unit?q={number}").text
    assert liaison.get(url).status_code == 404


def test_the_first_word_with_the_citizen_is_noted(liaison: TestClient, pages: Database) -> None:
    url = lead_url(pages, a_case(pages))

    submit(liaison, url, "contacted", text="已电话约定明早上门")

    assert "已电话约定明早上门" in liaison.get(url).text
    with pages.reading() as session:
        assert session.scalars(select(Assignment.contacted_at).where(Assignment.lead)).one() is not None


def test_what_the_centre_sent_back_says_why(liaison: TestClient, pages: Database) -> None:
    number = a_case(pages, CaseStatus.ANSWERED)
    with pages.unit_of_work() as session:
        send_back(session, session.scalars(select(Case)).one(), remark="没有说明是否清运")

    assert "没有说明是否清运" in liaison.get(lead_url(pages, number)).text


def test_numbers_are_masked_until_revealed_with_a_reason(liaison: TestClient, pages: Database) -> None:
    url = lead_url(pages, a_case(pages))

    before = liaison.get(url).text
    refused = submit(liaison, url, "reveal", reason="")
    revealed = submit(liaison, url, "reveal", reason="约定上门时间")

    assert "138****0172" in before
    assert "13800000172" not in before
    assert refused.status_code == 422
    assert "13800000172" in revealed.text
    with pages.reading() as session:
        looks = session.scalars(select(AccessLog).where(AccessLog.what == "number")).all()
        assert [look.reason for look in looks] == ["约定上门时间"]


@pytest.mark.parametrize("closed", [{"confidential": True}, {"request_type": RequestType.REPORT}])
def test_a_closed_case_shows_the_summary_only(liaison: TestClient, pages: Database, closed: dict[str, Any]) -> None:
    number = a_case(pages, unit_summary="市民反映某小区垃圾清运不及时", **closed)
    url = lead_url(pages, number)

    everything = liaison.get("/unit").text + liaison.get(url).text + liaison.get(f"/case/{number}").text

    assert "市民反映某小区垃圾清运不及时" in everything
    for secret in ("小区门口的垃圾三天没人清运", "垃圾没人清", "滨江路12号", "王*", "138****0172"):
        assert secret not in everything
    csrf = form(liaison.get(url).text, "sign").fields["csrf"]
    assert liaison.post(f"{url}/reveal", data={"csrf": csrf, "reason": "想知道"}).status_code == 403


def test_a_search_does_not_give_a_closed_title_away(liaison: TestClient, pages: Database) -> None:
    number = a_case(pages, unit_summary="市民反映清运不及时", confidential=True)
    open_one = a_case(pages)

    found = liaison.get("/unit", params={"q": "垃圾没人清"}).text

    assert open_one in found
    assert number not in found
    assert number in liaison.get("/unit", params={"q": number}).text


def test_a_number_is_found_whatever_tab_is_open(liaison: TestClient, pages: Database) -> None:
    number, other = a_case(pages), a_case(pages)

    found = liaison.get("/unit", params={"q": number, "tab": "answered"}).text

    assert number in found
    assert other not in found


def test_the_list_refreshes_by_itself_and_keeps_what_is_open(liaison: TestClient, pages: Database) -> None:
    number = a_case(pages)
    opened = lead_url(pages, number).rpartition("/")[2]

    fragment = liaison.get("/unit/list", params={"tab": "to_sign", "open": opened}).text

    assert number in fragment
    assert 'class="on"' in fragment
    assert "<html" not in fragment


@pytest.mark.parametrize("tab", ["in_hand", "to_sign", "at_work", "today", "week", "overdue", "returning", "answered"])
def test_every_tab_answers_with_nothing_in_it(liaison: TestClient, tab: str) -> None:
    assert "这里没有工单" in liaison.get("/unit", params={"tab": tab}).text


def test_what_is_due_is_counted_by_the_citys_day_and_working_week(
    clock: time_machine.Traveller, liaison: TestClient, pages: Database
) -> None:
    """Monday, 10:00: by midnight, by the end of Sunday, after it, and past."""
    numbers = {left: a_case(pages, CaseStatus.IN_PROGRESS) for left in (13, 15, 7 * 24 - 11, 7 * 24 - 9, -1)}
    with pages.unit_of_work() as session:
        for left, number in numbers.items():
            held = session.scalars(select(Assignment).join(Case, Case.id == Assignment.case_id).where(Case.number == number))
            held.one().due_at = now() + timedelta(hours=left)

    shown = {tab: liaison.get("/unit", params={"tab": tab}).text for tab in ("today", "week", "overdue")}

    found = {tab: {left for left, number in numbers.items() if number in page} for tab, page in shown.items()}
    assert found == {"today": {13}, "week": {13, 15, 7 * 24 - 11}, "overdue": {-1}}
    for tab, name, count in (("today", "今日到期", 1), ("week", "本周到期", 3), ("overdue", "已超期", 1)):
        assert re.search(rf"<b>{count}</b> {name}", shown[tab])


def test_the_desk_asks_for_a_sign_in_and_for_the_role(client: TestClient, as_role: SignIn) -> None:
    assert client.get("/unit").headers["location"] == "/login?next=/unit"
    assert as_role(Role.AGENT).get("/unit").status_code == 403
