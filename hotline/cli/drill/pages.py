"""Reads what a page offers to somebody without script: its forms, as a browser would send them, and its links."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

from hotline.errors import HotlineError


class Unexpected(HotlineError):
    """A page is not as the play expects it."""

    code = "unexpected"


@dataclass
class Form:
    name: str
    action: str
    values: dict[str, list[str]] = field(default_factory=dict)
    has_files: bool = False

    def filled(self, changes: Mapping[str, str | None]) -> dict[str, list[str]]:
        """As it would be sent after typing these; None leaves a field out."""
        typed = {name: [value] for name, value in changes.items() if value is not None}
        return {name: values for name, values in {**self.values, **typed}.items() if changes.get(name, "") is not None}

    def first(self, name: str) -> str:
        return next(iter(self.values.get(name, [])), "")


@dataclass(frozen=True)
class Page:
    """Only the forms that are asked for are read: lists and pickers around them may be long."""

    status: int
    url: str
    html: str

    def has(self, name: str) -> bool:
        return self._place_of(name) >= 0

    def form(self, name: str) -> Form:
        """The form of this name (data-form), or the one around a button of this name that sends it elsewhere."""
        at = self._place_of(name)
        if at < 0:
            raise Unexpected("There is no form {name} on {url} (status {status}): {text}", name=name, **self.described())
        start = self.html.rfind("<form", 0, at + 1)
        return FormReader.read(self.html[start : self.html.find("</form>", at)], name)

    def forms(self, name: str) -> list[Form]:
        """Every form of this name, on a page that has one for each row."""
        pieces = re.findall(rf'<form[^>]*data-form="{name}".*?</form>', self.html, re.DOTALL)
        return [FormReader.read(piece, name) for piece in pieces]

    def link(self, pattern: str) -> str | None:
        """The first address that a link of this shape leads to."""
        return next(iter(self.links(pattern)), None)

    def links(self, pattern: str) -> list[str]:
        return [unescape(found) for found in re.findall(rf'href="({pattern})"', self.html)]

    def described(self) -> dict[str, Any]:
        text = re.sub(r"<(script|style|head).*?</\1>|<[^>]+>|\s+", " ", self.html, flags=re.DOTALL)
        return {"url": self.url, "status": self.status, "text": " ".join(text.split())[:160]}

    def _place_of(self, name: str) -> int:
        return self.html.find(f'data-form="{name}"')


class FormReader(HTMLParser):
    def __init__(self, name: str) -> None:
        super().__init__(convert_charrefs=True)
        self.form = Form(name, "")
        self._select: str | None = None
        self._takes_many = False
        self._first_option: str | None = None
        self._area: str | None = None
        self._text: list[str] = []

    @classmethod
    def read(cls, html: str, name: str) -> Form:
        reader = cls(name)
        reader.feed(html)
        return reader.form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        if tag == "form":
            self.form.action = of.get("action") or ""
            self.form.has_files = "multipart" in (of.get("enctype") or "")
        elif tag == "input":
            self._read_input(of)
        elif tag == "button":
            self._read_button(of)
        elif tag == "textarea":
            self._area, self._text = of.get("name"), []
        elif tag == "select":
            self._select, self._first_option, self._takes_many = of.get("name"), None, "multiple" in of
        elif tag == "option" and self._select:
            self._read_option(self._select, of)

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            # A browser drops the line break right after the tag.
            self._add(self._area, "".join(self._text).removeprefix("\n"))
            self._area = None
        elif tag == "select" and self._select:
            if self._select not in self.form.values and self._first_option is not None and not self._takes_many:
                self._add(self._select, self._first_option)
            self._select = None

    def handle_data(self, data: str) -> None:
        if self._area:
            self._text.append(data)

    def _read_input(self, of: dict[str, str | None]) -> None:
        name, kind = of.get("name"), of.get("type") or "text"
        if not name or "disabled" in of or kind in ("submit", "button", "image", "file"):
            return
        if kind in ("radio", "checkbox") and "checked" not in of:
            return
        self._add(name, of.get("value") or ("on" if kind == "checkbox" else ""))

    def _read_button(self, of: dict[str, str | None]) -> None:
        if of.get("data-form") != self.form.name:
            return
        self.form.action = of.get("formaction") or self.form.action
        if name := of.get("name"):
            self._add(name, of.get("value") or "")

    def _read_option(self, select: str, of: dict[str, str | None]) -> None:
        value = of.get("value") or ""
        if self._first_option is None:
            self._first_option = value
        if "selected" in of:
            self._add(select, value)

    def _add(self, name: str, value: str) -> None:
        self.form.values.setdefault(name, []).append(value)
