"""What a text is judged by: its words, pairs of words and short runs of characters, as columns of a sparse matrix."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from classifier.cutting import Dictionary
from classifier.grams import EDGE, PLACE, Codes, Numbers, encode, positions, sign_runs, spans, spread

_WORD, _PAIR = 101, 102
_PAIR_FACTOR = np.uint64(31)
_BLOCK = 2_000  # texts are read so many at a time, which bounds the memory


@dataclass(frozen=True)
class Words:
    """Every word that was read: whose it is, where it stands, its key."""

    text: Codes
    owners: Numbers
    starts: Numbers
    ends: Numbers
    keys: Numbers

    def of(self, owner: int) -> list[tuple[str, int]]:
        first, last = np.searchsorted(self.owners, [owner, owner + 1])
        return [
            (self.text.signs[start:end], int(key))
            for start, end, key in zip(self.starts[first:last], self.ends[first:last], self.keys[first:last], strict=True)
        ]


class Reader:
    """Turns texts into keys; names of places are read as one and the same sign."""

    def __init__(self, dictionary: Dictionary, places: Iterable[str] = (), *, longest: int) -> None:
        self.dictionary = dictionary
        self.longest = longest
        self._places = np.sort([_key_of(place) for place in places]).astype(np.uint64)

    def read(self, texts: Sequence[str]) -> tuple[Words, tuple[Numbers, Numbers], tuple[Numbers, Numbers]]:
        """The words, then owners and keys of the runs of characters, then those of words and pairs."""
        text = encode(texts)
        words = self._words(text)
        is_place = np.zeros(len(words.keys), bool)
        is_place[positions(words.keys, self._places)[0]] = True
        signs = sign_runs(_without(text, words, is_place), self.longest)
        return words, signs, _words_and_pairs(words, ~is_place)

    def _words(self, text: Codes) -> Words:
        bounds = self.dictionary.cut(text)
        starts, ends = bounds[:-1], bounds[1:]
        keys = spread(spans(text.codes, starts, ends), _WORD)
        return Words(text, text.owners[starts], starts, ends, keys)


def _key_of(word: str) -> np.uint64:
    codes = encode([word]).codes[1:-1]
    return np.uint64(spread(spans(codes, np.array([0]), np.array([len(codes)])), _WORD)[0])


def _without(text: Codes, words: Words, is_place: Numbers) -> Codes:
    if not is_place.any():
        return text
    codes = text.codes.copy()
    keep = np.ones(len(codes), bool)
    for start, end in zip(words.starts[is_place], words.ends[is_place], strict=True):
        codes[start] = PLACE
        keep[start + 1 : end] = False
    return Codes(text.signs, codes[keep], text.owners[keep])


def _words_and_pairs(words: Words, is_wanted: Numbers) -> tuple[Numbers, Numbers]:
    kept = np.flatnonzero(is_wanted & (words.text.codes[words.starts] != EDGE))
    owners, keys = words.owners[kept], words.keys[kept]
    together = owners[:-1] == owners[1:]
    pairs = spread(keys[:-1] * _PAIR_FACTOR ^ keys[1:], _PAIR)[together]
    return np.concatenate([owners, owners[:-1][together]]), np.concatenate([keys, pairs])


@dataclass(frozen=True)
class Features:
    """The columns: sorted keys of the runs of characters, then those of words and pairs."""

    reader: Reader
    signs: Numbers
    words: Numbers

    @property
    def size(self) -> int:
        return len(self.signs) + len(self.words)

    def read(self, texts: Sequence[str]) -> tuple[sparse.csr_matrix, Words]:
        """One row a text, with one plus the logarithm of how often each column occurs."""
        words, signs, pairs = self.reader.read(texts)
        owners, columns = [], []
        for (owner, keys), known, first in ((signs, self.signs, 0), (pairs, self.words, len(self.signs))):
            which, where = positions(keys, known)
            owners.append(owner[which])
            columns.append(where + first)
        rows = counted(np.concatenate(owners), np.concatenate(columns), (len(texts), self.size))
        rows.data = 1 + np.log(rows.data)
        return rows, words

    def rows(self, texts: Sequence[str]) -> sparse.csr_matrix:
        blocks = [self.read(texts[at : at + _BLOCK])[0] for at in range(0, len(texts), _BLOCK)]
        return sparse.vstack(blocks, format="csr") if len(blocks) > 1 else blocks[0]

    def column_of_word(self, key: int) -> int | None:
        at = int(np.searchsorted(self.words, np.uint64(key)))
        return at + len(self.signs) if at < len(self.words) and int(self.words[at]) == key else None


def counted(owners: Numbers, columns: Numbers, shape: tuple[int, int]) -> sparse.csr_matrix:
    rows = sparse.csr_matrix((np.ones(len(owners), np.float32), (owners, columns)), shape=shape)
    rows.sum_duplicates()
    return rows


def learn(reader: Reader, texts: Sequence[str], *, fewest: int, most: int) -> Features:
    """The columns that occur in at least so many of the texts, or in more if there would be too many columns."""
    seen: tuple[list[Numbers], list[Numbers]] = ([], [])
    for at in range(0, len(texts), _BLOCK):
        _, *kinds = reader.read(texts[at : at + _BLOCK])
        for keys_of_kind, (owners, keys) in zip(seen, kinds, strict=True):
            order = np.lexsort((owners, keys))
            keys, owners = keys[order], owners[order]
            is_new = np.ones(len(keys), bool)
            is_new[1:] = (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1])
            keys_of_kind.append(keys[is_new])
    kinds = [np.unique(np.concatenate(keys), return_counts=True) for keys in seen]
    counts = np.sort(np.concatenate([counts for _, counts in kinds]))[::-1]
    least = max(fewest, int(counts[most]) + 1 if len(counts) > most else 1)
    return Features(reader, *(keys[counts >= least] for keys, counts in kinds))
