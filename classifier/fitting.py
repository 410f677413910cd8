"""Fits one question: weights for its columns by two linear learners, averaged into one."""

from collections.abc import Iterator

import numpy as np
from scipy import sparse
from sklearn.linear_model import Ridge
from sklearn.svm import LinearSVC

from classifier.grams import Numbers
from classifier.linear import Fit, Recipe, weighted

_LEAST_TOLD = 0.02
_TOLERANCE = {"ridge": 0.01, "margins": 0.1}  # finer ones take twice as long and answer the same
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


def fit(rows: sparse.csr_matrix, shares: Numbers, first_word: int, recipe: Recipe, costs: tuple[float, ...]) -> Iterator[Fit]:
    """One for each cost. `shares` has a row for each text and a column for each label.

    Ridge regression and the squared hinge err differently, and both estimate a label's share: the average costs no more
    to ask than one alone.
    """
    scale = np.maximum(telling(rows, shares, doubt=recipe.doubt), _LEAST_TOLD) ** recipe.sharpness
    known = weighted(rows, scale, first_word)
    numbers = shares.argmax(axis=1)
    rarity = _rarity(shares, recipe.balance)
    usual = shares.mean(axis=0)
    ridge = Ridge(recipe.ridge, fit_intercept=False, solver="lsqr", tol=_TOLERANCE["ridge"])
    ridge.fit(known, shares - usual, sample_weight=rarity[numbers])
    for cost in costs:
        weights, bias = _margins(known, numbers, rarity, cost)
        weights = np.ascontiguousarray((ridge.coef_ + weights).T / 2, np.float32)
        yield Fit(scale, weights, ((usual + bias) / 2).astype(np.float32))


def _rarity(shares: Numbers, balance: float) -> Numbers:
    """Texts of rare labels count for more, by a power of how rare the label is; one on average."""
    counts = shares.sum(axis=0)
    rarity = np.maximum(counts, 1) ** -balance
    return np.asarray(rarity / np.average(rarity, weights=counts), np.float32)


def _margins(known: sparse.csr_matrix, numbers: Numbers, rarity: Numbers, cost: float) -> tuple[Numbers, Numbers]:
    """The squared hinge is least at twice a label's share less one; labels that no text has stay at none."""
    weights, bias = np.zeros((len(rarity), known.shape[1]), np.float32), np.zeros(len(rarity))
    seen = np.unique(numbers)
    if len(seen) == 1:
        bias[seen] = 1
        return weights, bias
    balance = {int(label): float(rarity[label]) for label in seen}
    machine = LinearSVC(C=cost, tol=_TOLERANCE["margins"], class_weight=balance, random_state=_SEED).fit(known, numbers)
    told, lift = machine.coef_, machine.intercept_
    if len(seen) == 2:
        told, lift = np.vstack([-told, told]), np.concatenate([-lift, lift])
    weights[seen], bias[seen] = told / 2, (lift + 1) / 2
    return weights, bias
