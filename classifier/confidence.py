"""Turns scores into confidences that hold what they promise."""

from dataclasses import dataclass

import numpy as np

from classifier.grams import Numbers

_MOST_LOWERED = 0.99  # at one, the order would be lost
_DOUBT = 1e-4  # nothing is so sure or so unlikely that its logarithm had no end


def odds(share: Numbers) -> Numbers:
    """The logarithm of how much likelier something is than not."""
    return np.asarray(np.log(share + _DOUBT) - np.log(1 - share + _DOUBT))


@dataclass(frozen=True)
class Calibration:
    """Scores above a floor become shares by a power; the best share is then moved onto the curve of what proved right.

    A text that means something else than its words say is wrong at full score; a power alone cannot express that. Nor are all
    labels equally well filed: what the best label was worth before counts beside how far it leads.
    """

    floor: float = 0.02
    power: float = 2.0
    trust: tuple[float, ...] = ()  # of each label: the odds that it was right where it stood first
    pulls: tuple[float, ...] = ()  # how much each sign of being right says, and a constant; without them the best share says all
    claimed: tuple[float, ...] = (0.0, 1.0)
    proved: tuple[float, ...] = (0.0, 1.0)

    def shares(self, scores: Numbers) -> Numbers:
        lifted = np.log(np.maximum(scores, 0) + self.floor) * self.power
        powers = np.exp(lifted - lifted.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True))

    def signs(self, scores: Numbers) -> Numbers:
        """What tells whether the best label is right: its odds, its lead, the two best scores, the label's trust."""
        shares = self.shares(scores)
        two = np.partition(shares, -2, axis=1)[:, -2:]
        lead = np.log(two[:, 1] + _DOUBT) - np.log(two[:, 0] + _DOUBT)
        heights = np.partition(scores, -2, axis=1)[:, -2:]
        return np.column_stack([odds(two[:, 1]), lead, heights, np.asarray(self.trust)[shares.argmax(axis=1)]])

    def certainty(self, scores: Numbers) -> Numbers:
        """Between 0 and 1 and rising with the chance that the best label is right; the curve makes it that chance."""
        if not self.pulls:
            return np.asarray(self.shares(scores).max(axis=1))
        return np.asarray(1 / (1 + np.exp(-self.signs(scores) @ self.pulls[:-1] - self.pulls[-1])))

    def confidences(self, scores: Numbers) -> Numbers:
        """Mixes each row with an even share to lower its best, or with the best alone to raise it: the order stays."""
        shares = self.shares(scores)
        best = shares.max(axis=1, keepdims=True)
        even = 1 / scores.shape[1]
        wanted = np.maximum(np.interp(self.certainty(scores), self.claimed, self.proved), even)[:, None]
        lower = np.clip((best - wanted) / np.maximum(best - even, 1e-9), 0, _MOST_LOWERED)
        raised = np.clip((wanted - best) / np.maximum(1 - best, 1e-9), 0, 1)
        alone = np.arange(scores.shape[1]) == shares.argmax(axis=1)[:, None]
        mixed = (1 - lower - raised) * shares + lower * even + raised * alone
        return np.asarray(mixed, dtype=np.float32)
