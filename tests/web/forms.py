"""Reads the forms of a page as a browser without script would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class PageForm:
    """What a form would send as it stands."""

    name: str
    action: str
    fields: dict[str, str] = field(default_factory=dict)

    def filled(self, **values: str) -> dict[str, str]:
        return {**self.fields, **values}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._open: PageForm | None = None
        self._text: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = PageForm(given.get("data-form", ""), given.get("action", ""))
            self.forms.append(self._open)
        if self._open is None:
            return
        if tag == "input":
            self._take_input(given)
        elif tag == "textarea":
            self._text = given["name"]
            self._open.fields[self._text] = ""
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._open.fields):
            self._open.fields[self._select] = given.get("value", "")

    def _take_input(self, given: dict[str, str]) -> None:
        assert self._open is not None
        if given.get("type") in ("radio", "checkbox") and "checked" not in given:
            return
        if name := given.get("name"):
            self._open.fields[name] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._open is not None and self._text:
            self._open.fields[self._text] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "textarea":
            self._text = None
        elif tag == "select":
            self._select = None


def forms(html: str) -> list[PageForm]:
    reader = _Reader()
    reader.feed(html)
    return reader.forms


def form(html: str, name: str, **fields: str) -> PageForm:
    """The first form of that name whose fields stand as given."""
    for each in forms(html):
        if each.name == name and all(each.fields.get(key) == value for key, value in fields.items()):
            return each
    raise AssertionError(f"the page has no form {name} {fields}: {[each.name for each in forms(html)]}")
