"""How many text messages a text is: what an agent sees before sending, and what the city pays for."""

from dataclasses import dataclass
from enum import StrEnum

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Sent as two: an escape and a letter, which stay in one part.
_EXTENDED = frozenset("\f^{}\\[~]|€")


class Coding(StrEnum):
    GSM7 = "gsm7"
    UCS2 = "ucs2"


@dataclass(frozen=True)
class Segments:
    """`units` as its coding counts, `parts` as billed, `left` in the last part."""

    coding: Coding
    units: int
    parts: int
    left: int


_SINGLE = {Coding.GSM7: 160, Coding.UCS2: 70}
_MANY = {Coding.GSM7: 153, Coding.UCS2: 67}


def count(text: str, *, in_china: bool) -> Segments:
    """Operators in China bill 70 characters, or 67 for each part of a longer text, whatever they are; others GSM-7 if it fits."""
    is_plain = all(each in _BASIC or each in _EXTENDED for each in text)
    coding = Coding.GSM7 if is_plain and not in_china else Coding.UCS2
    widths = [_width(each, coding) for each in text]
    units = sum(widths)
    if units <= _SINGLE[coding]:
        return Segments(coding, units, 1 if text else 0, _SINGLE[coding] - units)
    parts, room = 1, _MANY[coding]
    for width in widths:
        if width > room:
            parts, room = parts + 1, _MANY[coding]
        room -= width
    return Segments(coding, units, parts, room)


def _width(character: str, coding: Coding) -> int:
    if coding == Coding.GSM7:
        return 2 if character in _EXTENDED else 1
    return 2 if ord(character) > 0xFFFF else 1
