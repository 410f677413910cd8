"""What fastText makes of the same texts: the same groups of near duplicates held back, jieba's words, one processor.

It is no part of the project's environment; without it the bench says in one line how to get it.
"""

import importlib.util
import logging
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jieba
from sklearn.metrics import f1_score
from sklearn.model_selection import GroupKFold

from bench.classifier_alone import times
from bench.figures import Figure
from classifier.duplicates import near_duplicates
from classifier.text import normalise

FOLDS, ENOUGH = 5, 10
# The settings that its authors recommend for short texts of few thousand rows.
SETTINGS = {"lr": 0.5, "epoch": 25, "wordNgrams": 2, "dim": 100, "thread": 1, "seed": 1, "verbose": 0}
HOW = 'fastText is not installed: `.venv/bin/pip install "fasttext-numpy2>=0.10"`, and this bench measures it beside the model.'
_LABEL = "__label__"

Guess = Callable[[Sequence[str]], list[list[str]]]


def is_there() -> bool:
    return importlib.util.find_spec("fasttext") is not None


def of_folds(task: str, texts: Sequence[str], labels: Sequence[str]) -> Iterator[Figure]:
    """Each text is judged by a model that has seen nothing like it."""
    guessed: list[list[str]] = [[] for _ in texts]
    groups = near_duplicates(texts)
    for learnt, asked in GroupKFold(FOLDS).split(groups, groups=groups):
        guess = trained([texts[at] for at in learnt], [labels[at] for at in learnt])
        for at, found in zip(asked, guess([texts[at] for at in asked]), strict=True):
            guessed[at] = found
    yield from _quality(task, guessed, labels)
    yield from _times(task, trained(texts, labels), texts)


def of_texts(task: str, learnt: Sequence[tuple[str, str]], asked: Sequence[tuple[str, str]]) -> Iterator[Figure]:
    guess = trained(*map(list, zip(*learnt, strict=True)))
    yield from _quality(task, guess([text for text, _ in asked]), [label for _, label in asked])
    yield from _times(task, guess, [text for text, _ in asked])


def trained(texts: Sequence[str], labels: Sequence[str]) -> Guess:
    fasttext: Any = importlib.import_module("fasttext")
    jieba.setLogLevel(logging.WARNING)
    names = sorted(set(labels))
    number = {name: at for at, name in enumerate(names)}
    lines = [f"{_LABEL}{number[label]} {_cut(text)}\n" for text, label in zip(texts, labels, strict=True)]
    random.Random(1).shuffle(lines)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts"
        file.write_text("".join(lines), encoding="utf-8")
        model = fasttext.train_supervised(str(file), **SETTINGS)

    def guess(asked: Sequence[str]) -> list[list[str]]:
        found, _ = model.predict([_cut(text) for text in asked], k=3)
        return [[names[int(each.removeprefix(_LABEL))] for each in some] for some in found]

    return guess


def _cut(text: str) -> str:
    return " ".join(jieba.cut(" ".join(normalise(text).split())))


def _quality(task: str, guessed: Sequence[Sequence[str]], labels: Sequence[str]) -> Iterator[Figure]:
    rows = list(zip(guessed, labels, strict=True))
    often = [label for label, count in Counter(labels).items() if count >= ENOUGH]
    first = [some[0] if some else "" for some in guessed]
    yield _figure(task, "top1", sum(some[:1] == [label] for some, label in rows) / len(rows))
    yield _figure(task, "top3", sum(label in some for some, label in rows) / len(rows))
    if often:
        yield _figure(task, "macro_f1_of_10", float(f1_score(labels, first, labels=often, average="macro", zero_division=0)))


def _times(task: str, guess: Guess, texts: Sequence[str]) -> Iterator[Figure]:
    for name, figure in times(guess, texts[:2000]).items():
        yield _figure(task, name, figure)


def _figure(task: str, name: str, figure: float) -> Figure:
    return Figure(f"{task} fastText", name, figure, "")
