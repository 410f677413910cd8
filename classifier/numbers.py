"""House numbers as citizens write them: 15号, 十五号, No.15, 15-3号, 15号之2, 15号3栋."""

import re

_DIGITS = {sign: value for value, sign in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_POWERS = {"十": 10, "百": 100, "千": 1000}
_HOUSE = re.compile(
    r"(?:门牌)?(?P<mark>no\.?|第|#)?(?P<number>\d{1,5}|[零〇一二两三四五六七八九十百千]{1,7})"
    r"(?:[-—–~之]\d{1,4})?(?P<end>号|弄|#)?",
)
_BARE_NUMBER_ENDS = "，。,.;；!！?？、:：)）栋幢"


def read_number(text: str) -> int | None:
    """The value of Arabic digits or Chinese numerals (一百二十, 二〇三); None for what is neither."""
    if text.isdigit():
        return int(text)
    if not any(sign in _POWERS for sign in text):
        values = [_DIGITS.get(sign) for sign in text]
        return None if not values or None in values else int("".join(map(str, values)))
    total, pending = 0, 0
    for sign in text:
        if sign in _POWERS:
            total += (pending or 1) * _POWERS[sign]
            pending = 0
        else:
            pending = _DIGITS[sign]
    return total + pending


def house_number(text: str, start: int) -> tuple[int, int] | None:
    """The house number that begins at `start`, and where it ends; bare digits count only if no unit of measure follows."""
    found = _HOUSE.match(text, start)
    if not found:
        return None
    is_marked = bool(found["end"]) or (found["mark"] or "").startswith(("no", "#"))
    is_closed = found["number"].isdigit() and text[found.end() : found.end() + 1] in ("", *_BARE_NUMBER_ENDS)
    number = read_number(found["number"]) if is_marked or is_closed else None
    return None if number is None else (number, found.end())
