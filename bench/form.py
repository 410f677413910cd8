"""Reads a form out of a page as a browser without script would, and writes the request that it would send."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin


@dataclass
class Form:
    action: str
    multipart: bool
    fields: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def body(self, filled: Mapping[str, str]) -> tuple[str, bytes]:
        """The content type and the body, with these fields filled in and the others as the page gave them."""
        fields = {**self.fields, **filled}
        if not self.multipart:
            return "application/x-www-form-urlencoded", urlencode(fields).encode()
        edge = uuid.uuid4().hex
        part = f'--{edge}\r\nContent-Disposition: form-data; name="{{}}"'
        # A file field in which nothing was chosen is sent too, nameless and empty.
        nothing = '; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n\r\n'
        parts = [f"{part.format(name)}\r\n\r\n{value}\r\n" for name, value in fields.items()]
        parts += [part.format(name) + nothing for name in self.files]
        return f"multipart/form-data; boundary={edge}", ("".join(parts) + f"--{edge}--\r\n").encode()


def read_form(page: str, name: str, *, at: str) -> Form:
    """The form with `data-form=name` on the page that was found at this address."""
    reader = _Reader(name, at)
    reader.feed(page)
    if reader.form is None:
        raise LookupError(f"no form {name!r} at {at}: {page[:300]}")
    return reader.form


class _Reader(HTMLParser):
    """Keeps hidden and pre-filled fields and empty file fields; leaves out buttons and boxes that are not ticked."""

    def __init__(self, name: str, at: str) -> None:
        super().__init__()
        self.form: Form | None = None
        self._name, self._at = name, at
        self._inside = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        if tag == "form" and given.get("data-form") == self._name:
            self._inside = True
            self.form = Form(urljoin(self._at, given.get("action", "")), "multipart" in given.get("enctype", ""))
        elif self._inside and tag == "input":
            self._input(given)
        elif self._inside and tag == "select":
            self._select = given.get("name", "")
        elif self._inside and tag == "option":
            self._option(given)

    def _option(self, given: Mapping[str, str]) -> None:
        """The first one counts until one is marked as selected."""
        if self.form is not None and self._select and ("selected" in given or self._select not in self.form.fields):
            self.form.fields[self._select] = given.get("value", "")

    def _input(self, given: Mapping[str, str]) -> None:
        kind = given.get("type", "text")
        if self.form is None or "name" not in given or kind in {"submit", "button", "image", "reset"}:
            return
        if kind == "file":
            self.form.files.append(given["name"])
            return
        if kind in {"checkbox", "radio"} and "checked" not in given:
            return
        self.form.fields[given["name"]] = given.get("value", "on" if kind == "checkbox" else "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "select":
            self._select = ""
