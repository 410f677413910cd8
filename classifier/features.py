"""What a text is judged by: its words, pairs of words and short runs of characters, as columns of a sparse matrix."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from classifier.cutting import Dictionary
from classifier.grams import EDGE, PLACE, Codes, Numbers, encode, positions, sign_runs, spans, spread

_WORD, _PAIR, _OPENING = 101, 102, 103
_PAIR_FACTOR = np.uint64(31)
_BLOCK = 2_000  # texts are read so many at a time, which bounds the memory

Found = tuple[Numbers, Numbers]  # owners and keys of the columns of one kind


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

    def read(self, texts: Sequence[str]) -> tuple[Words, Found, Found]:
        """The words, then owners and keys of the runs of characters, then those of words and pairs."""
        text = encode(texts)
        words = self._words(text)
        is_place = np.zeros(len(words.keys), bool)
        is_place[positions(words.keys, self._places)[0]] = True
        signs = sign_runs(_without(text, words, is_place), self.longest)
        return words, signs, _words_and_pairs(words, ~is_place)

    def openings(self, texts: Sequence[str], size: int) -> Found:
        """How a long text begins, which is often its title, is read once more apart; a short text is all beginning."""
        _, *kinds = self.read([text[:size] if len(text) >= 2 * size else "" for text in texts])
        owners, keys = (np.concatenate(parts) for parts in zip(*kinds, strict=True))
        return owners, spread(keys, _OPENING)

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


def _words_and_pairs(words: Words, is_wanted: Numbers) -> Found:
    kept = np.flatnonzero(is_wanted & (words.text.codes[words.starts] != EDGE))
    owners, keys = words.owners[kept], words.keys[kept]
    together = owners[:-1] == owners[1:]
    pairs = spread(keys[:-1] * _PAIR_FACTOR ^ keys[1:], _PAIR)[together]
    return np.concatenate([owners, owners[:-1][together]]), np.concatenate([keys, pairs])


@dataclass(frozen=True)
class Features:
    """The columns: sorted keys of the runs of characters, then those of words and pairs, then those of openings."""

    reader: Reader
    signs: Numbers
    words: Numbers
    openings: Numbers
    opening: int = 0  # so many characters

    @property
    def bounds(self) -> tuple[int, int, int]:
        """Where each kind of columns ends."""
        first, second = len(self.signs), len(self.signs) + len(self.words)
        return first, second, second + len(self.openings)

    @property
    def size(self) -> int:
        return self.bounds[-1]

    def without_openings(self) -> "Features":
        return replace(self, openings=self.openings[:0])

    def read(self, texts: Sequence[str]) -> tuple[sparse.csr_matrix, Words]:
        """One row a text, with one plus the logarithm of how often each column occurs."""
        words, *found = self.reader.read(texts)
        if len(self.openings):
            found.append(self.reader.openings(texts, self.opening))
        owners, columns = [], []
        for (owner, keys), known, first in zip(found, (self.signs, self.words, self.openings), (0, *self.bounds), strict=False):
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


def learn(reader: Reader, texts: Sequence[str], *, fewest: int, most: int, opening: int = 0) -> Features:
    """The columns that occur in at least so many of the texts, or in more if there would be too many columns."""
    seen: tuple[list[Numbers], list[Numbers], list[Numbers]] = ([], [], [])
    for at in range(0, len(texts), _BLOCK):
        block = texts[at : at + _BLOCK]
        _, *found = reader.read(block)
        for keys_of_kind, kind in zip(seen, [*found, reader.openings(block, opening)], strict=True):
            keys_of_kind.append(_once(*kind))
    kinds = [np.unique(np.concatenate(keys), return_counts=True) for keys in seen]
    counts = np.sort(np.concatenate([counts for _, counts in kinds]))[::-1]
    least = max(fewest, int(counts[most]) + 1 if len(counts) > most else 1)
    signs, words, openings = (keys[counts >= least] for keys, counts in kinds)
    return Features(reader, signs, words, openings, opening)


def _once(owners: Numbers, keys: Numbers) -> Numbers:
    """Each key as often as there are texts that have it."""
    order = np.lexsort((owners, keys))
    keys, owners = keys[order], owners[order]
    is_new = np.ones(len(keys), bool)
    is_new[1:] = (keys[1:] != keys[:-1]) | (owners[1:] != owners[:-1])
    return np.asarray(keys[is_new])
