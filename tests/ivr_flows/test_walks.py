"""Whatever callers do: the engine never stumbles, every walk waits or ends, and a person is never out of reach."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr_flows import (
    Answered,
    Flow,
    Found,
    Gather,
    Goto,
    Hangup,
    HungUp,
    Input,
    Keys,
    Lookup,
    Position,
    Queue,
    Record,
    Recorded,
    Step,
    Turn,
    Unanswered,
    load_flows,
    resume,
    start,
)
from ivr_flows.schema import Menu

FLOWS = load_flows()
MENUS = [(flow, name) for flow in FLOWS.values() for name, node in flow.nodes.items() if isinstance(node, Menu)]
VALUES = {"month": "11", "day": "30", "hour": "0", "cases": "2"}

keys = st.text("0123456789*#", max_size=30) | st.text(max_size=30)
answers: dict[type[Turn], st.SearchStrategy[Input]] = {
    Gather: st.builds(Keys, keys),
    Record: st.builds(Recorded, st.floats() | st.just(math.nan), keys),
    Lookup: st.builds(
        Found,
        st.sampled_from(["received", "closed", "not_found", "not_told", "right", "wrong", "signed"]) | st.text(),
        st.dictionaries(st.text(), st.text()),
        keys,
    ),
    Queue: st.builds(Keys, keys) | st.just(Answered()) | st.just(Unanswered()),
}


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_caller_makes_the_engine_stumble(data: st.DataObject) -> None:
    flow = data.draw(st.sampled_from(sorted(FLOWS.values(), key=lambda flow: flow.name)))
    step = start(flow, VALUES)
    for _ in range(data.draw(st.integers(0, 25))):
        assert_waits_or_ends(flow, step)
        if step.position.ended:
            break
        answer = data.draw(answers[type(step.turns[-1])] | st.just(HungUp()))
        step = resume(flow, Position.model_validate_json(step.position.model_dump_json()), answer)
    assert_waits_or_ends(flow, step)


def assert_waits_or_ends(flow: Flow, step: Step) -> None:
    for turn in step.turns:
        assert [key for key in getattr(turn, "prompts", ()) if key not in flow.texts] == []
    assert not any(isinstance(turn, Gather | Record | Lookup | Queue | Goto | Hangup) for turn in step.turns[:-1])
    if step.position.ended:
        assert not step.turns or isinstance(step.turns[-1], Goto | Hangup)
    else:
        assert isinstance(step.turns[-1], Gather | Record | Lookup | Queue)


@pytest.mark.parametrize(("flow", "menu"), MENUS, ids=lambda value: getattr(value, "name", value))
def test_from_every_menu_a_key_leads_to_a_person(flow: Flow, menu: str) -> None:
    """One key, and whatever is said after it: a queue, or the promise of a call."""
    position = Position(flow=flow.name, version=flow.version, node=menu)
    node = flow.nodes[menu]
    assert isinstance(node, Menu)

    led = [resume(flow, position, Keys(key)).turns for key in node.keys]

    assert any(isinstance(turn, Queue) or getattr(turn, "what", "") == "callback" for turns in led for turn in turns)


@pytest.mark.parametrize(("flow", "menu"), MENUS, ids=lambda value: getattr(value, "name", value))
def test_wrong_keys_alone_lead_to_somebody_who_listens(flow: Flow, menu: str) -> None:
    position = Position(flow=flow.name, version=flow.version, node=menu)
    for _ in range(3):
        step = resume(flow, position, Keys("*"))
        position = step.position

    assert isinstance(step.turns[-1], Queue | Record)
