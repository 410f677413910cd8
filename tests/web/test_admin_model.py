"""The administrators' page of the model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import classifier
from classifier import ModelUnusable
from hotline.db import Database
from hotline.services.learning import model_versions
from hotline.settings import Settings
from models import Decision, Duty, Role, now
from tests.conftest import SignIn
from tests.factories import make_staff
from tests.factories_cases import make_case
from tests.web.desk import follow, send
from tests.web.forms import form


@pytest.fixture
def put(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Writes a model's manifest; one that says that it is cut short cannot be loaded."""
    settings.model_dir = settings.data_dir / "shipped"

    def load(folder: Path, places: object) -> None:
        if "cut short" in (folder / "manifest.json").read_text():
            raise ModelUnusable("It is cut short.")

    monkeypatch.setattr(classifier, "load", load)

    def write(name: str, manifest: str) -> None:
        folder = model_versions.folder(name, settings)
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(manifest)

    return write


def test_a_model_listens_is_promoted_and_can_be_taken_back(admin: TestClient, put: Callable[[str, str], None]) -> None:
    put("", json.dumps({"version": "shipped1"}))
    measures = {"category": {"top1": 0.61}, "danger": {"top1": 0.94}}
    put("winter", json.dumps({"version": "abc123", "trained_at": "2026-11-22", "measures": measures}))
    put("broken", "no json")
    page = admin.get("/admin/model").text
    assert "abc123" in page
    assert "分类 61%；有无险情 94%" in page
    assert "broken" not in page

    page = follow(admin, form(page, "model-shadow", model="winter"))
    assert "试跑中" in page
    assert "还没有遇到人工办结的诉求" in page

    page = follow(admin, form(page, "model-promote", model="winter"))
    assert "已启用" in page

    page = follow(admin, form(page, "model-back"))
    assert "已退回上一个模型" in page
    assert "随系统提供" in page

    page = follow(admin, form(page, "model-by-rule"))
    assert "按规则启用：开" in page
    page = follow(admin, form(page, "model-by-rule"))
    assert "按规则启用：关" in page


def test_a_damaged_model_is_refused_in_words_and_the_former_stays(admin: TestClient, put: Callable[[str, str], None]) -> None:
    put("", json.dumps({"version": "shipped1"}))
    put("winter", json.dumps({"version": "abc123", "note": "cut short"}))

    refused = send(admin, form(admin.get("/admin/model").text, "model-promote", model="winter"))

    assert refused.status_code == 409
    assert "这个模型的文件不完整" in refused.text
    assert "使用中" in admin.get("/admin/model").text.split("winter")[0]


def test_the_drift_is_drawn_and_told_in_tables(admin: TestClient, pages: Database, put: Callable[[str, str], None]) -> None:
    put("", json.dumps({"version": "shipped1", "labels": {"category": {"0102": 10, "0203": 10}}}))
    page = admin.get("/admin/model/drift").text
    assert "还没有人工认定过的建议" in page
    with pages.unit_of_work() as session:
        case, by = make_case(session), make_staff(session, name="李坐席")
        for decided in ("0102", "0203"):
            session.add(Decision(case_id=case.id, by_id=by.id, field="category", suggested="0102", decided=decided))

    page = admin.get("/admin/model/drift").text

    assert all(words in page for words in ("李坐席", "垃圾清运", "50.0%", "这里没有装入模型"))
    figures = json.loads(page.partition('id="drift-figures">')[2].partition("</script>")[0])
    assert figures["changed"][0]["data"][-1] == 0.5
    assert len(figures["weeks"]) == 12


def test_what_returns_taught_is_shown_and_switched(admin: TestClient, pages: Database) -> None:
    assert "还没有裁定过的退单" in admin.get("/admin/model/duties").text
    with pages.unit_of_work() as session:
        counts = {"given": 4, "granted": 4, "refused": 0, "to_count": 4, "learnt": True, "latest_at": now()}
        session.add(Duty(category_code="0102", area_code="990181001", unit_code="CGJ", to_unit_code="ZJJ", **counts))

    page = admin.get("/admin/model/duties").text
    assert all(words in page for words in ("垃圾清运", "东津街道", "改为住建"))

    page = follow(admin, form(page, "duty"))
    assert "已停用" in page
    page = follow(admin, form(page, "duty"))
    assert "改为住建" in page


def test_only_administrators_see_it(as_role: SignIn) -> None:
    for page in ("/admin/model", "/admin/model/drift", "/admin/model/duties"):
        assert as_role(Role.AGENT).get(page).status_code == 403
