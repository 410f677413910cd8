"""What an agent's telephone shows: who rings, from where, what is known of the number, whom a call can be handed to."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy.orm import Session

from hotline.services import presence, reading_phone
from hotline.services.access import Me
from hotline.services.telephone import calling, routing
from models import CallStep, CaseStatus, Contact, PhoneLine, Presence, PresenceState, Role, now
from tests.factories import signed_in
from tests.factories_calls import make_call, make_line
from tests.factories_cases import make_case
from tests.factories_contacts import make_agent, make_contact

NUMBER = "13800138000"


@pytest.fixture
def seat(session: Session) -> tuple[Me, PhoneLine]:
    staff = make_agent(session)
    return signed_in(session, staff), make_line(session, staff)


Seat = tuple[Me, PhoneLine]


def test_without_a_call_there_is_none(session: Session, seat: Seat) -> None:
    view = reading_phone.phone_now(session, seat[0])

    assert (view.call, view.offer, view.wrap_up_until, view.connected) == (None, None, None, False)
    assert view.seat is not None


def test_somebody_who_has_no_seat_sees_an_empty_telephone(session: Session) -> None:
    me = signed_in(session, make_agent(session, state=PresenceState.OFFLINE, roles=(Role.VERIFIER,)))
    session.delete(session.get_one(Presence, me.staff_id))
    session.flush()

    assert reading_phone.phone_now(session, me).seat is None


def test_a_ringing_call_tells_who_it_is_and_how_long_he_or_she_waited(
    session: Session, seat: Seat, clock: time_machine.Traveller
) -> None:
    me, line = seat
    call = make_call(session, facts=("queued", "rang"), line=line, at=now() - timedelta(seconds=20))

    shown = reading_phone.call_now(session, me)

    assert shown is not None
    assert (shown.call_id, shown.contact_id, shown.number) == (call.id, call.contact_id, "+8613800138000")
    assert (shown.is_answered, shown.called_number, shown.waited) == (False, "12345", timedelta(seconds=10))
    assert (shown.calls_before, list(shown.open_cases), shown.recording_paused) == (0, [], False)


def test_in_a_call_the_wait_is_over(session: Session, seat: Seat, clock: time_machine.Traveller) -> None:
    me, line = seat
    call = make_call(session, facts=("queued", "rang", "answered"), line=line)
    clock.shift(timedelta(minutes=5))

    shown = reading_phone.call_now(session, me)

    assert shown is not None
    assert (shown.is_answered, shown.since, shown.waited) == (True, call.answered_at, timedelta(seconds=20))


def test_a_call_at_another_telephone_or_over_is_not_shown(session: Session, seat: Seat) -> None:
    me, line = seat
    make_call(session, facts=("queued", "rang", "answered", "ended"), line=line)
    make_call(session, facts=("queued", "rang"), line=make_line(session), number="13900139000")

    assert reading_phone.call_now(session, me) is None


def test_what_is_known_of_the_number_is_told_but_nothing_confidential(session: Session, seat: Seat) -> None:
    me, line = seat
    known = make_case(session, status=CaseStatus.DISPATCHED, contact=make_contact(session, number=NUMBER), number=NUMBER)
    make_case(session, contact=make_contact(session, number=NUMBER), number=NUMBER).confidential = True
    make_case(session, status=CaseStatus.CLOSED, contact=make_contact(session, number=NUMBER), number=NUMBER)
    session.flush()
    make_call(session, facts=("queued", "rang"), line=line)

    shown = reading_phone.call_now(session, me)

    assert shown is not None
    (case,) = shown.open_cases
    assert (case.number, case.title, case.status) == (known.number, known.title, CaseStatus.DISPATCHED)
    assert (case.unit != "", case.answer_due_at is not None) == (True, True)
    assert shown.calls_before == 3


def test_a_hidden_number_is_known_for_nothing(session: Session, seat: Seat) -> None:
    make_call(session, facts=("queued", "rang"), line=seat[1], number="")

    shown = reading_phone.call_now(session, seat[0])

    assert shown is not None
    assert (shown.number, shown.place, shown.calls_before, list(shown.open_cases)) == (None, "", 0, [])


def test_a_recording_that_rests_is_seen_until_it_goes_on(session: Session, seat: Seat, clock: time_machine.Traveller) -> None:
    me, line = seat
    call = make_call(session, facts=("queued", "rang", "answered"), line=line)
    seen = []
    for step in (CallStep.RECORDING_PAUSED, CallStep.RECORDING_RESUMED):
        clock.shift(timedelta(seconds=1))
        calling.step(session, call.linkedid, step, at=now())
        session.flush()
        shown = reading_phone.call_now(session, me)
        assert shown is not None
        seen.append(shown.recording_paused)

    assert seen == [True, False]


def test_a_text_that_is_held_out_is_shown_with_its_end(session: Session, seat: Seat, clock: time_machine.Traveller) -> None:
    me, _ = seat
    text = make_contact(session, channel="sms", waited=10)
    assert routing.offer(session, text.id, me.staff_id)
    session.flush()

    shown = reading_phone.phone_now(session, me).offer

    assert shown is not None
    assert (shown.contact.id, shown.until) == (text.id, now() + timedelta(seconds=20))
    clock.shift(timedelta(seconds=20))
    assert reading_phone.phone_now(session, me).offer is None


def test_the_end_of_the_time_for_notes_is_told(session: Session, seat: Seat, clock: time_machine.Traveller) -> None:
    me, _ = seat
    presence.move(session, me.staff_id, PresenceState.WRAP_UP)
    session.flush()

    assert reading_phone.phone_now(session, me).wrap_up_until == now() + timedelta(seconds=30)


# --- what the calls of a contact were


def test_a_contacts_calls_tell_how_long_people_waited_and_spoke(session: Session, seat: Seat) -> None:
    _, line = seat
    facts = ("queued", "rang", "answered", "held", "resumed", "agent_left", "ended")
    call = make_call(session, facts=facts, line=line)

    (past,) = reading_phone.calls_of(session, session.get_one(Contact, call.contact_id))

    assert past.agent != ""
    assert past.waited == timedelta(seconds=20)
    assert past.talked == timedelta(seconds=20)  # of thirty, ten on hold; the survey afterwards is none of it


def test_a_call_that_nobody_answered_was_waited_for_only(session: Session) -> None:
    abandoned = make_call(session, facts=("queued", "ended"))
    in_notice = make_call(session, facts=("ended",), number="13900139000")

    (past,) = reading_phone.calls_of(session, session.get_one(Contact, abandoned.contact_id))
    (short,) = reading_phone.calls_of(session, session.get_one(Contact, in_notice.contact_id))

    assert (past.waited, past.talked, past.agent) == (timedelta(seconds=10), None, "")
    assert (short.waited, short.talked) == (None, None)


def test_a_call_that_lasts_is_no_past_one(session: Session, seat: Seat) -> None:
    call = make_call(session, facts=("queued", "rang", "answered"), line=seat[1])

    assert list(reading_phone.calls_of(session, session.get_one(Contact, call.contact_id))) == []


# --- whom a call can be handed to


def test_colleagues_whose_telephone_is_there_are_found_by_name_and_line(session: Session, seat: Seat) -> None:
    me, mine = seat
    free, paused = make_agent(session, name="李明"), make_agent(session, name="李红", state=PresenceState.PAUSED)
    line = make_line(session, free)
    make_line(session, paused)
    make_line(session, make_agent(session, name="李远"), reachable=False)
    make_line(session, make_agent(session, name="李管", roles=(Role.ADMINISTRATOR,)))

    found = reading_phone.targets(session, me, "李")

    assert [(each.name, each.state) for each in found] == [("李明", "available"), ("李红", "paused")]
    assert [each.name for each in reading_phone.targets(session, me, line.extension)] == ["李明"]
    assert mine.extension not in [each.extension for each in reading_phone.targets(session, me, "")]
    assert list(reading_phone.targets(session, me, "%")) == []


def test_somebody_with_two_roles_is_one_target(session: Session, seat: Seat) -> None:
    make_line(session, make_agent(session, name="李明", roles=(Role.AGENT, Role.SHIFT_LEADER)))

    assert len(reading_phone.targets(session, seat[0], "李明")) == 1
