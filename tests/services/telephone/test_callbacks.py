"""Calls that we owe: once per number, within hours and lines, never twice at once, and what comes of each try."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import AlreadyTaken, NotFound, RuleBroken, WrongState
from hotline.services import reading_callbacks
from hotline.services.telephone import callbacks, calling, switching
from models import (
    Callback,
    CallbackReason,
    CallbackState,
    CallbackTry,
    CommandState,
    Conclusion,
    Contact,
    Staff,
    SwitchboardAction,
    SwitchboardCommand,
    TryOutcome,
    new_id,
    now,
)
from tests.factories_calls import make_call, make_line
from tests.factories_contacts import make_agent

NIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)  # midnight in the city


def owe(session: Session, serial: int = 0, *, reason: CallbackReason = CallbackReason.ABANDONED, **values: object) -> Callback:
    usual = {"number": f"1380013{serial:04d}", "due_at": now()}
    callback = callbacks.owe(session, reason=reason, **{**usual, **values})  # type: ignore[arg-type]
    assert callback is not None
    return callback


def try_once(session: Session, callback: Callback, outcome: TryOutcome | None, *, interrupted: bool = False) -> None:
    """Dialled, and over a moment later with this word from the citizen's telephone."""
    command = callbacks.dial(session, callback, at=now())
    linkedid = str(command.id)
    calling.placed_by_command(session, linkedid, command.id, at=now())
    if outcome == TryOutcome.ANSWERED:
        calling.answered(session, linkedid, extension="2001", unique_id=f"{linkedid}-a", at=now())
    elif outcome is not None:
        calling.citizen_said(session, linkedid, outcome, at=now())
    (calling.interrupted if interrupted else calling.ended)(session, linkedid, at=now())


def test_a_number_is_owed_one_call_however_often_it_was_missed(session: Session) -> None:
    first = owe(session, number="+86 138 0013 8000")
    second = owe(session, number="13800138000", reason=CallbackReason.INTERRUPTED)
    survey = owe(session, number="13800138000", reason=CallbackReason.SURVEY)

    assert second is first
    assert (first.missed, survey.missed, survey is first) == (True, False, False)


def test_a_promise_goes_before_a_call_that_was_only_missed(session: Session) -> None:
    missed = owe(session, due_at=now() + timedelta(minutes=10))

    promised = owe(session, reason=CallbackReason.REQUESTED, position=3, queue="english")

    assert promised is missed
    assert (missed.reason, missed.position, missed.queue) == (CallbackReason.REQUESTED, 3, "english")
    assert callbacks.due(session, now()) == [missed]


@pytest.mark.parametrize("number", ["", "10086", "+14155552671", "+85223456789"])
def test_what_cannot_be_rung_from_here_is_not_owed(session: Session, number: str) -> None:
    assert callbacks.owe(session, reason=CallbackReason.ABANDONED, number=number, due_at=now()) is None


def test_many_who_learn_of_one_missed_call_owe_it_once(database: Database) -> None:
    together = threading.Barrier(8)

    def learn(_: int) -> object:
        together.wait()
        with database.unit_of_work() as session:
            return owe(session).id

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(learn, range(8)))) == 1


def test_the_list_masks_numbers_and_tells_what_was_tried(session: Session, clock: time_machine.Traveller) -> None:
    later, sooner = owe(session, 1, due_at=now() + timedelta(minutes=5)), owe(session, 2)
    try_once(session, sooner, TryOutcome.BUSY)

    listed = reading_callbacks.to_ring(session)

    assert [each.callback for each in listed] == [later, sooner]
    assert [(each.number, each.tries, each.last) for each in listed] == [
        ("138****0001", 0, None),
        ("138****0002", 1, TryOutcome.BUSY),
    ]


def test_no_more_calls_at_once_than_there_are_lines_and_who_was_promised_one_keeps_the_place(
    session: Session, clock: time_machine.Traveller
) -> None:
    missed = [owe(session, serial, due_at=now() - timedelta(minutes=6 - serial)) for serial in range(6)]
    promised = owe(session, 9, reason=CallbackReason.REQUESTED, position=1)

    first = callbacks.due(session, now())
    for callback in first:
        callbacks.dial(session, callback, at=now())

    assert first == [promised, *missed[:4]]
    assert callbacks.due(session, now()) == []


def test_nobody_is_rung_at_night_who_did_not_just_ask_for_it(session: Session, clock: time_machine.Traveller) -> None:
    clock.move_to(NIGHT)
    owe(session, 1)
    asked = owe(session, 2, reason=CallbackReason.REQUESTED, position=1)
    owe(session, 3, reason=CallbackReason.REQUESTED)

    assert callbacks.due(session, now()) == [asked]
    assert callbacks.first_due(session, CallbackReason.INTERRUPTED, now()) == datetime(2026, 11, 24, 0, 30, tzinfo=UTC)
    with pytest.raises(RuleBroken):
        callbacks.take(session, owe(session, 1).id, by=make_agent(session), at=now())


def test_tries_come_at_different_times_and_end(session: Session, clock: time_machine.Traveller) -> None:
    callback = owe(session)
    waits = []
    for outcome in (TryOutcome.BUSY, TryOutcome.NO_ANSWER, TryOutcome.REFUSED):
        try_once(session, callback, outcome)
        waits.append(callback.due_at - now())
        clock.move_to(max(callback.due_at, now()))

    assert waits[:2] == [timedelta(minutes=10), timedelta(minutes=60)]
    assert callback.state == CallbackState.GIVEN_UP
    assert session.scalars(select(CallbackTry.outcome).order_by(CallbackTry.started_at)).all() == ["busy", "no_answer", "refused"]


def test_who_is_reached_is_owed_nothing_more(session: Session) -> None:
    callback = owe(session)

    try_once(session, callback, TryOutcome.ANSWERED)

    assert (callback.state, reading_callbacks.to_ring(session)) == (CallbackState.REACHED, [])


def test_a_try_that_failed_on_our_side_costs_the_citizen_nothing(session: Session, clock: time_machine.Traveller) -> None:
    callback = owe(session, reason=CallbackReason.REQUESTED, position=2)

    for _ in range(5):
        try_once(session, callback, None)

    assert (callback.state, callback.position) == (CallbackState.WAITING, 2)
    callback.due_at = now()
    try_once(session, callback, None, interrupted=True)
    assert callback.due_at == now()


def test_a_place_in_the_queue_is_gone_once_the_citizen_was_not_there(session: Session, clock: time_machine.Traveller) -> None:
    callback = owe(session, reason=CallbackReason.REQUESTED, position=2)

    try_once(session, callback, TryOutcome.NO_ANSWER)

    assert callback.position is None


def test_giving_up_ends_the_contact_of_who_asked_for_the_call(session: Session, clock: time_machine.Traveller) -> None:
    call = make_call(session, facts=("queued", "wants_callback", "ended"))
    (callback,) = session.scalars(select(Callback)).all()
    for _ in range(3):
        try_once(session, callback, TryOutcome.NO_ANSWER)

    assert callback.state == CallbackState.GIVEN_UP
    assert session.get_one(Contact, call.contact_id).conclusion == Conclusion.ABANDONED


def test_whoever_takes_one_is_rung_first_and_nobody_else_gets_it(session: Session, clock: time_machine.Traveller) -> None:
    make_call(session, number="13800138000", facts=("queued", "ended"))
    (callback,) = session.scalars(select(Callback)).all()
    line, other = make_line(session), make_agent(session)
    staff = session.get_one(Staff, line.staff_id)

    command = callbacks.take(session, callback.id, by=staff, at=now())

    arguments = switching.arguments_of(command)
    assert (command.action, command.by_id) == (SwitchboardAction.PLACE_CALL, staff.id)
    assert (arguments["number"], arguments["extension"]) == ("13800138000", line.extension)
    with pytest.raises(AlreadyTaken):
        callbacks.take(session, callback.id, by=other, at=now())


@pytest.mark.parametrize("takes_it", [False, True])
def test_the_contact_of_who_gave_up_and_is_reached_is_open_again_in_the_hands_of_who_speaks(
    session: Session, clock: time_machine.Traveller, takes_it: bool
) -> None:
    call = make_call(session, number="13800138000", facts=("queued", "ended"))
    (callback,) = session.scalars(select(Callback)).all()
    contact, line = session.get_one(Contact, call.contact_id), make_line(session)
    assert (contact.conclusion, contact.taken_by_id) == (Conclusion.ABANDONED, None)
    by = session.get_one(Staff, line.staff_id)
    command = callbacks.take(session, callback.id, by=by, at=now()) if takes_it else callbacks.dial(session, callback, at=now())

    placed = calling.placed_by_command(session, str(command.id), command.id, at=now())
    assert (contact.conclusion, contact.taken_by_id) == (Conclusion.ABANDONED, None)
    calling.answered(session, str(command.id), extension=line.extension, unique_id="rung-back", at=now())
    calling.ended(session, str(command.id), at=now())

    assert placed is not None
    assert placed.contact_id == contact.id
    assert (contact.concluded_at, contact.conclusion, contact.taken_by_id) == (None, None, line.staff_id)
    assert callback.state == CallbackState.REACHED


def test_who_asks_twice_is_owed_one_call_and_waits_in_one_contact(session: Session) -> None:
    asked = ("queued", "wants_callback", "ended")
    first = make_call(session, number="13800138000", facts=asked)
    second = make_call(session, number="13800138000", facts=asked)

    (callback,) = session.scalars(select(Callback)).all()
    open_ones = session.scalars(select(Contact.id).where(Contact.concluded_at.is_(None))).all()
    assert first.contact_id != second.contact_id
    assert (callback.contact_id, open_ones) == (first.contact_id, [first.contact_id])


def test_what_is_taken_off_the_list_is_not_rung(session: Session, clock: time_machine.Traveller) -> None:
    callback, by = owe(session), make_agent(session)
    command = callbacks.dial(session, callback, at=now())

    callbacks.remove(session, callback.id, by=by, at=now())
    calling.placed_by_command(session, str(command.id), command.id, at=now(), channel_name="Local/1@callback-queue-1;1")

    actions = session.scalars(select(SwitchboardCommand).order_by(SwitchboardCommand.created_at)).all()
    assert [each.action for each in actions] == ["place_callback", "hang_up"]
    assert switching.arguments_of(actions[1]) == {"channel": "Local/1@callback-queue-1;2"}
    with pytest.raises(WrongState):
        callbacks.remove(session, callback.id, by=by, at=now())
    with pytest.raises(NotFound):
        callbacks.remove(session, new_id(), by=by, at=now())


def test_a_placeholder_is_called_back_when_its_citizen_rings_and_is_answered(session: Session) -> None:
    callback = owe(session, number="13800138000", reason=CallbackReason.REQUESTED, position=1)
    command = callbacks.dial(session, callback, at=now())
    calling.placed_by_command(session, str(command.id), command.id, at=now(), channel_name="Local/1@callback-queue-1;1")

    make_call(session, number="13800138000", facts=("queued", "answered"), line=make_line(session))

    hang_up = session.scalars(select(SwitchboardCommand).where(SwitchboardCommand.action == SwitchboardAction.HANG_UP)).one()
    assert switching.arguments_of(hang_up) == {"channel": "Local/1@callback-queue-1;2"}
    calling.ended(session, str(command.id), at=now())
    assert callback.state == CallbackState.DROPPED


@pytest.mark.parametrize(
    ("state", "after", "outcomes"),
    [
        (CommandState.FAILED, 0, [TryOutcome.FAILED]),
        (CommandState.EXPIRED, 0, [TryOutcome.NO_AGENT]),
        (CommandState.STARTED, 30, [None]),
        (CommandState.STARTED, 300, [TryOutcome.NO_AGENT]),
    ],
)
def test_a_command_that_never_became_a_call_gives_the_callback_back(
    session: Session, clock: time_machine.Traveller, state: CommandState, after: int, outcomes: list[TryOutcome | None]
) -> None:
    callback = owe(session)
    command = callbacks.dial(session, callback, at=now())
    command.state = state
    session.flush()
    clock.shift(timedelta(seconds=after))

    callbacks.sweep(session, now())

    assert session.scalars(select(CallbackTry.outcome)).all() == outcomes
    assert callback.state == (CallbackState.DIALLING if outcomes == [None] else CallbackState.WAITING)


def test_two_diallers_at_once_ring_nobody_twice_and_take_no_line_too_many(database: Database) -> None:
    daytime = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
    with database.unit_of_work() as session:
        for serial in range(8):
            owe(session, serial, due_at=daytime)
    together = threading.Barrier(4)

    def dial(_: int) -> int:
        together.wait()
        with database.unit_of_work() as session:
            due = callbacks.due(session, daytime)
            for callback in due:
                callbacks.dial(session, callback, at=daytime)
            return len(due)

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(dial, range(4))) == 4
    with database.reading() as session:
        tries = session.scalars(select(CallbackTry.callback_id)).all()
        assert len(tries) == len(set(tries)) == 4
