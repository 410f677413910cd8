"""Reads YAML so that every value remembers its line, and collects what is wrong instead of stopping at the first."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

Place = tuple[str, ...]


@dataclass(frozen=True, order=True)
class Problem:
    path: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


class FlowsRefused(ValueError):
    """Flows or prompts that must not be played; names every problem with its file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass
class Source:
    """A file's values, the line of each, and what is wrong with it so far."""

    path: Path
    text: str = ""
    data: Any = None
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, text: str, *place: str) -> None:
        self.problems.append(Problem(self.path, self.line_of(place), text))

    def refuse_invalid(self, error: ValidationError, *place: str) -> None:
        for one in error.errors(include_url=False):
            within = tuple(str(part) for part in one["loc"] if part != "[key]")
            named = ".".join((*place, *within))
            self.refuse(f"{named}: {_plain(one)}" if named else _plain(one), *place, *within)

    def line_of(self, place: Place) -> int:
        """The line of the value, or of the nearest thing around it that the file does say."""
        while place and place not in self.lines:
            place = place[:-1]
        return self.lines.get(place, 1)


_SENTENCES = {
    "missing": "this is missing",
    "extra_forbidden": "this is not known here",
    "int_type": "{input!r} is no whole number",
    "int_parsing": "{input!r} is no whole number",
    "greater_than_equal": "{input} is too little, {ge} is the least",
    "less_than_equal": "{input} is too much, {le} is the most",
    "string_too_long": "this is too long, {max_length} characters are the most",
    "too_short": "at least {min_length} is needed",
}


def _plain(error: ErrorDetails) -> str:
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    sentence = _SENTENCES.get(error["type"], "{input!r} is not right here")
    return sentence.format(input=error["input"], **error.get("ctx", {}))


def read_yaml(path: Path) -> Source:
    """Never raises: a file that cannot be read is a source with a problem and no data."""
    source = Source(path)
    try:
        source.text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        source.refuse("is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else f"cannot be read: {error.strerror}")
        return source
    try:
        source.data = _compose(source)
    except yaml.MarkedYAMLError as error:
        source.problems.append(Problem(path, line_to_mend(error), _why_unread(error)))
    except (yaml.YAMLError, RecursionError) as error:
        source.refuse(f"is not YAML: {error}")
    return source


_OPENED = {
    "while parsing a flow sequence": "[",
    "while parsing a flow mapping": "{",
    "while scanning a quoted scalar": "a quotation mark",
}


def line_to_mend(error: yaml.YAMLError | ValueError) -> int:
    """What is opened and never closed is noticed at some later line; people mend it where it was opened."""
    mark = getattr(error, "problem_mark", None)
    if getattr(error, "context", None) in _OPENED or mark is None:
        mark = getattr(error, "context_mark", None) or mark
    return mark.line + 1 if mark else 1


def _why_unread(error: yaml.MarkedYAMLError) -> str:
    opened = _OPENED.get(error.context or "")
    return f"{opened} is opened here and not closed, or a comma is missing" if opened else error.problem or "is not YAML"


class _Loader(yaml.SafeLoader):
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        # An alias may hold itself, or blow ten lines up to a gigabyte; no flow needs one.
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not read", problem_mark=self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        return super().compose_node(parent, index)


def _compose(source: Source) -> Any:
    loader = _Loader(source.text)
    try:
        root = loader.get_single_node()
        return _value(source, loader, root, ()) if root else None
    finally:
        loader.dispose()


def _value(source: Source, loader: _Loader, node: yaml.Node, place: Place) -> Any:
    source.lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        return _mapping(source, loader, node, place)
    if isinstance(node, yaml.SequenceNode):
        return [_value(source, loader, item, (*place, str(number))) for number, item in enumerate(node.value)]
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        source.problems.append(Problem(source.path, node.start_mark.line + 1, f"{node.value!r} cannot be read"))
        return None


def _mapping(source: Source, loader: _Loader, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            source.problems.append(Problem(source.path, line, "a key must be one plain word"))
            continue
        # Keys stay as they are written: a phone's key 1 is text, whether in quotes or not.
        key = key_node.value
        if key in found:
            source.problems.append(Problem(source.path, line, f"{'.'.join((*place, key))}: the key is there twice"))
        source.lines[(*place, key)] = line
        found[key] = _value(source, loader, value_node, (*place, key))
    return found
