"""The public page about the model."""

import json

from fastapi.testclient import TestClient

from hotline.settings import Settings


def test_anybody_may_read_what_the_model_is_for_and_how_often_it_is_right(client: TestClient, settings: Settings) -> None:
    settings.model_dir = settings.data_dir / "shipped"
    settings.model_dir.mkdir()
    measures = {"category": {"top1": 0.48, "top3": 0.64, "n": 2713}, "danger": {"top1": 0.94, "top3": 1.0, "n": 4287}}
    manifest = {"version": "abc123", "trained_at": "2026-11-22T05:40:28Z", "measures": measures}
    (settings.model_dir / "manifest.json").write_text(json.dumps(manifest))

    page = client.get("/model")

    assert page.status_code == 200
    for part in ("什么也不决定", "48%", "64%", "2713", "abc123", "2026-11-22", "12345", "有无险情", "94%"):
        assert part in page.text
    assert "100%" not in page.text, "of two answers the first three say nothing"


def test_without_a_model_it_says_so(client: TestClient, settings: Settings) -> None:
    settings.model_dir = settings.data_dir / "nothing"

    assert "目前没有测得的数字" in client.get("/model").text
