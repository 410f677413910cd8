"""Plays a flow in a terminal: what a caller would hear, and the keys that he or she would press."""

from collections.abc import Callable, Mapping

from ivr_flows import turns
from ivr_flows.engine import resume, start
from ivr_flows.flow import Flow
from ivr_flows.turns import Answered, Found, HungUp, Input, Keys, Recorded, Step, Turn, Unanswered

Read = Callable[[str], str]
Write = Callable[[str], None]

HANG_UP = "h"
SECONDS = "10"


def play(flows: Mapping[str, Flow], name: str, values: Mapping[str, str], read: Read, write: Write) -> None:
    """Until the flow ends, or the caller hangs up with `h` or the end of the input."""
    flow: Flow | None = flows[name]
    given = values
    while flow:
        write(f"== {flow.name} {flow.version}")
        following = _play_one(flow, start(flow, given), read, write)
        flow, given = flows.get(following), {}


def _play_one(flow: Flow, step: Step, read: Read, write: Write) -> str:
    """The flow that the call goes on to, or nothing."""
    while True:
        for turn in step.turns:
            write(_shown(flow, turn))
        if step.position.ended:
            last = step.turns[-1] if step.turns else None
            return last.flow if isinstance(last, turns.Goto) else ""
        step = resume(flow, step.position, _asked(step.turns[-1], read, write))


def _asked(turn: Turn, read: Read, write: Write) -> Input:
    while True:
        try:
            typed = read(_question(turn)).strip()
        except EOFError:
            return HungUp()
        given = HungUp() if typed == HANG_UP else _input(turn, typed)
        if given:
            return given
        write("?? not understood")


def _question(turn: Turn) -> str:
    match turn:
        case turns.Record():
            return f"seconds recorded [{SECONDS}]> "
        case turns.Lookup():
            return "outcome [name=value ...]> "
        case turns.Queue():
            return f"a answered, u unanswered, key {'/'.join(turn.offers) or '-'}> "
        case _:
            return "keys> "


def _input(turn: Turn, typed: str) -> Input | None:
    match turn:
        case turns.Record():
            return Recorded(float(typed or SECONDS)) if (typed or SECONDS).isdecimal() else None
        case turns.Lookup():
            outcome, *pairs = typed.split() or [""]
            return Found(outcome, dict(pair.split("=", 1) for pair in pairs)) if all("=" in pair for pair in pairs) else None
        case turns.Queue():
            answers: dict[str, Input] = {"a": Answered(), "u": Unanswered()}
            return answers.get(typed, Keys(typed))
        case turns.Gather(typed=already):
            return Keys(already + typed)
        case _:
            return None


def _shown(flow: Flow, turn: Turn) -> str:
    match turn:
        case turns.Say():
            return _spoken(flow, turn.prompts)
        case turns.Gather():
            return f"{_spoken(flow, turn.prompts)} [{turn.max_digits} keys, {turn.timeout_seconds} s]"
        case turns.Record():
            return f"{_spoken(flow, turn.prompts)} [records {turn.name}, {turn.max_seconds} s, {turn.end_key} ends]"
        case turns.Save():
            return f"-- save {turn.what} = {turn.value}"
        case turns.Lookup():
            return f"-- look up {turn.name} {dict(turn.values)}"
        case turns.Queue() | turns.Goto() | turns.Hangup():
            return {turns.Queue: "-- queue {0.name}", turns.Goto: "-- go to {0.flow}"}.get(type(turn), "-- hang up").format(turn)


def _spoken(flow: Flow, prompts: tuple[str, ...]) -> str:
    return "".join(flow.texts[key] for key in prompts)
