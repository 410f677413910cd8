"""Texts without persons: what is learned from citizens' words, or listed of them, names nobody, no number and no door."""

import re
from collections.abc import Iterable

from classifier.names import names_in
from classifier.text import normalise

SOMEBODY, SOMEWHERE = "某人", "某址"
_ADDRESS = re.compile(r"https?://\S+|[\w.+-]+@[\w-]+\.[\w.-]+")
_ACCOUNT = re.compile(r"((?:微信|vx|wx|qq|账号|帐号)[号是为:：\s]*)[a-z0-9_-]{4,}")
_PLATE = re.compile(r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][a-z][·\s]?[a-z0-9]{5,6}")
_WITH_DIGIT = re.compile(r"[a-z_*-]*[0-9][a-z0-9_*-]*(?:\.[0-9]+)?")
_SPELT = re.compile(r"[〇零幺一二两三四五六七八九]{5,}")
_DOOR = re.compile(r"第?[〇零一二两三四五六七八九十百]+(?=号|栋|幢|座|单元|室|楼|层|弄|户|门)")
_FOREIGN = re.compile(r"[\u4e00-\u9fff]{2,}[·•][\u4e00-\u9fff]{2,}")


def masked(text: str, names: Iterable[str | None] = ()) -> str:
    """In one form of writing; `names` are those that the service knows to stand behind the text."""
    text = normalise(text)
    for name in sorted({normalise(name) for name in names if name and len(name) > 1}, key=len, reverse=True):
        text = text.replace(name, SOMEBODY)
    text = _ADDRESS.sub(SOMEWHERE, text)
    text = _PLATE.sub("0", _ACCOUNT.sub(r"\g<1>0", text))
    text = _DOOR.sub("0", _SPELT.sub("0", _WITH_DIGIT.sub("0", text)))
    return _without_names(_FOREIGN.sub(SOMEBODY, text))


def _without_names(text: str) -> str:
    for start, end in reversed(list(names_in(text))):
        text = text[:start] + SOMEBODY + text[end:]
    return text
