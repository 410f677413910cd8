"""House numbers as citizens write them: 15号, 十五号, No.15, 1 5 号, 15-3号, 15号到31号, 70多号, 单号那一侧."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}
_TENS = {"廿": "二十", "卅": "三十"}
_NUMBER = r"(?:\d{1,5}|[零〇一二两三四五六七八九十百千廿卅]{1,7})"
# What may stand between a road and its number: 建设路（靠里）120号, 建设路东头，大概120号.
_LEAD = re.compile(
    r"(?:\([^()]{1,6}\)|上的?|的|这边|那边|那里|[东南西北中][段侧头边面]?|[,，:：]"
    r"|(?:门牌|号码|好像|应该|可能|大概|大约|差不多|靠近|临近)(?:号码?|就?是|为|在|[:：])?){0,4}"
)
_HOUSE = re.compile(
    rf"(?P<from>从|由)?(?P<mark>门牌号?|no\.?|第|#|[甲乙丙])?(?P<number>{_NUMBER})(?P<about>[多几来])?"
    r"(?:[-—–~之](?P<second>\d{1,4})(?!\d))?(?P<end>号|弄|#)?",
)
_STRETCH = re.compile(rf"(?:(?:一直)?(?P<to>[到至~—–-])|[、和及])(?P<last>{_NUMBER})号")
_SIDE = re.compile(r"(?P<odd>单号|单数|奇数)|双号|双数|偶数")
_BARE_NUMBER_ENDS = "，。,.;；!！?？、:：)）栋幢 有的在这那是门被旁对里附左右前后边店"
_EMERGENCY_CALLS = frozenset({"110", "119", "120", "122"})
_DAY = re.compile(r"(?:那天|当天|开始|起|早|晚|上午|下午|中午|凌晨|夜里|就|停|至今|到现在|以来)")
# 3 9 号楼 and 3 9 号线 are two numbers; before a day or a word for several, 3 9 号 may be two.
_HOUSE_ENDS = r"[号弄](?! ?(?:[线楼栋幢院单房室车电出井桌机码到至~—–-]|公 ?交|地 ?铁|窗|门(?! ?[口前])))"
_ONE_HOUSE_ENDS = rf"{_HOUSE_ENDS}(?! ?(?:[都均全两三几等和及、]|[那当] ?天|开始|起|早|晚|[上下中] ?午|凌晨|夜里))"
_APART = r"[1-9](?: [0-9]){1,3}"
_ALL_APART = re.compile(rf"(?<![0-9])(?<![0-9] ){_APART}(?= {_ONE_HOUSE_ENDS})")
_PARTLY_APART = re.compile(rf"(?P<digits>{_APART}){_HOUSE_ENDS}")
_LONGEST_STRETCH = 2000
_DAYS_OF_MONTH = 31


@dataclass(frozen=True)
class HouseNumbers:
    """All numbers that a text may mean, or only the side of the street, and where they end in the text."""

    numbers: Sequence[int]
    end: int
    side: str = ""


def closed_up(text: str) -> str:
    """Where 号 stands apart like the digits, 9 9 号 is one number."""
    return _ALL_APART.sub(lambda found: found[0].replace(" ", ""), text)


def read_number(text: str) -> int | None:
    """The value of Arabic digits or Chinese numerals (一百二十, 一百二, 二〇三); None for what is neither."""
    if text.isdecimal():
        return int(text)
    text = "".join(_TENS.get(sign, sign) for sign in text)
    if not any(sign in _POWERS for sign in text):
        values = [_DIGITS.get(sign) for sign in text]
        return None if not values or None in values else int("".join(map(str, values)))
    return _with_powers(text)


def _with_powers(text: str) -> int | None:
    total, pending, power, after_zero = 0, 0, 1, False
    for sign in text:
        if sign in _POWERS:
            power = _POWERS[sign]
            total, pending, after_zero = total + (pending or 1) * power, 0, False
        elif sign in _DIGITS:
            pending, after_zero = _DIGITS[sign], after_zero or _DIGITS[sign] == 0
        else:
            return None
    is_short_form = power > _POWERS["十"] and not after_zero
    return total + pending * (power // 10 if is_short_form else 1)


def house_numbers(text: str, start: int) -> HouseNumbers | None:
    """What stands behind a road's name: a number, several, a stretch, or one side of the street."""
    lead = _LEAD.match(text, start)
    at = lead.end() if lead else start
    side = _SIDE.match(text, at)
    if side:
        return HouseNumbers((), side.end(), "odd" if side["odd"] else "even")
    if apart := _PARTLY_APART.match(text, at):
        return HouseNumbers(_readings(apart["digits"]), apart.end())
    found = _HOUSE.match(text, at)
    number = _number(text, found) if found else None
    if found is None or number is None or _is_day(text, found, number, is_apart=at > start):
        return None
    return _read_on(text, found, number)


def _readings(digits: str) -> tuple[int, ...]:
    """3 9号 is 39, or 3 and 9."""
    return (int(digits.replace(" ", "")), *map(int, digits.split()))


def _read_on(text: str, found: re.Match[str], number: int) -> HouseNumbers | None:
    if found["about"]:
        return HouseNumbers(range(number, number + (10 if number % 100 else 100)), found.end())
    second = int(found["second"] or 0)
    if number < second <= number + _LONGEST_STRETCH:
        return HouseNumbers(range(number, second + 1), found.end())
    on = _STRETCH.match(text, found.end())
    last = read_number(on["last"]) if on else None
    if on is None or last is None:
        return None if found["from"] else HouseNumbers((number,), found.end())
    if on["to"] and number <= last <= number + _LONGEST_STRETCH:
        return HouseNumbers(range(number, last + 1), on.end())
    return HouseNumbers((number, last), on.end())


def _number(text: str, found: re.Match[str]) -> int | None:
    written, following = found["number"], text[found.end() : found.end() + 1]
    mark = found["mark"] or ""
    is_marked = bool(found["end"]) or mark.startswith(("no", "#", "门牌"))
    if not is_marked:
        is_closed = written.isdecimal() and following in ("", *_BARE_NUMBER_ENDS) and not _goes_on(text, found.end())
        is_call = written in _EMERGENCY_CALLS and following not in ("", *"，。,;；!！?？")
        if not is_closed or is_call or found["about"]:
            return None
    return read_number(written)


def _goes_on(text: str, at: int) -> bool:
    """12:30 and 3.5 are no house numbers."""
    return text[at : at + 1] in (":", ".", "：") and text[at + 1 : at + 2].isdecimal()


def _is_day(text: str, found: re.Match[str], number: int, *, is_apart: bool) -> bool:
    """建设路，15号停的水: with something between road and number, the number may be a day."""
    return is_apart and number <= _DAYS_OF_MONTH and bool(_DAY.match(text, found.end()))
