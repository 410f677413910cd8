"""Texts as sets of short words, and how alike two of them are.

Needs neither a model nor a dictionary, so that words stored under an older one still compare.
"""

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping

# Beyond these a text repeats itself.
READ, MOST_WORDS, MOST_IN_COMMON = 2000, 96, 4
LONGEST_NUMBER = 5  # longer ones are telephone and identity numbers
LONGEST_WORD = 12
# They join words of any matter.
JOINTS = "的了是在我你您他她它们这那就都也很请吗呢吧啊呀和与及之其"
_PIECE = re.compile(r"\d+[\u3400-\u9fff]?|[\u3400-\u9fff]+|(?:(?![\u3400-\u9fff])[^\W\d_])+")
_JOINT = re.compile(f"[{JOINTS}]")


def words_of(*texts: str, most: int = MOST_WORDS) -> frozenset[str]:
    """Neighbouring characters of Chinese, whole words of other scripts, short numbers with what they count: 18号."""
    found: dict[str, None] = {}
    for text in texts:
        for piece in _PIECE.findall(unicodedata.normalize("NFKC", text[:READ]).lower()):
            found.update(dict.fromkeys(_words_in(piece)))
            if len(found) >= most:
                return frozenset(list(found)[:most])
    return frozenset(found)


def _words_in(piece: str) -> Iterable[str]:
    if piece[0].isdigit():
        return [piece] if sum(map(str.isdigit, piece)) <= LONGEST_NUMBER else []
    if not "\u3400" <= piece[0] <= "\u9fff":
        return [piece[:LONGEST_WORD]] if len(piece) > 1 else []
    return [run[at : at + 2] for run in _JOINT.split(piece) for at in range(len(run) - 1)]


def stored(words: Iterable[str]) -> str:
    return " ".join(sorted(words))


def restored(text: str) -> frozenset[str]:
    return frozenset(text.split())


def weights(texts: Collection[Collection[str]]) -> dict[str, float]:
    """What each word says: much if few of these texts have it, little if most do."""
    counted = Counter(word for words in texts for word in words)
    return {word: 1 + math.log((1 + len(texts)) / (1 + count)) for word, count in counted.items()}


def likeness(one: frozenset[str], other: frozenset[str], weight: Mapping[str, float]) -> float:
    """From 0, nothing in common, to 1, the same words. Both ways the same."""
    shared = one & other
    if not shared:
        return 0.0
    total, of_one, of_other = (math.fsum(map(weight.__getitem__, words)) for words in (shared, one, other))
    return min(1.0, total / math.sqrt(of_one * of_other))


def in_common(text: str, words: Collection[str]) -> list[str]:
    """What of the text is made of these words, the longest first: 路灯 and 灯坏 become 路灯坏."""
    plain = unicodedata.normalize("NFKC", text[:READ]).lower()
    places = sorted((at.start(), at.start() + len(word)) for word in words for at in re.finditer(f"(?={re.escape(word)})", plain))
    parts: list[tuple[int, int]] = []
    for start, end in places:
        if parts and start < parts[-1][1]:
            parts[-1] = (parts[-1][0], max(end, parts[-1][1]))
        else:
            parts.append((start, end))
    found = sorted({plain[start:end] for start, end in parts}, key=lambda part: (-len(part), part))
    return [part for part in found if not any(part in longer for longer in found if part != longer)][:MOST_IN_COMMON]
