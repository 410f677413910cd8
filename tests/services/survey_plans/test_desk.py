"""The callback desk: one person calls one citizen, writes down what was heard or why nobody was, and the next try follows."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import AlreadyTaken, Invalid, NotAllowed, NoteRequired, RuleBroken, WrongState
from hotline.services import scoring, surveys
from hotline.services.actors import Actor
from hotline.services.profiles.profiles import Indicator
from hotline.services.survey_plans import control, desk, plans, rulings
from models import (
    AttemptOutcome,
    Case,
    CaseStatus,
    ControlCall,
    ControlFinding,
    Grade,
    Omission,
    PlanState,
    Request,
    Role,
    Ruling,
    ScoreOmission,
    Survey,
    SurveyRuling,
    now,
)
from tests.factories_cases import an_actor, asks_before_closing, fresh_key, make_case
from tests.services.survey_plans.surveying import ask_by, plan_of, tries_of


@pytest.fixture
def case(session: Session, clock: Traveller) -> Case:
    """Closed yesterday, and nobody has answered the message."""
    case = make_case(session, status=CaseStatus.CLOSED)
    surveys.invite(session, case)
    clock.shift(timedelta(hours=24))
    plans.run_due(session)
    return case


def the_call(session: Session) -> UUID:
    (line,) = desk.lines(session)
    return line.attempt.id


def hear(session: Session, call: UUID, by: Actor, *, solved: bool = True, grade: Grade = Grade.SATISFIED) -> None:
    said = desk.hear(session, call, solved=solved, result=grade, unit=grade, by=by)
    surveys.follow_up(session, session.get_one(Survey, said.survey_id))


def test_what_was_heard_is_the_citizens_answer(session: Session, case: Case) -> None:
    by, call = an_actor(session, Role.CALLBACK_AGENT), the_call(session)
    desk.take(session, call, by=by)

    hear(session, call, by)
    hear(session, call, by)

    survey = surveys.invite(session, case)
    assert survey is not None
    answer = surveys.latest_answer(session, survey)
    assert answer is not None
    assert (answer.way, answer.solved, plan_of(session, case).state) == ("person", True, PlanState.ANSWERED)
    assert tries_of(session, case)[-1] == ("person", "answered")
    assert desk.lines(session) == []


def test_two_people_do_not_call_the_same_citizen(session: Session, case: Case, clock: Traveller) -> None:
    first, second = (an_actor(session, Role.CALLBACK_AGENT) for _ in range(2))
    call = the_call(session)
    desk.take(session, call, by=first)

    with pytest.raises(AlreadyTaken):
        desk.take(session, call, by=second)
    clock.shift(timedelta(minutes=31))

    assert desk.take(session, call, by=second).taken_by_id == second.staff_id


def test_nobody_is_called_at_night(session: Session, case: Case, clock: Traveller) -> None:
    clock.shift(timedelta(hours=12))

    with pytest.raises(RuleBroken, match="hour"):
        desk.take(session, the_call(session), by=an_actor(session, Role.CALLBACK_AGENT))


def test_the_reason_is_kept_and_the_next_try_comes_later(session: Session, case: Case, clock: Traveller) -> None:
    by = an_actor(session, Role.CALLBACK_AGENT)
    for _ in range(3):
        call = the_call(session)
        desk.note_unreached(session, call, AttemptOutcome.NO_ANSWER, note="响了很久", by=by)
        assert desk.lines(session) == []
        clock.shift(timedelta(hours=4))
        plans.run_due(session)

    assert [outcome for _, outcome in tries_of(session, case)] == ["sent", "no_answer", "no_answer", "no_answer"]
    assert (plan_of(session, case).state, plan_of(session, case).next_at) == (PlanState.OPEN, None)
    clock.shift(timedelta(days=7))
    surveys.lapse(session)
    plans.run_due(session)
    surveys.follow_up(session, session.scalars(select(Survey)).one())
    assert plan_of(session, case).reason == "unreached"


def test_a_wrong_number_is_not_tried_again(session: Session, case: Case, clock: Traveller) -> None:
    by = an_actor(session, Role.CALLBACK_AGENT)
    desk.note_unreached(session, the_call(session), AttemptOutcome.WRONG_NUMBER, by=by)
    clock.shift(timedelta(days=1))
    plans.run_due(session)

    assert desk.lines(session) == []


def test_a_citizen_is_called_when_it_was_agreed(session: Session, case: Case, clock: Traveller) -> None:
    by, call = an_actor(session, Role.CALLBACK_AGENT), the_call(session)
    with pytest.raises(Invalid):
        desk.note_unreached(session, call, AttemptOutcome.LATER, again_at=now() - timedelta(hours=1), by=by)

    desk.note_unreached(session, call, AttemptOutcome.LATER, again_at=now() + timedelta(hours=2), by=by)
    clock.shift(timedelta(hours=2))
    plans.run_due(session)

    assert desk.lines(session)[0].tried == ["later"]


@pytest.mark.parametrize(("ahead", "why"), [(timedelta(hours=12), "rung from 08:30"), (timedelta(days=6), "ends on")])
def test_no_time_is_agreed_at_which_nobody_would_call(session: Session, case: Case, ahead: timedelta, why: str) -> None:
    by, call = an_actor(session, Role.CALLBACK_AGENT), the_call(session)

    with pytest.raises(Invalid, match=why):
        desk.note_unreached(session, call, AttemptOutcome.LATER, again_at=now() + ahead, by=by)

    assert desk.lines(session)[0].tried == []


def test_who_refuses_is_left_alone_and_no_case_waits_for_it(session: Session, clock: Traveller) -> None:
    ask_by(session, [{"way": "person"}])
    case = make_case(session, status=CaseStatus.CALLBACK, profile=asks_before_closing())
    surveys.invite(session, case)
    by, call = an_actor(session, Role.CALLBACK_AGENT), the_call(session)
    with pytest.raises(NoteRequired):
        desk.note_unreached(session, call, AttemptOutcome.REFUSES, by=by)

    desk.note_unreached(session, call, AttemptOutcome.REFUSES, note="不要再打", by=by)

    assert (case.status, case.wants_callback, plan_of(session, case).state) == (CaseStatus.CLOSED, False, PlanState.UNASKED)


def test_only_those_who_call_may(session: Session, case: Case) -> None:
    with pytest.raises(NotAllowed):
        desk.take(session, the_call(session), by=an_actor(session, Role.AGENT))


def test_a_call_that_is_over_is_over(session: Session, case: Case) -> None:
    by, call = an_actor(session, Role.CALLBACK_AGENT), the_call(session)
    desk.note_unreached(session, call, AttemptOutcome.BUSY, by=by)

    assert desk.note_unreached(session, call, AttemptOutcome.BUSY, by=by).outcome == "busy"
    with pytest.raises(WrongState):
        hear(session, call, by)
    with pytest.raises(WrongState):
        desk.take(session, call, by=by)


# --- what follows


def asked_again(session: Session, case: Case, *, solved: bool) -> Request | None:
    survey = surveys.invite(session, case)
    assert survey is not None
    grade = Grade.SATISFIED if solved else Grade.DISSATISFIED
    given = surveys.record_answers(session, survey, way="web", solved=solved, result=grade, unit=grade)
    surveys.follow_up(session, survey)
    control.draw(session, survey, given)
    return session.scalars(select(Request).where(Request.case_id == case.id)).one_or_none()


def test_rework_is_counted_and_opens_the_case_again(session: Session, case: Case) -> None:
    request = asked_again(session, case, solved=False)
    assert request is not None
    by, key = an_actor(session, Role.VERIFIER), fresh_key()

    rulings.rule(session, request, Ruling.REWORK, note="录音里说没修", by=by, key=key)
    rulings.rule(session, request, Ruling.REWORK, note="录音里说没修", by=by, key=key)

    assert case.status == CaseStatus.REOPENED
    assert rulings.reworks(session, case) == 1


def test_unreasonable_needs_evidence(session: Session, case: Case) -> None:
    request = asked_again(session, case, solved=False)
    assert request is not None
    by = an_actor(session, Role.VERIFIER)

    with pytest.raises(NoteRequired) as refused:
        rulings.rule(session, request, Ruling.UNREASONABLE, note="要求无依据", by=by, key=fresh_key())
    rulings.rule(session, request, Ruling.UNREASONABLE, note="要求无依据", evidence="条例第五条", by=by, key=fresh_key())

    assert refused.value.field == "evidence"
    assert session.scalars(select(SurveyRuling.evidence)).one() == "条例第五条"
    assert case.status == CaseStatus.CLOSED


def test_a_unit_is_not_judged_by_what_was_ruled_to_be_unreasonable(session: Session, case: Case) -> None:
    request = asked_again(session, case, solved=False)
    assert request is not None
    said = {Indicator.RESOLUTION, Indicator.SATISFACTION, Indicator.UNIT_SATISFACTION}
    assert said <= set(scoring.score_case(session, case))

    by = an_actor(session, Role.VERIFIER)
    rulings.rule(session, request, Ruling.UNREASONABLE, note="要求无依据", evidence="条例第五条", by=by, key=fresh_key())

    assert said.isdisjoint(scoring.score_case(session, case))
    left_out = select(ScoreOmission.indicator).where(ScoreOmission.reason == Omission.UNREASONABLE)
    assert set(session.scalars(left_out)) == said


def test_some_of_the_content_are_called_as_a_check(session: Session, case: Case) -> None:
    ask_by(session, [{"way": "message"}], control_share=1.0)
    assert asked_again(session, case, solved=True) is None
    (line,) = control.lines(session)
    by = an_actor(session, Role.CALLBACK_AGENT)

    with pytest.raises(NoteRequired):
        control.find(session, line.control.id, ControlFinding.CONTRADICTED, note="", by=by)
    control.find(session, line.control.id, ControlFinding.CONTRADICTED, note="没修，评价不是我作的", by=by)

    request = session.scalars(select(Request).where(Request.case_id == case.id)).one()
    assert (request.kind, request.basis) == ("reopening", "没修，评价不是我作的")
    assert control.lines(session) == []


def test_a_check_is_not_made_by_whoever_heard_the_answer(session: Session, case: Case) -> None:
    ask_by(session, [{"way": "message"}], control_share=1.0)
    by, call = an_actor(session, Role.CALLBACK_AGENT), the_call(session)
    hear(session, call, by)
    survey = surveys.invite(session, case)
    assert survey is not None
    answer = surveys.latest_answer(session, survey)
    assert answer is not None
    drawn = control.draw(session, survey, answer)
    assert drawn is not None

    with pytest.raises(NotAllowed):
        control.find(session, drawn.id, ControlFinding.CONFIRMED, note="", by=by)
    other = an_actor(session, Role.CALLBACK_AGENT)
    assert control.find(session, drawn.id, ControlFinding.CONFIRMED, note="", by=other).finding == "confirmed"


def test_a_correction_to_worse_leaves_nothing_to_check(session: Session, case: Case, clock: Traveller) -> None:
    ask_by(session, [{"way": "message"}], control_share=1.0)
    asked_again(session, case, solved=True)
    clock.shift(timedelta(minutes=1))
    asked_again(session, case, solved=False)

    assert session.scalars(select(ControlCall)).all() == []
