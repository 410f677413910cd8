"""Urgent words that outrank the model: an emergency must not be missed, so a doubtful one counts."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from classifier.text import compact, lexicon
from classifier.types import Level, Urgency

_SENTENCE = re.compile(r"[^。！!？?；;\n]+")
_CLAUSE_END = re.compile(r"[，,。！!？?；;、：:\n]")
_DRILL = re.compile(r"演练|演习|预案|安全知识|防火知识|宣传[片册栏]|电影|影院|电视剧|游戏|广告|新闻|小说|逃生的?课|讲座")
_DENIED = re.compile(
    r"(?:没有?|未|并未|不会|不是|防止|避免|预防|防范|为了防)(?:发生|出现|造成|听[到见]|闻到|看[到见]|过|再|人|有)*$"
)
_ASKED = re.compile(
    r"怎么(?:申请|认定|赔|报销|领|算)|想问(?:一下)?(?:政策|抚恤|赔偿)|能不?能?申请|救助点|赔不赔|理赔"
    r"|已经?(?:修好|处理|解决|办结|排除|判了|查过)|[您你]所?反映的|网上传|谣|真的假的|是真的吗|是假的"
)
_LONG_AGO = re.compile(r"去年|前年|上个?月|前几年|多年前|当年|[0-9一二三四五六七八九十几两]+年前")
_ONCE = re.compile(r"以前|上次|曾经|扑灭")
_NOW = re.compile(r"现在|刚|真的(?!吗)|正在|突然|今[天晚早]|又|还在")
_SUPPOSED = re.compile(r"差点|万一|如果|要是|假如|担心|怕|会不会|容易|以防|迟早|早晚会")
_NAMES = {Level.EMERGENCY: "特急", Level.URGENT: "紧急"}
_HEIGHT = {Level.NORMAL: 0, Level.URGENT: 1, Level.EMERGENCY: 2}
_MOST_WORDS = 3
# A clause that goes on for longer says nothing of its end.
_LONGEST_CLAUSE = 120


@dataclass(frozen=True)
class _Rule:
    """Each part is a choice of words, one of which must stand there."""

    parts: tuple[tuple[str, ...], ...]
    level: Level


@dataclass(frozen=True)
class _Hit:
    words: tuple[str, ...]
    level: Level


class UrgencyRules:
    def __init__(self, lines: Iterable[str] | None = None) -> None:
        rules = _read(lexicon("urgent.txt") if lines is None else lines)
        self._levels = {word: rule.level for rule in rules if len(rule.parts) == 1 for word in rule.parts[0]}
        self._pairs: defaultdict[str, list[_Rule]] = defaultdict(list)
        for rule in rules:
            if len(rule.parts) > 1:
                for sign in {word[0] for word in rule.parts[0]}:
                    self._pairs[sign].append(rule)
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

    def _sentence(self, text: str) -> list[_Hit]:
        sentence = _Sentence(text)
        found = list(self._words.finditer(text))
        shadowed = [word.span() for word in found if self._levels[word[0]] == Level.NORMAL]
        hits = [_Hit((word[0],), sentence.weaken(self._levels[word[0]], word.start())) for word in found]
        for rule in (rule for sign in dict.fromkeys(text) for rule in self._pairs.get(sign, ())):
            # Few rules say anything of a sentence, and a plain look is a hundred times faster than a search.
            if not all(any(word in text for word in part) for part in rule.parts):
                continue
            places = [_outside_of(text, part, shadowed) for part in rule.parts]
            if all(places):
                words = tuple(text[at:end] for (at, end), *_ in places)
                starts = [[at for at, _ in of_part] for of_part in places]
                hits.append(_Hit(words, sentence.weaken_together(rule.level, starts)))
        return hits


def _longest(words: Iterable[str]) -> list[str]:
    """Without those that stand inside another: 煤气味 says what 煤气 and 味 say."""
    unique = list(dict.fromkeys(words))
    whole = [word for word in unique if not any(word in other for other in unique if other != word)]
    return sorted(whole, key=lambda word: len(word) == 1)[:_MOST_WORDS]


def _read(lines: Iterable[str]) -> list[_Rule]:
    rules, choices = [], {}
    for line in lines:
        word, level, *_ = line.split("\t")
        if word.startswith("{"):
            choices[word] = level
            continue
        for name, words in choices.items():
            word = word.replace(name, words)
        rules.append(_Rule(tuple(tuple(part.split("|")) for part in word.split("+")), Level(level)))
    return rules


def _outside_of(sentence: str, part: Sequence[str], spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Where a word of the part stands outside the shadowed spans, from and to."""
    found = (one.span() for word in part if word in sentence for one in re.finditer(re.escape(word), sentence))
    return [(at, to) for at, to in found if not any(start <= at < end for start, end in spans)]


class _Sentence:
    """What stands around a word: denied, practised or told is nothing; feared, long past or asked about is a hidden danger."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _is_now(self) -> bool:
        return _NOW.search(self._text) is not None

    @cached_property
    def _is_drill(self) -> bool:
        return not self._is_now and _DRILL.search(self._text) is not None

    @cached_property
    def _is_told(self) -> bool:
        """Of long ago, asked about, said by others, or done with."""
        return not self._is_now and bool(_LONG_AGO.search(self._text) or _ASKED.search(self._text))

    def weaken(self, level: Level, at: int) -> Level:
        clause = self._clause(at)
        if _DENIED.search(clause) or self._is_drill:
            return Level.NORMAL
        was_then = _LONG_AGO.search(clause) and not _NOW.search(clause)
        is_past = was_then or (_ONCE.search(clause) and not self._is_now)
        is_less = self._is_told or is_past or _SUPPOSED.search(clause)
        return Level.URGENT if level == Level.EMERGENCY and is_less else level

    def weaken_together(self, level: Level, places: Sequence[Sequence[int]]) -> Level:
        """Of a rule with several parts: nothing if one of them is denied wherever it stands."""
        if any(all(_DENIED.search(self._clause(at)) for at in of_part) for of_part in places):
            return Level.NORMAL
        return self.weaken(level, max(of_part[0] for of_part in places))

    def _clause(self, at: int) -> str:
        return _CLAUSE_END.split(self._text[max(0, at - _LONGEST_CLAUSE) : at])[-1]
