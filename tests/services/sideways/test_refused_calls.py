"""Calls from a number that is not served for a time: told why and until when, never barred in an emergency, heard on appeal."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services.sideways import refusals, refused_calls
from hotline.services.telephone import calling, flow_calls
from models import Call, Callback, CallbackState, CallEnding, Conclusion, Contact, NumberRefusal, QueueEntry, Role, Rule, now
from tests.factories_calls import make_call, make_line, tell
from tests.factories_cases import an_actor
from tests.services.sideways.test_refused_numbers import NUMBER, refused

CALLER = NUMBER.removeprefix("+86")


@pytest.fixture
def row(session: Session, clock: Traveller) -> NumberRefusal:
    clock.move_to(datetime(2026, 11, 20, 2, 20, tzinfo=UTC))  # 10:20 in the city
    return refused(session)


def entry(session: Session, caller: str = CALLER) -> flow_calls.Entry:
    return flow_calls.entry(session, called="12345", caller=caller)


def told(session: Session, *facts: str, **how: Any) -> Call:
    """A call of the refused number that has heard the notice; then whatever follows."""
    call = make_call(session, number=CALLER, facts=())
    flow_calls.keep(session, call.linkedid, "refusal", {"refusal": "told"})
    for number, fact in enumerate(facts, 1):
        tell(session, call.linkedid, fact, at=now() + timedelta(seconds=10 * number), **how)
    session.flush()
    return call


def contact_of(session: Session, call: Call) -> Contact:
    return session.get_one(Contact, call.contact_id)


def test_a_refused_number_hears_until_which_full_hour_and_nobody_else_does(session: Session, row: NumberRefusal) -> None:
    found = entry(session)

    assert (found.flow, dict(found.given)) == ("refused_number", {"month": "11", "day": "21", "hour": "11"})
    for other in ("13900000444", "", "anonymous"):
        assert entry(session, other).flow == "main"


def test_a_call_after_the_term_or_after_it_was_lifted_is_as_any_other(
    session: Session, row: NumberRefusal, clock: Traveller
) -> None:
    clock.shift(timedelta(hours=25))
    assert entry(session).flow == "main"

    clock.shift(timedelta(hours=-25))
    refusals.lift(session, row, note="查明是误会", by=an_actor(session, Role.SHIFT_LEADER))
    assert entry(session).flow == "main"


def test_a_city_may_serve_refused_numbers_by_telephone(session: Session, row: NumberRefusal) -> None:
    body = {**refusals.rule(session).model_dump(mode="json"), "calls": "served"}
    session.add(Rule(kind="nuisance", code="default", edition=1000, current=True, digest="", body=body))
    session.flush()

    assert entry(session).flow == "main"


def test_who_only_hears_the_notice_is_a_refused_contact_that_keeps_what_was_told_and_is_owed_no_call(
    session: Session, row: NumberRefusal
) -> None:
    call = told(session, "ended")

    calling.ended(session, call.linkedid, at=now())
    contact = contact_of(session, call)
    assert (call.ending, contact.conclusion, row.turned_away) == (CallEnding.TURNED_AWAY, Conclusion.REFUSED, 1)
    assert "11月21日 10:20" in contact.conclusion_note
    assert session.scalars(select(Callback)).all() == []


def test_a_hang_up_that_is_told_before_the_notice_counts_the_same(session: Session, row: NumberRefusal) -> None:
    call = make_call(session, number=CALLER, facts=("ended",))
    assert call.ending == CallEnding.LEFT_IN_NOTICE

    flow_calls.keep(session, call.linkedid, "refusal", {"refusal": "told"})

    contact = contact_of(session, call)
    assert (call.ending, contact.conclusion, row.turned_away) == (CallEnding.TURNED_AWAY, Conclusion.REFUSED, 1)
    assert set(session.scalars(select(Callback.state))) <= {CallbackState.DROPPED}


def test_an_emergency_reaches_a_person(session: Session, row: NumberRefusal) -> None:
    line = make_line(session)

    call = told(session, "queued", "rang", "answered", "ended", line=line)

    contact = contact_of(session, call)
    assert (call.ending, contact.taken_by_id, contact.conclusion) == (CallEnding.SPOKEN, line.staff_id, None)
    assert row.turned_away == 0


def test_who_asks_for_a_person_and_gives_up_waiting_is_owed_a_call(session: Session, row: NumberRefusal) -> None:
    call = told(session, "queued", "ended")

    assert call.ending == CallEnding.ABANDONED
    assert session.scalars(select(Callback.contact_id)).all() == [call.contact_id]


def test_a_message_instead_of_a_person_is_the_appeal_and_waits_for_an_agent_too(session: Session, row: NumberRefusal) -> None:
    call = told(session, "voice_message", "ended")

    assert row.appeal == refused_calls.SPOKEN
    assert refused_calls.spoken_appeals(session, [row]) == {row.id: call.contact_id}
    assert session.get(QueueEntry, call.contact_id) is not None
    assert row.turned_away == 0


def test_a_message_after_waiting_for_a_person_is_no_appeal(session: Session, row: NumberRefusal) -> None:
    told(session, "queued", "voice_message", "ended")

    assert row.appeal is None
    assert refused_calls.spoken_appeals(session, [row]) == {}
