"""Turns scores into confidences that hold what they promise."""

from dataclasses import dataclass

import numpy as np

from classifier.grams import Numbers

_MOST_LOWERED = 0.99  # at one, the order would be lost


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
