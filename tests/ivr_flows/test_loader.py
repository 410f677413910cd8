"""Each kind of broken file is refused with the line to mend, and all that is wrong is told at once."""

from pathlib import Path

import pytest

from ivr_flows import FlowsRefused, load_flow, load_flows, load_prompts
from tests.ivr_flows.flow_files import PROMPTS, refusals, write_flow, write_prompts

SOUND = """\
start: hello
nodes:
  hello: {say: hello, next: choice}
  choice:
    menu: ask
    keys: {1: agent, "2": message}
    otherwise: agent
  message: {record: ask, save: message, max_seconds: 60, hangup: true}
  agent: {queue: general, otherwise: goodbye}
  goodbye: {say: sorry, hangup: true}
"""

BROKEN = {
    "a next that is not there": (
        "start: hello\nnodes:\n  hello: {say: hello, next: nowhere}\n",
        "trial.yaml:3: hello.next: there is no node nowhere",
    ),
    "a key to nowhere": (
        SOUND.replace('"2": message', '"2": massage'),
        "trial.yaml:6: choice.keys.2: there is no node massage",
    ),
    "a start that is not there": (
        SOUND.replace("start: hello", "start: hallo"),
        "trial.yaml:1: start: there is no node hallo",
    ),
    "no start": (
        SOUND.replace("start: hello\n", ""),
        "trial.yaml:1: start: this is missing",
    ),
    "an orphan": (
        SOUND + "  lonely: {say: hello, hangup: true}\n",
        "trial.yaml:11: lonely: no caller ever comes here",
    ),
    "a node without a way on": (
        "start: hello\nnodes:\n  hello: {say: hello}\n",
        "trial.yaml:3: nodes.hello: a dead end: say either 'next' or 'hangup: true'",
    ),
    "a node with two ways on": (
        "start: hello\nnodes:\n  hello: {say: hello, next: hello, hangup: true}\n",
        "trial.yaml:3: nodes.hello: a dead end: say either 'next' or 'hangup: true'",
    ),
    "questions without an end": (
        "start: number\nnodes:\n  number:\n    digits: ask\n    keep: number\n    otherwise: number\n    next: number\n",
        "trial.yaml:3: number: a dead end: no way from here ends the call or leads to a person",
    ),
    "a circle in which nothing is asked": (
        "start: hello\nnodes:\n  hello: {say: hello, next: again}\n  again: {say: ask, next: hello}\n",
        "trial.yaml:3: hello → again → hello: a circle in which the caller is never asked anything",
    ),
    "a look-up in a circle": (
        "start: look\nnodes:\n  look: {lookup: it, outcomes: {wait: look}, otherwise: bye}\n  bye: {hangup: true}\n",
        "trial.yaml:3: look → look: a circle in which the caller is never asked anything",
    ),
    "a menu without a person": (
        SOUND.replace("{1: agent, ", "{1: goodbye, "),
        "trial.yaml:4: choice: a menu without a way to a person: no key leads to a queue or a call back",
    ),
    "three tries and nobody": (
        SOUND.replace("otherwise: agent", "otherwise: goodbye"),
        "trial.yaml:7: choice.otherwise: after three tries nobody is there for the caller",
    ),
    "a prompt without a text": (
        SOUND.replace("{say: sorry,", "{say: [sorry,\n    apology],"),
        "trial.yaml:11: goodbye: the prompt apology has no text in zh_CN.yaml",
    ),
    "a node that is there twice": (
        SOUND + "  hello: {say: sorry, hangup: true}\n",
        "trial.yaml:11: nodes.hello: the key is there twice",
    ),
    "a menu's key that is there twice": (
        SOUND.replace("{1: agent, ", "{1: agent, 1: message, "),
        "trial.yaml:6: nodes.choice.keys.1: the key is there twice",
    ),
    "a key that no telephone has": (
        SOUND.replace('"2": message', "A: message"),
        "trial.yaml:6: nodes.choice.keys.A: 'A' is not right here",
    ),
    "a word that nodes do not know": (
        SOUND.replace("{say: sorry, ", "{say: sorry, loud: true, "),
        "trial.yaml:10: nodes.goodbye.loud: this is not known here",
    ),
    "a node of no kind": (
        SOUND.replace("{say: sorry, hangup: true}", "{speak: sorry}"),
        "trial.yaml:10: goodbye: a node is one of say, note, menu, digits, record, lookup, queue, goto, hangup, not speak",
    ),
    "a node of two kinds": (
        SOUND.replace("{say: sorry, ", "{say: sorry, goto: sorry, "),
        "trial.yaml:10: goodbye: a node is one of say, note, menu, digits, record, lookup, queue, goto, hangup, not say and goto",
    ),
    "a node that is a word": (
        SOUND.replace("{say: sorry, hangup: true}", "sorry"),
        "trial.yaml:10: goodbye: a node says what it does",
    ),
    "a node with a strange name": (
        SOUND.replace("goodbye", "再见"),
        "trial.yaml:10: '再见': a node's name is small letters, digits and _",
    ),
    "two promises": (
        SOUND.replace("{say: sorry, ", "{say: sorry, keep_place: true, call_back: true, "),
        "trial.yaml:10: nodes.goodbye: 'keep_place' is a call back already",
    ),
    "a value that nobody gives": (
        SOUND.replace("{say: sorry, ", '{say: [sorry, "{days}"], '),
        "trial.yaml:10: goodbye: nothing gives the value days",
    ),
    "a look-up by a value that nobody gives": (
        SOUND + "  look: {lookup: it, give: [days], outcomes: {found: agent}, otherwise: agent}\n",
        "trial.yaml:11: look: nothing gives the value days",
    ),
    "another flow that is not there": (
        SOUND.replace("{say: sorry, hangup: true}", "{goto: elsewhere}"),
        "trial.yaml:10: goodbye: there is no flow elsewhere beside this one",
    ),
    "a list instead of a flow": ("- hello\n", "trial.yaml:1: a flow has a start and nodes (name: node)"),
    "no nodes": ("start: hello\nnodes: {}\n", "trial.yaml:1: a flow has a start and nodes (name: node)"),
    "an empty file": ("", "trial.yaml:1: a flow has a start and nodes (name: node)"),
    "a list as a key": ("start: hello\n? [a, b]\n: hello\n", "trial.yaml:2: a key must be one plain word"),
    "what is not YAML": ("start: hello\nnodes: {a: [}\n", "trial.yaml:2: expected the node content, but found '}'"),
    "a list left open": (
        SOUND.replace("{say: sorry,", "{say: [sorry,") + "  later: {hangup: true}\n",
        "trial.yaml:10: [ is opened here and not closed, or a comma is missing",
    ),
    "a node left open": (
        SOUND.replace("next: choice}", "next: choice"),
        "trial.yaml:3: { is opened here and not closed, or a comma is missing",
    ),
    "a quotation left open": (
        SOUND.replace("{say: sorry,", '{say: "sorry,'),
        "trial.yaml:10: a quotation mark is opened here and not closed, or a comma is missing",
    ),
    "seconds in words": (
        SOUND.replace("max_seconds: 60", "max_seconds: long"),
        "trial.yaml:8: nodes.message.max_seconds: 'long' is no whole number",
    ),
    "seconds without end": (
        SOUND.replace("max_seconds: 60", "max_seconds: 6000"),
        "trial.yaml:8: nodes.message.max_seconds: 6000 is too much, 600 is the most",
    ),
    "a character that YAML forbids": ("start: \x01\n", "trial.yaml:1: is not YAML"),
    "an alias": ("start: hello\nnodes: &all\n  hello: *all\n", "trial.yaml:3: aliases (*name) are not read"),
    "a day that no calendar has": ("start: 2026-13-41\nnodes: {}\n", "trial.yaml:1: '2026-13-41' cannot be read"),
}

NUMBERS_ASKED = """\
start: number
nodes:
  number: {digits: ask, otherwise: goodbye, next: goodbye, %s}
  goodbye: {say: sorry, hangup: true}
"""


@pytest.mark.parametrize(("text", "problem"), BROKEN.values(), ids=BROKEN)
def test_a_broken_flow_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    write_flow(tmp_path, text)

    assert any(line.startswith(problem) for line in refusals(tmp_path)), refusals(tmp_path)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ("max_digits: 3", "say either 'keep' or 'save'"),
        ("save: it, keep: it", "say either 'keep' or 'save'"),
        ("save: it, min_digits: 4, max_digits: 3", "'min_digits' is more than 'max_digits'"),
        ('save: it, max_digits: 3, one_of: "123"', "a number of several digits takes no 'one_of', and '*' alone as a key"),
        ('save: it, max_digits: 3, keys: {"0": goodbye}', "a number of several digits takes no 'one_of', and '*' alone as a key"),
        ('save: it, end_key: "#"', "a single digit takes no 'end_key', and no key that is an answer too"),
        ('save: it, one_of: "12", keys: {"2": goodbye}', "a single digit takes no 'end_key', and no key that is an answer too"),
        ('save: it, keys: {"2": goodbye}', "a single digit takes no 'end_key', and no key that is an answer too"),
    ],
)
def test_a_number_that_cannot_be_typed_is_refused(tmp_path: Path, options: str, problem: str) -> None:
    write_flow(tmp_path, NUMBERS_ASKED % options)

    assert f"trial.yaml:3: nodes.number: {problem}" in refusals(tmp_path)


def test_a_sound_flow_is_taken(tmp_path: Path) -> None:
    write_flow(tmp_path, SOUND)

    assert refusals(tmp_path) == []


def test_all_problems_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    write_flow(tmp_path, SOUND.replace("next: choice", "next: chioce"), "first")
    write_flow(
        tmp_path, SOUND.replace("otherwise: goodbye", "otherwise: bye").replace("max_seconds: 60", "max_seconds: long"), "second"
    )

    told = refusals(tmp_path)

    assert told[0] == "first.yaml:3: hello.next: there is no node chioce"
    assert "first.yaml:4: choice: no caller ever comes here" in told
    assert [line.partition(": ")[0] for line in told if line.startswith("second")] == [
        "second.yaml:8",
        "second.yaml:9",
        "second.yaml:10",
    ]


def test_flows_that_hand_a_call_round_are_refused(tmp_path: Path) -> None:
    write_flow(tmp_path, "start: a\nnodes:\n  a: {goto: second}\n", "first")
    write_flow(tmp_path, "start: a\nnodes:\n  a: {say: hello, next: b}\n  b: {goto: first}\n", "second")

    assert "first.yaml:3: first → second → first: a circle of flows in which the caller is never asked anything" in refusals(
        tmp_path
    )


def test_a_flow_is_not_handed_a_call_without_what_it_wants(tmp_path: Path) -> None:
    write_flow(tmp_path, "start: a\nnodes:\n  a: {goto: second}\n", "first")
    write_flow(tmp_path, "start: a\ngiven: [month]\nnodes:\n  a: {say: hello, hangup: true}\n", "second")

    assert "first.yaml:3: a: second wants month, which nobody gives it" in refusals(tmp_path)


def test_numbers_are_missed_once_not_at_every_node(tmp_path: Path) -> None:
    text = SOUND.replace("start: hello\n", "start: hello\ngiven: [days]\n")
    write_flow(
        tmp_path, text.replace("{say: hello,", '{say: "{days}",').replace("{say: sorry,", '{say: [sorry, "{days:digits}"],')
    )

    assert len([line for line in refusals(tmp_path) if "digit_3 has no text" in line]) == 1


def test_an_empty_folder_is_no_set_of_flows(tmp_path: Path) -> None:
    with pytest.raises(FlowsRefused, match="there is no flow in this folder"):
        load_flows(tmp_path / "nothing")


def test_one_file_can_be_loaded_alone(tmp_path: Path) -> None:
    flow = load_flow(write_flow(tmp_path, SOUND), write_prompts(tmp_path))

    assert (flow.name, flow.start, flow.texts["hello"]) == ("trial", "hello", "您好")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    prompts = write_prompts(tmp_path)
    (tmp_path / "trial.yaml").write_bytes("start: 您好".encode("gb18030"))

    with pytest.raises(FlowsRefused, match=r"trial.yaml:1: is not UTF-8 text"):
        load_flow(tmp_path / "trial.yaml", prompts)
    with pytest.raises(FlowsRefused, match=r"gone.yaml:1: cannot be read: No such file"):
        load_flow(tmp_path / "gone.yaml", prompts)


def test_deep_nesting_is_refused_like_anything_else(tmp_path: Path) -> None:
    write_flow(tmp_path, "start: hello\nnodes: " + "[" * 1200 + "\n")

    assert len(refusals(tmp_path)) == 1


def test_the_version_changes_with_the_flow_and_with_its_texts_only(tmp_path: Path) -> None:
    path = write_flow(tmp_path, SOUND)

    def version(prompts: str = PROMPTS) -> str:
        return load_flow(path, write_prompts(tmp_path, prompts)).version

    before = version()
    assert version(PROMPTS + "unused: 无关\n") == before
    assert version(PROMPTS.replace("您好", "你好")) != before
    path.write_text(SOUND.replace("60", "90"))
    assert version() != before


def test_a_prompt_that_nobody_says_is_refused_unless_the_dialplan_does(tmp_path: Path) -> None:
    write_flow(tmp_path, SOUND)

    assert refusals(tmp_path, PROMPTS + "unused: 无关\n") == ["prompts/zh_CN.yaml:7: unused: no flow says this"]
    assert refusals(tmp_path, PROMPTS + "# said by the dialplan itself\nunused: 无关\n") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hello: 您好\nhello: 再见\n", "zh_CN.yaml:2: hello: the key is there twice"),
        ("hello:\n", "zh_CN.yaml:1: hello: the text is missing"),
        ("hello: 12\n", "zh_CN.yaml:1: hello: the text is missing"),
        ('hello: "您\\u0007好"\n', "zh_CN.yaml:1: hello: the text must be one plain line"),
        ("../hello: 您好\n", "zh_CN.yaml:1: ../hello: a prompt's key is small letters, digits and _"),
        ("- hello\n", "zh_CN.yaml:1: is not a list of prompts"),
    ],
)
def test_a_broken_prompt_file_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(FlowsRefused) as refused:
        load_prompts(write_prompts(tmp_path, text))

    assert problem in str(refused.value)


def test_flows_are_checked_even_when_the_prompts_cannot_be_read(tmp_path: Path) -> None:
    write_flow(tmp_path, SOUND.replace("next: choice", "next: chioce"))

    told = refusals(tmp_path, "hello:\n")

    assert "prompts/zh_CN.yaml:1: hello: the text is missing" in told
    assert "trial.yaml:3: hello.next: there is no node chioce" in told
