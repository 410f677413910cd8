"""The clock of the answer stands still while the citizen is asked, and never longer than the profile allows."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import history, reading_progress, scoring, tracking
from hotline.services.clocks import alarms
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Indicator
from hotline.services.units import pausing
from models import Action, Case, CaseEvent, CaseStatus, OutgoingMessage, Role, Urgency, now
from tests.factories_cases import (
    an_actor,
    answer,
    assists_of,
    check,
    fresh_key,
    lead_of,
    liaison_of,
    make_case,
    send_back,
)
from tests.factories_contacts import make_contact

HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("clock")


def ask(session: Session, case: Case, **values: Any) -> CaseEvent:
    lead = lead_of(session, case)
    by = values.get("by") or liaison_of(session, lead)
    usual: dict[str, Any] = {"question": "请补充具体楼栋", "by": by, "key": fresh_key()}
    return pausing.ask_citizen(session, lead, **usual | values)


def left(session: Session, case: Case) -> timedelta:
    lead = lead_of(session, case)
    assert lead.due_at is not None
    return lead.due_at - max(lead.paused_until or now(), now())


def test_what_was_left_is_left_when_the_citizen_has_answered(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(10 * HOUR)
    before = left(session, at_work)
    ask(session, at_work)
    clock.shift(30 * HOUR)

    tracking.remark(session, at_work.contact_id, number=at_work.number, text="3栋2单元", key=fresh_key())

    lead = lead_of(session, at_work)
    assert lead.paused_until is None
    assert left(session, at_work) == before
    assert lead.answer_due_at == lead.due_at == at_work.due_at
    assert history.verify(session, at_work) is None


def test_no_moment_is_lost_while_the_question_is_being_written_down(session: Session, at_work: Case) -> None:
    was = lead_of(session, at_work).answer_due_at

    with time_machine.travel(now(), tick=True):
        ask(session, at_work)

    assert lead_of(session, at_work).answer_due_at == was + timedelta(days=3)


def test_the_clock_goes_on_by_itself_after_the_longest_pause(session: Session, at_work: Case, clock: Traveller) -> None:
    before = left(session, at_work)
    ask(session, at_work)
    assert left(session, at_work) == before

    clock.shift(timedelta(days=3) + 5 * HOUR)

    assert left(session, at_work) == before - 5 * HOUR  # whether or not anybody has swept
    assert [pausing.end(session), pausing.end(session)] == [1, 0]
    assert left(session, at_work) == before - 5 * HOUR


def test_nothing_is_overdue_while_it_stands_still(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(71 * HOUR)
    assert alarms.ring(session) == 1  # the warning
    ask(session, at_work)

    clock.shift(71 * HOUR)
    assert alarms.ring(session) == 0

    clock.shift(3 * HOUR)
    assert alarms.ring(session) == 1


def test_all_units_of_a_case_wait_together(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, assists=("T001",))
    (assist,) = assists_of(session, case)
    was = assist.answer_due_at

    ask(session, case)

    assert assist.answer_due_at == was + timedelta(days=3)
    assert assist.due_at == assist.sign_due_at
    pausing.resume(session, assist, text="市民来电说是3栋", by=an_actor(session, Role.DISPATCHER), key=fresh_key())
    assert (assist.answer_due_at, lead_of(session, case).answer_due_at) == (was, was)


def test_the_question_goes_to_the_citizen_and_stands_on_the_progress_page(session: Session) -> None:
    contact = make_contact(session, channel="sms", number="13800000172", sender="+8613800000172")
    case = make_case(session, contact=contact, status=CaseStatus.IN_PROGRESS)

    ask(session, case)

    told = session.scalars(select(OutgoingMessage).where(OutgoingMessage.purpose == "question")).one()
    assert "请补充具体楼栋" in told.text
    (matter,) = reading_progress.progress(session, contact.id).matters
    assert "请补充具体楼栋" in [step.said for step in matter.steps]


def test_of_a_confidential_case_only_the_centre_asks(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, confidential=True, unit_summary="市民反映清运不及时")

    with pytest.raises(NotAllowed):
        ask(session, case)
    ask(session, case, by=an_actor(session, Role.VERIFIER))

    assert lead_of(session, case).paused_until is not None


def test_a_unit_that_has_not_signed_cannot_stop_the_clock(session: Session) -> None:
    with pytest.raises(WrongState):
        ask(session, make_case(session, status=CaseStatus.DISPATCHED))


@pytest.mark.parametrize("question", ["", " ", "问" * 301])
def test_a_question_has_words(session: Session, at_work: Case, question: str) -> None:
    with pytest.raises(Invalid):
        ask(session, at_work, question=question)


def test_an_urgent_case_does_not_wait(session: Session, at_work: Case) -> None:
    at_work.urgency = Urgency.URGENT
    session.flush()

    with pytest.raises(RuleBroken, match="urgent"):
        ask(session, at_work)


def test_it_stands_still_as_often_as_the_profile_says(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, profile=profiles.shipped() | {"pause": {"times": 1}})
    ask(session, case)
    with pytest.raises(RuleBroken, match="already"):
        ask(session, case)
    lead = lead_of(session, case)
    pausing.resume(session, lead, text="3栋", by=liaison_of(session, lead), key=fresh_key())

    with pytest.raises(RuleBroken, match="1 times"):
        ask(session, case)


def test_what_is_late_cannot_stop_its_clock(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(73 * HOUR)

    with pytest.raises(RuleBroken, match="over"):
        ask(session, at_work)


def test_an_answer_ends_the_pause_and_rework_begins_a_whole_clock(session: Session, at_work: Case, clock: Traveller) -> None:
    ask(session, at_work)
    answer(session, at_work)
    clock.shift(HOUR)
    send_back(session, at_work)

    lead = lead_of(session, at_work)
    assert (lead.paused_at, lead.paused_until) == (None, None)
    assert lead.due_at == lead.answer_due_at == now() + 72 * HOUR


def test_an_answer_after_a_pause_is_on_time(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(70 * HOUR)
    ask(session, at_work)
    clock.shift(60 * HOUR)
    tracking.remark(session, at_work.contact_id, number=at_work.number, text="3栋", key=fresh_key())
    clock.shift(HOUR)

    answer(session, at_work)
    check(session, at_work)

    assert scoring.score_case(session, at_work)[Indicator.ON_TIME] == 1.0


def test_the_history_tells_from_when_to_when(session: Session, at_work: Case) -> None:
    ask(session, at_work)
    tracking.remark(session, at_work.contact_id, number=at_work.number, text="3栋", key=fresh_key())

    told = [event.action for event in session.scalars(select(CaseEvent).order_by(CaseEvent.serial))]

    assert told[-3:] == [Action.PAUSE, Action.REMARK, Action.RESUME]
    assert isinstance(lead_of(session, at_work).due_at, datetime)
