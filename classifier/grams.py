"""Runs of characters and words as 64-bit numbers, so that counting is sorting and a vocabulary a sorted array."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from classifier.text import compact

Numbers = NDArray[Any]

EDGE = 2  # stands before, between and behind texts, so that a beginning and an end are signs too
PLACE = 3  # stands for the name of a place
_FACTOR = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xBF58476D1CE4E5B9)
_DIGITS = re.compile(r"[0-9*]+")
_CONTROL = re.compile(r"[\x00-\x1f]")


@dataclass(frozen=True)
class Codes:
    """The texts behind each other: the code of every character, and which text it belongs to."""

    signs: str
    codes: Numbers
    owners: Numbers


def encode(texts: Sequence[str]) -> Codes:
    """Numbers lose their value, for a house or order number names no matter."""
    plain = [_CONTROL.sub("", _DIGITS.sub("0", compact(text))) for text in texts]
    signs = chr(EDGE) + chr(EDGE).join(plain) + chr(EDGE)
    codes = np.frombuffer(signs.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    return Codes(signs, codes, np.cumsum(codes == EDGE) - 1)


def runs(codes: Numbers, longest: int) -> Iterator[tuple[int, Numbers]]:
    """For each length, the number of the run that starts at each character."""
    hashes = codes.copy()
    yield 1, hashes
    for length in range(2, longest + 1):
        hashes = hashes[:-1] * _FACTOR + codes[length - 1 :]
        yield length, hashes


def spans(codes: Numbers, starts: Numbers, ends: Numbers) -> Numbers:
    """The numbers of the runs between these bounds, the same that `runs` gives."""
    lengths = ends - starts
    hashes = np.zeros(len(starts), np.uint64)
    for at in range(int(lengths.max(initial=0))):
        longer = np.flatnonzero(lengths > at)
        hashes[longer] = hashes[longer] * _FACTOR + codes[starts[longer] + at]
    return hashes


def spread(hashes: Numbers, kind: int) -> Numbers:
    """Evenly over all numbers, and runs of another kind elsewhere."""
    shifted = hashes + np.uint64(kind) * np.uint64(0x51ED270B)
    mixed = (shifted ^ (shifted >> np.uint64(31))) * _MIX
    return np.asarray(mixed ^ (mixed >> np.uint64(29)))


def sign_runs(text: Codes, longest: int, *, shortest: int = 1) -> tuple[Numbers, Numbers]:
    """Every run of characters within one text, its edges included, as owner and key."""
    is_edge = text.codes == EDGE
    edges = np.concatenate([[0], np.cumsum(is_edge)])
    owners, keys = [], []
    for length, hashes in runs(text.codes, longest):
        if length < shortest:
            continue
        count = len(hashes)
        inner = edges[max(length - 1, 1) : max(length - 1, 1) + count] - edges[1 : 1 + count]
        is_pure = is_edge[:count] & is_edge[length - 1 : length - 1 + count]
        whole = np.flatnonzero((inner <= 0) & ~is_pure)
        owners.append(text.owners[whole])
        keys.append(spread(hashes[whole], length))
    return np.concatenate(owners), np.concatenate(keys)


def positions(keys: Numbers, known: Numbers) -> tuple[Numbers, Numbers]:
    """Which of the keys a sorted vocabulary knows, and where."""
    if not len(known):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    found = np.searchsorted(known, keys)
    found[found == len(known)] = 0
    which = np.flatnonzero(known[found] == keys)
    return which, found[which]
