"""python -m classifier: files in, JSON out."""

import io
import json
from pathlib import Path
from typing import Any

import pytest

from classifier.__main__ import main
from tests.classifier.conftest import CITY

ROWS = [
    ("路灯坏了", "lamp"),
    ("灯不亮", "lamp"),
    ("路灯一直闪", "lamp"),
    ("停水了", "water"),
    ("水管漏", "water"),
    ("水压低", "water"),
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    lines = ["内容,单位", *(f"{text}{at},{label}" for at in range(4) for text, label in ROWS), ",lamp", "没有标签,"]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


@pytest.fixture
def model(table: Path, tmp_path: Path) -> Path:
    assert main(["train", "--data", str(table), "--text", "内容", "--label", "单位", "--out", str(tmp_path / "model")]) == 0
    return tmp_path / "model"


def last_line(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def test_evaluate_prints_one_object_last(table: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["evaluate", "--model", str(model), "--data", str(table), "--text", "内容", "--label", "单位", "--json"])

    result = last_line(capsys)
    assert code == 0
    assert set(result) == {
        "n",
        "accuracy",
        "macro_f1",
        "top3",
        "ece",
        "docs_per_s",
        "p50_ms",
        "p99_ms",
        "labels",
        "decided_at_5",
        "decided_at_2",
    }
    assert result["n"] == 24
    assert result["accuracy"] == result["macro_f1"] == result["top3"] == 1.0
    assert 0 <= result["ece"] <= 1
    assert [(label["label"], label["n"], label["f1"]) for label in result["labels"]] == [("lamp", 12, 1.0), ("water", 12, 1.0)]


def test_a_model_with_one_question_predicts_its_label(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("门口路灯坏了\n"))

    assert main(["predict", "--model", str(model)]) == 0
    assert last_line(capsys)["单位"][0]["code"] == "lamp"


def test_a_label_is_also_known_by_its_own_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "rows.csv"
    lamps = [f"{place}灯坏了,照明" for place in ("东门", "西门", "南门", "北门")]
    water = [f"{place}停水,供水" for place in ("东门", "西门", "南门", "北门")]
    table.write_text("\n".join(["text,label", *lamps, *water, "停水，但照明没坏,供水"]) + "\n", encoding="utf-8")
    assert main(["train", "--data", str(table), "--out", str(tmp_path / "model")]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("照明\n"))

    assert main(["predict", "--model", str(tmp_path / "model")]) == 0

    assert last_line(capsys)["label"][0]["code"] == "照明"


def test_the_demo_model_predicts_a_json_line_for_each_text(
    demo_model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("银杏路15号路灯不亮\n\n停水了\n"))

    assert main(["predict", "--model", str(demo_model), "--city", str(CITY)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 3
    assert set(lines[0]) >= {"request_type", "category", "unit", "sure", "urgency", "place"}
    assert lines[0]["place"] == {
        "kind": "grid",
        "township": "990181003",
        "community": "990181003004",
        "grid": "990181003004001",
        "candidates": [],
    }
    assert all(len(line["category"]) == len(line["unit"]) == 3 for line in lines)


@pytest.mark.parametrize(("column", "code"), [("category", "0203"), ("request_type", "complaint"), ("unit", "ZJJ")])
def test_the_demo_model_is_measured_by_any_of_its_questions(
    demo_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], column: str, code: str
) -> None:
    data = tmp_path / "cases.csv"
    data.write_text(f"text,{column}\n整条街的路灯都坏了没人管,{code}\n", encoding="utf-8")

    assert main(["evaluate", "--model", str(demo_model), "--data", str(data), "--label", column]) == 0
    assert last_line(capsys)["accuracy"] == 1.0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "{table}", "--label", "无"], "has no column"),
        (["--examples", "{table}"], "needs --taxonomy and --city"),
        (["--data", "{table}-missing"], "No such file"),
    ],
)
def test_what_cannot_be_trained_is_said_in_a_sentence(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], sentence: str
) -> None:
    named = [option.format(table=table) for option in options]

    assert main(["train", *named, "--out", str(tmp_path / "out")]) == 1
    assert sentence in capsys.readouterr().err


def test_places_are_measured_on_sentences_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {"text": "阳光花园停水", "kind": "ask"},
        {"text": "莲塘路停电", "kind": "grid", "township": "x", "community": "y", "grid": "z"},
    ]
    path = tmp_path / "sentences.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    assert main(["places", "--city", str(CITY), "--data", str(path)]) == 0

    measured = json.loads(capsys.readouterr().out)
    assert (measured["n"], measured["grid"], measured["guessed"], measured["right"]) == (2, 0.0, 0, 0.5)
    assert main(["places", "--city", str(CITY), "--data", str(path), "--half", "held_out"]) == 1
