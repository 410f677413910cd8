"""Measures a model on labelled texts: how often right, how honest its confidence, how fast."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from classifier.calibration import calibration_error, decided_share
from classifier.types import Ranked

Guess = Callable[[Sequence[str]], Sequence[Sequence[Ranked]]]
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
    confidence = np.array([ranked[0].confidence for ranked in answers])
    single = _single_times(guess, texts[:_TIMED])
    return {
        "n": len(texts),
        "accuracy": float(is_right.mean()),
        "macro_f1": float(np.mean([label["f1"] for label in labels])),
        "top3": float(np.mean(in_top)),
        "ece": calibration_error(confidence, is_right),
        "decided_at_5": decided_share(confidence, is_right, worst=0.05),
        "decided_at_2": decided_share(confidence, is_right, worst=0.02),
        "docs_per_s": len(texts) / seconds,
        "p50_ms": float(np.percentile(single, 50)),
        "p99_ms": float(np.percentile(single, 99)),
        "labels": labels,
    }


def _by_label(truth: Sequence[str], first: Sequence[str]) -> list[dict[str, Any]]:
    """Precision, recall and F1 are 0 where nothing can be divided."""
    labels = sorted({*truth, *first})
    measured = precision_recall_fscore_support(truth, first, labels=labels, zero_division=0)
    return [
        {"label": label, "n": int(n), "precision": float(precision), "recall": float(recall), "f1": float(f1)}
        for label, precision, recall, f1, n in zip(labels, *measured, strict=True)
    ]


def _single_times(guess: Guess, texts: Sequence[str]) -> list[float]:
    times = []
    for text in texts:
        start = time.perf_counter()
        guess([text])
        times.append((time.perf_counter() - start) * 1000)
    return times
