"""Text from outside as it may be kept."""

import re

# Control characters but the line's end and the tab, and halves of characters.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def clean(text: str) -> str:
    """Line ends made equal, control characters taken out (PostgreSQL refuses NUL), ends trimmed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub("", lines).strip()
