"""What the city sets up on its account: the menu, and which template says what. Read from `reference/wechat.yaml`."""

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

import yaml
from pydantic import BaseModel

# How much a field takes, by the word that its name begins with; more of it makes WeChat refuse the whole message.
LIMITS = {"thing": 20, "phrase": 5, "character_string": 32, "time": 32, "number": 32, "const": 20}
NOTHING = "－"


class Template(BaseModel):
    """One approved text of the account; one of kind `template` is added by its short id among those that WeChat offers."""

    kind: Literal["template", "subscribe"] = "template"
    title: str
    short_id: str = ""
    keywords: list[str] = []
    fields: dict[str, str]
    link: str = ""

    def filled(self, values: Mapping[str, str]) -> dict[str, dict[str, str]]:
        return {name: {"value": _cut(name, text.format_map(_Known(values)))} for name, text in self.fields.items()}

    def address(self, values: Mapping[str, str]) -> str:
        filled = self.link.format_map(_Known(values))
        return filled if filled.startswith(("https://", "http://")) else ""


class Account(BaseModel):
    schema_version: Literal[1]
    menu: list[dict[str, Any]]
    templates: dict[str, Template]

    def menu_for(self, public_url: str) -> dict[str, Any]:
        return {"button": [_button(each, public_url) for each in self.menu]}


class _Known(dict[str, str]):
    """A value that nobody gave: WeChat takes no empty field."""

    def __missing__(self, _: str) -> str:
        return NOTHING


def _cut(name: str, text: str) -> str:
    most = LIMITS.get(name.rstrip("0123456789"), 20)
    plain = " ".join(text.split()) or NOTHING
    return plain if len(plain) <= most else plain[: most - 1] + "…"


def _button(body: Mapping[str, Any], public_url: str) -> dict[str, Any]:
    """Paths of our own pages become addresses."""
    button = {**body, "url": public_url + body["path"]} if "path" in body else dict(body)
    button.pop("path", None)
    if "sub_button" in body:
        button["sub_button"] = [_button(each, public_url) for each in body["sub_button"]]
    return button


@lru_cache(maxsize=1)
def account() -> Account:
    content = files("hotline").joinpath("reference/wechat.yaml").read_bytes()
    return Account.model_validate(yaml.load(content, Loader=yaml.CSafeLoader))
