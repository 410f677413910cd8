"""From the English of the code to the Chinese of the screens, through the gettext catalogue in `hotline/locale`."""

from functools import lru_cache
from importlib.resources import files

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po


@lru_cache(maxsize=1)
def catalogue() -> Catalog:
    with files("hotline").joinpath("locale/zh_CN.po").open("rb") as file:
        return read_po(file, locale="zh_CN")


def say(sentence: str, **values: object) -> str:
    """A sentence for people; what the catalogue lacks is said as it stands."""
    return _translated(sentence, None).format(**values)


def word(context: str, value: object) -> str:
    """The word for a value of an enum: word("case_status", "dispatched") is 待签收."""
    return _translated(str(value), context) if value else ""


@lru_cache(maxsize=4096)
def _translated(text: str, context: str | None) -> str:
    message = catalogue().get(text, context)
    return str(message.string) if message is not None and message.string else text
