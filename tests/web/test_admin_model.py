"""The administrators' page of the model."""

import json
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from hotline.services import model_versions
from hotline.settings import Settings
from models import Role
from tests.conftest import SignIn
from tests.web.desk import follow
from tests.web.forms import form


@pytest.fixture
def put(settings: Settings) -> Callable[[str, str], None]:
    settings.model_dir = settings.data_dir / "shipped"

    def write(name: str, manifest: str) -> None:
        folder = model_versions.folder(name, settings)
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(manifest)

    return write


@pytest.fixture
def admin(as_role: SignIn) -> TestClient:
    return as_role(Role.ADMINISTRATOR)


def test_a_model_listens_is_promoted_and_can_be_taken_back(admin: TestClient, put: Callable[[str, str], None]) -> None:
    put("", json.dumps({"version": "shipped1"}))
    put("winter", json.dumps({"version": "abc123", "trained_at": "2026-11-22", "measures": {"category": {"top1": 0.61}}}))
    put("broken", "no json")
    page = admin.get("/admin/model").text
    assert "abc123" in page
    assert "61%" in page
    assert "broken" not in page

    page = follow(admin, form(page, "model-shadow", model="winter"))
    assert "试跑中" in page
    assert "还没有遇到人工办结的诉求" in page

    page = follow(admin, form(page, "model-promote", model="winter"))
    assert "已启用" in page

    page = follow(admin, form(page, "model-back"))
    assert "已退回上一个模型" in page


def test_only_administrators_see_it(as_role: SignIn) -> None:
    assert as_role(Role.AGENT).get("/admin/model").status_code == 403
