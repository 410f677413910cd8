"""Measures a model on labelled texts: how often right, how honest its confidence, how fast."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from classifier.types import Ranked

Guess = Callable[[Sequence[str]], Sequence[Sequence[Ranked]]]
_BINS = 15
_TIMED = 300


def evaluate(guess: Guess, texts: Sequence[str], truth: Sequence[str]) -> dict[str, Any]:
    """Shares are 0 to 1; single texts are timed apart from the batch."""
    guess(texts[:1])  # the first call fills caches
    start = time.perf_counter()
    answers = guess(texts)
    seconds = time.perf_counter() - start
    first = [ranked[0].code for ranked in answers]
    is_right = np.array([code == label for code, label in zip(first, truth, strict=True)])
    labels = _by_label(truth, first)
    in_top = [label in {one.code for one in ranked} for ranked, label in zip(answers, truth, strict=True)]
    single = _single_times(guess, texts[:_TIMED])
    return {
        "n": len(texts),
        "accuracy": float(is_right.mean()),
        "macro_f1": float(np.mean([label["f1"] for label in labels])),
        "top3": float(np.mean(in_top)),
        "ece": calibration_error(np.array([ranked[0].confidence for ranked in answers]), is_right),
        "docs_per_s": len(texts) / seconds,
        "p50_ms": float(np.percentile(single, 50)),
        "p99_ms": float(np.percentile(single, 99)),
        "labels": labels,
    }


def calibration_error(confidence: NDArray[Any], is_right: NDArray[Any]) -> float:
    """How far confidence and share of right answers lie apart, over bins of equal width."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(float((confidence[bins == one] - is_right[bins == one]).sum())) for one in np.unique(bins)]
    return sum(gaps) / len(confidence)


def _by_label(truth: Sequence[str], first: Sequence[str]) -> list[dict[str, Any]]:
    names = sorted({*truth, *first})
    precision, recall, f1, count = precision_recall_fscore_support(truth, first, labels=names, zero_division=0)
    columns = zip(names, count, precision, recall, f1, strict=True)
    names_of_shares = ("precision", "recall", "f1")
    return [
        {"label": name, "n": int(n)} | dict(zip(names_of_shares, map(float, shares), strict=True)) for name, n, *shares in columns
    ]


def _single_times(guess: Guess, texts: Sequence[str]) -> list[float]:
    times = []
    for text in texts:
        start = time.perf_counter()
        guess([text])
        times.append((time.perf_counter() - start) * 1000)
    return times
