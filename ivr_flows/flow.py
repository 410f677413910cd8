"""A flow that was read and checked: what the engine interprets."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ivr_flows import numerals
from ivr_flows.schema import VARIABLE, AnyNode, Asking, Record

# What the engine says by itself: before the second and third try, and when nothing was recorded.
WRONG_KEY, NO_KEY, NOTHING_RECORDED = "wrong_key", "no_key", "nothing_recorded"


@dataclass(frozen=True)
class Flow:
    """Made by the loader only. `texts` holds every prompt it may say; `version` changes with the flow and with any of them."""

    name: str
    version: str
    start: str
    given: tuple[str, ...]
    nodes: Mapping[str, AnyNode]
    texts: Mapping[str, str]


def prompts_of(node: AnyNode) -> set[str]:
    """Every prompt that may be heard at this node, the engine's own among them."""
    variables = {piece for piece in node.says() if VARIABLE.fullmatch(piece)}
    numbers = numerals.KEYS if variables else frozenset()
    return {*node.says()} - variables | numbers | set(_engines_own(node))


def _engines_own(node: AnyNode) -> tuple[str, ...]:
    if isinstance(node, Asking):
        return (WRONG_KEY, NO_KEY)
    return (NOTHING_RECORDED,) if isinstance(node, Record) else ()


def version_of(text: str, texts: Mapping[str, str]) -> str:
    whole = json.dumps([text, sorted(texts.items())], ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()[:16]
