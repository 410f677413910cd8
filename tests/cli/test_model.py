"""A model from examples and decided cases, for a city of three categories."""

import json
from pathlib import Path
from typing import Any

from classifier import load
from classifier.types import Example
from hotline.cli import model
from hotline.seeds import files
from tests.factories_model import LAMP, NOISE, STORIES, THEN


def taxonomy(*codes: str, **formerly: list[str]) -> dict[str, Any]:
    children = [
        {
            "code": code,
            "name": THEN.names.get(code, code),
            "lead_unit": THEN.lead_units.get(code, "ZJJ"),
            "territorial": "none",
            "keywords": list(THEN.words.get(code, ())),
            "formerly": formerly.get(f"c{code}", []),
        }
        for code in codes
    ]
    units = [{"code": "ZJJ", "name": "住建局", "kind": "bureau"}, {"code": "GAJ", "name": "公安局", "kind": "bureau"}]
    return {"units": units, "categories": [{"code": "01", "name": "全部", "children": children}]}


def seeds() -> list[Example]:
    return [
        Example(text, {"category": code, "request_type": "help" if at % 2 else "complaint"})
        for code, texts in STORIES.items()
        for at, text in enumerate(texts)
    ]


def test_it_learns_from_both_and_says_so(tmp_path: Path) -> None:
    decided = [Example("楼下0号的音响整夜太吵", {"category": NOISE, "request_type": "complaint"})]

    version = model.train(seeds(), decided, tmp_path / "winter", taxonomy=taxonomy(LAMP, NOISE), city=files.read("city.yaml"))

    manifest = json.loads((tmp_path / "winter" / "manifest.json").read_text())
    assert manifest["version"] == version
    assert manifest["labels"]["category"] == {LAMP: 5, NOISE: 6}  # the third category is gone
    assert manifest["decisions"]["count"] == 1
    assert set(manifest) >= {"data", "taxonomy", "measures", "lexicon"}
    assert load(tmp_path / "winter", None).predict("路灯坏了").category[0].code == LAMP


def test_examples_of_a_renamed_category_are_learnt_under_its_new_code(tmp_path: Path) -> None:
    renamed = taxonomy("0299", NOISE, c0299=[LAMP])

    model.train(seeds(), [], tmp_path / "winter", taxonomy=renamed, city=files.read("city.yaml"))

    assert load(tmp_path / "winter", None).predict("路灯坏了").category[0].code == "0299"
