"""Flow files made for one test, and what a call through a flow looks like in words."""

from pathlib import Path

from ivr_flows import (
    Answered,
    Flow,
    FlowsRefused,
    Found,
    Gather,
    Goto,
    HungUp,
    Input,
    Keys,
    Lookup,
    Queue,
    Record,
    Recorded,
    Save,
    Say,
    Turn,
    Unanswered,
    load_flow,
    load_flows,
)
from ivr_flows.numerals import KEYS

PROMPTS = """\
hello: 您好
ask: 请按键
sorry: 再见
wrong_key: 输入有误
no_key: 没有按键
nothing_recorded: 没有录到
"""
NUMBERS = "".join(f"{key}: 数\n" for key in sorted(KEYS))
WORDLESS: dict[str, Input] = {"is_silent": Keys(""), "answered": Answered(), "unanswered": Unanswered(), "hangs_up": HungUp()}


def write_flow(folder: Path, text: str, name: str = "trial") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def write_prompts(folder: Path, text: str = PROMPTS) -> Path:
    (folder / "prompts").mkdir(exist_ok=True)
    path = folder / "prompts" / "zh_CN.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def trial_flow(folder: Path, text: str, prompts: str = PROMPTS + NUMBERS) -> Flow:
    return load_flow(write_flow(folder, text), write_prompts(folder, prompts))


def refusals(folder: Path, prompts: str = PROMPTS) -> list[str]:
    """What the loader says about a folder, each line without the folder's own name."""
    try:
        load_flows(folder, write_prompts(folder, prompts))
    except FlowsRefused as refused:
        return str(refused).replace(f"{folder}/", "").splitlines()
    return []


def in_words(turn: Turn) -> str:
    match turn:
        case Say(prompts=prompts):
            return " ".join(["say", *prompts])
        case Gather(prompts=prompts):
            return " ".join(["gather", str(turn.max_digits), *prompts, *([f"typed={turn.typed}"] if turn.typed else [])])
        case Record(prompts=prompts):
            return " ".join(["record", turn.name, str(turn.max_seconds), *prompts])
        case Lookup(values=values):
            return " ".join(["look_up", turn.name, *(f"{name}={value}" for name, value in values.items())])
        case Save():
            return f"save {turn.what} {turn.value}"
        case Queue():
            return f"queue {turn.name}"
        case Goto():
            return f"go_to {turn.flow}"
        case _:
            return "hang_up"


def from_words(text: str) -> Input:
    word, _, rest = text.partition(" ")
    match word:
        case "presses":
            return Keys(rest)
        case "speaks":
            return Recorded(float(rest))
        case "found":
            outcome, *pairs = rest.split()
            return Found(outcome, dict(pair.split("=") for pair in pairs))
        case _:
            return WORDLESS[word]
