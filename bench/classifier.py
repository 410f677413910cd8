"""`python -m bench.classifier [--data FOLDER]`: the suggestion model's figures.

Without a folder it measures the demo model on the invented texts that it never saw. A folder with train_unit.csv, train_l2.csv,
train_type.csv and train_contest.csv (columns text, label) adds a model for each: five folds by near-duplicate group, times, size.
Where fastText is installed it is trained and asked on the same texts.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import fasttext_beside
from bench.figures import Figure
from classifier import training

ROOT = Path(__file__).resolve().parents[1]
HELD_OUT = ROOT / "tests" / "classifier" / "citizens.jsonl"
REFERENCE = ROOT / "hotline" / "reference"
SEED = ROOT / "classifier" / "data" / "seed_examples.jsonl"
CITY = (
    *("--examples", str(SEED)),
    *("--taxonomy", str(REFERENCE / "taxonomy.yaml"), "--city", str(REFERENCE / "city.yaml")),
)
# What each task must reach: figure, bar, and whether more is better.
TASKS: dict[str, dict[str, tuple[float, bool]]] = {
    "contest": {"macro_f1": (0.925, True), "ece": (0.025, False)},
    "unit": {
        "top1": (0.79, True),
        "top3": (0.92, True),
        "macro_f1_of_10": (0.64, True),
        "decided_at_5": (0.55, True),
        "decided_at_2": (0.35, True),
        "ece": (0.025, False),
    },
    "l2": {"top1": (0.59, True), "top3": (0.84, True), "ece": (0.035, False)},
    "type": {"macro_f1_of_10": (0.87, True), "ece": (0.040, False)},
}
DEMO = {"top1": (0.55, True), "top3": (0.78, True), "unit": (0.65, True), "missed_emergencies": (0.0, False)}
RUNNING = {
    "p50_ms": (4.0, False),
    "p99_ms": (15.0, False),
    "texts_per_s": (1000.0, True),
    "load_s": (2.0, False),
    "resident_mb": (350.0, False),
}
MOST_MINUTES, MOST_MEGABYTES = 15.0, 80.0


def figures(data: Path | None) -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield from _demo(Path(folder) / "demo")
        if data is None:
            return
        for task, bars in TASKS.items():
            yield from _task(task, bars, data / f"train_{task}.csv", Path(folder) / task)


def _demo(model: Path) -> Iterator[Figure]:
    yield from _trained("demo", CITY, model)
    measured = _measured(model, HELD_OUT, "--city", str(REFERENCE / "city.yaml"))
    yield from _figures("demo", measured, DEMO | RUNNING)
    if fasttext_beside.is_there():
        yield from fasttext_beside.of_texts("demo", _labelled(SEED), _labelled(HELD_OUT))


def _labelled(file: Path) -> list[tuple[str, str]]:
    rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
    return [(row["text"], row["category"]) for row in rows if row.get("category")]


def _task(task: str, bars: dict[str, tuple[float, bool]], data: Path, model: Path) -> Iterator[Figure]:
    yield from _trained(task, ("--data", str(data)), model)
    (measures,) = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["measures"].values()
    yield from _figures(task, measures, bars)
    yield from _figures(task, _measured(model, data), RUNNING)
    if fasttext_beside.is_there():
        rows = training.read_table(data, text="text", label="label")
        yield from fasttext_beside.of_folds(task, [row.text for row in rows], [row.labels["label"] for row in rows])


def _trained(task: str, source: Sequence[str], model: Path) -> Iterator[Figure]:
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "classifier", "train", *source, "--out", str(model)], check=True, stdout=subprocess.DEVNULL
    )
    yield Figure(task, "train", (time.perf_counter() - start) / 60, "min", bar=MOST_MINUTES)
    size = sum(file.stat().st_size for file in model.iterdir()) / 1e6
    yield Figure(task, "size", size, "MB", bar=MOST_MEGABYTES)


def _measured(model: Path, texts: Path, *options: str) -> dict[str, Any]:
    """In a process of its own, so that its memory is the model's."""
    command = [sys.executable, "-m", "bench.classifier_alone", str(model), str(texts), *options]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _figures(task: str, measured: dict[str, Any], bars: dict[str, tuple[float, bool]]) -> Iterator[Figure]:
    for name, (bar, is_more) in bars.items():
        yield Figure(task, name, float(measured[name]), "", bar=bar, better="more" if is_more else "less")


def main() -> int:
    """0 if every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m bench.classifier", description=__doc__)
    parser.add_argument("--data", type=Path, help="folder with the four training files")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    missed = 0
    for figure in figures(options.data):
        print(figure.as_json() if options.json else figure.as_words(), flush=True)
        missed += figure.holds is False
    if not (options.json or fasttext_beside.is_there()):
        print(fasttext_beside.HOW)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
