"""Confidence: what is claimed must have proved right, and labels are not filed equally well."""

import numpy as np

from classifier.calibration import calibrate, calibration_error
from classifier.confidence import Calibration
from classifier.grams import Numbers

LABELS = 4


def answers(count: int, seed: int) -> tuple[Numbers, Numbers]:
    """Scores that look alike for all labels, of which the first is right in nine of ten and the others in five."""
    chance = np.random.default_rng(seed)
    best = chance.integers(LABELS, size=count)
    scores = chance.uniform(0.0, 0.2, (count, LABELS))
    scores[np.arange(count), best] = chance.uniform(0.4, 0.9, count)
    is_right = chance.random(count) < np.where(best == 0, 0.9, 0.5)
    return scores, np.where(is_right, best, (best + 1) % LABELS)


def test_a_label_that_was_often_filed_otherwise_is_claimed_with_less_confidence() -> None:
    calibration = calibrate(*answers(4_000, seed=1))

    first, second = calibration.confidences(np.array([[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1]]))

    assert 0.8 < first[0] < 1.0
    assert 0.4 < second[1] < 0.65


def test_what_is_claimed_holds_on_texts_that_no_curve_saw() -> None:
    calibration = calibrate(*answers(4_000, seed=1))
    scores, truth = answers(4_000, seed=2)

    confidences = calibration.confidences(scores)

    assert (confidences.argmax(axis=1) == scores.argmax(axis=1)).all()
    assert calibration_error(confidences.max(axis=1), confidences.argmax(axis=1) == truth) < 0.04


def test_confidences_need_no_signs() -> None:
    shares = Calibration().confidences(np.array([[0.6, 0.3, 0.1]]))

    assert shares.argmax() == 0
    assert abs(float(shares.sum()) - 1) < 1e-6


def test_answers_that_are_all_right_can_be_calibrated() -> None:
    scores, _ = answers(50, seed=3)

    confidences = calibrate(scores, scores.argmax(axis=1)).confidences(scores)

    assert confidences.max(axis=1).min() > 0.8
