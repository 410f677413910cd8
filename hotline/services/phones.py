"""Telephone numbers in one spelling, E.164, so that the same number is found again however it was typed."""

import re
import unicodedata

import phonenumbers

from models import privacy

HOME = "CN"
_MOBILE = re.compile(r"1[3-9]\d{9}")
# Area codes 10 and 2x with eight digits, all others with seven or eight.
_LANDLINE = re.compile(r"(?:10|2\d)[2-8]\d{7}|[3-9]\d{2}[2-8]\d{6,7}")
_EXTENSION = re.compile(r"(?:转|分机|ext\.?|#).*$", re.IGNORECASE)


# As most numbers come, and as they are stored: the library would take fifty times as long to say the same.
_PLAIN_MOBILE = re.compile(r"(?:\+86)?(1[3-9][0-9]{9})")


def normalise(text: str) -> str | None:
    """E.164, or None for what is no full number. A landline needs its area code: without it two cities share it."""
    plain = _PLAIN_MOBILE.fullmatch(text)
    if plain:
        return f"+86{plain[1]}"
    typed = _EXTENSION.sub("", unicodedata.normalize("NFKC", text).strip())
    try:
        number = phonenumbers.parse(typed, HOME)
    except phonenumbers.NumberParseException:
        return None
    if not (phonenumbers.is_valid_number(number) or _looks_chinese(typed, number)):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _looks_chinese(typed: str, number: phonenumbers.PhoneNumber) -> bool:
    """Number ranges are opened faster than the library learns of them; its shape is enough for a Chinese number."""
    if number.country_code != 86:
        return False
    national = str(number.national_number)
    has_area_code = re.sub(r"[^\d+]", "", typed).startswith(("0", "+", "86"))
    return bool(_MOBILE.fullmatch(national)) or (has_area_code and bool(_LANDLINE.fullmatch(national)))


def takes_texts(number: str) -> bool:
    """Mobile numbers of this country: a text to a landline is lost, and one abroad is an expense that strangers could cause."""
    return bool(_PLAIN_MOBILE.fullmatch(number))


def number_hash(number: str) -> bytes:
    """What a number (E.164) is looked up by."""
    return privacy.lookup_hash("number", number)
