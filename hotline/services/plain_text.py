"""Text from outside as it may be kept."""

import re

# Control characters but the line's end and the tab, and halves of characters.
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# What a channel puts before, or in place of, what is no text: a position, a picture.
_LABEL = re.compile(r"^\s*［[^］]{1,20}］")


def clean(text: str) -> str:
    """Line ends made equal, control characters taken out (PostgreSQL refuses NUL), ends trimmed."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return _UNSEEN.sub("", lines).strip()


def without_label(text: str) -> str:
    """What was said in words; empty for a picture alone."""
    return _LABEL.sub("", text).strip()
