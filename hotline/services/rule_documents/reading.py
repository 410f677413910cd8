"""A rule as text: what is wrong with it is said with the line and the name of the field."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from hotline.errors import Invalid
from hotline.services import editions
from hotline.words import say
from ivr_flows import line_to_mend

LONGEST = 32 * 1024
MOST_PROBLEMS = 5
# How people call what stands at this place.
Name = Callable[[Sequence[int | str]], str]


def read(text: str, model: type[BaseModel], name: Name) -> dict[str, Any]:
    """The body, as it is kept; refused in words that say where it is wrong."""
    if len(text) > LONGEST:
        raise Invalid("This is too large.", field="text")
    tree, body = _parsed(text)
    try:
        model.model_validate(body)
    except ValidationError as refusal:
        said = [_in_words(error, tree, name) for error in refusal.errors()[:MOST_PROBLEMS]]
        raise Invalid("{problems}", field="text", problems=" ".join(said)) from refusal
    return body


def _parsed(text: str) -> tuple[yaml.Node, dict[str, Any]]:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        body = json.loads(json.dumps(yaml.safe_load(text), default=str))
    except (yaml.YAMLError, ValueError) as error:
        raise Invalid("The file cannot be read from line {line} on.", field="text", line=line_to_mend(error)) from error
    if tree is None or not isinstance(body, dict):
        raise Invalid("The file cannot be read from line {line} on.", field="text", line=1)
    return tree, body


def _in_words(error: ErrorDetails, tree: yaml.Node, name: Name) -> str:
    values = {"line": _line(tree, error["loc"]), "place": name(error["loc"]), "problem": _problem(error)}
    return say("Line {line}, {place}: {problem}", **values)


def _problem(error: ErrorDetails) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return say("This is missing.")
    if kind == "extra_forbidden":
        return say("This is not known here.")
    if kind == "value_error":
        return say("{problem}", problem=say(str(context["error"])))
    if kind in ("greater_than", "greater_than_equal", "less_than_equal"):
        return say(editions.SENTENCES[kind], **context)
    return say("{value} is not right here.", value=str(error["input"])[:60])


def _line(tree: yaml.Node, place: Sequence[int | str]) -> int:
    """Of the innermost part of this place that is there."""
    node, line = tree, tree.start_mark.line
    for part in place:
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return int(line) + 1
