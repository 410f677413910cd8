"""Underlines words in a text for the page, everything else escaped."""

import re
from collections.abc import Iterable

from markupsafe import Markup, escape


def marked(text: str, words: Iterable[str]) -> Markup:
    """The text with each of the words in a <mark>; line breaks stay as they are (style them with `pre-line`)."""
    wanted = sorted({word for word in words if word.strip()}, key=len, reverse=True)
    if not wanted:
        return escape(text)
    pieces = re.split(f"({'|'.join(map(re.escape, wanted))})", text)
    return Markup("").join(Markup("<mark>{}</mark>").format(piece) if piece in wanted else escape(piece) for piece in pieces)
