"""Brings Chinese text to one form and cuts it into words with a private jieba tokenizer that knows the city's words."""

import logging
import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import jieba

jieba.setLogLevel(logging.WARNING)

_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"[^\W\d_]")
_WORD_WEIGHT = 20_000


def normalise(text: str) -> str:
    """Full-width becomes half-width, letters small, runs of space one space."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text).lower()).strip()


def compact(text: str) -> str:
    """Normalised and without any space, so that 银杏路 15 号 is found like 银杏路15号."""
    return normalise(text).replace(" ", "")


@cache
def lexicon(name: str) -> tuple[str, ...]:
    """The lines of a word list that ships with the package, without comments."""
    lines = files("classifier").joinpath("lexicon", name).read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))


class Cutter:
    """Cuts a text into the words that carry meaning; names of places and filler words are left out."""

    def __init__(self, words: Iterable[str] = (), places: Iterable[str] = ()) -> None:
        self._tokenizer = jieba.Tokenizer()
        # jieba would keep its prefix dictionary in a shared temporary folder and read it back with marshal;
        # filling it here costs under a second and trusts no file but the installed one.
        self._tokenizer.FREQ, self._tokenizer.total = self._tokenizer.gen_pfdict(self._tokenizer.get_dict_file())
        self._tokenizer.initialized = True
        places = {compact(place) for place in places}
        for word in (*lexicon("user_dict.txt"), *words, *sorted(places)):
            self._tokenizer.add_word(word, freq=_WORD_WEIGHT)
        self._ignored = places | set(lexicon("stopwords.txt"))

    def cut(self, text: str) -> list[str]:
        return [word for word in self._tokenizer.lcut(normalise(text)) if _WORD.search(word) and word not in self._ignored]
