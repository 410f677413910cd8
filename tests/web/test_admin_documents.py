"""Rules that administrators write as text: what is wrong is named with its line, what changes is shown before it holds."""

from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from hotline.db import Database
from hotline.services.alerts import rule as alerts
from hotline.services.rule_documents import kinds
from hotline.services.scores import rule as scores
from hotline.services.sideways import doors, refusals
from models import Role
from tests.conftest import SignIn
from tests.web.forms import form

PAGE = "/admin/rules/documents/"


def send(admin: TestClient, name: str, *, keep: bool = True, **changes: Any) -> Any:
    """The text of the page with these parts changed."""
    found = form(admin.get(f"{PAGE}{name}").text, "rule-document")
    body = {**yaml.safe_load(found.fields["text"]), **changes}
    text = yaml.safe_dump(body, allow_unicode=True, sort_keys=False)
    return admin.post(found.action, data=found.filled(text=text, keep="true" if keep else "false"))


@pytest.mark.parametrize("name", sorted(kinds.KINDS))
def test_a_rule_is_offered_as_it_stands_and_may_be_kept_so(as_role: SignIn, pages: Database, name: str) -> None:
    admin = as_role(Role.ADMINISTRATOR)

    assert f"{PAGE}{name}" in admin.get("/admin/rules").text
    assert send(admin, name).status_code == 303
    assert as_role(Role.SUPERVISOR).get(f"{PAGE}{name}").status_code == 403


def test_a_change_is_shown_first_and_holds_when_it_is_kept(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)

    shown = send(admin, "nuisance", keep=False, after=5)
    with pages.reading() as session:
        assert refusals.rule(session).after == 3
    kept = send(admin, "nuisance", after=5)

    assert "<td>骚扰次数</td><td>3</td><td><b>5</b></td>" in shown.text
    assert kept.status_code == 303
    with pages.reading() as session:
        assert refusals.rule(session).after == 5
    assert "<td>骚扰次数</td><td>3</td><td><b>5</b></td>" in admin.get(f"{PAGE}nuisance/2").text


def test_what_is_wrong_is_named_with_its_line_and_field(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)
    found = form(admin.get(f"{PAGE}alerts").text, "rule-document")
    line = found.fields["text"].split("\n").index("published_from: 5") + 1

    wrong = admin.post(found.action, data=found.filled(text=found.fields["text"].replace("from: 5", "from: 0"), keep="true"))
    unreadable = admin.post(found.action, data=found.filled(text="cluster: [1\npublished_from: 5\n", keep="true"))

    assert wrong.status_code == unreadable.status_code == 422
    assert f"第 {line} 行，公开的最小件数：" in wrong.text
    assert "第 1 行" in unreadable.text
    with pages.reading() as session:
        assert alerts.current(session).published_from == 5


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"taken_for": "半天"}, "领走保留时间：时限写成 30m、2h"),
        ({"solved": ["好评", "修好了"]}, "同一个说法不能代表两种意思：好评。"),
        ({"plans": {"default": [{"way": "message", "tries": 3}]}}, "方式和次序 › 其余模式 › 1：次数只用于人工回访"),
        ({"plans": {"seven_step": []}}, "缺少 default"),
        ({"questions": {"solved": "解决了吗"}}, "提问要有且只有"),
    ],
)
def test_a_wrong_survey_rule_is_refused_in_chinese(as_role: SignIn, pages: Database, wrong: dict[str, Any], said: str) -> None:
    answer = send(as_role(Role.ADMINISTRATOR), "surveys", **wrong)

    assert answer.status_code == 422
    assert said in answer.text


def test_of_two_administrators_the_second_is_told(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)
    found = form(admin.get(f"{PAGE}nuisance").text, "rule-document")
    send(admin, "nuisance", after=5)

    late = admin.post(found.action, data=found.filled(text=found.fields["text"].replace("after: 3", "after: 9"), keep="true"))

    assert late.status_code == 409
    with pages.reading() as session:
        assert refusals.rule(session).after == 5


def test_a_door_that_is_not_offered_any_more_stays_known(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)
    listed = yaml.safe_load(form(admin.get(f"{PAGE}doors").text, "rule-document").fields["text"])["doors"]

    lost = send(admin, "doors", doors=listed[1:])
    closed = send(admin, "doors", doors=[{**listed[0], "offered": False}, *listed[1:]])

    assert (lost.status_code, closed.status_code) == (422, 303)
    assert listed[0]["code"] in lost.text
    with pages.reading() as session:
        assert listed[0]["code"] not in [door.code for door in doors.doors(session)]


def test_only_months_to_come_are_counted_otherwise(as_role: SignIn, pages: Database) -> None:
    admin = as_role(Role.ADMINISTRATOR)
    next_month = kinds.next_month()

    at_once = send(admin, "scoring", least_cases=3, from_month="2020-01")
    later = send(admin, "scoring", least_cases=3)

    assert (at_once.status_code, later.status_code) == (422, 303)
    assert next_month in at_once.text
    with pages.reading() as session:
        editions = scores.editions(session)
        assert scores.in_force(session).least_cases == 10
        year, month = map(int, next_month.split("-"))
        coming = editions.rows[0].created_at.date().replace(year=year, month=month, day=1)
        assert scores.of_rule(editions.on(coming)).least_cases == 3
    assert f"从 {next_month} 起用" in as_role(Role.SUPERVISOR).get("/reports/rules").text
