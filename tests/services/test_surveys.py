"""The citizen is asked: invitations, opinions and their corrections, and what follows from them."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import NotAllowed, NotFound, RuleBroken, WrongState
from hotline.services import archiving, cases, history, surveys
from hotline.services.actors import SERVICE
from hotline.services.profiles import profiles
from models import (
    Action,
    Case,
    CaseStatus,
    Citizen,
    Grade,
    OutboxMessage,
    Request,
    RequestState,
    Role,
    Survey,
    SurveyAnswer,
    now,
)
from tests.factories_cases import an_actor, answer, asks_before_closing, check, dispatch, fresh_key, make_case, sign, told

GOOD: dict[str, Any] = {"solved": True, "result": Grade.SATISFIED, "unit": Grade.VERY_SATISFIED}
BAD: dict[str, Any] = {"solved": False, "result": Grade.DISSATISFIED, "unit": Grade.DISSATISFIED, "remark": "还是没人清"}


@pytest.fixture
def closed(session: Session, clock: Traveller) -> Case:
    return make_case(session, status=CaseStatus.CLOSED)


def invited(session: Session, case: Case) -> Survey:
    survey = surveys.invite(session, case)
    assert survey is not None
    return survey


def test_an_invitation_goes_out_once(session: Session, closed: Case) -> None:
    survey = invited(session, closed)

    assert invited(session, closed).id == survey.id
    (message,) = told(session, closed, "survey")
    assert surveys.link(survey) in message.text
    assert surveys.by_token(session, surveys.token_of(survey)).id == survey.id


def test_the_database_does_not_hold_the_secret_of_a_link(session: Session, closed: Case) -> None:
    survey = invited(session, closed)

    assert surveys.token_of(survey).encode() not in bytes(survey.token_hash)
    with pytest.raises(NotFound):
        surveys.by_token(session, survey.token_hash.hex())


def test_who_does_not_want_to_be_asked_is_not(session: Session) -> None:
    declined = make_case(session, status=CaseStatus.CLOSED, wants_callback=False)
    refusing = make_case(session, status=CaseStatus.CLOSED)
    session.get_one(Citizen, refusing.citizen_id).refuses_callback = True

    assert [surveys.invite(session, case) for case in (declined, refusing)] == [None, None]


def test_nobody_is_asked_before_the_profiles_moment(session: Session) -> None:
    assert surveys.invite(session, make_case(session, status=CaseStatus.ANSWERED)) is None


def requests(session: Session, case: Case) -> list[Request]:
    return list(session.scalars(select(Request).where(Request.case_id == case.id).order_by(Request.created_at)))


def say(session: Session, case: Case, said: dict[str, Any]) -> SurveyAnswer:
    survey = invited(session, case)
    given = surveys.record_answers(session, survey, way="web", **said)
    surveys.follow_up(session, survey)
    return given


def test_the_same_opinion_again_is_one_answer(session: Session, closed: Case) -> None:
    assert say(session, closed, GOOD).id == say(session, closed, GOOD).id

    events = session.scalars(select(OutboxMessage).where(OutboxMessage.event == "SurveyAnswered")).all()
    assert len(events) == 1


def test_an_opinion_may_be_changed_for_a_day(session: Session, closed: Case, clock: Traveller) -> None:
    survey = invited(session, closed)
    assert surveys.correct_until(session, survey) is None
    say(session, closed, GOOD)
    assert surveys.correct_until(session, survey) == now() + timedelta(hours=24)

    clock.shift(timedelta(hours=23))
    changed = say(session, closed, BAD)
    clock.shift(timedelta(hours=2))

    with pytest.raises(RuleBroken, match="no longer"):
        say(session, closed, GOOD)
    latest = surveys.latest_answer(session, survey)
    assert latest is not None
    assert latest.id == changed.id


def test_a_survey_that_lapsed_is_refused_in_words(session: Session, closed: Case, clock: Traveller) -> None:
    survey = invited(session, closed)
    clock.shift(timedelta(days=7, seconds=1))

    assert [surveys.lapse(session), surveys.lapse(session)] == [1, 0]
    surveys.follow_up(session, survey)

    with pytest.raises(RuleBroken, match="ended"):
        surveys.record_answers(session, survey, way="web", **GOOD)
    with pytest.raises(RuleBroken, match="ended"):
        surveys.by_token(session, surveys.token_of(survey))
    assert closed.status == CaseStatus.CLOSED


def test_dissatisfied_after_closing_asks_the_centre_to_reopen(session: Session, closed: Case, clock: Traveller) -> None:
    say(session, closed, BAD)
    clock.shift(timedelta(minutes=1))
    say(session, closed, BAD | {"remark": "楼道里也是"})

    (request,) = requests(session, closed)
    assert (request.kind, request.reason_code, request.basis) == ("reopening", "not_solved", "楼道里也是")
    assert closed.status == CaseStatus.CLOSED


def test_a_correction_to_satisfied_takes_the_request_back(session: Session, closed: Case, clock: Traveller) -> None:
    say(session, closed, BAD)
    clock.shift(timedelta(minutes=1))
    say(session, closed, GOOD)

    assert [request.state for request in requests(session, closed)] == [RequestState.REFUSED]


def decide(session: Session, case: Case, *, grant: bool, by: Any = None) -> Request:
    actor = by or an_actor(session, Role.VERIFIER)
    return surveys.decide_reopening(session, requests(session, case)[-1], grant=grant, note="核实", by=actor, key=fresh_key())


def test_a_reopened_case_is_dispatched_answered_and_asked_about_again(session: Session, closed: Case, clock: Traveller) -> None:
    first = invited(session, closed)
    say(session, closed, BAD)
    decide(session, closed, grant=True)
    assert (closed.status, closed.closed_at) == (CaseStatus.REOPENED, None)
    assert closed.due_at is not None

    clock.shift(timedelta(hours=1))
    for step in (dispatch, sign, answer, check):
        step(session, closed)

    second = invited(session, closed)
    assert (second.round, first.round) == (2, 1)
    assert surveys.token_of(second) != surveys.token_of(first)
    assert history.verify(session, closed) is None


def test_a_refused_reopening_leaves_the_case_closed(session: Session, closed: Case) -> None:
    say(session, closed, BAD)
    with pytest.raises(NotAllowed):
        decide(session, closed, grant=True, by=an_actor(session, Role.AGENT))

    request = decide(session, closed, grant=False)

    assert (closed.status, request.state) == (CaseStatus.CLOSED, RequestState.REFUSED)
    with pytest.raises(WrongState):
        decide(session, closed, grant=True)


@pytest.fixture
def waiting(session: Session) -> Case:
    """A case that waits for the citizen's word before it is closed."""
    return make_case(session, status=CaseStatus.CALLBACK, profile=asks_before_closing())


def test_asked_before_closing_satisfied_closes(session: Session, waiting: Case) -> None:
    say(session, waiting, GOOD)

    assert waiting.status == CaseStatus.CLOSED


def test_asked_before_closing_silence_closes(session: Session, waiting: Case) -> None:
    survey = invited(session, waiting)

    surveys.follow_up(session, survey)

    assert waiting.status == CaseStatus.CLOSED


@pytest.mark.parametrize(("grant", "to"), [(True, CaseStatus.IN_PROGRESS), (False, CaseStatus.CLOSED)])
def test_asked_before_closing_dissatisfied_is_for_the_centre(
    session: Session, waiting: Case, grant: bool, to: CaseStatus
) -> None:
    say(session, waiting, BAD)
    assert waiting.status == CaseStatus.CALLBACK

    decide(session, waiting, grant=grant)

    assert waiting.status == to
    assert waiting.rework_count == int(grant)
    assert history.verify(session, waiting) is None


def test_a_decision_clicked_twice_counts_once(session: Session, closed: Case) -> None:
    say(session, closed, BAD)
    (request,), by, key = requests(session, closed), an_actor(session, Role.SHIFT_LEADER), fresh_key()

    for _ in range(2):
        surveys.decide_reopening(session, request, grant=True, note="重新办理", by=by, key=key)

    assert closed.status == CaseStatus.REOPENED


def test_a_case_is_filed_away_when_its_own_profile_says(session: Session, closed: Case, clock: Traveller) -> None:
    profiles.install(session, "hasty", profiles.shipped() | {"archive_after": "2d"})
    hasty = make_case(session, status=CaseStatus.CLOSED)
    clock.shift(timedelta(days=3))

    assert archiving.archive_closed(session) == 1

    assert (closed.status, hasty.status) == (CaseStatus.CLOSED, CaseStatus.ARCHIVED)


def test_closed_cases_are_filed_away_unless_something_is_open(session: Session, closed: Case, clock: Traveller) -> None:
    other = make_case(session, status=CaseStatus.CLOSED)
    say(session, other, BAD)
    clock.shift(timedelta(days=29))
    assert archiving.archive_closed(session) == 0

    clock.shift(timedelta(days=2))

    assert [archiving.archive_closed(session), archiving.archive_closed(session)] == [1, 0]
    assert (closed.status, other.status) == (CaseStatus.ARCHIVED, CaseStatus.CLOSED)
    with pytest.raises(WrongState):
        cases.advance(session, closed, Action.CLOSE, by=SERVICE, key=fresh_key())
