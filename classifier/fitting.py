"""Fits one question: weights for its columns by three linear learners, brought into one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from classifier.grams import Numbers
from classifier.linear import Bounds, Choice, Fit, Recipe, weighted

_LEAST_TOLD = 0.02
_TOLERANCE = {"ridge": 0.01, "margins": 0.1}  # finer ones take twice as long and answer the same
_UNSEEN = 4.0  # as if each column had stood so often with every other label
_SEED = 12345


def telling(rows: sparse.csr_matrix, shares: Numbers, *, doubt: float) -> Numbers:
    """How much each column tells of the label: what its texts' labels differ from all texts' (Kullback and Leibler), in nats.

    `doubt` counts as so many further texts with the usual labels, so that a rare column does not look sure.
    """
    usual = shares.mean(axis=0) + 1e-9
    present = sparse.csr_matrix((np.ones_like(rows.data), rows.indices, rows.indptr), shape=rows.shape)
    counts = np.asarray(present.T @ shares)
    counts += doubt * usual
    counts /= counts.sum(axis=1, keepdims=True)
    return np.asarray((counts * np.log(counts / usual + 1e-12)).sum(axis=1), np.float32)


@dataclass(frozen=True)
class Lesson:
    """What one question is learnt from: a row for each text, its shares of the labels, and how much it counts."""

    rows: sparse.csr_matrix
    shares: Numbers
    emphasis: Numbers


def fit(lesson: Lesson, bounds: Bounds, recipe: Recipe, choices: Sequence[Choice]) -> Iterator[Fit]:
    """One for each choice; those of one cost stand together.

    Ridge regression and the squared hinge err differently, and both estimate a label's share: their average, with a part of
    what complement Bayes says, costs no more to ask than one alone.
    """
    shares = lesson.shares
    scale = np.maximum(telling(lesson.rows, shares, doubt=recipe.doubt), _LEAST_TOLD) ** recipe.sharpness
    known = weighted(lesson.rows, scale, bounds)
    numbers = shares.argmax(axis=1)
    emphasis = lesson.emphasis * _rarity(shares, recipe.balance)[numbers]
    usual = shares.mean(axis=0)
    smooth = _smooth(known, shares, emphasis, recipe) if any(part < 1 for _, part in choices) else np.zeros(1)
    for cost, chosen in groupby(choices, key=itemgetter(0)):
        weights, bias = _margins(known, numbers, emphasis, shares.shape[1], cost)
        for _, part in chosen:
            mixed = np.ascontiguousarray((1 - part) * smooth + part * weights, np.float32)
            yield Fit(scale, mixed, ((1 - part) * usual + part * bias).astype(np.float32))


def _smooth(known: sparse.csr_matrix, shares: Numbers, emphasis: Numbers, recipe: Recipe) -> Numbers:
    """By ridge regression, and a part of complement Bayes."""
    ridge = Ridge(recipe.ridge, fit_intercept=False, solver="lsqr", tol=_TOLERANCE["ridge"])
    smooth = np.asarray(ridge.fit(known, shares - shares.mean(axis=0), sample_weight=emphasis).coef_.T)
    if not recipe.bayes:
        return smooth
    return smooth + 2 * recipe.bayes * _like(complement(known, shares * emphasis[:, None]), smooth, known)


def _rarity(shares: Numbers, balance: float) -> Numbers:
    """Texts of rare labels count for more, by a power of how rare the label is; one on average."""
    counts = shares.sum(axis=0)
    rarity = np.maximum(counts, 1) ** -balance
    return np.asarray(rarity / np.average(rarity, weights=counts), np.float32)


def _margins(known: sparse.csr_matrix, numbers: Numbers, emphasis: Numbers, labels: int, cost: float) -> tuple[Numbers, Numbers]:
    """The squared hinge is least at twice a label's share less one; labels that no text has stay at none."""
    weights, bias = np.zeros((known.shape[1], labels), np.float32), np.zeros(labels)
    seen = np.unique(numbers)
    if len(seen) == 1:
        bias[seen] = 1
        return weights, bias
    machine = LinearSVC(C=cost, tol=_TOLERANCE["margins"], random_state=_SEED).fit(known, numbers, sample_weight=emphasis)
    told, lift = machine.coef_, machine.intercept_
    if len(seen) == 2:
        told, lift = np.vstack([-told, told]), np.concatenate([-lift, lift])
    weights[:, seen], bias[seen] = told.T / 2, (lift + 1) / 2
    return weights, bias


def complement(known: sparse.csr_matrix, shares: Numbers) -> Numbers:
    """Complement Bayes: a column speaks for a label as far as it is rare among the texts of all others."""
    counts = np.asarray(known.T @ shares, np.float32)
    elsewhere = counts.sum(axis=1, keepdims=True) - counts + _UNSEEN
    spoken = -np.log(elsewhere / elsewhere.sum(axis=0))
    spoken -= spoken.mean(axis=1, keepdims=True)
    spoken /= np.abs(spoken).mean(axis=0)
    return np.asarray(spoken - spoken.mean(axis=1, keepdims=True), np.float32)


def _like(weights: Numbers, others: Numbers, known: sparse.csr_matrix) -> Numbers:
    """The weights at the height at which their scores lie as far apart as those of the others."""
    return np.asarray(weights * (np.std(known @ others) / max(float(np.std(known @ weights)), 1e-9)), np.float32)
