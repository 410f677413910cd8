"""Turns scores into confidences that hold what they promise: fitted on texts that the scores' fold had not seen."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression, minimize

from classifier.grams import Numbers

_BINS = 15
_HIGHEST = 0.998  # no run of examples is long enough to promise more
_BOUNDS = [(math.log(0.001), math.log(0.3)), (math.log(0.5), math.log(10.0))]  # of floor and power
_SLOPE = 0.03  # where the curve is level, the more confident text still stands first
_MOST_LOWERED = 0.99  # at one, the order would be lost
_BLOCKS = 40  # the curve is drawn through averages of as many equal parts: single texts would make it jump


@dataclass(frozen=True)
class Calibration:
    """Scores above a floor become shares by a power; the best share is then moved onto the curve of what proved right.

    A text that means something else than its words say is wrong at full score; a power alone cannot express that.
    """

    floor: float = 0.02
    power: float = 2.0
    claimed: tuple[float, ...] = (0.0, 1.0)
    proved: tuple[float, ...] = (0.0, 1.0)

    def shares(self, scores: Numbers) -> Numbers:
        lifted = np.log(np.maximum(scores, 0) + self.floor) * self.power
        powers = np.exp(lifted - lifted.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def confidences(self, scores: Numbers) -> Numbers:
        """Mixes each row with an even share to lower its best, or with the best alone to raise it: the order stays."""
        shares = self.shares(scores)
        best = shares.max(axis=1, keepdims=True)
        even = 1 / scores.shape[1]
        wanted = np.maximum(np.interp(best, self.claimed, self.proved), even)
        lower = np.clip((best - wanted) / np.maximum(best - even, 1e-9), 0, _MOST_LOWERED)
        raised = np.clip((wanted - best) / np.maximum(1 - best, 1e-9), 0, 1)
        alone = np.arange(scores.shape[1]) == shares.argmax(axis=1)[:, None]
        mixed = (1 - lower - raised) * shares + lower * even + raised * alone
        return np.asarray(mixed, dtype=np.float32)


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
    shares = Calibration(floor, power).shares(wide)
    claimed, proved = _curve(shares.max(axis=1), shares.argmax(axis=1) == truth)
    return Calibration(floor, power, claimed, proved)


def _curve(best: Numbers, is_right: Numbers) -> tuple[tuple[float, ...], tuple[float, ...]]:
    order = np.argsort(best, kind="stable")
    parts = np.array_split(order, min(_BLOCKS, len(order)))
    rising = isotonic_regression([is_right[part].mean() for part in parts], weights=[len(part) for part in parts]).x
    claimed = [float(best[part].mean()) for part in parts]
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


def macro_f1(truth: Numbers, answers: Numbers, *, fewest: int) -> float:
    """The average over the labels, as numbers, that at least so many texts have."""
    size = int(max(truth.max(), answers.max())) + 1
    asked, answered = np.bincount(truth, minlength=size), np.bincount(answers, minlength=size)
    right = np.bincount(truth[truth == answers], minlength=size)
    chosen = asked >= fewest
    return float((2 * right[chosen] / (asked + answered)[chosen]).mean()) if chosen.any() else 0.0
