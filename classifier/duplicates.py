"""Which texts are almost the same: they are one group, so that no fold learns what it asks."""

from collections.abc import Sequence

import numpy as np
from scipy import sparse

from classifier.grams import Numbers, encode, sign_runs

_LIKE = 0.8  # cosine of the runs of three characters above which two texts are one
_SKETCH = 12
_SHARED = 4
_RAREST = 0.02


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
