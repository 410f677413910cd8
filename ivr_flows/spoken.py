"""The prompt file: key to text. A prompt's sound file is named after its key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ivr_flows.reading import FlowsRefused, Source, read_yaml
from ivr_flows.schema import NAME

PROMPTS = Path(__file__).parent / "prompts" / "zh_CN.yaml"

# Prompts below this comment are played by the dialplan, so no flow need use them.
DIALPLANS_OWN = "# said by the dialplan itself"


@dataclass(frozen=True)
class Prompts:
    path: Path
    texts: Mapping[str, str]
    lines: Mapping[str, int] = field(default_factory=dict)
    by_dialplan: frozenset[str] = frozenset()


def load_prompts(path: Path = PROMPTS) -> Prompts:
    """All prompts, or FlowsRefused with every problem of the file."""
    source = read_yaml(path)
    if not source.problems:
        _check(source)
    if source.problems:
        raise FlowsRefused(source.problems)
    border = _border(source.text)
    lines = {key: source.line_of((key,)) for key in source.data}
    own = frozenset(key for key, line in lines.items() if border and line > border)
    return Prompts(path, dict(source.data), lines, own)


def _check(source: Source) -> None:
    if not isinstance(source.data, dict):
        source.refuse("is not a list of prompts (key: text)")
        return
    for key, text in source.data.items():
        if not NAME.fullmatch(key):
            source.refuse(f"{key}: a prompt's key is small letters, digits and _", key)
        if not isinstance(text, str) or not text.strip():
            source.refuse(f"{key}: the text is missing", key)
        elif not text.isprintable():
            source.refuse(f"{key}: the text must be one plain line", key)


def _border(text: str) -> int | None:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip().lower() == DIALPLANS_OWN:
            return number
    return None
