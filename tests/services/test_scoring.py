"""Indicators of a case, and what they add up to."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import answers, cases, scoring, surveys
from hotline.services.actors import SERVICE
from hotline.services.profiles.profiles import Indicator
from models import Action, Case, CaseStatus, Grade, OutboxMessage, Role, Score, Survey, now
from tests.factories_cases import (
    a_form,
    an_actor,
    answer,
    check,
    dispatch,
    fresh_key,
    lead_of,
    liaison_of,
    make_case,
    reopen,
    send_back,
    sign,
)
from tests.factories_contacts import make_contact

pytestmark = pytest.mark.usefixtures("clock")


def contacted(session: Session, case: Case, *_: object) -> None:
    lead = lead_of(session, case)
    answers.note_contacted(session, lead, text="已联系", by=liaison_of(session, lead), key=fresh_key())


def closed(session: Session, *, unit: str = "CGJ", said: dict[str, Any] | None = None, with_contact: bool = True) -> Case:
    case = make_case(session, status=CaseStatus.DISPATCHED, unit=unit)
    for step in (contacted, sign, answer, check) if with_contact else (sign, answer, check):
        step(session, case)
    if said is not None:
        give_opinion(session, case, **said)
    return case


def give_opinion(session: Session, case: Case, *, solved: bool, result: Grade, unit: Grade) -> Survey:
    survey = surveys.invite(session, case)
    assert survey is not None
    surveys.record_answers(session, survey, way="web", solved=solved, result=result, unit=unit)
    return survey


HAPPY: dict[str, Any] = {"solved": True, "result": Grade.FAIRLY_SATISFIED, "unit": Grade.VERY_SATISFIED}
ANGRY: dict[str, Any] = {"solved": False, "result": Grade.VERY_DISSATISFIED, "unit": Grade.SATISFIED}


def test_a_case_in_time_that_pleased_scores_full(session: Session) -> None:
    case = closed(session, said=HAPPY)

    values = scoring.score_case(session, case)

    assert {indicator for indicator, value in values.items() if value != float(not indicator.less_is_better)} == set()
    assert set(values) == set(Indicator) - {Indicator.FIT}


def test_what_nobody_answered_is_not_scored(session: Session) -> None:
    asked = {Indicator.RESOLUTION, Indicator.SATISFACTION, Indicator.UNIT_SATISFACTION}

    assert asked.isdisjoint(scoring.score_case(session, closed(session)))


def test_each_indicator_counts_of_its_own(session: Session) -> None:
    values = scoring.score_case(session, closed(session, said=ANGRY, with_contact=False))

    assert values == {
        Indicator.CONTACT: 0.0,
        Indicator.ON_TIME: 1.0,
        Indicator.RESOLUTION: 0.0,
        Indicator.SATISFACTION: 0.0,
        Indicator.UNIT_SATISFACTION: 1.0,
        Indicator.RETURN: 0.0,
        Indicator.FIRST_DISPATCH: 1.0,
        Indicator.REPEAT: 0.0,
        Indicator.REWORK: 0.0,
    }


def test_contact_after_its_limit_does_not_count(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    clock.shift(timedelta(hours=2, seconds=1))
    for step in (contacted, answer, check):
        step(session, case)

    assert scoring.score_case(session, case)[Indicator.CONTACT] == 0.0


@pytest.mark.parametrize(("hours", "on_time"), [(71, 1.0), (73, 0.0)])
def test_an_answer_after_rework_has_a_clock_of_its_own(session: Session, clock: Traveller, hours: int, on_time: float) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)
    clock.shift(timedelta(hours=70))
    send_back(session, case)
    clock.shift(timedelta(hours=hours))
    for step in (answer, check):
        step(session, case)

    assert scoring.score_case(session, case)[Indicator.ON_TIME] == on_time


def test_a_late_answer_is_not_on_time(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    clock.shift(timedelta(hours=72, seconds=1))
    for step in (answer, check):
        step(session, case)

    assert scoring.score_case(session, case)[Indicator.ON_TIME] == 0.0


def stored(session: Session, case: Case) -> dict[str, tuple[float, Any]]:
    rows = session.scalars(select(Score).where(Score.case_id == case.id))
    return {row.indicator: (row.value, row.scored_at) for row in rows}


def test_computing_again_changes_nothing(session: Session, clock: Traveller) -> None:
    case = closed(session, said=HAPPY)
    scoring.score_case(session, case)
    before, closed_at = stored(session, case), case.closed_at

    clock.shift(timedelta(days=40))
    scoring.score_case(session, case)

    assert stored(session, case) == before
    assert {scored_at for _, scored_at in before.values()} == {closed_at}
    assert len(session.scalars(select(OutboxMessage).where(OutboxMessage.event == "CaseScored")).all()) == 1


def test_a_correction_replaces_the_score(session: Session, clock: Traveller) -> None:
    case = closed(session, said=HAPPY)
    scoring.score_case(session, case)
    clock.shift(timedelta(hours=1))
    give_opinion(session, case, **ANGRY)

    scoring.score_case(session, case)

    assert stored(session, case)["resolution"][0] == 0.0


def test_after_a_reopening_the_unit_that_led_at_the_end_is_scored(session: Session, clock: Traveller) -> None:
    case = closed(session, unit="CGJ")
    scoring.score_case(session, case)
    clock.shift(timedelta(hours=1))
    reopen(session, case)
    assert scoring.score_case(session, case) == {}
    clock.shift(timedelta(hours=1))
    dispatch(session, case, "ZJJ")
    for step in (sign, answer, check):
        step(session, case)

    scoring.score_case(session, case)

    mine = select(Score.unit_id).where(Score.case_id == case.id, Score.indicator != Indicator.RETURN)
    assert set(session.scalars(mine)) == {case.lead_unit_id}


def test_what_no_unit_had_is_not_scored(session: Session) -> None:
    agent = an_actor(session, Role.AGENT)
    case = cases.file_case(
        session, make_contact(session), a_form(), matter=1, by=agent, key=fresh_key(), how="answer", answer="可以办理"
    )

    assert scoring.score_case(session, case) == {}


def test_the_scoreboard_ranks_units_by_their_weighted_mean(session: Session) -> None:
    for unit, said in (("CGJ", HAPPY), ("CGJ", ANGRY), ("ZJJ", HAPPY), ("GAJ", None)):
        scoring.score_case(session, closed(session, unit=unit, said=said))
    since, until = now() - timedelta(days=1), now() + timedelta(seconds=1)

    board = scoring.scoreboard(session, since, until)

    assert [(score.code, score.cases, score.answered_surveys) for score in board] == [
        ("GAJ", 1, 0),
        ("ZJJ", 1, 1),
        ("CGJ", 2, 2),
    ]
    assert board[2].indicators[Indicator.RESOLUTION] == 0.5
    assert board[2].total == pytest.approx(0.2 + 0.1 + 0.35 / 2 + 0.25 / 2 + 0.1)
    assert scoring.scoreboard(session, since, until, unit_id=board[1].unit_id) == [board[1]]
    assert scoring.scoreboard(session, since - timedelta(days=2), since) == []


def test_archiving_keeps_the_score(session: Session) -> None:
    case = closed(session)
    cases.advance(session, case, Action.ARCHIVE, by=SERVICE, key=fresh_key())

    assert scoring.score_case(session, case)[Indicator.ON_TIME] == 1.0
