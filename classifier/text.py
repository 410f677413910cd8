"""Brings Chinese text to one form, and reads the word lists that ship with the package."""

import re
import unicodedata
from functools import cache
from importlib.resources import files

FIRST, LAST = 3_000, 1_000  # characters of a long text that are judged

_MOST_UNFOLDED = 2 * (FIRST + LAST)
_SPACES = re.compile(r"\s+")


def shorten(text: str) -> tuple[str, bool]:
    """The beginning and the end of a long text, and whether anything was left out."""
    kept = text if len(text) <= FIRST + LAST else _ends(text)
    unfolded = unicodedata.normalize("NFKC", kept)  # a single sign may stand for a sentence of eighteen (\ufdfa)
    if len(unfolded) > _MOST_UNFOLDED:
        kept = _ends(unfolded)
    return kept, kept is not text


def _ends(text: str) -> str:
    return f"{text[:FIRST]}\n{text[-LAST:]}"


def normalise(text: str) -> str:
    """Full-width becomes half-width, traditional signs simplified ones, letters small, runs of space one space."""
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", text).lower().translate(_simplified())).strip()


def compact(text: str) -> str:
    """Normalised and without any space, so that 银杏路 15 号 is found like 银杏路15号."""
    return normalise(text).replace(" ", "")


@cache
def _simplified() -> dict[int, str]:
    pairs = (pair for line in lexicon("traditional.txt") for pair in line.split())
    return {ord(pair[0]): pair[1] for pair in pairs}


@cache
def lexicon(name: str) -> tuple[str, ...]:
    """The lines of a word list that ships with the package, without comments."""
    lines = files("classifier").joinpath("lexicon", name).read_text(encoding="utf-8").splitlines()
    return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))
