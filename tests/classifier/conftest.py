"""The demo city, and the demo model trained once for all tests of the classifier."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from classifier import Gazetteer, load, places_from_city
from classifier.__main__ import main
from classifier.model import Classifier
from tests.cli.running import once_a_run

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "classifier" / "data" / "seed_examples.jsonl"
TAXONOMY = ROOT / "hotline" / "reference" / "taxonomy.yaml"
CITY = ROOT / "hotline" / "reference" / "city.yaml"


@pytest.fixture(scope="session")
def city() -> Any:
    return yaml.safe_load(CITY.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def gazetteer(city: Any) -> Gazetteer:
    return Gazetteer.from_places(places_from_city(city))


@pytest.fixture(scope="session")
def demo_model(folder_of_the_run: None) -> Path:
    def train(folder: Path) -> None:
        options = ["--examples", str(EXAMPLES), "--taxonomy", str(TAXONOMY), "--city", str(CITY), "--out", str(folder / "model")]
        assert main(["train", *options]) == 0

    return once_a_run("demo-model", train) / "model"


@pytest.fixture(scope="session")
def classifier(demo_model: Path, gazetteer: Gazetteer) -> Classifier:
    return load(demo_model, gazetteer)
