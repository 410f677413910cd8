"""One plan for each close: who is asked in which ways, who is left alone, and that nobody is asked twice or forgotten."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import cases, surveys
from hotline.services.profiles import profiles
from hotline.services.survey_plans import plans, rule
from hotline.services.telephone import callbacks, flow_calls
from models import (
    Action,
    Callback,
    CallbackState,
    Case,
    CaseStatus,
    OutgoingMessage,
    PlanReason,
    PlanState,
    Role,
    SurveyPlan,
    now,
)
from tests.factories_cases import an_actor, asks_before_closing, fresh_key, make_case
from tests.services.survey_plans.surveying import ask_by, plan_of, say, tries_of


def lapse(session: Session, case: Case) -> None:
    survey = surveys.invite(session, case)
    assert survey is not None
    surveys.lapse(session)
    surveys.follow_up(session, survey)


def closed(session: Session, **values: object) -> Case:
    case = make_case(session, status=CaseStatus.CLOSED, **values)  # type: ignore[arg-type]
    surveys.invite(session, case)
    return case


def test_who_does_not_answer_a_message_is_called_by_a_person_next_day(session: Session, clock: Traveller) -> None:
    case = closed(session)
    assert tries_of(session, case) == [("message", "sent")]

    clock.shift(timedelta(hours=23))
    plans.run_due(session)
    assert len(tries_of(session, case)) == 1
    clock.shift(timedelta(hours=1))
    plans.run_due(session)
    plans.run_due(session)

    assert tries_of(session, case) == [("message", "sent"), ("person", None)]


def test_an_answer_ends_the_asking(session: Session, clock: Traveller) -> None:
    case = closed(session)
    clock.shift(timedelta(hours=24))
    plans.run_due(session)

    say(session, case)

    assert plan_of(session, case).state == PlanState.ANSWERED
    assert tries_of(session, case) == [("message", "sent"), ("person", "overtaken")]


@pytest.mark.parametrize(
    ("values", "reason"),
    [({"wants_callback": False}, PlanReason.DECLINED), ({"category": "200602"}, PlanReason.NUISANCE)],
)
def test_nobody_is_asked_without_need_and_the_plan_says_why(session: Session, values: dict, reason: PlanReason) -> None:
    case = closed(session, **values)

    plan = plan_of(session, case)
    assert (plan.state, plan.reason) == (PlanState.UNASKED, reason)
    assert tries_of(session, case) == []


def test_a_report_is_asked_about_by_a_person_only(session: Session, clock: Traveller) -> None:
    ask_by(session)
    case = closed(session, request_type="report", unit_summary="反映某处情况")

    assert [way for way, _ in tries_of(session, case)] == ["person"]
    assert session.scalars(select(OutgoingMessage).where(OutgoingMessage.key.like("%:survey:%"))).all() == []


def test_a_case_that_is_reopened_is_not_asked_about_any_more(session: Session, clock: Traveller) -> None:
    case = closed(session)
    cases.advance(session, case, Action.REOPEN, by=an_actor(session, Role.VERIFIER), key=fresh_key(), note="再看")

    plans.end_moved_on(session, case)

    assert (plan_of(session, case).state, plan_of(session, case).reason) == (PlanState.ENDED, PlanReason.MOVED_ON)


def test_a_closing_that_was_undone_before_anybody_was_asked_has_a_plan_that_says_so(session: Session) -> None:
    case = make_case(session, status=CaseStatus.CLOSED)
    by = an_actor(session, Role.VERIFIER)
    cases.advance(session, case, Action.REOPEN, by=by, key=fresh_key(), note="再看")
    of_first = surveys.invite(session, case)
    cases.advance(session, case, Action.CLOSE, by=by, key=fresh_key(), note="核实已办好")
    of_second = surveys.invite(session, case)

    surveys.invite(session, case)

    found = session.scalars(select(SurveyPlan).order_by(SurveyPlan.id)).all()
    assert [(each.state, each.reason) for each in found] == [(PlanState.ENDED, PlanReason.MOVED_ON), (PlanState.OPEN, None)]
    assert of_first is None
    assert of_second is not None


def test_the_callback_before_the_closing_and_the_closing_have_one_plan(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.CALLBACK, profile=asks_before_closing())
    say(session, case)
    assert case.status == CaseStatus.CLOSED

    surveys.invite(session, case)

    assert len(session.scalars(select(SurveyPlan)).all()) == 1


def test_a_case_that_was_answered_on_the_spot_has_a_plan_that_says_so(session: Session) -> None:
    case = make_case(session, status=CaseStatus.TO_DISPATCH)
    by = an_actor(session, Role.DISPATCHER)
    cases.advance(session, case, Action.ANSWER_DIRECTLY, by=by, key=fresh_key(), note="请拨打 95598")

    assert surveys.invite(session, case) is None
    assert plan_of(session, case).reason == PlanReason.DIRECT


# --- calls by keys


def calls(session: Session) -> list[Callback]:
    return list(session.scalars(select(Callback).order_by(Callback.created_at)))


@pytest.fixture
def rung(session: Session, clock: Traveller) -> Case:
    """The exchange has been asked to call: at 22:00 the citizen was left alone, at 08:30 not."""
    ask_by(session)
    case = closed(session)
    clock.shift(timedelta(hours=12))
    plans.run_due(session)
    (call,) = calls(session)
    assert (call.due_at - now()) == timedelta(hours=10, minutes=30)
    return case


def test_a_call_that_found_nobody_leaves_it_to_a_person(session: Session, rung: Case, clock: Traveller) -> None:
    calls(session)[0].state = CallbackState.GIVEN_UP
    plans.run_due(session)
    clock.shift(timedelta(hours=24))
    plans.run_due(session)

    assert tries_of(session, rung) == [("message", "sent"), ("call", "not_placed"), ("person", None)]


def test_a_call_is_not_placed_when_the_citizen_has_answered_meanwhile(session: Session, rung: Case) -> None:
    say(session, rung)

    assert calls(session)[0].state == CallbackState.DROPPED


def test_an_exchange_that_is_away_does_not_hold_up_the_asking(session: Session, rung: Case, clock: Traveller) -> None:
    clock.shift(timedelta(hours=35))
    plans.run_due(session)

    assert tries_of(session, rung)[-1] == ("call", "not_placed")
    assert calls(session)[0].state == CallbackState.DROPPED


def test_who_wants_no_more_calls_by_keys_gets_none_from_people_either(session: Session, rung: Case, clock: Traveller) -> None:
    clock.shift(timedelta(hours=10, minutes=30))
    command = callbacks.dial(session, calls(session)[0], at=now())
    flow_calls.keep(session, str(command.id), "do_not_call", {"do_not_call": "asked"})
    calls(session)[0].state = CallbackState.REACHED
    plans.run_due(session)
    clock.shift(timedelta(hours=24))
    plans.run_due(session)

    assert (plan_of(session, rung).state, plan_of(session, rung).reason) == (PlanState.UNASKED, PlanReason.DECLINED)
    assert tries_of(session, rung)[-1] == ("call", "silent")


def test_an_edition_changes_nothing_about_plans_that_have_begun(session: Session, clock: Traveller) -> None:
    case = closed(session)
    ask_by(session, [{"way": "message"}])
    clock.shift(timedelta(hours=24))
    plans.run_due(session)

    assert tries_of(session, case)[-1] == ("person", None)


def test_nobody_answers_until_it_lapses(session: Session, clock: Traveller) -> None:
    case = closed(session)
    clock.shift(timedelta(days=8))

    lapse(session, case)

    assert (plan_of(session, case).state, plan_of(session, case).reason) == (PlanState.LAPSED, PlanReason.SILENT)


def test_every_shipped_profile_has_its_steps(session: Session) -> None:
    assert all(rule.shipped().steps(code) for code in profiles.SHIPPED)
