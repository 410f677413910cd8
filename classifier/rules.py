"""Urgent words that outrank the model: an emergency must not be missed, so a doubtful one counts."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from classifier.text import compact, lexicon
from classifier.types import Level, Urgency

_SENTENCE = re.compile(r"[^。！!？?；;\n]+")
_CLAUSE_END = re.compile(r"[，,。！!？?；;、：:\n]")
_DRILL = re.compile(r"演练|演习|预案|安全知识|防火知识|宣传[片册栏]|电影|影院|电视剧|游戏|广告|逃生的?课|讲座")
_DENIED = re.compile(
    r"(?:没有?|未|并未|不会|不是|防止|避免|预防|防范|为了防)(?:发生|出现|造成|听[到见]|闻到|看[到见]|过|再|人|有)*$"
)
_ASKED = re.compile(
    r"怎么(?:申请|认定|赔|报销|领|算)|想问(?:一下)?(?:政策|抚恤|赔偿)|能不?能?申请|救助点|已经?(?:修好|判了|查过)"
)
_LONG_AGO = re.compile(r"去年|前年|上个?月|前几年|多年前|当年|[0-9一二三四五六七八九十几两]+年前")
_ONCE = re.compile(r"以前|上次|曾经|扑灭")
_NOW = re.compile(r"现在|刚|真的|正在|突然|今[天晚早]|又|还在")
_SUPPOSED = re.compile(r"差点|万一|如果|要是|假如|担心|怕|会不会|容易|以防|迟早|早晚会")
_NAMES = {Level.EMERGENCY: "特急", Level.URGENT: "紧急"}
_HEIGHT = {Level.NORMAL: 0, Level.URGENT: 1, Level.EMERGENCY: 2}
_MOST_WORDS = 3


@dataclass(frozen=True)
class _Rule:
    parts: tuple[str, ...]
    level: Level


@dataclass(frozen=True)
class _Hit:
    words: tuple[str, ...]
    level: Level


class UrgencyRules:
    def __init__(self, lines: Iterable[str] | None = None) -> None:
        rules = [_read(line) for line in (lexicon("urgent.txt") if lines is None else lines)]
        self._levels = {rule.parts[0]: rule.level for rule in rules if len(rule.parts) == 1}
        self._pairs: defaultdict[str, list[_Rule]] = defaultdict(list)
        for rule in rules:
            if len(rule.parts) > 1:
                self._pairs[rule.parts[0][0]].append(rule)
        longest_first = sorted(self._levels, key=len, reverse=True)
        self._words = re.compile("|".join(map(re.escape, longest_first)))

    def judge(self, text: str) -> Urgency:
        """The highest level that any sentence gives, with its words; normal without a reason if none does."""
        hits = [hit for sentence in _SENTENCE.findall(compact(text)) for hit in self._sentence(sentence)]
        level = max((hit.level for hit in hits), key=_HEIGHT.__getitem__, default=Level.NORMAL)
        if level == Level.NORMAL:
            return Urgency(Level.NORMAL)
        quoted = "".join(f"“{word}”" for word in _longest(word for hit in hits if hit.level == level for word in hit.words))
        return Urgency(level, f"因{quoted}升为{_NAMES[level]}")

    def _sentence(self, sentence: str) -> list[_Hit]:
        found = list(self._words.finditer(sentence))
        shadowed = [word.span() for word in found if self._levels[word[0]] == Level.NORMAL]
        hits = [_Hit((word[0],), _weaken(self._levels[word[0]], sentence, word.start())) for word in found]
        for rule in (rule for sign in dict.fromkeys(sentence) for rule in self._pairs.get(sign, ())):
            # Few rules say anything of a sentence, and a plain look is a hundred times faster than a search.
            if not all(part in sentence for part in rule.parts):
                continue
            starts = [_outside_of(sentence, part, shadowed) for part in rule.parts]
            if min(starts) >= 0:
                hits.append(_Hit(rule.parts, _weaken(rule.level, sentence, max(starts))))
        return hits


def _longest(words: Iterable[str]) -> list[str]:
    """Without those that stand inside another: 煤气味 says what 煤气 and 味 say."""
    unique = list(dict.fromkeys(words))
    whole = [word for word in unique if not any(word in other for other in unique if other != word)]
    return sorted(whole, key=lambda word: len(word) == 1)[:_MOST_WORDS]


def _read(line: str) -> _Rule:
    word, level, *_ = line.split("\t")
    return _Rule(tuple(word.split("+")), Level(level))


def _outside_of(sentence: str, part: str, spans: list[tuple[int, int]]) -> int:
    """Where the part stands outside the shadowed spans, or -1."""
    found = (one.start() for one in re.finditer(re.escape(part), sentence))
    return next((at for at in found if not any(start <= at < end for start, end in spans)), -1)


def _weaken(level: Level, sentence: str, at: int) -> Level:
    """Denied, practised or told is nothing; feared, long past or asked about is a hidden danger, not an emergency."""
    clause = _CLAUSE_END.split(sentence[:at])[-1]
    is_now = _NOW.search(sentence)
    if _DENIED.search(clause) or (_DRILL.search(sentence) and not is_now):
        return Level.NORMAL
    was_then = _LONG_AGO.search(clause) and not _NOW.search(clause)
    is_past = was_then or ((_LONG_AGO.search(sentence) or _ONCE.search(clause)) and not is_now)
    is_asked = _ASKED.search(sentence) and not is_now
    return Level.URGENT if level == Level.EMERGENCY and (is_past or is_asked or _SUPPOSED.search(clause)) else level
