"""What flows ask and tell: the entry of a call, what callers say by keys, and how far a case is."""

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hotline.services import numbering, surveys, tracking
from hotline.services.telephone import callbacks, calling, flow_calls
from hotline.services.telephone.flow_calls import Entry, Outcome
from models import (
    Callback,
    CallbackReason,
    CallbackState,
    CallEnding,
    Case,
    CaseStatus,
    Citizen,
    Conclusion,
    Contact,
    Grade,
    Survey,
    SurveyAnswer,
    now,
)
from tests.factories_calls import NUMBER, make_call
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact, make_inbound
from tests.services.telephone.test_telephone_rule import OFFICE, change_rule, in_the_city

ANSWERS = {"solved": "yes", "result_grade": "4", "unit_grade": "5"}

pytestmark = pytest.mark.usefixtures("forgiven")


def tell(session: Session, linkedid: str, **told: str) -> None:
    """One after the other, as a caller presses keys."""
    so_far: dict[str, str] = {}
    for what, value in told.items():
        so_far[what] = value
        flow_calls.keep(session, linkedid, what, so_far)
    session.flush()


# --- how a call begins


def test_a_call_begins_with_the_flow_of_the_hour_and_the_queue_of_its_number(
    session: Session, clock: time_machine.Traveller
) -> None:
    change_rule(session, hours=OFFICE, numbers={"12345": "main", "12329": "english"}, longest_wait=45)

    assert flow_calls.entry(session, called="12329", caller=NUMBER) == Entry("main", "english", 45)
    assert flow_calls.entry(session, called="somewhere", caller="") == Entry("main", "main", 45)

    clock.move_to(in_the_city(23, 20))
    assert flow_calls.entry(session, called="12345", caller=NUMBER).flow == "after_hours"


def test_a_city_switches_its_flows_on(session: Session) -> None:
    assert not any(flow_calls.allows(session, flow) for flow in flow_calls.OPTIONAL)

    change_rule(session, flows={"survey": True})

    assert {flow for flow in flow_calls.OPTIONAL if flow_calls.allows(session, flow)} == {"survey"}


# --- what callers tell


def test_a_caller_grades_the_agent(session: Session) -> None:
    call = make_call(session)

    tell(session, call.linkedid, agent_grade="4")
    tell(session, call.linkedid, agent_grade="4")

    assert call.rating == 4


def test_a_grade_of_a_call_that_nobody_has_told_of_yet_is_kept_for_it(session: Session) -> None:
    tell(session, "early-1", agent_grade="2")

    call = make_call(session, linkedid="early-1")

    assert call.rating == 2
    assert session.get_one(Contact, call.contact_id).number == "+8613800138000"


def test_a_key_that_is_no_grade_is_none(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    call = make_call(session)

    tell(session, call.linkedid, agent_grade="9")

    assert call.rating is None
    assert "a flow told what nobody keeps" in caplog.text


def test_who_asks_for_a_call_outside_the_hours_is_owed_one_when_people_answer_again(
    session: Session, clock: time_machine.Traveller
) -> None:
    change_rule(session, hours=OFFICE)
    clock.move_to(in_the_city(23, 18, 30))  # Monday evening; citizens might still be rung
    call = make_call(session, facts=())

    tell(session, call.linkedid, callback="wanted")
    tell(session, call.linkedid, callback="wanted")

    owed = session.scalars(select(Callback)).one()
    assert (owed.reason, owed.contact_id) == (CallbackReason.REQUESTED, call.contact_id)
    assert owed.due_at == in_the_city(24, 9)


def test_who_hides_the_number_cannot_be_owed_a_call(session: Session) -> None:
    call = make_call(session, number="", facts=())

    tell(session, call.linkedid, callback="wanted")

    assert session.scalars(select(Callback)).all() == []


def test_what_the_exchange_tells_itself_is_no_news(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    call = make_call(session)

    with caplog.at_level(logging.WARNING):
        tell(session, call.linkedid, message="12", callback="not_needed", reached="somebody_else")

    assert caplog.text == ""


# --- surveys by keypad


@pytest.fixture
def asked(session: Session, clock: time_machine.Traveller) -> tuple[Survey, str]:
    """A survey whose citizen is being rung, and the channel of that call."""
    case = make_case(session, status=CaseStatus.CLOSED)
    survey = surveys.invite(session, case)
    assert survey is not None
    return survey, placed_for(session, survey_id=survey.id, case_id=case.id)


def placed_for(session: Session, **about: Any) -> str:
    callback = callbacks.owe(session, reason=CallbackReason.SURVEY, number=NUMBER, due_at=now(), **about)
    assert callback is not None
    return str(callbacks.dial(session, callback, at=now()).id)


def answers_to(session: Session, survey: Survey) -> list[SurveyAnswer]:
    return list(session.scalars(select(SurveyAnswer).where(SurveyAnswer.survey_id == survey.id)))


def test_a_survey_that_was_answered_by_keys_counts_as_one_on_the_web(session: Session, asked: tuple[Survey, str]) -> None:
    survey, linkedid = asked

    tell(session, linkedid, **ANSWERS)

    (given,) = answers_to(session, survey)
    assert (given.way, given.solved, given.result, given.unit) == ("keypad", True, Grade.SATISFIED, Grade.VERY_SATISFIED)
    assert survey.answered_at == now()


def test_the_best_key_is_five_and_the_worst_is_one(session: Session, asked: tuple[Survey, str]) -> None:
    survey, linkedid = asked

    tell(session, linkedid, solved="no", result_grade="1", unit_grade="2")

    (given,) = answers_to(session, survey)
    assert (given.solved, given.result, given.unit) == (False, Grade.VERY_DISSATISFIED, Grade.DISSATISFIED)


def test_who_hangs_up_before_the_last_question_has_answered_nothing(session: Session, asked: tuple[Survey, str]) -> None:
    survey, linkedid = asked

    tell(session, linkedid, solved="yes", result_grade="4")

    assert answers_to(session, survey) == []
    assert survey.answered_at is None


@pytest.mark.parametrize("linkedid", ["test-1", "00000000-0000-4000-8000-000000000000"])
def test_answers_in_a_call_that_asked_for_none_are_told_in_the_log(
    session: Session, caplog: pytest.LogCaptureFixture, linkedid: str
) -> None:
    tell(session, linkedid, **ANSWERS)

    assert session.scalar(select(func.count()).select_from(SurveyAnswer)) == 0
    assert "not placed for one" in caplog.text


def test_whoever_wants_no_more_calls_is_not_asked_again(session: Session, asked: tuple[Survey, str]) -> None:
    survey, linkedid = asked
    case = session.get_one(Case, survey.case_id)
    case.citizen_id = a_citizen(session).id

    tell(session, linkedid, do_not_call="asked")

    assert session.get_one(Citizen, case.citizen_id).refuses_callback


def a_citizen(session: Session) -> Citizen:
    citizen = Citizen(name="王某")
    session.add(citizen)
    session.flush()
    return citizen


def test_somebody_unknown_who_wants_no_more_calls_is_not_asked_about_this_case_again(session: Session) -> None:
    case = make_case(session, contact=make_contact(session, number=""), number="")
    case.citizen_id = None

    tell(session, placed_for(session, case_id=case.id), do_not_call="asked")

    assert not case.wants_callback


def test_a_wish_in_a_call_of_no_case_is_told_in_the_log(session: Session, caplog: pytest.LogCaptureFixture) -> None:
    tell(session, placed_for(session), do_not_call="asked")

    assert "nothing is known that this call was placed for" in caplog.text


def test_who_is_asked_hears_on_which_day_the_matter_was_reported(
    session: Session, asked: tuple[Survey, str], clock: time_machine.Traveller
) -> None:
    survey, linkedid = asked
    session.get_one(Case, survey.case_id).created_at = datetime(2026, 11, 8, 16, 30, tzinfo=UTC)  # the 9th in the city

    assert flow_calls.reported_on(session, linkedid) == {"month": "11", "day": "9"}
    assert flow_calls.reported_on(session, placed_for(session)) == {}
    assert flow_calls.reported_on(session, "test-1") == {}


# --- how far a case is


@pytest.fixture
def letter(session: Session) -> tuple[Contact, str]:
    """A contact whose number rings, and its code."""
    inbound = make_inbound()
    contact = make_contact(session, external_id=inbound.external_id, number=NUMBER)
    return contact, numbering.repeatable_query_code(inbound.external_id)


def progress(session: Session, number: str, code: str, *, caller: str = NUMBER) -> str:
    found = flow_calls.case_progress(session, {"case_number": number, "query_code": code}, caller=caller)
    assert found == Outcome(found.name)
    return found.name


def digits(number: str) -> str:
    return "".join(filter(str.isdigit, number))


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (CaseStatus.TO_DISPATCH, "received"),
        (CaseStatus.DISPATCHED, "in_progress"),
        (CaseStatus.IN_PROGRESS, "in_progress"),
        (CaseStatus.ANSWERED, "answered"),
        (CaseStatus.CLOSED, "closed"),
    ],
)
def test_the_state_of_a_case_is_told_to_whoever_rings_from_its_number(
    session: Session, letter: tuple[Contact, str], status: CaseStatus, told: str
) -> None:
    contact, code = letter
    case = make_case(session, status=status, contact=contact)

    assert progress(session, digits(case.number), code) == told


def test_the_areas_digits_may_be_left_out(session: Session, letter: tuple[Contact, str]) -> None:
    contact, code = letter

    assert progress(session, digits(contact.reference)[-flow_calls.SHORT_NUMBER :], code) == "received"


def test_a_matter_without_a_case_is_received_until_it_is_concluded(session: Session, letter: tuple[Contact, str]) -> None:
    contact, code = letter
    assert progress(session, digits(contact.reference), code) == "received"

    contact.concluded_at = now()

    assert progress(session, digits(contact.reference), code) == "closed"


@pytest.mark.parametrize("caller", ["", "13900139000"])
def test_from_another_number_nothing_is_found(session: Session, letter: tuple[Contact, str], caller: str) -> None:
    contact, code = letter

    assert progress(session, digits(contact.reference), code, caller=caller) == "not_found"


@pytest.mark.parametrize("typed", ["", "1", "20261121000123", "990181" + "20200101" + "000001"])
def test_an_unknown_number_and_a_wrong_code_sound_the_same(session: Session, letter: tuple[Contact, str], typed: str) -> None:
    contact, code = letter

    assert progress(session, typed, code) == "not_found"
    assert progress(session, digits(contact.reference), "00000000") == "not_found"


def test_after_too_many_wrong_codes_a_person_is_needed(session: Session, letter: tuple[Contact, str]) -> None:
    contact, code = letter
    for _ in range(tracking.FREE_TRIES):
        progress(session, digits(contact.reference), "00000000")

    assert progress(session, digits(contact.reference), code) == "too_many"


def test_of_a_confidential_matter_nothing_is_told(session: Session, letter: tuple[Contact, str]) -> None:
    contact, code = letter
    case = make_case(session, contact=contact)
    case.confidential = True
    session.flush()

    assert progress(session, digits(case.number), code) == "not_told"


# --- who was told by keys and asked for nobody


def test_who_heard_the_state_of_a_case_and_hung_up_is_owed_no_call(session: Session) -> None:
    call = make_call(session, facts=())
    tell(session, call.linkedid, progress="in_progress")

    calling.ended(session, call.linkedid, at=now())

    contact = session.get_one(Contact, call.contact_id)
    assert (call.ending, contact.conclusion) == (CallEnding.SELF_SERVED, Conclusion.ANSWERED)
    assert contact.concluded_at is not None
    assert session.scalars(select(Callback)).all() == []


def test_a_hang_up_that_is_told_before_the_state_counts_the_same(session: Session) -> None:
    call = make_call(session, facts=("ended",))
    assert call.ending == CallEnding.LEFT_IN_NOTICE

    tell(session, call.linkedid, progress="closed")

    assert (call.ending, session.get_one(Contact, call.contact_id).conclusion) == (CallEnding.SELF_SERVED, Conclusion.ANSWERED)
    assert set(session.scalars(select(Callback.state))) <= {CallbackState.DROPPED}


def test_who_heard_the_state_and_then_waited_in_vain_is_owed_a_call(session: Session) -> None:
    call = make_call(session, facts=())
    tell(session, call.linkedid, progress="answered")
    calling.queued(session, call.linkedid, at=now(), queue="main")

    calling.ended(session, call.linkedid, at=now() + timedelta(minutes=1))

    assert call.ending == CallEnding.ABANDONED
    assert session.scalars(select(Callback.contact_id)).all() == [call.contact_id]
