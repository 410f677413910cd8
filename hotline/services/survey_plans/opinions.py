"""What a short reply says of a case: "5", "满意", "没解决，还在漏水". Pure. What could mean two things is left to a person."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hotline.services.survey_plans.rule import SurveyRule
from models import Grade

# Around a digit that is the whole reply: 5分, 我选5, "5"。
_DIGIT = re.compile(r"(?:回复|评价|评|打|给|选|我|为)*([0-9])(?:分|星|级|颗星)?")
# A digit that is a grade beside words, and not part of a number, a count or an address: at the beginning or the end.
_FIRST = re.compile(r"([0-9])(?:分(?!钟)|星|级)?(\s*[^\w\s])?(.*)", re.DOTALL)
_LAST = re.compile(r"(?<![0-9])([0-9])(?:分|星)?$")
_NOISE = re.compile(r"[\s,.!?;:~、…·*\"'()\[\]<>“”‘’「」【】。，！？；：-]+")
_LEADING_DIGIT = re.compile(r"^\d(?:分|星)?[\s,.!;:、。，！；：]+")


@dataclass(frozen=True)
class Opinion:
    """One word for all three questions: whoever grades in one reply means the result and the unit alike."""

    solved: bool
    grade: Grade
    remark: str = ""
    graded: bool = True  # not only said to be solved, or not


def read(text: str, rule: SurveyRule) -> Opinion | None:
    """None for what is no opinion, says two things at once, or is so long that a person should read it."""
    plain = unicodedata.normalize("NFKC", text).strip()
    said = _NOISE.sub("", plain)
    if not said or len(plain) > rule.longest_reply:
        return None
    if whole := _DIGIT.fullmatch(said):
        grade = rule.digits.get(whole[1])
        return Opinion(grade.is_satisfied, grade) if grade else None
    return _in_words(text.strip(), plain, said, rule)


def _in_words(written: str, plain: str, said: str, rule: SurveyRule) -> Opinion | None:
    if _found(said, rule.unclear):
        return None
    grades = _grades(said, rule)
    solved, rest = _solved(said, rule)
    if (grade := rule.digits.get(_beside(plain, said, rule))) and (grades or solved is not None):
        grades.add(grade)
    if len(grades) > 1 or (solved is None and not grades) or rest:
        return None
    grade = next(iter(grades), Grade.SATISFIED if solved else Grade.DISSATISFIED)
    return Opinion(grade.is_satisfied if solved is None else solved, grade, _remark(written, said, rule), graded=bool(grades))


def _beside(plain: str, said: str, rule: SurveyRule) -> str:
    """At the beginning only what a stop sets apart or a known word follows: 5 minutes, 3 days, house 2 are no grades."""
    if first := _FIRST.match(plain):
        rest = _NOISE.sub("", first[3])
        if (first[2] and not rest[:1].isdigit()) or rest.startswith(tuple(_known(rule))):
            return first[1]
    last = _LAST.search(said)
    return last[1] if last else ""


def _known(rule: SurveyRule) -> Sequence[str]:
    return [*(word for words in rule.words.values() for word in words), *rule.solved, *rule.not_solved]


def _grades(said: str, rule: SurveyRule) -> set[Grade]:
    """The longest phrases first, so that 满意 is not found within 不满意."""
    phrases = sorted(((phrase, grade) for grade, words in rule.words.items() for phrase in words), key=_longest)
    found = set()
    for phrase, grade in phrases:
        if phrase in said:
            found.add(grade)
            said = said.replace(phrase, "□")
    return found


def _longest(each: tuple[str, Grade]) -> int:
    return -len(each[0])


def _solved(said: str, rule: SurveyRule) -> tuple[bool | None, bool]:
    """Whether it says that the matter is solved; and whether it says both."""
    for phrase in sorted(rule.not_solved, key=len, reverse=True):
        said, no = (said.replace(phrase, "□"), True) if phrase in said else (said, False)
        if no:
            return False, _found(said, rule.solved)
    return (True, False) if _found(said, rule.solved) else (None, False)


def _found(said: str, phrases: Iterable[str]) -> bool:
    return any(phrase in said for phrase in phrases)


def _remark(written: str, said: str, rule: SurveyRule) -> str:
    """What was said beyond the grade is kept as it was written; a bare word needs no keeping."""
    return "" if said in _known(rule) else _LEADING_DIGIT.sub("", written)
