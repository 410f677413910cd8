"""The administrators' page of what citizens are told by itself, and the list of what did not reach them."""

from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.messages import texts
from models import AccessLog, Delivery, OutgoingMessage, Role, Rule, now
from tests.conftest import SignIn
from tests.web.forms import form
from tests.web.statements import at_most_twenty

PAGE = "/admin/texts"
OWN = "【12345】{number} 好了：{answer}"


def change(admin: TestClient, name: str, **values: str) -> tuple[int, str]:
    found = form(admin.get(PAGE).text, name)
    answer = admin.post(found.action, data=found.filled(**values))
    return answer.status_code, answer.text


def test_only_administrators_change_texts(admin: TestClient, as_role: SignIn) -> None:
    leader = as_role(Role.SHIFT_LEADER)

    assert leader.get(PAGE).status_code == 403
    assert leader.post(f"{PAGE}/answered", data={"sms": OWN}).status_code == 403
    assert admin.post(f"{PAGE}/answered", data={"sms": OWN}).status_code == 403  # without the session's token


def test_a_changed_text_is_a_new_edition_in_force_at_once(admin: TestClient, pages: Database) -> None:
    with at_most_twenty(pages, "a new edition of texts"):
        assert change(admin, "texts-answered", sms=OWN)[0] == 303

    with pages.reading() as session:
        assert texts.render(session, "answered", "sms", {"number": "7", "answer": "修好"}) == "【12345】7 好了：修好"
        assert session.scalars(select(Rule.edition).where(Rule.kind == "texts", Rule.current)).all() == [2]
        assert session.scalars(select(AccessLog.what).where(AccessLog.subject_kind == "rule")).all() == ["changed"]


@pytest.mark.parametrize(
    ("name", "sms", "said"),
    [
        ("texts-answered", "{number}{anser}{answer}", "没有变量 {anser}"),
        ("texts-answered", "已答复 {number}", "必须有 {answer}"),
        ("texts-filed", "编号{number", "花括号"),
        ("texts-filed", "{number}" + "很长" * 200, "太长"),
        ("texts-progress", "{number}{link}", "没有变量 {number}"),
        ("texts-progress", "", "不能空着"),
        ("texts-received", "编号{number}，{answer}", "没有变量 {answer}"),
        ("texts-out_of_hours", "编号{number}，下班了", "必须有 {opens}"),
        ("texts-ask_place", "", "不能空着"),
    ],
)
def test_a_text_that_could_not_be_sent_is_refused_and_shown_again(admin: TestClient, name: str, sms: str, said: str) -> None:
    status, page = change(admin, name, sms=sms)

    assert (status, said in page) == (422, True)
    assert form(page, name).fields["sms"] == sms


def test_a_text_is_shown_as_it_would_arrive_with_its_segments(admin: TestClient) -> None:
    fields = form(admin.get(PAGE).text, "texts-answered").filled(sms="编号{number}：{answer}" + "谢" * 40)

    shown = admin.post(f"{PAGE}/answered/preview/sms", data=fields).text
    wrong = admin.post(f"{PAGE}/answered/preview/sms", data=fields | {"sms": "{nummer}"}).text

    assert "路灯已于今日修复" in shown
    assert "2 条短信" in shown
    assert "没有变量" in wrong
    assert admin.post(f"{PAGE}/answered/preview/fax", data=fields).status_code == 404


def test_the_limits_are_changed_and_checked(admin: TestClient, pages: Database) -> None:
    assert change(admin, "texting-rule", daily_cap="3")[0] == 303
    status, page = change(admin, "texting-rule", most_segments="99")

    assert status == 422
    assert "短信条数不在允许的范围内" in page
    with pages.reading() as session:
        rules = session.scalars(select(Rule).where(Rule.kind == "texting", Rule.current)).all()
        assert [rule.body["daily_cap"] for rule in rules] == [3]


def outgoing(pages: Database, **values: object) -> OutgoingMessage:
    usual = {"channel": "sms", "recipient": "+8613911112222", "text": "您的诉求有结果了", "purpose": "answered"}
    with pages.unit_of_work() as session:
        row = OutgoingMessage(
            **{**usual, "created_at": now() - timedelta(hours=1), "ready_at": now() - timedelta(hours=1), **values}
        )
        session.add(row)
        session.flush()
    return row


def test_staff_see_what_needs_them_and_what_was_tried_instead(admin: TestClient, pages: Database) -> None:
    lost = outgoing(pages, channel="wechat", delivery=Delivery.REFUSED, last_error="45015")
    outgoing(pages, delivery=Delivery.DELIVERED, instead_of_id=lost.id)
    outgoing(pages, delivery=Delivery.UNKNOWN, last_error="timeout")
    outgoing(pages, delivery=Delivery.WAITING, ready_at=now() + timedelta(hours=8))

    todo = admin.get("/admin/messages").text
    refused = admin.get("/admin/messages", params={"channel": "wechat", "state": "refused"}).text
    waits = admin.get("/admin/messages", params={"state": "waiting"}).text

    assert "timeout" in todo
    assert "45015" not in todo
    assert "对方超过48小时没有说话（45015）" in refused
    assert "已改发短信（已送达）" in refused
    assert 'data-form="outgoing-retry"' not in refused
    assert waits.count('data-form="outgoing-give-up"') == 1
    assert "您的诉求有结果了" not in todo + refused + waits
    assert admin.get("/admin/messages", params={"channel": "x", "state": "y"}).status_code == 200


def test_what_was_sent_another_way_is_not_sent_again(admin: TestClient, pages: Database) -> None:
    lost = outgoing(pages, channel="wechat", delivery=Delivery.REFUSED)
    fields = form(admin.get("/admin/messages").text, "outgoing-retry").filled()
    outgoing(pages, instead_of_id=lost.id)

    assert admin.post(f"/admin/messages/{lost.id}/retry", data=fields).status_code == 409
