"""Seats: where they stand, and what a person who is gone leaves behind."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import NoteRequired
from hotline.services import presence, queueing
from models import Presence, PresenceChange, PresenceState, Staff, now
from tests.factories import make_staff
from tests.factories_calls import make_call, make_line, tell
from tests.factories_contacts import make_agent, make_contact


def states_of(session: Session, staff: Staff) -> list[str]:
    session.flush()
    rows = session.scalars(select(PresenceChange).where(PresenceChange.staff_id == staff.id).order_by(PresenceChange.created_at))
    return [row.state for row in rows]


def test_each_change_is_kept_and_a_repeat_is_none(session: Session, clock: time_machine.Traveller) -> None:
    staff = make_staff(session)

    presence.set_presence(session, staff, PresenceState.AVAILABLE)
    presence.set_presence(session, staff, PresenceState.AVAILABLE)
    clock.shift(timedelta(seconds=1))
    paused = presence.set_presence(session, staff, PresenceState.PAUSED, "吃饭")

    assert (paused.state, paused.reason) == (PresenceState.PAUSED, "吃饭")
    assert states_of(session, staff) == ["available", "paused"]


def test_a_pause_needs_a_reason(session: Session) -> None:
    with pytest.raises(NoteRequired):
        presence.set_presence(session, make_staff(session), PresenceState.PAUSED, "  ")


def test_going_offline_puts_open_contacts_back(session: Session) -> None:
    contact = make_contact(session)
    agent = make_agent(session)
    queueing.take_next(session, agent)

    presence.set_presence(session, agent, PresenceState.OFFLINE)

    assert contact.state == "waiting"
    assert [waiting.contact for waiting in queueing.waiting(session)] == [contact]


def test_whoever_gives_no_sign_of_life_is_offline_and_the_contacts_wait_again_with_their_clock(
    session: Session, clock: time_machine.Traveller
) -> None:
    contact = make_contact(session, channel="sms", waited=100)
    gone, here = make_agent(session), make_agent(session)
    queueing.take_next(session, gone)
    clock.shift(timedelta(seconds=46))
    presence.beat(session, here.id)

    released = presence.release_gone(session)

    assert released == 1
    assert presence.release_gone(session) == 0
    assert session.get_one(Presence, gone.id).state == PresenceState.OFFLINE
    assert states_of(session, gone) == ["available", "offline"]
    [waiting] = queueing.waiting(session)
    assert waiting.share == pytest.approx(146 / 180)
    assert queueing.take_next(session, here) == contact


def test_what_was_kept_for_somebody_who_is_gone_is_open_to_all(session: Session, clock: time_machine.Traveller) -> None:
    contact = make_contact(session)
    giver, gone = make_agent(session), make_agent(session, skills=["water"])
    queueing.take_next(session, giver)
    queueing.hand_over(session, contact, by=giver, to=gone)
    clock.shift(timedelta(seconds=46))
    presence.beat(session, giver.id)

    presence.release_gone(session)

    assert queueing.take_next(session, giver) == contact


def test_a_desk_that_was_given_up_learns_it_with_its_next_sign_of_life(session: Session, clock: time_machine.Traveller) -> None:
    agent = make_agent(session)
    assert presence.beat(session, agent.id) == PresenceState.AVAILABLE
    clock.shift(timedelta(seconds=46))
    presence.release_gone(session)

    assert presence.beat(session, agent.id) == PresenceState.OFFLINE


def test_an_agent_who_is_gone_can_no_longer_hold_a_contact_of_another(database: Database, clock: time_machine.Traveller) -> None:
    with database.unit_of_work() as session:
        contact, agent = make_contact(session), make_agent(session)
    with database.unit_of_work() as session:
        queueing.take_next(session, agent)
    clock.shift(timedelta(seconds=60))
    with database.unit_of_work() as session:
        presence.release_gone(session)
        colleague = make_agent(session)
    with database.unit_of_work() as session:
        taken = queueing.take_next(session, colleague)

    assert taken is not None
    assert (taken.id, taken.taken_by_id) == (contact.id, colleague.id)


def test_whoever_is_in_a_call_keeps_the_seat_whatever_became_of_the_page(session: Session, clock: time_machine.Traveller) -> None:
    agent = make_agent(session)
    line = make_line(session, agent, reachable=False)
    call = make_call(session, facts=("queued", "rang", "answered"), line=line, seconds=0)
    clock.shift(timedelta(seconds=60))
    assert presence.release_gone(session) == 0

    tell(session, call.linkedid, "agent_left", at=now(), line=line)

    assert presence.release_gone(session) == 1


@pytest.mark.parametrize(("line", "released"), [({}, 0), ({"reachable": False}, 1), ({"signed_in_at": None}, 1)])
def test_whoever_can_be_rung_keeps_the_seat_while_no_page_can_say_so(
    session: Session, clock: time_machine.Traveller, line: dict[str, object], released: int
) -> None:
    agent = make_agent(session)
    make_line(session, agent, **line)
    clock.shift(timedelta(seconds=60))

    assert presence.release_gone(session) == released


def test_the_call_knows_when_its_notes_were_done(session: Session, clock: time_machine.Traveller) -> None:
    agent = make_agent(session)
    line = make_line(session, agent)
    call = make_call(session, facts=("queued", "rang", "answered", "agent_left"), line=line, seconds=0)
    clock.shift(timedelta(seconds=7))

    presence.set_presence(session, agent, PresenceState.AVAILABLE)

    session.refresh(call)
    assert call.wrapped_up_at == now()
    assert states_of(session, agent) == ["available", "wrap_up", "available"]
