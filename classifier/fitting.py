"""Fits one question: weights for its columns, ridge regression on the kernel, and honest scores from folds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg, sparse

from classifier.grams import Numbers, encode, sign_runs

_LIKE = 0.8  # cosine of the runs of three characters above which two texts are one
_SKETCH = 12
_SHARED = 4
_ROWS = 1_000
_COMMON = 0.03
_RAREST = 0.02


@dataclass(frozen=True)
class Recipe:
    """How a model is built; kept in it. The two that ship are in `RECIPES`."""

    name: str
    longest_run: int = 4
    fewest: int = 2
    most_columns: int = 400_000
    most_weights: int = 24_000_000
    doubt: float = 2.0
    sharpness: float = 0.5
    ridges: tuple[float, ...] = (1.0, 2.0, 4.0)  # the first fold tells which
    balance: float = 0.25
    folds: int = 5
    keeps_examples: bool = False

    def columns(self, labels: int) -> int:
        return min(self.most_columns, self.most_weights // max(labels, 1))


RECIPES = {
    recipe.name: recipe
    for recipe in (
        Recipe("table"),
        Recipe("city", fewest=1, most_weights=8_000_000, ridges=(3.0,), folds=3, keeps_examples=True),
    )
}


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


def weighted(rows: sparse.csr_matrix, scale: Numbers, first_word: int) -> sparse.csr_matrix:
    """The rows with each column at its weight, runs of characters and words each brought to length one."""
    data = rows.data * scale[rows.indices]
    owners = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    blocks = owners * 2 + (rows.indices >= first_word)
    lengths = np.sqrt(np.bincount(blocks, weights=data * data, minlength=2 * rows.shape[0]))
    data = data / np.maximum(lengths, 1e-9)[blocks]
    return sparse.csr_matrix((data.astype(np.float32), rows.indices, rows.indptr), shape=rows.shape)


@dataclass(frozen=True)
class Fit:
    scale: Numbers
    weights: Numbers
    bias: Numbers

    def rounded(self) -> "Fit":
        """As it will be saved, so that a model answers the same before and after."""
        return Fit(self.scale, self.weights.astype(np.float16).astype(np.float32), self.bias)

    def scores(self, rows: sparse.csr_matrix, first_word: int) -> Numbers:
        return np.asarray(weighted(rows, self.scale, first_word) @ self.weights + self.bias)


def fit(rows: sparse.csr_matrix, shares: Numbers, first_word: int, recipe: Recipe, ridges: tuple[float, ...]) -> Iterator[Fit]:
    """One for each ridge. `shares` has a row for each text and a column for each label."""
    scale = np.maximum(telling(rows, shares, doubt=recipe.doubt), 0.02) ** recipe.sharpness
    known = weighted(rows, scale, first_word)
    bias = shares.mean(axis=0)
    kernel = _kernel(known)
    leniency = _leniency(shares, recipe.balance)
    before = 0.0
    for ridge in ridges:
        kernel[np.diag_indices(len(kernel))] += (ridge - before) * leniency
        before = ridge
        factor = linalg.cho_factor(kernel, lower=True, overwrite_a=ridge == ridges[-1], check_finite=False)
        parts = linalg.cho_solve(factor, (shares - bias).astype(np.float32), check_finite=False)
        yield Fit(scale, np.asarray(known.T @ parts, np.float32), bias.astype(np.float32))


def _leniency(shares: Numbers, balance: float) -> Numbers:
    """Texts of rare labels are held to more strictly, by a power of how rare the label is; one on average."""
    rarity = (shares @ (1 / np.maximum(shares.sum(axis=0), 1))) ** balance
    return np.asarray(rarity.mean() / rarity, np.float32)


def _kernel(rows: sparse.csr_matrix) -> Numbers:
    """Few columns are in very many rows: multiplied densely they cost a tenth of what they cost sparsely."""
    columns = rows.tocsc()
    is_common = np.diff(columns.indptr) > rows.shape[0] * _COMMON
    dense = columns[:, is_common].toarray()
    kernel = np.asarray(dense @ dense.T, np.float32)
    rare = columns[:, ~is_common].tocsr()
    other = rare.T.tocsr()
    for at in range(0, rows.shape[0], _ROWS):
        part = (rare[at : at + _ROWS] @ other).tocoo()
        kernel[part.row + at, part.col] += part.data
    return kernel


def folds_of(groups: Numbers, count: int, *, seed: int) -> Iterator[tuple[Numbers, Numbers]]:
    """What to learn and what to ask; a group is never on both sides."""
    names, sizes = np.unique(groups, return_counts=True)
    order = np.random.default_rng(seed).permutation(len(names))
    order = order[np.argsort(-sizes[order], kind="stable")]
    fold_of, load = np.zeros(len(names), int), np.zeros(count)
    for name in order:
        fold_of[name] = load.argmin()
        load[fold_of[name]] += sizes[name]
    folds = fold_of[np.searchsorted(names, groups)]
    for fold in range(min(count, len(names))):
        yield np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)


def near_duplicates(texts: Sequence[str]) -> Numbers:
    """A group number for each text; texts whose runs of three characters are almost the same share it."""
    plain = {text: at for at, text in enumerate(dict.fromkeys(texts))}
    owners, keys = sign_runs(encode(list(plain)), 3, shortest=3)
    unique, columns = np.unique(keys, return_inverse=True)
    counts = sparse.csr_matrix((np.ones(len(owners), np.float32), (owners, columns)), shape=(len(plain), len(unique)))
    counts.sum_duplicates()
    pairs = _alike(counts)
    links = sparse.coo_matrix((np.ones(len(pairs[0])), pairs), shape=(len(plain), len(plain)))
    groups = sparse.csgraph.connected_components(links, directed=False)[1]
    return np.asarray([groups[plain[text]] for text in texts])


def _alike(counts: sparse.csr_matrix) -> tuple[Numbers, Numbers]:
    """Texts that share enough of their smallest uncommon runs are compared in full; all others cannot be alike."""
    is_rare = np.bincount(counts.indices, minlength=counts.shape[1]) <= max(20, counts.shape[0] * _RAREST)
    marks = _sketches(counts, is_rare)
    shared = (marks @ marks.T).tocoo()
    sizes = np.diff(marks.indptr)
    enough = np.minimum(_SHARED, (np.minimum(sizes[shared.row], sizes[shared.col]) + 1) // 2)
    likely = (shared.data >= enough) & (shared.row < shared.col)
    left, right = shared.row[likely], shared.col[likely]
    lengths = np.sqrt(np.asarray(counts.multiply(counts).sum(axis=1)).ravel())
    products = np.asarray(counts[left].multiply(counts[right]).sum(axis=1)).ravel()
    alike = products >= _LIKE * lengths[left] * lengths[right]
    return left[alike], right[alike]


def _sketches(counts: sparse.csr_matrix, is_rare: Numbers) -> sparse.csr_matrix:
    """Of each text its few uncommon columns with the smallest numbers; a column's number is its hash's rank."""
    rare = np.flatnonzero(is_rare[counts.indices])
    owners = np.repeat(np.arange(counts.shape[0]), np.diff(counts.indptr))[rare]
    columns = counts.indices[rare]
    order = np.lexsort((columns, owners))
    owners, columns = owners[order], columns[order]
    starts = np.searchsorted(owners, owners)
    kept = np.arange(len(owners)) - starts < _SKETCH
    return sparse.csr_matrix((np.ones(int(kept.sum()), np.float32), (owners[kept], columns[kept])), shape=counts.shape)
