"""Providers' JSON, read with suspicion: whoever is let in by a secret path may still send anything."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hotline.errors import Invalid

CHINA = ZoneInfo("Asia/Shanghai")
MOST_ITEMS = 500
LONGEST_NAME = 128
LONGEST_REASON = 200

Item = Mapping[str, Any]

_SENDER = re.compile(r"[+0-9A-Za-z][0-9A-Za-z:+*#-]{1,39}")
_NAME = re.compile(r"[!-~]+")


def items_of(body: bytes) -> Sequence[Item]:
    """The objects of a JSON array, or the one object that there is."""
    try:
        found = json.loads(body.decode())
    except (ValueError, RecursionError) as error:
        raise Invalid() from error
    items = found if isinstance(found, list) else [found]
    if len(items) > MOST_ITEMS or not all(isinstance(item, dict) for item in items):
        raise Invalid()
    return items


def text_of(item: Item, field: str) -> str:
    value = item.get(field, "")
    if not isinstance(value, str):
        raise Invalid()
    return value


def word_of(item: Item, field: str) -> str:
    """A string, or a whole number as one."""
    value = item.get(field, "")
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text_of(item, field)


def sender(number: str) -> str:
    """A number as a provider writes it, or the name of a sender that has none."""
    if not _SENDER.fullmatch(number):
        raise Invalid()
    return number


def name(external: str) -> str:
    """What a provider calls a message, whole if it is a plain short word."""
    if not external:
        raise Invalid()
    if len(external) <= LONGEST_NAME and _NAME.fullmatch(external):
        return external
    return digest_of(external)


def digest_of(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogatepass")).hexdigest()


def reason(text: str) -> str:
    """A provider's words of why, fit to be stored."""
    return "".join(each for each in text if each.isprintable())[:LONGEST_REASON]


def china_time(text: str) -> datetime | None:
    """None for what is no time: what was written counts, not when its provider took it."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=CHINA).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def unix_time(value: object) -> datetime | None:
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        return None
