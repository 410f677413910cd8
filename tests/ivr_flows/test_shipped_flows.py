"""Plays the transcripts through the flows that ship; what holds of every one of them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from ivr_flows import FLOWS, Flow, Goto, Position, load_flows, load_prompts, resume, start
from ivr_flows.schema import Menu
from tests.ivr_flows.flow_files import from_words, in_words

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.yaml"))


@pytest.fixture(scope="module")
def flows() -> dict[str, Flow]:
    return load_flows()


def played(flows: dict[str, Flow], name: str, values: dict[str, str], inputs: list[str]) -> list[str]:
    """The whole call in words; every position goes through JSON, as it would between two processes."""
    step, said, waiting = start(flows[name], values), [], list(inputs)
    while True:
        said += [in_words(turn) for turn in step.turns]
        last = step.turns[-1] if step.turns else None
        if isinstance(last, Goto):
            step = start(flows[last.flow])
        elif waiting:
            said.append(f"> {waiting[0]}")
            position = Position.model_validate_json(step.position.model_dump_json())
            step = resume(flows[position.flow], position, from_words(waiting.pop(0)))
        else:
            return said


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_a_call_goes_as_its_transcript_says(flows: dict[str, Flow], path: Path) -> None:
    transcript: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    inputs = [line.removeprefix("> ") for line in transcript["call"] if line.startswith("> ")]

    said = played(flows, transcript["flow"], transcript.get("values", {}), inputs)

    assert said == transcript["call"]


def test_every_flow_has_a_transcript() -> None:
    told = {yaml.safe_load(path.read_text(encoding="utf-8"))["flow"] for path in TRANSCRIPTS}

    assert {path.stem for path in FLOWS.glob("*.yaml")} == told


def test_the_notice_is_short_and_says_that_the_call_is_recorded() -> None:
    notice = load_prompts().texts["welcome"]

    assert len(notice) <= 22
    assert "录音" in notice


def test_the_default_call_asks_for_no_key(flows: dict[str, Flow]) -> None:
    assert [node.kind for node in flows["main"].nodes.values() if node.asks] == ["queue"]


def test_every_menu_says_the_keys_it_takes(flows: dict[str, Flow]) -> None:
    for flow in flows.values():
        for name, node in flow.nodes.items():
            if isinstance(node, Menu):
                told = "".join(flow.texts[key] for key in node.menu)
                # 0 and 9 are told once in a call and then taken everywhere.
                assert [key for key in node.keys if key not in told and key not in "09"] == [], f"{flow.name}.{name}"


def test_no_prompt_writes_the_hotlines_number_in_digits() -> None:
    assert [key for key, text in load_prompts().texts.items() if "12345" in text] == []
