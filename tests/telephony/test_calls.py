"""Events of the exchange become facts: recorded orders of events go in, rows come out."""

import json
from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services.telephone import callbacks, switching
from hotline.services.telephone.calling import Ring
from hotline.telephony.ami import AmiEvent
from hotline.telephony.call_words import Translator, command_of, extension_of
from models import (
    Call,
    Callback,
    CallbackReason,
    CallbackState,
    CallbackTry,
    CallEnding,
    CallEvent,
    CallLeg,
    CallStep,
    Contact,
    Direction,
    PhoneLine,
    Presence,
    SwitchboardAction,
    SwitchboardCommand,
    TryOutcome,
    now,
)
from tests.factories_calls import make_line
from tests.factories_contacts import make_contact
from tests.telephony.ami_events import START, Story


def apply(session: Session, *events: AmiEvent | Iterable[AmiEvent], words: Translator | None = None) -> Translator:
    words = words or Translator()
    for event in events:
        for each in [event] if isinstance(event, AmiEvent) else event:
            for fact in words.facts(each):
                if fact.live is None or not fact.live.is_strange:
                    fact.tell(session)
    session.flush()
    return words


def the_call(session: Session) -> Call:
    return session.scalars(select(Call).where(Call.direction == Direction.IN)).one()


def steps(session: Session) -> list[tuple[CallStep, str]]:
    return [(CallStep(event.step), event.detail) for event in session.scalars(select(CallEvent).order_by(CallEvent.at))]


def test_an_ordinary_call(session: Session) -> None:
    line = make_line(session)
    apply(session, Story().answered_call(line.extension))

    call, contact = the_call(session), session.scalars(select(Contact)).one()
    seconds = [
        (moment - START).total_seconds()
        for moment in (call.started_at, call.queued_at, call.answered_at, call.ended_at)
        if moment is not None
    ]
    assert seconds == [0, 6, 9, 52]
    assert (call.ending, call.queue, call.called_number, call.held_seconds) == (CallEnding.SPOKEN, "main", "12345", 7)
    assert (contact.taken_by_id, contact.sender_name) == (line.staff_id, "张三丰")
    (leg,) = session.scalars(select(CallLeg)).all()
    assert (leg.endpoint, leg.staff_id, leg.ended_at) == (line.extension, line.staff_id, START + timedelta(seconds=51))


def test_a_ring_and_an_answer_wait_for_nothing_else(session: Session) -> None:
    words, story = Translator(), Story()
    urgent = {event.name for event in story.answered_call("2001") for fact in words.facts(event) if fact.urgent}

    assert urgent == {"AgentCalled", "AgentConnect"}


@pytest.mark.parametrize(
    ("context", "channel"),
    [("from-agent", "PJSIP/2001-1"), ("callback-queue", "Local/1@callback-queue-1;2"), ("out", "PJSIP/trunk-1")],
)
def test_only_calls_from_outside_become_contacts(session: Session, context: str, channel: str) -> None:
    story = Story()
    apply(session, story.arrives(Context=context, Channel=channel), story.joins(), story.rings("2001"), story.hangs_up())

    assert session.scalars(select(Contact)).all() == []


def test_who_gives_up_in_the_notice_or_while_a_telephone_rings_is_a_contact_all_the_same(session: Session) -> None:
    line = make_line(session)
    early, late = Story("early"), Story("late")
    apply(session, early.arrives(CallerIDNum="anonymous"), early.hangs_up())
    words = apply(session, late.arrives(), late.joins(), late.rings(line.extension))
    apply(session, late.event("QueueCallerAbandon", 20, Queue="main"), late.hangs_up(), words=words)

    endings = {call.linkedid: call.ending for call in session.scalars(select(Call))}
    assert endings == {"early": CallEnding.LEFT_IN_NOTICE, "late": CallEnding.ABANDONED}
    assert not words.follows("late")


def test_a_ring_that_nobody_answers_goes_to_the_next_and_is_counted(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    story = Story()
    events: list[AmiEvent | Iterable[AmiEvent]] = [
        story.arrives(),
        story.joins(),
        story.rings(first.extension),
        story.misses(first.extension),
    ]
    apply(session, *events, story.rings(second.extension, serial=2), story.answers(second.extension, serial=2))

    session.refresh(first)
    assert first.missed_rings == 1
    assert the_call(session).staff_id == second.staff_id


def test_a_phone_that_falls_silent_is_no_reason_for_notes_and_its_page_may_claim_the_call(session: Session) -> None:
    line = make_line(session)
    story = Story()
    words = apply(session, story.arrives(), story.joins(), story.rings(line.extension), story.answers(line.extension))
    apply(session, story.agent_hangs_up(line.extension, cause="44"), words=words)
    apply(session, story.user_event("Held", Member=f"PJSIP/{line.extension}", Queue="main"), words=words)
    assert session.get_one(Presence, line.staff_id).state == "available"

    entered = story.of_leg("BridgeEnter", line.extension, 3, serial=2, BridgeUniqueid="b2")
    apply(session, story.event("BridgeEnter", BridgeUniqueid="b2"), entered, words=words)

    assert steps(session) == [(CallStep.PHONE_LOST, line.extension)]
    assert len(session.scalars(select(CallLeg)).all()) == 2
    assert session.scalars(select(Contact)).one().taken_by_id == line.staff_id


def test_a_call_handed_on_rings_at_the_colleagues_screen_until_nobody_answers(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    story = Story()
    words = apply(session, story.arrives(), story.joins(), story.rings(first.extension), story.answers(first.extension))
    apply(session, story.agent_hangs_up(first.extension), words=words)

    rung = [fact.tell(session) for fact in words.facts(story.rings_directly(second.extension))]
    told = [fact.tell(session) for fact in words.facts(story.of_leg("Hangup", second.extension, 30, 2, Cause="16"))]

    assert second.staff_id is not None
    assert [*rung, *told] == [Ring(second.staff_id, the_call(session).contact_id, the_call(session).id), second.staff_id]
    leg = session.scalars(select(CallLeg).where(CallLeg.endpoint == second.extension)).one()
    assert (leg.answered_at, leg.ended_at) == (None, story.at)
    assert session.scalar(select(PhoneLine.missed_rings).where(PhoneLine.extension == second.extension)) == 0


def test_a_colleague_who_is_asked_first_sees_whose_call_it_is_while_the_telephone_rings(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    story = Story()
    words = apply(session, story.arrives(), story.joins(), story.rings(first.extension), story.answers(first.extension))

    rung = [fact.tell(session) for fact in words.facts(story.asks(first.extension, second.extension))]
    told = [fact.tell(session) for fact in words.facts(story.of_leg("Hangup", second.extension, 30, 2, Cause="16"))]

    assert second.staff_id is not None
    assert [*rung, *told] == [Ring(second.staff_id, the_call(session).contact_id, the_call(session).id), second.staff_id]
    assert session.scalars(select(Contact)).one().taken_by_id == first.staff_id


def test_a_call_from_one_line_to_another_concerns_no_citizen(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    story = Story()
    words = apply(session, story.arrives(), story.joins(), story.rings(first.extension))

    assert list(words.facts(story.asks(first.extension, second.extension))) == []


def test_what_a_queue_rings_is_told_once(session: Session) -> None:
    line, story = make_line(session), Story()
    words = apply(session, story.arrives(), story.joins(), story.rings(line.extension))

    assert list(words.facts(story.rings_directly(line.extension, serial=1))) == []


def test_after_an_attended_transfer_the_colleague_has_the_call(session: Session) -> None:
    first, second = make_line(session), make_line(session)
    story = Story()
    words = apply(session, story.arrives(), story.joins(), story.rings(first.extension), story.answers(first.extension))
    leg = story.leg(first.extension)
    transfer = story.event(
        "AttendedTransfer",
        20,
        OrigTransfererUniqueid=leg["DestUniqueid"],
        OrigTransfererChannel=leg["DestChannel"],
        TransferTargetChannel=f"PJSIP/{second.extension}-9",
    )
    consulted = {"Linkedid": "another", "BridgeUniqueid": "b1"}
    apply(session, transfer, story.of_leg("BridgeEnter", second.extension, 0, 1, **consulted), words=words)
    apply(session, story.of_leg("Hangup", first.extension, Cause="16"), words=words)

    assert steps(session) == [(CallStep.ATTENDED_TRANSFER, second.extension)]
    assert session.scalars(select(Contact)).one().taken_by_id == second.staff_id


def test_what_the_dialplan_says_is_kept(session: Session) -> None:
    story = Story()
    words = apply(session, story.arrives(), story.user_event("HotlineIvrDown", Flow="main", Status="FAILURE"), story.joins())
    apply(session, story.user_event("WantsCallback", 9, Position="3"), story.hangs_up(), words=words)
    message = Story("message")
    events = [message.arrives(), message.user_event("HotlineNoAgent"), message.user_event("VoiceMessage", Status="HANGUP")]
    apply(session, *events, message.hangs_up())

    assert steps(session) == [(CallStep.FLOW_DOWN, "main FAILURE")]
    endings = {call.linkedid: call.ending for call in session.scalars(select(Call))}
    assert endings == {story.linkedid: CallEnding.WANTS_CALLBACK, "message": CallEnding.VOICE_MESSAGE}
    assert session.scalars(select(Callback.position)).all() == [3]


def test_a_call_outside_that_is_refused_is_written_down(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    apply(session, Story().user_event("Refused", Exten="0086"))

    assert "refused" in caplog.text


def command(session: Session, action: SwitchboardAction = SwitchboardAction.PLACE_CALL, **arguments: str) -> SwitchboardCommand:
    return switching.ask(session, action, {"number": "13800138000", **arguments}, by=None, lasting=timedelta(seconds=30))


def placed(session: Session, line: PhoneLine, *ends: tuple[str, dict[str, str]]) -> Call:
    """A call that rings the line first, then the number."""
    contact = make_contact(session)
    story = Story(str(command(session, contact_id=str(contact.id)).id))
    agent = {"Channel": f"PJSIP/{line.extension}-1", "Context": "out"}
    words = apply(session, story.event("Newchannel", 0, **agent))
    citizen = {"DestChannel": "PJSIP/trunk-2", "DestUniqueid": "c", "DestLinkedid": story.linkedid}
    for name, headers in ends:
        apply(session, story.event(name, 5, **{**citizen, "Channel": "PJSIP/trunk-2", "Uniqueid": "c", **headers}), words=words)
    apply(session, story.event("Hangup", 10, Cause="16", **agent), words=words)
    call = session.scalars(select(Call).where(Call.linkedid == story.linkedid)).one()
    assert call.contact_id == contact.id
    return call


def test_a_placed_call_is_answered_when_the_citizen_answers(session: Session) -> None:
    line = make_line(session)
    call = placed(session, line, ("DialEnd", {"DialStatus": "ANSWER"}))

    assert (call.direction, call.ending, call.called_number) == (Direction.OUT, CallEnding.SPOKEN, "+8613800138000")
    assert call.answered_at == START + timedelta(seconds=5)


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([("DialEnd", {"DialStatus": "BUSY"}), ("Hangup", {"Cause": "17"})], TryOutcome.BUSY),
        ([("DialEnd", {"DialStatus": "NOANSWER"}), ("Hangup", {"Cause": "16"})], TryOutcome.NO_ANSWER),
        ([("DialEnd", {"DialStatus": "CHANUNAVAIL"}), ("Hangup", {"Cause": "21"})], TryOutcome.REFUSED),
        ([("Hangup", {"Cause": "21"}), ("DialEnd", {"DialStatus": "CHANUNAVAIL"})], TryOutcome.REFUSED),
        ([("DialEnd", {"DialStatus": "CONGESTION"}), ("Hangup", {"Cause": "34"})], TryOutcome.FAILED),
        ([], TryOutcome.NO_AGENT),
    ],
)
def test_what_came_of_ringing_the_citizen_is_told_apart(
    session: Session, events: list[tuple[str, dict[str, str]]], outcome: TryOutcome
) -> None:
    reason = CallbackReason.ABANDONED
    callback = callbacks.owe(session, reason=reason, number="13800138000", due_at=now())
    assert callback is not None
    story = Story(str(callbacks.dial(session, callback, at=now()).id))
    words = apply(session, story.event("Newchannel", Channel="Local/1@callback-queue-1;1", Context="callback-queue"))
    citizen = {"DestChannel": "PJSIP/trunk-2", "DestLinkedid": story.linkedid, "Channel": "PJSIP/trunk-2", "Uniqueid": "c"}
    for name, headers in events:
        apply(session, story.event(name, 5, **{**citizen, **headers}), words=words)
    apply(session, story.hangs_up(), words=words)

    assert session.scalars(select(CallbackTry.outcome)).all() == [outcome]
    assert callback.state == CallbackState.WAITING


def test_a_placeholder_rings_an_agent_and_speaks_when_the_citizen_is_there(session: Session) -> None:
    line = make_line(session)
    contact = make_contact(session, channel="voice", number="13800138000")
    callback = callbacks.owe(
        session, reason=CallbackReason.REQUESTED, number="13800138000", due_at=now(), contact_id=contact.id, position=2
    )
    assert callback is not None
    story = Story(str(callbacks.dial(session, callback, at=now()).id))
    half = {"Channel": "Local/1@callback-queue-1;2", "Uniqueid": f"{story.linkedid}-2"}
    words = apply(session, story.event("Newchannel", Channel="Local/1@callback-queue-1;1", Context="callback-queue"))
    apply(session, story.event("QueueCallerJoin", 0, Queue="main", **half), story.rings(line.extension), words=words)
    apply(session, story.answers(line.extension), words=words)
    call = session.scalars(select(Call).where(Call.linkedid == story.linkedid)).one()
    assert (call.answered_at, contact.taken_by_id) == (None, None)

    citizen = {"DestChannel": "PJSIP/trunk-2", "DestLinkedid": story.linkedid}
    apply(session, story.event("DialEnd", 8, DialStatus="ANSWER", **citizen), words=words)
    apply(session, story.hangs_up(60), words=words)

    session.refresh(contact)
    assert (contact.taken_by_id, call.ending) == (line.staff_id, CallEnding.SPOKEN)
    assert callback.state == CallbackState.REACHED


def test_a_supervisor_who_listens_makes_no_contact(session: Session) -> None:
    spying = switching.ask(session, SwitchboardAction.SPY, {"extension": "2001"}, by=None, lasting=timedelta(seconds=30))
    story = Story(str(spying.id))

    apply(session, story.event("Newchannel", Channel="PJSIP/2001-1"), story.hangs_up())
    apply(session, Story(str(uuid4())).event("Newchannel", Channel="PJSIP/2001-1"))

    assert session.scalars(select(Contact)).all() == []
    assert json.loads(spying.arguments) == {"extension": "2001"}


def test_names_of_channels() -> None:
    assert [extension_of(name) for name in ("PJSIP/2001-0000001a", "PJSIP/2001", "PJSIP/trunk-1", "Local/2001@x", "")] == [
        "2001",
        "2001",
        "",
        "",
        "",
    ]
    assert command_of("t1-1795289344.6") is None
