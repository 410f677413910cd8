"""Calls as contacts: what the exchange tells, in whatever order, ends in one contact, one call and times that are true."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
import time_machine
from hypothesis import HealthCheck, given
from hypothesis import settings as sampled
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services import presence, queueing
from hotline.services.telephone import calling
from models import (
    Call,
    Callback,
    CallbackReason,
    CallbackState,
    CallEnding,
    CallEvent,
    CallLeg,
    CallStep,
    Conclusion,
    Contact,
    Direction,
    OutboxMessage,
    PhoneLine,
    Presence,
    PresenceState,
    QueueEntry,
    now,
)
from tests.factories_calls import NUMBER, make_call, make_line, tell
from tests.factories_contacts import make_agent


def contact_of(session: Session, call: Call) -> Contact:
    return session.get_one(Contact, call.contact_id)


def owed(session: Session) -> list[Callback]:
    session.flush()
    return list(session.scalars(select(Callback).order_by(Callback.created_at)))


def seat_of(session: Session, line: PhoneLine) -> Presence:
    return session.get_one(Presence, line.staff_id)


def entry_of(session: Session, call: Call) -> QueueEntry | None:
    session.flush()
    return session.get(QueueEntry, call.contact_id, populate_existing=True)


def announced(session: Session, event: str) -> int:
    return session.scalar(select(func.count()).where(OutboxMessage.event == event)) or 0


def test_a_call_is_a_contact_before_it_waits(session: Session) -> None:
    call = make_call(session, facts=(), number="+8613800138000", name="张三丰", called="059512345")

    contact = contact_of(session, call)
    assert (contact.channel, contact.number, contact.sender_name) == ("voice", "+8613800138000", "张三丰")
    assert (call.called_number, call.direction, contact.queued_at) == ("059512345", Direction.IN, None)
    assert entry_of(session, call) is None


@pytest.mark.parametrize(
    ("shown", "stored"),
    [
        ("13800138000", "+8613800138000"),
        ("+86 138 0013 8000", "+8613800138000"),
        ("008613800138000", "+8613800138000"),
        ("059522345678", "+8659522345678"),
        ("anonymous", None),
        ("<script>alert(13800138000)</script>", None),
        ("", None),
        ("\r\n", None),
        ("10086", "10086"),
        ("1" * 200, "1" * 32),
    ],
)
def test_a_number_is_kept_in_one_spelling_and_a_strange_one_is_harmless(session: Session, shown: str, stored: str | None) -> None:
    call = make_call(session, number=shown, facts=())

    assert contact_of(session, call).number == stored


def test_a_name_of_the_network_is_one_short_line(session: Session) -> None:
    call = make_call(session, name="<b>王</b>\r\nX-Evil: 1\x00" + "长" * 300, called="1\r\n2" + "3" * 90, facts=())

    name = contact_of(session, call).sender_name
    assert name is not None
    assert name.startswith("<b>王</b>X-Evil: 1长")
    assert len(name) == 64
    assert call.called_number == "12" + "3" * 30


def test_a_caller_who_waits_is_in_the_queue_with_the_skill_and_the_language_of_it(session: Session) -> None:
    call = make_call(session, facts=())
    calling.queued(session, call.linkedid, queue="english", at=now())

    entry = entry_of(session, call)
    assert entry is not None
    assert (entry.channel, entry.skill, entry.language) == ("voice", "general", "en")


def test_whoever_answers_has_the_contact_and_wraps_up_when_the_talk_is_over(session: Session) -> None:
    line = make_line(session)
    call = make_call(session, facts=("queued", "rang", "answered"), line=line)
    contact = contact_of(session, call)

    assert (contact.taken_by_id, call.staff_id, entry_of(session, call)) == (line.staff_id, line.staff_id, None)
    assert [announced(session, event) for event in ("CallRang", "CallAnswered", "ContactTaken")] == [1, 1, 1]
    assert seat_of(session, line).state == PresenceState.AVAILABLE

    tell(session, call.linkedid, "agent_left", at=now(), line=line)
    tell(session, call.linkedid, "ended", at=now())

    assert seat_of(session, line).state == PresenceState.WRAP_UP
    assert (call.ending, contact.state, announced(session, "CallEnded")) == (CallEnding.SPOKEN, "taken", 1)


def test_the_end_told_again_after_the_notes_does_not_begin_them_again(session: Session) -> None:
    line = make_line(session)
    call = make_call(session, facts=("queued", "answered", "agent_left"), line=line)
    presence.move(session, make_agent(session).id, PresenceState.AVAILABLE)
    seat_of(session, line).state = PresenceState.AVAILABLE

    tell(session, call.linkedid, "agent_left", at=now(), line=line)
    tell(session, call.linkedid, "ended", at=now(), line=line)

    assert seat_of(session, line).state == PresenceState.AVAILABLE


@pytest.mark.parametrize("state", [PresenceState.PAUSED, PresenceState.OFFLINE])
def test_who_paused_or_left_during_the_call_is_not_moved(session: Session, state: PresenceState) -> None:
    line = make_line(session)
    call = make_call(session, facts=("queued", "answered"), line=line)
    seat_of(session, line).state = state

    tell(session, call.linkedid, "agent_left", at=now(), line=line)

    assert seat_of(session, line).state == state


def test_a_call_that_ended_long_ago_asks_nobody_for_notes(session: Session) -> None:
    line = make_line(session)

    make_call(session, at=now() - timedelta(hours=2), facts=("queued", "answered", "ended"), line=line)

    assert seat_of(session, line).state == PresenceState.AVAILABLE


@pytest.mark.parametrize(
    ("facts", "seconds", "ending"),
    [
        ((), 3, CallEnding.LEFT_IN_NOTICE),
        (("queued",), 3, CallEnding.SHORT_ABANDON),
        (("queued",), 20, CallEnding.ABANDONED),
        (("queued", "no_agent"), 20, CallEnding.NO_AGENT),
    ],
)
def test_who_hangs_up_unanswered_is_owed_a_call(
    session: Session, facts: tuple[str, ...], seconds: float, ending: CallEnding
) -> None:
    call = make_call(session, facts=(*facts, "ended"), seconds=seconds)

    contact = contact_of(session, call)
    assert (call.ending, contact.conclusion, contact.concluded_at) == (ending, Conclusion.ABANDONED, call.ended_at)
    assert entry_of(session, call) is None
    assert [(each.reason, each.number, each.contact_id) for each in owed(session)] == [
        (CallbackReason.ABANDONED, "+8613800138000", contact.id)
    ]


@pytest.mark.parametrize("number", ["", "anonymous", "10086", "+14155552671"])
def test_a_number_that_cannot_be_rung_is_owed_nothing(session: Session, number: str) -> None:
    call = make_call(session, number=number, facts=("queued", "ended"))
    wishing = make_call(session, number=number, facts=("queued", "wants_callback", "ended"))

    assert owed(session) == []
    assert {contact_of(session, each).conclusion for each in (call, wishing)} == {Conclusion.ABANDONED}


def test_the_number_rings_again_and_is_answered_and_nothing_is_owed(session: Session) -> None:
    wished = make_call(session, facts=("queued", "wants_callback", "ended"))
    make_call(session, facts=("queued", "ended"))
    assert [each.state for each in owed(session)] == [CallbackState.WAITING]

    make_call(session, facts=("queued", "answered"), line=make_line(session))

    assert [each.state for each in owed(session)] == [CallbackState.DROPPED]
    assert contact_of(session, wished).conclusion == Conclusion.ABANDONED


def test_who_asks_for_a_callback_keeps_the_place_and_the_contact_stays_open(session: Session) -> None:
    call = make_call(session, facts=("queued", "wants_callback", "ended"))

    contact, (callback,) = contact_of(session, call), owed(session)
    assert (call.ending, contact.state, entry_of(session, call)) == (CallEnding.WANTS_CALLBACK, "waiting", None)
    assert (callback.reason, callback.position, callback.queue) == (CallbackReason.REQUESTED, 2, "main")


def test_a_voice_message_waits_for_an_agent_as_text_does(session: Session) -> None:
    call = make_call(session, facts=("queued", "no_agent", "voice_message", "ended"))

    contact, entry = contact_of(session, call), entry_of(session, call)
    assert (call.ending, contact.state, owed(session)) == (CallEnding.VOICE_MESSAGE, "waiting", [])
    assert entry is not None
    assert (entry.channel, contact.channel) == ("voice_message", "voice")
    agent = make_agent(session, channels=["voice_message"])
    assert queueing.take_next(session, agent) == contact


def test_nothing_known_of_the_end_is_an_interruption(session: Session) -> None:
    line = make_line(session)
    spoken = make_call(session, facts=("queued", "answered", "interrupted"), line=line)
    waiting = make_call(session, number="13900139000", facts=("queued", "interrupted"))

    assert {call.ending for call in (spoken, waiting)} == {CallEnding.INTERRUPTED}
    assert all(call.reconstructed for call in (spoken, waiting))
    assert contact_of(session, spoken).taken_by_id == line.staff_id
    assert contact_of(session, waiting).conclusion == Conclusion.ABANDONED
    assert {each.reason for each in owed(session)} == {CallbackReason.INTERRUPTED}


def test_a_phone_that_fell_silent_puts_the_caller_back_and_the_next_agent_has_the_contact(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    call = make_call(session, facts=("queued", "answered"), line=first)
    at = now() + timedelta(minutes=1)

    calling.agent_left(session, call.linkedid, extension=first.extension, at=at, lost=True)
    assert contact_of(session, call).taken_by_id == first.staff_id
    assert seat_of(session, first).state == PresenceState.AVAILABLE
    tell(session, call.linkedid, "queued", at=at + timedelta(seconds=30))
    assert entry_of(session, call) is not None
    assert contact_of(session, call).taken_by_id is None
    tell(session, call.linkedid, "answered", at=at + timedelta(seconds=40), line=second)

    assert (contact_of(session, call).taken_by_id, call.staff_id) == (second.staff_id, first.staff_id)
    steps = session.scalars(select(CallEvent.step).where(CallEvent.call_id == call.id)).all()
    assert steps == [CallStep.PHONE_LOST]


def test_a_caller_cut_off_who_hangs_up_waiting_again_is_owed_a_call_and_stays_with_the_first_agent(session: Session) -> None:
    line = make_line(session)
    call = make_call(session, facts=("queued", "answered"), line=line)
    at = now() + timedelta(minutes=1)
    calling.agent_left(session, call.linkedid, extension=line.extension, at=at, lost=True)
    tell(session, call.linkedid, "queued", at=at + timedelta(seconds=30))

    tell(session, call.linkedid, "ended", at=at + timedelta(seconds=50))

    assert (call.ending, contact_of(session, call).taken_by_id) == (CallEnding.SPOKEN, line.staff_id)
    assert [each.reason for each in owed(session)] == [CallbackReason.INTERRUPTED]


def test_after_a_transfer_the_contact_is_with_whoever_still_speaks(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    call = make_call(session, facts=("queued", "answered"), line=first)
    tell(session, call.linkedid, "answered", at=now() + timedelta(seconds=30), line=second)
    assert contact_of(session, call).taken_by_id == first.staff_id

    tell(session, call.linkedid, "agent_left", at=now() + timedelta(seconds=40), line=first)

    assert contact_of(session, call).taken_by_id == second.staff_id


def test_rings_that_nobody_answers_are_counted_until_one_is(session: Session) -> None:
    line = make_line(session)
    for _ in range(2):
        call = make_call(session, facts=("queued", "rang", "not_answered", "not_answered"), line=line)
    session.refresh(line)
    assert line.missed_rings == 2

    tell(session, call.linkedid, "answered", at=now(), line=make_line(session))
    session.refresh(line)
    assert line.missed_rings == 2
    make_call(session, facts=("queued", "rang", "answered"), line=line)

    session.refresh(line)
    assert line.missed_rings == 0


def test_time_on_hold_is_summed_up_and_ends_with_the_call(session: Session) -> None:
    line = make_line(session)
    at = now()
    call = make_call(session, at=at, facts=("queued", "answered", "held", "resumed", "held", "held"), line=line)
    assert (call.held_seconds, call.held_since) == (10.0, at + timedelta(seconds=50))

    tell(session, call.linkedid, "ended", at=at + timedelta(seconds=65))

    assert (call.held_seconds, call.held_since) == (25.0, None)


START = datetime.fromisoformat("2026-11-23T02:00:00+00:00")
STORIES = {
    CallEnding.SPOKEN: ("arrived", "queued", "rang", "answered", "held", "resumed", "agent_left", "ended"),
    CallEnding.ABANDONED: ("arrived", "queued", "rang", "not_answered", "ended"),
    CallEnding.LEFT_IN_NOTICE: ("arrived", "ended"),
    CallEnding.WANTS_CALLBACK: ("arrived", "queued", "wants_callback", "ended"),
    CallEnding.VOICE_MESSAGE: ("arrived", "queued", "no_agent", "voice_message", "ended"),
}
TELLINGS = st.sampled_from(list(STORIES.items())).flatmap(
    lambda story: st.tuples(
        st.just(story[0]),
        st.lists(st.sampled_from(range(len(story[1]))), max_size=6).flatmap(
            lambda twice: st.permutations([*range(len(story[1])), *twice])
        ),
    )
)


@sampled(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(telling=TELLINGS)
def test_in_whatever_order_and_however_often_it_is_told_the_story_is_the_same(
    session: Session, telling: tuple[CallEnding, list[int]]
) -> None:
    ending, order = telling
    with session.begin_nested() as savepoint, time_machine.travel(START + timedelta(seconds=80), tick=False):
        session.info.clear()
        line = make_line(session)
        for index in order:
            fact, at = STORIES[ending][index], START + timedelta(seconds=10 * index)
            if fact == "arrived":
                usual = {"channel_name": "PJSIP/trunk-1", "name": "", "called": "12345"}
                calling.arrived(session, linkedid="one", number=NUMBER, at=at, **usual)
            else:
                tell(session, "one", fact, at=at, line=line)
        session.flush()

        _check_story(session, ending, line)
        savepoint.rollback()
        session.info.clear()
        session.expunge_all()


def _check_story(session: Session, ending: CallEnding, line: PhoneLine) -> None:
    story = STORIES[ending]
    times = {fact: START + timedelta(seconds=10 * index) for index, fact in enumerate(story)}
    (call,) = session.scalars(select(Call)).all()
    (contact,) = session.scalars(select(Contact)).all()
    assert (contact.number, call.called_number, call.channel_name) == ("+8613800138000", "12345", "PJSIP/trunk-1")
    assert [call.started_at, call.queued_at, call.answered_at, call.ended_at] == [
        times.get(fact) for fact in ("arrived", "queued", "answered", "ended")
    ]
    assert (call.ending, call.held_seconds, announced(session, "CallEnded")) == (ending, 10.0 if "held" in times else 0.0, 1)
    for leg in session.scalars(select(CallLeg)):
        assert (leg.started_at, leg.answered_at) == (times["rang"], times.get("answered"))
        assert leg.ended_at == times.get("agent_left", times.get("not_answered"))
    state = {CallEnding.SPOKEN: "taken", CallEnding.WANTS_CALLBACK: "waiting", CallEnding.VOICE_MESSAGE: "waiting"}
    assert contact.state == state.get(ending, "concluded")
    session.refresh(contact)
    owing = {CallEnding.SPOKEN: [], CallEnding.VOICE_MESSAGE: []}.get(ending, [contact.id])
    open_ones = [each.contact_id for each in owed(session) if CallbackState(each.state).is_open]
    assert open_ones == owing
    entry = session.scalars(select(QueueEntry.channel)).all()
    assert entry == (["voice_message"] if ending == CallEnding.VOICE_MESSAGE else [])


def test_two_processes_that_tell_the_same_story_make_one_call_of_it(database: Database) -> None:
    with database.unit_of_work() as session:
        line = make_line(session)
    story = STORIES[CallEnding.SPOKEN]
    together = threading.Barrier(4)

    def tell_all(_: int) -> None:
        together.wait()
        for index, fact in enumerate(story):
            at = now().replace(microsecond=0) + timedelta(seconds=index)
            with database.unit_of_work() as session:
                if fact == "arrived":
                    make_call(session, linkedid="one", facts=(), at=START)
                else:
                    tell(session, "one", fact, at=at, line=line)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(tell_all, range(4)))

    with database.reading() as session:
        (call,) = session.scalars(select(Call)).all()
        assert (call.ending, call.staff_id) == (CallEnding.SPOKEN, line.staff_id)
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (Contact, CallLeg)]
        assert counts == [1, 1]
        assert announced(session, "CallEnded") == 1
