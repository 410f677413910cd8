"""Cuts texts into words by the most probable path through a dictionary of plain arrays, many texts at once."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from classifier.grams import Codes, Numbers, positions, runs, spans

_LONGEST = 8
_WORD_WEIGHT = 20_000  # a word of the city outweighs any other cut


@dataclass(frozen=True)
class Dictionary:
    """Words as numbers, those of one length together and sorted; and the logarithm of how common each is."""

    keys: Numbers
    logs: Numbers
    counts: Numbers  # how many words of each length

    @classmethod
    def of(cls, frequencies: Mapping[str, int]) -> "Dictionary":
        total = sum(frequencies.values())
        keys, logs, counts = [], [], []
        for length in range(1, _LONGEST + 1):
            words = [word for word, count in frequencies.items() if len(word) == length and count > 0]
            flat = np.frombuffer("".join(words).encode("utf-32-le"), np.uint32).astype(np.uint64)
            starts = np.arange(len(words)) * length
            hashes = spans(flat, starts, starts + length)
            order = np.argsort(hashes)
            shares = np.array([frequencies[word] for word in words], float)[order] / total
            keys.append(hashes[order])
            logs.append(np.log(shares).astype(np.float32))
            counts.append(len(words))
        return cls(np.concatenate(keys), np.concatenate(logs), np.array(counts))

    @classmethod
    def of_chinese(cls, words: Iterable[str]) -> "Dictionary":
        """jieba's words and the city's."""
        import jieba  # only training needs it

        jieba.setLogLevel(logging.WARNING)
        with jieba.dt.get_dict_file() as file:
            entries = (line.decode("utf-8").split(" ") for line in file)
            frequencies = {entry[0]: int(entry[1]) for entry in entries}
        return cls.of(frequencies | dict.fromkeys(words, _WORD_WEIGHT))

    def cut(self, text: Codes) -> Numbers:
        """The bounds of all words, the end included."""
        size = len(text.codes)
        rarest = float(self.logs.min(initial=-20.0))
        single = np.full(size, rarest)
        starts, lengths, logs = [], [], []
        first = 0
        for length, hashes in runs(text.codes, _LONGEST):
            last = first + int(self.counts[length - 1])
            which, where = positions(hashes, self.keys[first:last])
            found = self.logs[first:last][where]
            first = last
            if length == 1:
                single[which] = found
                continue
            starts.append(which)
            lengths.append(np.full(len(which), length))
            logs.append(found)
        order = np.argsort(np.concatenate(starts), kind="stable")
        words = (np.concatenate(one)[order].tolist() for one in (starts, lengths, logs))
        return _joined_latin(text.codes, _best_path(single.tolist(), *words))


def _best_path(single: list[float], starts: list[int], lengths: list[int], logs: list[float]) -> Numbers:
    size = len(single)
    best = [0.0] * (size + 1)
    steps = [1] * size
    at = len(starts) - 1
    for start in range(size - 1, -1, -1):
        most = single[start] + best[start + 1]
        while at >= 0 and starts[at] == start:
            length = lengths[at]
            if (value := logs[at] + best[start + length]) > most:
                most = value
                steps[start] = length
            at -= 1
        best[start] = most
    bounds = []
    start = 0
    while start < size:
        bounds.append(start)
        start += steps[start]
    return np.array([*bounds, size])


def _joined_latin(codes: Numbers, bounds: Numbers) -> Numbers:
    """A word in Latin letters is one word, whatever the dictionary makes of its letters."""
    is_latin = (codes >= ord("a")) & (codes <= ord("z"))
    inner = bounds[1:-1]
    keep = ~(is_latin[inner] & is_latin[inner - 1])
    return np.concatenate([bounds[:1], inner[keep], bounds[-1:]])
