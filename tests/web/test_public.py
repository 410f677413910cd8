"""The mailbox as a citizen meets it: without script, retries, nonsense, files, places of one name; then the progress."""

import re
from typing import Any

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from hotline.db import Database
from hotline.services.files import files
from hotline.settings import Settings
from hotline.web import public
from models import Attachment, Case, CaseStatus, Contact, Mark, MarkKind, Message
from tests.factories_cases import make_case
from tests.pictures import picture
from tests.web.forms import form

TEXT = "楼下的烧烤店每天晚上往下水道倒油，味道很大。"


@pytest.fixture(autouse=True)
def _fresh_pace(forgiven: None) -> None:
    for window in (public.FROM_ADDRESS, public.FROM_NUMBER, public.FILES_FROM_ADDRESS):
        window.clear("testclient")
        window.clear("13800138000")


def letter(client: TestClient, **values: str) -> dict[str, str]:
    """The mailbox form as it stands, filled in."""
    usual = {"kind": "complaint", "text": TEXT, "number": "13800138000", "consent": "yes"}
    return form(client.get("/").text, "letter").filled(**{**usual, **values})


def post(client: TestClient, fields: dict[str, str], **more: Any) -> Any:
    return client.post("/", data=fields, **more)


def slip(answer: Any) -> tuple[str, str]:
    """Number and code as the page shows them."""
    fields = form(answer.text, "track").fields
    return fields["number"], fields["code"]


def contacts(pages: Database) -> list[Contact]:
    with pages.reading() as session:
        return list(session.scalars(select(Contact)))


def test_a_letter_gets_number_and_code_at_once(client: TestClient, pages: Database) -> None:
    answer = post(client, letter(client, name="甲先生", place="望江路12号", confidential="yes"))

    number, code = slip(answer)
    assert answer.status_code == 200
    assert re.fullmatch(r"990181-\d{8}-\d{6}", number)
    assert re.fullmatch(r"\d{8}", code)
    stored = contacts(pages)[0]
    assert (stored.reference, stored.number, stored.sender_name) == (number, "+8613800138000", "甲先生")
    assert (stored.wished_kind, stored.confidential, stored.consent) == ("complaint", True, "consent/1")


def test_the_same_form_sent_again_shows_the_same_page_and_stores_nothing(client: TestClient, pages: Database) -> None:
    fields = letter(client)

    first, second = post(client, fields), post(client, fields)

    assert slip(first) == slip(second)
    assert len(contacts(pages)) == 1
    assert "后来改动的文字没有登记" not in second.text


def test_a_changed_text_under_a_sent_key_is_not_lost_silently(client: TestClient, pages: Database) -> None:
    fields = letter(client)
    post(client, fields)

    answer = post(client, {**fields, "text": "其实是另一家店。"})

    assert "您后来改动的文字没有登记" in answer.text
    assert len(contacts(pages)) == 1


def test_a_key_that_is_not_ours_stores_nothing_and_keeps_what_was_typed(client: TestClient, pages: Database) -> None:
    answer = post(client, {**letter(client), "key": "0" * 32 + ".1.forged"})

    assert answer.status_code == 422
    assert TEXT in answer.text
    assert contacts(pages) == []
    assert slip(post(client, form(answer.text, "letter").filled(consent="yes")))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"kind": ""}, "请选择您想咨询、求助还是投诉"),
        ({"text": "   "}, "请写下发生了什么"),
        ({"text": "？？！！。。。"}, "请用文字说明"),
        ({"text": "很" * 2001}, "现在有 2,001 字"),
        ({"number": ""}, "请留下号码，或选择匿名"),
        ({"number": "12"}, "号码好像不对"),
        ({"consent": ""}, "请阅读并同意"),
    ],
)
def test_what_is_missing_is_said_beside_the_field(
    client: TestClient, pages: Database, values: dict[str, str], sentence: str
) -> None:
    answer = post(client, letter(client, **values))

    assert answer.status_code == 422
    assert answer.text.count(sentence) == 2  # in the summary, and beside the field
    assert 'aria-invalid="true"' in answer.text or "<fieldset" in answer.text
    assert contacts(pages) == []


def test_an_anonymous_letter_needs_no_number(client: TestClient, pages: Database) -> None:
    answer = post(client, letter(client, sender_kind="anonymous", number=""))

    assert answer.status_code == 200
    assert contacts(pages)[0].sender_kind == "anonymous"


def test_a_text_of_a_megabyte_is_told_to_be_too_long(client: TestClient, pages: Database) -> None:
    answer = client.post("/", data=letter(client, text="长" * 350_000), files={"files": ("", b"")})

    assert answer.status_code == 422
    assert "现在有 350,000 字" in answer.text
    assert contacts(pages) == []


def test_script_and_control_characters_are_shown_as_text(client: TestClient, pages: Database) -> None:
    answer = post(client, letter(client, text="<script>alert(1)</script>\0 停水了", kind=""))

    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 停水了" in answer.text


def test_a_place_of_two_meanings_is_asked_and_the_choice_is_kept(client: TestClient, pages: Database) -> None:
    asked = post(client, letter(client, place="阳光花园 6 栋楼下"))

    assert asked.status_code == 422
    assert "“阳光花园”有两处，请选一处" in asked.text
    assert contacts(pages) == []
    chosen = re.findall(r'name="choice" value="(\d+)"', asked.text)
    answer = post(client, form(asked.text, "letter").filled(choice=chosen[1]))
    assert answer.status_code == 200
    assert contacts(pages)[0].grid_code == chosen[1]


@pytest.mark.parametrize("decided", [{"choice": "unsure"}, {"township": "990181001"}])
def test_the_question_is_not_asked_when_something_else_decides(client: TestClient, decided: dict[str, str]) -> None:
    assert post(client, letter(client, place="阳光花园 6 栋", **decided)).status_code == 200


def test_the_question_about_a_place_can_come_while_writing(client: TestClient) -> None:
    assert "请选一处" in client.get("/places", params={"place": "阳光花园"}).text
    assert client.get("/places", params={"place": "望江路12号"}).text.strip() == ""


def test_communities_follow_the_township_with_and_without_script(client: TestClient) -> None:
    fragment = client.get("/communities", params={"township": "990181001"}).text
    without_script = post(client, letter(client, township="990181001", step="communities", text="写了一半"))

    assert "滨江社区" in fragment
    assert "滨江社区" in without_script.text
    assert "写了一半" in without_script.text
    assert without_script.status_code == 200


def test_pictures_are_kept_and_a_repeat_adds_none(client: TestClient, pages: Database, settings: Settings) -> None:
    files.make_folder(settings)
    fields = letter(client)
    chosen = [("files", ("门口.jpg", picture(), "image/jpeg")), ("files", ("井盖.jpg", picture(), "image/jpeg"))]

    post(client, fields, files=chosen)
    post(client, fields, files=chosen)

    with pages.reading() as session:
        assert sorted(session.scalars(select(Attachment.name))) == ["井盖.jpg", "门口.jpg"]


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        ([("破.jpg", b"\xff\xd8\xff\xe0 not a picture")], "破"),
        ([("page.html", b"<html>")], "page"),
        ([(f"{n}.jpg", picture()) for n in range(6)], "最多 5 个附件，现在有 6 个"),
        ([(f"{n}.jpg", picture()) for n in range(40)], "最多 5 个附件，现在有 40 个"),
    ],
)
def test_a_broken_upload_is_told_and_nothing_is_stored(
    client: TestClient, pages: Database, chosen: list[tuple[str, bytes]], sentence: str
) -> None:
    answer = post(client, letter(client), files=[("files", (name, content, "image/jpeg")) for name, content in chosen])

    assert answer.status_code == 422
    assert sentence in answer.text
    assert "个附件没有保存，请重新添加" in answer.text
    assert TEXT in answer.text
    assert contacts(pages) == []


def test_too_many_letters_from_one_number_are_slowed_down(client: TestClient, pages: Database) -> None:
    for _ in range(20):
        assert post(client, letter(client)).status_code == 200

    assert post(client, letter(client)).status_code == 429
    assert len(contacts(pages)) == 20


def test_bad_files_again_and_again_are_slowed_down_and_a_letter_without_any_still_arrives(
    client: TestClient, pages: Database
) -> None:
    fields, chosen = letter(client), {"files": ("page.html", b"<html>")}
    for _ in range(120):
        assert post(client, fields, files=chosen).status_code == 422

    assert post(client, fields, files=chosen).status_code == 429
    assert post(client, fields).status_code == 200


@pytest.fixture
def tracked(client: TestClient, pages: Database) -> str:
    """A letter's progress page, opened with its code; gives the number."""
    number, code = slip(post(client, letter(client)))
    answer = client.post("/track", data={"number": number, "code": f"{code[:4]} {code[4:]}"})
    assert answer.status_code == 303
    return number


def add_case(pages: Database, status: CaseStatus, **values: Any) -> str:
    with pages.unit_of_work() as session:
        contact = session.scalars(select(Contact)).one()
        return make_case(session, status=status, contact=contact, **values).number


def test_the_progress_needs_number_and_code(client: TestClient) -> None:
    number, code = slip(post(client, letter(client)))
    wrong = f"{(int(code) + 1) % 10**8:08d}"

    refused = client.post("/track", data={"number": number, "code": wrong})

    assert refused.status_code == 422
    assert "编号和查询码对不上" in refused.text
    assert client.get(f"/track/{number}").headers["location"] == f"/track?number={number}"


def test_five_wrong_codes_cost_time_and_the_wait_grows(client: TestClient, clock: time_machine.Traveller) -> None:
    number, code = slip(post(client, letter(client)))
    for _ in range(5):
        assert client.post("/track", data={"number": number, "code": "1"}).status_code == 422

    assert client.post("/track", data={"number": number, "code": code}).status_code == 429
    clock.shift(31)
    assert client.post("/track", data={"number": number, "code": "1"}).status_code == 422
    clock.shift(31)
    assert client.post("/track", data={"number": number, "code": code}).status_code == 429
    clock.shift(30)
    assert client.post("/track", data={"number": number, "code": code}).status_code == 303


def test_the_address_of_a_refused_remark_opened_as_a_page_leads_to_the_progress(client: TestClient, tracked: str) -> None:
    answer = client.get(f"/track/{tracked}/remark")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/track/{tracked}")


def test_a_remark_reaches_the_contact_once(client: TestClient, pages: Database, tracked: str) -> None:
    fields = form(client.get(f"/track/{tracked}").text, "remark").filled(text="昨晚又倒了一次。")

    for _ in range(2):
        assert client.post(f"/track/{tracked}/remark", data=fields).status_code == 303

    with pages.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 2
    assert "昨晚又倒了一次" in client.get(f"/track/{tracked}?done=remark").text


def test_an_empty_remark_is_refused_beside_its_field(client: TestClient, tracked: str) -> None:
    fields = form(client.get(f"/track/{tracked}").text, "remark").filled(text=" ")

    answer = client.post(f"/track/{tracked}/remark", data=fields)

    assert answer.status_code == 422
    assert "请写下要补充的内容" in answer.text


def test_a_unit_is_reminded_once_a_day(clock: time_machine.Traveller, client: TestClient, pages: Database, tracked: str) -> None:
    add_case(pages, CaseStatus.IN_PROGRESS)
    fields = form(client.get(f"/track/{tracked}").text, "urge").filled()

    first = client.post(f"/track/{tracked}/urge", data=fields)
    again = client.post(f"/track/{tracked}/urge", data={**fields, "key": "another-key-of-the-form"})

    assert first.status_code == 303
    assert again.status_code == 409
    assert "24 小时内已经催过一次" in again.text
    with pages.reading() as session:
        assert [mark.kind for mark in session.scalars(select(Mark))] == [MarkKind.URGED]


def test_the_pass_ends_after_half_an_hour(clock: time_machine.Traveller, client: TestClient, tracked: str) -> None:
    clock.shift(29 * 60)
    assert client.get(f"/track/{tracked}").status_code == 200

    clock.shift(2 * 60)
    assert client.get(f"/track/{tracked}").status_code == 303


def test_who_leaves_needs_the_code_again(client: TestClient, tracked: str) -> None:
    client.post(f"/track/{tracked}/leave")

    assert client.get(f"/track/{tracked}").status_code == 303


def test_a_pass_for_one_letter_opens_no_other(client: TestClient, tracked: str) -> None:
    other, _ = slip(post(client, letter(client)))

    assert client.get(f"/track/{other}").status_code == 303


def test_the_timeline_is_in_plain_words_without_staff_or_internal_notes(
    client: TestClient, pages: Database, tracked: str
) -> None:
    number = add_case(pages, CaseStatus.ANSWERED)

    page = client.get(f"/track/{tracked}").text

    assert "已签收，开始办理" in page
    assert "垃圾已清运" not in page  # not before the centre has checked it
    assert "工作人员" not in page
    with pages.reading() as session:
        assert session.scalars(select(Case.number)).one() == number


def test_the_checked_answer_and_the_survey_stand_on_the_progress(
    client: TestClient, pages: Database, tracked: str, drain: Any
) -> None:
    add_case(pages, CaseStatus.CLOSED)
    drain()

    page = client.get(f"/track/{tracked}").text

    assert "垃圾已清运，今后每天清运两次。" in page
    assert re.search(r'href="/survey/[\w-]{43}"', page)


def test_a_browser_that_goes_back_may_keep_all_that_was_typed(client: TestClient) -> None:
    # Chromium forgets a field with autocomplete="off" when somebody returns from a refusal.
    assert 'autocomplete="off"' not in client.get("/").text
