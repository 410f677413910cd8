"""The administrators' page of conversations: hours, limits, what is asked by itself, and sentences at hand."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services import editions
from hotline.services.conversations import canned, conversation_editions, conversation_rule
from hotline.services.conversations.conversation_rule import ConversationRule
from models import AccessLog, Role, Rule
from tests.conftest import SignIn
from tests.factories_contacts import make_contact
from tests.web.forms import form
from tests.web.statements import at_most_twenty

PAGE = "/admin/conversations"


def rule(pages: Database) -> ConversationRule:
    with pages.reading() as session:
        return conversation_rule.current(session)


def codes(pages: Database) -> list[str]:
    return [each.code for each in rule(pages).canned]


def as_it_stands(pages: Database) -> dict[str, Any]:
    with pages.reading() as session:
        body = editions.current(session, conversation_rule.KIND).body
    return conversation_editions.form_of(body).model_dump()


def save(admin: TestClient, pages: Database, **values: Any) -> Any:
    """The form as it stands, but for these."""
    csrf = form(admin.get(PAGE).text, "conversation-rule").fields["csrf"]
    return admin.post(PAGE, data={**as_it_stands(pages), **values, "csrf": csrf})


def with_row(pages: Database, *row: str) -> dict[str, list[str]]:
    """One more sentence: its place, code, title and text."""
    kept = as_it_stands(pages)
    columns = ("canned_place", "canned_code", "canned_title", "canned_text")
    return {column: [*kept[column], typed] for column, typed in zip(columns, row, strict=True)}


def problems(page: str) -> dict[str, str]:
    return dict(re.findall(r'data-problem="([\w-]+)">([^<]*)<', page))


def test_only_administrators_change_conversations(admin: TestClient, as_role: SignIn, pages: Database) -> None:
    leader = as_role(Role.SHIFT_LEADER)

    assert leader.get(PAGE).status_code == 403
    assert leader.post(PAGE, data=as_it_stands(pages)).status_code == 403
    assert admin.post(PAGE, data=as_it_stands(pages)).status_code == 403  # without the session's token


def test_what_is_saved_is_a_new_edition_with_who_and_when_and_the_same_again_is_none(admin: TestClient, pages: Database) -> None:
    wanted = {
        "hours_from": ["08:30", ""],
        "hours_to": ["18:00", ""],
        "hours_days": ["0:1", "0:5"],
        "asks": ["place", "who"],
        "quiet_hours": "48",
        "code_minutes": "5",
    }
    with at_most_twenty(pages, "a new edition of conversations"):
        assert save(admin, pages, **wanted).status_code == 303
    assert save(admin, pages, **wanted).status_code == 303

    now = rule(pages)
    assert [(each.days, f"{each.from_:%H:%M}", f"{each.to:%H:%M}") for each in now.hours] == [([1, 5], "08:30", "18:00")]
    assert (now.asks, now.quiet_hours, now.code_minutes, now.tries) == (["place", "who"], 48, 5, 2)
    with pages.reading() as session:
        kept = session.scalars(select(Rule).where(Rule.kind == conversation_rule.KIND).order_by(Rule.edition)).all()
        assert [(each.edition, each.current) for each in kept] == [(1, False), (2, True)]
        assert session.scalars(select(AccessLog.what).where(AccessLog.subject_kind == "rule")).all() == ["changed"]
    page = admin.get(PAGE).text
    assert "数据文件" in page
    assert "人工回复时间、" in page
    assert 'name="asks" value="who" checked' in page


def test_a_sentence_is_added_and_agents_find_it_filled_in(admin: TestClient, pages: Database) -> None:
    row = with_row(pages, "", "park", "停车", "{name}，请拨{hotline}，编号{number}。")

    assert save(admin, pages, **row).status_code == 303

    assert codes(pages)[-1] == "park"
    with pages.unit_of_work() as session:
        contact = make_contact(session)
        contact.sender_name = "王{五}"
        (found,) = canned.search(session, contact, "停车", agent="李晓")
        assert found.text == f"王{{五}}，请拨青渡市政务服务便民热线，编号{contact.reference}。"


def test_sentences_are_moved_changed_and_removed(admin: TestClient, pages: Database) -> None:
    first, second, third, *rest = codes(pages)
    kept = as_it_stands(pages)

    save(admin, pages, canned_place=["1", "2", "1", *kept["canned_place"][3:]])
    assert codes(pages) == [third, first, second, *rest]
    save(admin, pages, canned_place=["3", "2", "3", *kept["canned_place"][3:]])
    assert codes(pages) == [first, second, third, *rest]

    kept["canned_text"][0] = "您好。"
    for column in ("canned_code", "canned_title", "canned_text"):
        kept[column][1] = ""
    save(admin, pages, **kept)

    assert codes(pages) == [first, third, *rest]
    assert rule(pages).canned[0].text == "您好。"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"quiet_hours": "0"}, {"quiet_hours": "不能小于 1。"}),
        ({"quiet_hours": "一天"}, {"quiet_hours": "请填整数。"}),
        ({"codes_a_day": "21", "tries": ""}, {"codes_a_day": "不能大于 20。", "tries": "请填整数。"}),
        ({"hours_from": ["09:00"], "hours_to": ["25:00"], "hours_days": ["0:1"]}, {"hours": "每段要有星期、开始和结束。"}),
    ],
)
def test_what_cannot_be_is_told_beside_its_field_and_kept_as_typed(
    admin: TestClient, pages: Database, values: dict[str, Any], told: dict[str, str]
) -> None:
    refused = save(admin, pages, **values)

    assert refused.status_code == 422
    assert problems(refused.text) == told
    assert rule(pages).quiet_hours == 24


@pytest.mark.parametrize(
    ("row", "column", "told"),
    [
        (("", "park", "停车", "编号{nummer}"), "text", "没有变量 {nummer}"),
        (("", "park", "停车", "编号{number"), "text", "花括号"),
        (("", "park", "停车", "长" * 501), "text", "1 到 500 个字"),
        (("", "park", "停车", ""), "text", "1 到 500 个字"),
        (("", "park", "", "请绕行。"), "title", "1 到 40 个字"),
        (("", "停车", "停车", "请绕行。"), "code", "小写字母"),
        (("", "hello", "停车", "请绕行。"), "code", "已经用了"),
    ],
)
def test_a_sentence_that_could_not_be_used_is_refused_in_its_row(
    admin: TestClient, pages: Database, row: tuple[str, ...], column: str, told: str
) -> None:
    before = codes(pages)

    refused = save(admin, pages, **with_row(pages, *row))

    assert refused.status_code == 422
    (place, said), *others = problems(refused.text).items()
    assert (place, others) == (f"canned_{column}-{len(before)}", [])
    assert told in said
    assert codes(pages) == before


def test_there_are_not_more_sentences_than_a_person_finds_her_way_in(admin: TestClient, pages: Database) -> None:
    many = range(conversation_rule.MOST_CANNED + 1)
    refused = save(
        admin,
        pages,
        canned_place=[""] * len(many),
        canned_code=[f"c{each}" for each in many],
        canned_title=["题"] * len(many),
        canned_text=["话"] * len(many),
    )

    assert (refused.status_code, problems(refused.text)) == (422, {"canned": "常用语最多 60 条。"})
