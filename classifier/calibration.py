"""Fits the curve from scores to confidences on texts that the scores' fold had not seen, and measures how honest they are."""

import math
from dataclasses import replace

import numpy as np
from scipy.optimize import minimize
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from classifier.confidence import Calibration, odds
from classifier.grams import Numbers

_BINS = 15
_HIGHEST = 0.998  # no run of examples is long enough to promise more
_BOUNDS = [(math.log(0.001), math.log(0.3)), (math.log(0.5), math.log(10.0))]  # of floor and power
_SLOPE = 0.03  # where the curve is level, the more confident text still stands first
_USUAL = 10  # a label is trusted like all until it has stood first more often than that
_BLOCKS = 40  # the curve is drawn through averages of as many equal parts: single texts would make it jump


def calibrate(scores: Numbers, truth: Numbers) -> Calibration:
    """The floor and power under which unseen texts surprise least, and how often the best was right at each height."""
    wide = scores.astype(np.float64)
    asked = np.arange(len(truth))

    def surprise(logarithms: Numbers) -> float:
        floor, power = np.exp(logarithms)
        shares = Calibration(float(floor), float(power)).shares(wide)
        return float(-np.log(shares[asked, truth] + 1e-9).mean())

    found = minimize(surprise, np.log([0.02, 2.0]), method="Nelder-Mead", bounds=_BOUNDS, options={"maxfev": 60}).x
    floor, power = (float(one) for one in np.exp(found))
    best = Calibration(floor, power).shares(wide).argmax(axis=1)
    is_right = best == truth
    plain = Calibration(floor, power, _trust(best, is_right, scores.shape[1]))
    drawn = replace(plain, pulls=_pulls(plain.signs(wide), is_right))
    claimed, proved = _curve(drawn.certainty(wide), is_right)
    return replace(drawn, claimed=claimed, proved=proved)


def _trust(best: Numbers, is_right: Numbers, labels: int) -> tuple[float, ...]:
    counts = np.bincount(best, minlength=labels)
    rights = np.bincount(best, weights=is_right, minlength=labels)
    return tuple(odds((rights + _USUAL * is_right.mean()) / (counts + _USUAL)).tolist())


def _pulls(signs: Numbers, is_right: Numbers) -> tuple[float, ...]:
    """By logistic regression over signs of equal spread; none where all were right or all wrong."""
    if is_right.all() or not is_right.any():
        return ()
    middle, spread = signs.mean(axis=0), np.maximum(signs.std(axis=0), 1e-9)
    fitted = LogisticRegression().fit((signs - middle) / spread, is_right)
    pulls = fitted.coef_[0] / spread
    return (*pulls.tolist(), float(fitted.intercept_[0] - middle @ pulls))


def _curve(best: Numbers, is_right: Numbers) -> tuple[tuple[float, ...], tuple[float, ...]]:
    order = np.argsort(best, kind="stable")
    parts = np.array_split(order, min(_BLOCKS, len(order)))
    claimed = [float(best[part].mean()) for part in parts]
    rights = [float(is_right[part].mean()) for part in parts]
    rising = IsotonicRegression().fit_transform(claimed, rights, sample_weight=[float(len(part)) for part in parts])
    proved = [min((1 - _SLOPE) * float(one) + _SLOPE * at, _HIGHEST) for one, at in zip(rising, claimed, strict=True)]
    return (0.0, *claimed, 1.0), (0.0, *proved, 1.0)


def calibration_error(confidence: Numbers, is_right: Numbers) -> float:
    """How far confidence and share of right answers lie apart, over bins of equal width."""
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = [abs(float((confidence[bins == one] - is_right[bins == one]).sum())) for one in np.unique(bins)]
    return sum(gaps) / len(confidence)


def decided_share(confidence: Numbers, is_right: Numbers, *, worst: float) -> float:
    """The largest share of texts, the most confident first, among which at most `worst` were wrong."""
    right = is_right[np.argsort(-confidence, kind="stable")]
    errors = np.cumsum(~right) / np.arange(1, len(right) + 1)
    good = np.flatnonzero(errors <= worst)
    return float(good[-1] + 1) / len(right) if len(good) else 0.0


def top_share(scores: Numbers, truth: Numbers, count: int) -> float:
    """How many find their label among so many with the highest scores."""
    best = np.argsort(-scores, axis=1)[:, :count]
    return float((best == truth[:, None]).any(axis=1).mean())


def macro_f1(truth: Numbers, answers: Numbers, *, fewest: int) -> float:
    """The average over the labels, as numbers, that at least so many texts have."""
    labels, counts = np.unique(truth, return_counts=True)
    chosen = labels[counts >= fewest]
    return float(f1_score(truth, answers, labels=chosen, average="macro", zero_division=0)) if len(chosen) else 0.0
