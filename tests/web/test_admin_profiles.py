"""Profiles in administration: explained from their data, compared, put in force with a reason; a sixth by copying a file."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Profile
from hotline.settings import Settings
from models import AccessLog, Case, CaseStatus, Role, Rule
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.forms import form, forms

# Ends beside the main line stand in the boxes that lead to them.
NOT_DRAWN = {CaseStatus.REDIRECTED, CaseStatus.WITHDRAWN, CaseStatus.VOID}


@pytest.fixture
def folder(settings: Settings) -> Path:
    found = settings.data_dir / "profiles"
    found.mkdir()
    return found


def copy(folder: Path, code: str, source: str = "quick_response", **changes: Any) -> None:
    body = profiles.shipped(source) | changes
    (folder / f"{code}.yaml").write_text(yaml.safe_dump(body, allow_unicode=True))


def in_force(pages: Database) -> tuple[str, int]:
    with pages.reading() as session:
        rule = profiles.current(session)
        return rule.code, rule.edition


def put(admin: TestClient, code: str, reason: str = "市政府第 3 号文") -> Any:
    found = form(admin.get(f"/admin/profiles/{code}").text, "profile-in-force")
    return admin.post(found.action, data=found.filled(reason=reason))


def test_every_shipped_profile_is_on_the_page_with_where_it_comes_from(admin: TestClient) -> None:
    page = admin.get("/admin/profiles").text

    for name in ("快速响应", "七步流程", "一台受理", "中心核实结案", "属地先办", "平遥", "仪征", "海淀", "包河", "金牛"):
        assert name in page


@pytest.mark.parametrize("code", profiles.SHIPPED)
def test_a_profile_is_explained_with_steps_people_clocks_and_a_drawing(admin: TestClient, code: str) -> None:
    page = admin.get(f"/admin/profiles/{code}").text

    assert page.count("<rect") == 1 + len(Profile.model_validate(profiles.shipped(code)).reachable() - NOT_DRAWN)
    assert "考核权重" in page
    assert "办结前问" in page or "办结后问" in page
    review = page.split("<b>待审核</b>")[1].split("<b>待派单</b>")[0]
    assert ("班长" in review, "不用这一步" in review) == (code == "seven_step", code != "seven_step")


def test_the_explanation_follows_the_data(admin: TestClient, folder: Path) -> None:
    limits = profiles.shipped()["limits"] | {"answer": {"emergency": "3h", "urgent": "25h", "normal": "11wd"}}
    copy(folder, "our_city", name="本市", limits=limits)

    page = admin.get("/admin/profiles/our_city").text

    assert "11 个工作日" in page
    assert "25 小时" in page


def test_a_sixth_is_made_by_copying_a_file(admin: TestClient, folder: Path, pages: Database) -> None:
    copy(folder, "our_city", "seven_step", name="本市七步")

    answer = put(admin, "our_city")

    assert answer.status_code == 303
    assert in_force(pages) == ("our_city", 1)
    with pages.unit_of_work() as session:
        assert profiles.in_force(session).name == "本市七步"


def test_a_change_is_shown_old_and_new_before_it_is_made(admin: TestClient, folder: Path, pages: Database) -> None:
    body = profiles.shipped()
    copy(folder, "quick_response", designate_after=4, limits=body["limits"] | {"check": "48h"})

    table = admin.get("/admin/profiles/quick_response").text.split('id="differences"')[1].split("</table>")[0]
    listed = admin.get("/admin/profiles").text
    put(admin, "quick_response")

    assert "第几次派单即指定承办</td><td>3</td><td><b>4</b>" in table
    assert "核查 · 一般</td><td>24 小时</td><td><b>48 小时</b>" in table
    assert table.count("<tr>") == 1 + 1 + 3
    assert "文件有改动，未生效" in listed
    assert in_force(pages) == ("quick_response", 2)


def test_steps_that_come_and_go_are_named(admin: TestClient) -> None:
    table = admin.get("/admin/profiles/seven_step").text.split('id="differences"')[1].split("</table>")[0]

    assert "立案→立案待审</td><td>不用这一步</td><td><b>用这一步</b>" in table
    assert "立案→立案</td><td>用这一步</td><td><b>不用这一步</b>" in table


def test_who_when_and_why_are_kept_and_running_cases_stay_on_theirs(admin: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        number = make_case(session, status=CaseStatus.ANSWERED).number

    put(admin, "centre_verified", reason="常务会议第 9 次")
    page = admin.get("/admin/profiles").text

    assert "常务会议第 9 次" in page
    assert "赵管理" in page
    assert "中心核实结案 第 1 版" in page
    with pages.reading() as session:
        case = session.scalars(select(Case).where(Case.number == number)).one()
        assert profiles.of(session, case).name == "快速响应"
        log = session.scalars(select(AccessLog).where(AccessLog.what == "in force")).one()
        assert log.reason == "常务会议第 9 次"
    old = page.split("快速响应 第 1 版")[1]
    assert old.split('num-cell">')[1].startswith("1<")


def test_an_edition_can_be_read_as_it_was(admin: TestClient, pages: Database) -> None:
    with pages.reading() as session:
        first = profiles.current(session).id
        other = session.scalars(select(Rule.id).where(Rule.kind == "queue")).first()
    put(admin, "one_desk")

    page = admin.get(f"/admin/profiles/edition/{first}")

    assert "快速响应 第 1 版" in page.text
    assert "profile-in-force" not in [each.name for each in forms(page.text)]
    assert admin.get(f"/admin/profiles/edition/{other}").status_code == 404


def test_a_reason_is_needed(admin: TestClient, pages: Database) -> None:
    assert put(admin, "one_desk", reason="  ").status_code == 422
    assert in_force(pages) == ("quick_response", 1)


def test_the_second_of_two_administrators_is_told(admin: TestClient, as_role: SignIn, pages: Database) -> None:
    other = as_role(Role.ADMINISTRATOR)
    seen = form(other.get("/admin/profiles/one_desk").text, "profile-in-force")
    put(admin, "seven_step")

    late = other.post(seen.action, data=seen.filled(reason="也要改"))

    assert late.status_code == 409
    assert "有同事先一步处理了" in late.text
    assert in_force(pages) == ("seven_step", 1)


def test_what_was_looked_at_is_what_is_put_in_force(admin: TestClient, folder: Path, pages: Database) -> None:
    copy(folder, "our_city", name="本市")
    seen = form(admin.get("/admin/profiles/our_city").text, "profile-in-force")
    copy(folder, "our_city", name="本市", designate_after=9)

    changed = admin.post(seen.action, data=seen.filled(reason="启用"))

    assert changed.status_code == 409
    assert "文件又改了" in changed.text
    assert in_force(pages) == ("quick_response", 1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: [", "文件从第"),
        ("name: 本市\noff: [甲, 乙\nlevels: 2\n", "文件从第 2 行起读不懂"),
        ("- 一份清单", "文件从第 1 行起读不懂"),
        ("name: 本市", "缺少 explained"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(admin: TestClient, folder: Path, text: str, sentence: str) -> None:
    (folder / "our_city.yaml").write_text(text)

    assert sentence in admin.get("/admin/profiles").text
    assert sentence in admin.get("/admin/profiles/our_city").text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"off": [*profiles.shipped()["off"], "case:answered:close"]}, "工单到了“待核查”就办不下去了"),
        ({"off": ["case:answered:fly"]}, "没有这些步骤，不能关掉：case:answered:fly"),
        ({"limits": {}}, "的时限：特急、紧急、一般都要写"),
        ({"ask_citizen": "before_close"}, "待核查→转回访（case:answered:ask_citizen）"),
        ({"off": [*profiles.shipped()["off"], "case:closed:reopen"]}, "已办结→重新办理"),
        ({"weights": {"contact": 0}}, "权重加起来是 0"),
        ({"return_window": "两天"}, "return_window 写得不对：两天"),
        ({"surprise": 1}, "不认识 surprise 这一项"),
    ],
)
def test_a_profile_that_does_not_hold_together_is_refused_in_words(
    admin: TestClient, folder: Path, pages: Database, changes: dict[str, Any], sentence: str
) -> None:
    copy(folder, "our_city", **changes)

    page = admin.get("/admin/profiles/our_city")
    token = form(admin.get("/admin/profiles/one_desk").text, "profile-in-force").fields
    forced = admin.post("/admin/profiles/our_city", data=token | {"reason": "启用"})

    assert sentence in page.text
    assert "profile-in-force" not in [each.name for each in forms(page.text)]
    assert forced.status_code == 422
    assert in_force(pages) == ("quick_response", 1)


def test_a_strange_file_name_is_said(admin: TestClient, folder: Path) -> None:
    copy(folder, "本市")

    assert "文件名只能用小写字母、数字和下划线" in admin.get("/admin/profiles").text


def test_a_file_that_is_no_rule_of_ours_is_not_read_whole(admin: TestClient, folder: Path) -> None:
    (folder / "our_city.yaml").write_bytes(b"#" * 70_000)

    assert "文件超过 64 KB" in admin.get("/admin/profiles").text


def test_an_unknown_profile_does_not_exist(admin: TestClient) -> None:
    assert admin.get("/admin/profiles/nowhere").status_code == 404


@pytest.mark.parametrize("path", ["/admin/profiles", "/admin/profiles/one_desk"])
def test_profiles_are_for_administrators(as_role: SignIn, path: str) -> None:
    assert as_role(Role.SUPERVISOR).get(path).status_code == 403
