"""The administrators' pages of categories and units: old and new first, then confirmed."""

import pytest
from fastapi.testclient import TestClient

from hotline.db import Database
from hotline.services.reference import categories
from models import CaseStatus, Decision, Role, now
from tests.conftest import SignIn
from tests.factories import make_staff
from tests.factories_cases import make_case
from tests.web.desk import follow, send
from tests.web.forms import form

CATEGORIES, UNITS, AREAS = "/admin/reference/categories", "/admin/reference/units", "/admin/reference/areas"


@pytest.mark.parametrize("path", [CATEGORIES, f"{CATEGORIES}/0102", UNITS, f"{UNITS}/CGJ", AREAS])
def test_only_administrators_come_in(admin: TestClient, as_role: SignIn, path: str) -> None:
    assert admin.get(path).status_code == 200
    assert as_role(Role.SUPERVISOR).get(path).status_code == 403


def test_a_category_is_added_after_a_look_and_taken_back(admin: TestClient) -> None:
    new = form(admin.get(f"{CATEGORIES}/new?parent=01").text, "category-add")

    looked = send(admin, new, name="餐厨废油", keywords="地沟油、<油桶>", lead="CGJ").text
    assert "&lt;油桶&gt;" in looked
    assert "餐厨废油" not in admin.get(CATEGORIES).text
    listed = follow(admin, form(looked, "category-confirm"), reason="市政府令第 5 号")

    assert "餐厨废油" in listed
    assert "市政府令第 5 号" in listed
    former = listed.rpartition(f"{CATEGORIES}/editions/")[2].partition('"')[0]
    edition = admin.get(f"{CATEGORIES}/editions/{former}").text
    assert "餐厨废油" not in follow(admin, form(edition, "category-return"), reason="撤回")


def test_what_is_refused_keeps_what_was_typed(admin: TestClient) -> None:
    page = admin.get(f"{CATEGORIES}/0102").text

    answer = send(admin, form(page, "category-change"), name="道路保洁", keywords="垃圾山")

    assert answer.status_code == 422
    assert "已有同名的分类" in answer.text
    assert form(answer.text, "category-change").fields["keywords"] == "垃圾山"


def test_nothing_changes_without_a_change(admin: TestClient) -> None:
    answer = send(admin, form(admin.get(f"{CATEGORIES}/0102").text, "category-change"))

    assert (answer.status_code, "没有改动" in answer.text) == (409, True)


@pytest.mark.parametrize(
    ("name", "values", "seen"),
    [
        ("category-split", {"name": "垃圾桶", "keywords": "垃圾桶", "moving": "010204"}, "010204"),
        ("category-merge", {"into": "0103"}, "0103 道路保洁"),
        ("category-retire", {}, "0102 垃圾清运"),
    ],
)
def test_each_change_is_shown_first(admin: TestClient, name: str, values: dict[str, str], seen: str) -> None:
    looked = send(admin, form(admin.get(f"{CATEGORIES}/0102").text, name), **values)

    assert looked.status_code == 200
    assert seen in looked.text
    assert follow(admin, form(looked.text, "category-confirm"), reason="会议纪要")


def test_what_is_mixed_up_leads_to_its_merging_with_one_click(admin: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        case_id, by_id = make_case(session).id, make_staff(session).id
        for suggested, decided in [("0102", "0103"), ("0103", "0102")] * 6:
            values = {"case_id": case_id, "by_id": by_id, "created_at": now()}
            session.add(Decision(field="category", suggested=suggested, decided=decided, **values))

    looked = send(admin, form(admin.get("/admin/model/drift").text, "category-merge"))
    follow(admin, form(looked.text, "category-confirm"), reason="常被混淆")

    with pages.reading() as session:
        tree = categories.shown(session).tree
        assert ("0103" in tree, tree["0102"].formerly) == (False, ("0103",))


def test_a_unit_takes_the_place_of_another_after_a_look(admin: TestClient) -> None:
    new = form(admin.get(f"{UNITS}/new").text, "unit-add")

    looked = send(admin, new, code="SYJ", name="水务局", duties="供水、排水", instead_of="SLJ").text
    listed = follow(admin, form(looked, "unit-confirm"), reason="机构改革方案")

    assert "水务局" in listed
    assert "水利局（已停用）" in admin.get(f"{UNITS}/SLJ").text
    page = admin.get(f"{UNITS}/SYJ").text
    assert send(admin, form(page, "unit-close")).status_code == 409
    assert send(admin, form(page, "unit-change"), name="").status_code == 422


def test_what_was_not_looked_at_is_not_confirmed(admin: TestClient) -> None:
    looked = send(admin, form(admin.get(f"{CATEGORIES}/0105").text, "category-retire")).text
    forged = "00000000-0000-0000-0000-000000000000"

    assert send(admin, form(looked, "category-confirm"), reason="会议", seen=forged).status_code == 409


def test_who_leads_in_one_area_is_shown_first_and_taken_back(admin: TestClient) -> None:
    page = admin.get(AREAS).text
    asked = {"code": "0102", "area": "990181001002", "lead": "SCJ"}

    assert send(admin, form(page, "area-lead"), **{**asked, "area": "123"}).status_code == 422
    looked = send(admin, form(page, "area-lead"), **asked).text
    assert "东津街道 钟楼社区 市监" in looked
    listed = follow(admin, form(looked, "area-confirm"), reason="属地试点")

    assert "东津街道 钟楼社区" in listed
    dropped = send(admin, form(listed, "area-drop")).text
    assert "各处都按分类的主办单位派" in follow(admin, form(dropped, "area-confirm"), reason="试点结束")


def test_what_goes_along_to_the_unit_that_takes_over_is_said_first(admin: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        make_case(session, status=CaseStatus.DISPATCHED, unit="SLJ")
    new = form(admin.get(f"{UNITS}/new").text, "unit-add")
    asked = {"code": "SYJ", "name": "水务局", "instead_of": "SLJ"}

    assert "手上没办结的 1 件转给接替的单位" in send(admin, new, **asked).text
    assert "手上还有 1 件没有办结" in send(admin, new, **asked, takes_over="false").text
