"""Numbers cut into prompts, as Chinese says them: 1205 is 一千 二百 零 五."""

DIGITS = tuple(f"digit_{digit}" for digit in range(10))
_UNITS = ("", "ten", "hundred", "thousand")
_MYRIAD = "ten_thousand"
KEYS = frozenset({*DIGITS, *_UNITS[1:], _MYRIAD})
LARGEST = 99_999_999


def is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(LARGEST))


def digit_by_digit(text: str) -> tuple[str, ...]:
    return tuple(f"digit_{digit}" for digit in text if digit in "0123456789")


def as_number(number: int) -> tuple[str, ...]:
    """The prompts of a number from 0 to LARGEST."""
    if number == 0:
        return (DIGITS[0],)
    myriads, rest = divmod(number, 10_000)
    said: list[str] = []
    if myriads:
        said += [*_below_myriad(myriads), _MYRIAD]
        if 0 < rest < 1_000:
            said.append(DIGITS[0])
    said += _below_myriad(rest)
    # 十二, not 一十二, at the very beginning.
    return tuple(said[1:] if said[:2] == [DIGITS[1], "ten"] else said)


def _below_myriad(number: int) -> list[str]:
    said: list[str] = []
    gap = False
    for place in (3, 2, 1, 0):
        digit = number // 10**place % 10
        if not digit:
            gap = bool(said)
            continue
        if gap:
            said.append(DIGITS[0])
            gap = False
        said.append(DIGITS[digit])
        if place:
            said.append(_UNITS[place])
    return said
