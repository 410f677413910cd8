"""Why a message did not go out, in words for people: providers say it in codes."""

import re

from hotline.words import word

_CODE = re.compile(r"-?\w[\w.]*")


def in_words(reason: str) -> str:
    """What is known of the first code that is known, then the provider's own words; unknown ones stand as they are."""
    for code in _CODE.findall(reason):
        if (known := word("provider", code)) != code:
            return f"{known}（{reason}）"
    return reason
