"""The engine, one promise at a time, on small flows of its own."""

from pathlib import Path

import pytest

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
    NotExpected,
    OtherVersion,
    Position,
    Queue,
    Record,
    Recorded,
    Save,
    Say,
    Step,
    Unanswered,
    resume,
    start,
)
from tests.ivr_flows.flow_files import trial_flow

MENU = """\
start: choice
nodes:
  choice:
    menu: ask
    keys: {"1": number, "2": agent, "#": hello}
    timeout_seconds: 4
    otherwise: agent
    silence: goodbye
  number:
    digits: ask
    keep: number
    min_digits: 3
    max_digits: 5
    end_key: "#"
    keys: {"*": agent}
    otherwise: agent
    next: code
  code: {digits: hello, keep: code, min_digits: 4, max_digits: 4, otherwise: agent, next: grade}
  grade: {digits: hello, save: grade, one_of: "12345", keys: {"9": goodbye}, otherwise: goodbye, next: look}
  look: {lookup: it, give: [number, code], gives: [days], outcomes: {found: told}, otherwise: agent}
  told: {say: [hello, "{days}", "{number:digits}"], next: message}
  message: {record: ask, save: message, max_seconds: 60, next: elsewhere}
  elsewhere: {goto: trial}
  agent: {queue: general, offer: {"2": call_back}, otherwise: goodbye}
  call_back: {say: hello, keep_place: true, hangup: true}
  hello: {note: {heard: hello, by: caller}, next: goodbye}
  goodbye: {hangup: true}
"""


@pytest.fixture
def flow(tmp_path: Path) -> Flow:
    return trial_flow(tmp_path, MENU)


def after(flow: Flow, *inputs: Input) -> Step:
    step = start(flow)
    for given in inputs:
        step = resume(flow, step.position, given)
    return step


TO_NUMBER = Keys("1")
TO_CODE = (TO_NUMBER, Keys("123"))
TO_GRADE = (*TO_CODE, Keys("4567"))
TO_LOOK = (*TO_GRADE, Keys("5"))
TO_MESSAGE = (*TO_LOOK, Found("found", {"days": "12"}))


def test_a_menu_asks_for_one_key(flow: Flow) -> None:
    assert start(flow).turns == (Gather(("ask",), 1, 4),)


def test_a_key_leads_where_the_menu_says(flow: Flow) -> None:
    assert after(flow, Keys("2")).turns == (Queue("general", {"2": "call_back"}, "goodbye"),)


def test_a_wrong_key_is_told_and_asked_again(flow: Flow) -> None:
    assert after(flow, Keys("7")).turns == (Gather(("wrong_key", "ask"), 1, 4),)


def test_silence_is_told_apart_from_a_wrong_key(flow: Flow) -> None:
    assert after(flow, Keys("")).turns == (Gather(("no_key", "ask"), 1, 4),)


def test_three_wrong_tries_lead_to_a_person(flow: Flow) -> None:
    assert isinstance(after(flow, Keys("7"), Keys(""), Keys("8")).turns[0], Queue)


def test_the_third_silence_may_mean_something_else(flow: Flow) -> None:
    assert after(flow, Keys("7"), Keys("8"), Keys("")).turns == (Hangup(),)


def test_each_question_has_its_own_three_tries(flow: Flow) -> None:
    step = after(flow, Keys("7"), Keys("7"), TO_NUMBER, Keys("1"), Keys("1"))

    assert isinstance(step.turns[0], Gather)


def test_a_number_leaves_room_for_its_end_key(flow: Flow) -> None:
    assert after(flow, TO_NUMBER).turns == (Gather(("ask",), 6, 5, "#"),)


@pytest.mark.parametrize("pressed", ["12", "123456", "12*4", "#"])
def test_a_number_that_does_not_fit_is_wrong(flow: Flow, pressed: str) -> None:
    (turn,) = after(flow, TO_NUMBER, Keys(pressed)).turns

    assert isinstance(turn, Gather)
    assert turn.prompts[0] in ("wrong_key", "no_key")


def test_a_key_leads_out_of_a_number(flow: Flow) -> None:
    assert isinstance(after(flow, TO_NUMBER, Keys("*")).turns[0], Queue)


def test_a_fact_is_saved_at_once(flow: Flow) -> None:
    assert after(flow, *TO_LOOK).turns[0] == Save("grade", "5")


@pytest.mark.parametrize("pressed", ["0", "6", "*"])
def test_a_grade_is_one_of_its_keys(flow: Flow, pressed: str) -> None:
    assert after(flow, *TO_GRADE, Keys(pressed)).turns == (Gather(("wrong_key", "hello"), 1, 5),)


def test_a_grade_has_keys_that_are_no_answer(flow: Flow) -> None:
    assert after(flow, *TO_GRADE, Keys("9")).turns == (Hangup(),)


def test_a_look_up_is_given_what_was_typed(flow: Flow) -> None:
    assert after(flow, *TO_LOOK).turns[-1] == Lookup("it", {"number": "123", "code": "4567"})


def test_what_was_found_is_said_in_prompts(flow: Flow) -> None:
    said = after(flow, *TO_MESSAGE).turns[0]

    assert said == Say(("hello", "ten", "digit_2", "digit_1", "digit_2", "digit_3"))


def test_what_is_no_number_is_said_digit_by_digit(flow: Flow) -> None:
    said = after(flow, *TO_LOOK, Found("found", {"days": "1234567890, 什么"})).turns[0]

    assert isinstance(said, Say)
    assert said.prompts[1:11] == tuple(f"digit_{digit}" for digit in "1234567890")


@pytest.mark.parametrize("found", [Found("lost"), Found("found"), Found("", {"days": "1"})])
def test_an_answer_that_the_flow_does_not_know_leads_to_its_otherwise(flow: Flow, found: Found) -> None:
    assert isinstance(after(flow, *TO_LOOK, found).turns[0], Queue)


def test_a_recording_is_saved_and_never_longer_than_asked_for(flow: Flow) -> None:
    step = after(flow, *TO_MESSAGE, Recorded(float("inf")))

    assert step.turns == (Save("message", "60"), Goto("trial"))
    assert step.position.ended


def test_an_empty_recording_is_asked_for_again(flow: Flow) -> None:
    again = after(flow, *TO_MESSAGE, Recorded(0))

    assert again.turns == (Record(("nothing_recorded", "ask"), 60, "message"),)
    assert resume(flow, again.position, Recorded(5)).turns[0] == Save("message", "5")


def test_a_note_saves_each_of_its_facts(flow: Flow) -> None:
    assert after(flow, Keys("#")).turns == (
        Save("heard", "hello"),
        Save("by", "caller"),
        Hangup(),
    )


def test_an_offer_leaves_the_queue_and_is_kept_before_it_is_confirmed(flow: Flow) -> None:
    step = after(flow, Keys("2"), Keys("2"))

    assert step.turns == (Save("callback", "keep_place"), Say(("hello",)), Hangup())


def test_another_key_keeps_the_caller_waiting(flow: Flow) -> None:
    assert after(flow, Keys("2"), Keys("5")) == after(flow, Keys("2"))


def test_who_is_answered_has_left_the_flow(flow: Flow) -> None:
    step = after(flow, Keys("2"), Answered())

    assert (step.turns, step.position.ended) == ((), True)


def test_a_queue_that_gives_up_leads_on(flow: Flow) -> None:
    assert after(flow, Keys("2"), Unanswered()).turns == (Hangup(),)


@pytest.mark.parametrize("inputs", [(), TO_CODE, TO_LOOK, TO_MESSAGE, (Keys("2"),), (Keys(""), Keys(""), Keys(""))])
def test_a_hang_up_fits_everywhere(flow: Flow, inputs: tuple[Input, ...]) -> None:
    step = after(flow, *inputs, HungUp())

    assert (step.turns, step.position.ended) == ((), True)


# --- Keys typed ahead ---


def test_keys_typed_ahead_answer_the_next_questions(flow: Flow) -> None:
    step = after(flow, Keys("1123#45675"))

    assert step.turns == (Save("grade", "5"), Lookup("it", {"number": "123", "code": "4567"}))


def test_half_a_number_typed_ahead_is_waited_for_in_silence(flow: Flow) -> None:
    step = after(flow, Keys("112"))

    assert step.turns == (Gather((), 6, 5, "#", typed="12"),)
    assert resume(flow, step.position, Keys("123")).position.values == {"number": "123"}


def test_a_stray_end_key_answers_nothing(flow: Flow) -> None:
    assert after(flow, *TO_CODE, Keys("4567##5")).turns[0] == Save("grade", "5")


def test_keys_typed_ahead_survive_a_look_up_as_json(flow: Flow) -> None:
    step = after(flow, *TO_GRADE, Keys("52"))

    kept = Position.model_validate_json(step.position.model_dump_json())

    assert kept == step.position
    assert kept.ahead == "2"


def test_keys_pressed_during_a_look_up_or_a_recording_are_heard(tmp_path: Path) -> None:
    flow = trial_flow(
        tmp_path,
        "start: look\nnodes:\n  look: {lookup: it, outcomes: {found: one}, otherwise: bye}\n"
        '  one: {digits: ask, save: one, otherwise: bye, keys: {"*": message}, next: message}\n'
        "  message: {record: ask, save: message, max_seconds: 60, next: two}\n"
        "  two: {digits: ask, save: two, otherwise: bye, next: bye}\n  bye: {hangup: true}\n",
    )

    looked = after(flow, Found("found", ahead="7"))
    spoken = resume(flow, looked.position, Recorded(3, ahead="8"))

    assert looked.turns == (Save("one", "7"), Record(("ask",), 60, "message"))
    assert spoken.turns == (Save("message", "3"), Save("two", "8"), Hangup())


def test_a_wrong_key_forgets_what_was_typed_after_it(flow: Flow) -> None:
    step = after(flow, Keys("7123"))

    assert step.position.ahead == ""
    assert step.position.tries == 1


def test_a_flood_of_keys_is_one_wrong_try_and_is_not_kept(flow: Flow) -> None:
    step = after(flow, Keys("1" + "9" * 100_000))

    assert step.position.tries == 1
    assert len(step.position.model_dump_json()) < 400


def test_what_no_telephone_sends_is_not_heard(flow: Flow) -> None:
    assert after(flow, Keys("<b>２\r\n1")).position.node == "number"


# --- Mistakes of whoever asks ---


@pytest.mark.parametrize(
    ("inputs", "wrong"),
    [
        ((), Recorded(1)),
        ((), Answered()),
        (TO_LOOK, Keys("1")),
        (TO_MESSAGE, Found("found")),
        ((Keys("2"),), Recorded(1)),
        ((*TO_GRADE, Keys("9")), Keys("1")),
    ],
)
def test_an_input_that_answers_another_turn_is_refused(flow: Flow, inputs: tuple[Input, ...], wrong: Input) -> None:
    position = after(flow, *inputs).position

    with pytest.raises(NotExpected):
        resume(flow, position, wrong)


def test_a_position_at_a_node_that_waits_for_nothing_is_refused(flow: Flow) -> None:
    position = start(flow).position.model_copy(update={"node": "goodbye"})

    with pytest.raises(NotExpected):
        resume(flow, position, Keys("1"))


def test_a_call_ends_in_the_version_it_began_with(flow: Flow, tmp_path: Path) -> None:
    position = start(flow).position
    newer = trial_flow(tmp_path, MENU.replace("timeout_seconds: 4", "timeout_seconds: 5"))

    with pytest.raises(OtherVersion):
        resume(newer, position, Keys("1"))
    assert isinstance(resume(flow, position, Keys("2")).turns[0], Queue)


def test_a_flow_wants_the_values_it_is_given(tmp_path: Path) -> None:
    flow = trial_flow(tmp_path, 'start: a\ngiven: [days]\nnodes:\n  a: {say: "{days}", hangup: true}\n')

    with pytest.raises(ValueError, match="trial wants days"):
        start(flow)
    assert start(flow, {"days": "105", "name": "not asked for"}).turns[0] == Say(("digit_1", "hundred", "digit_0", "digit_5"))
