"""Closed periods stand; appeals come before, corrections after; recounting says the same to the last digit."""

import threading
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.errors import Invalid, NotAllowed, Outdated, RuleBroken
from hotline.services import cases, scoring, surveys
from hotline.services.actors import Actor
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import appeals, boards, corrections, entries, periods, recount, sums
from hotline.services.scores.spans import Span, Stretch
from models import Action, Case, Dimension, Grade, PeriodFigure, Role, Score, ScoreCorrection, ScorePeriod, Survey, Unit, now
from tests.factories import unit_of
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of
from tests.services.scores.closing import ANGRY, HAPPY, closed, given_back
from tests.services.scores.counted import differences
from tests.statements import counted

MONTH = date(2026, 11, 1)
LATER = datetime(2026, 12, 20, 2, 0, tzinfo=UTC)


def supervisor(session: Session) -> Actor:
    return an_actor(session, Role.SUPERVISOR)


def resolution(session: Session) -> tuple[int, int]:
    figure = boards.board(session, Dimension.UNIT, Stretch.of(Span.MONTH, MONTH)).city.figure(Indicator.RESOLUTION)
    return figure.counted, figure.points


def say(session: Session, case: Case, *, solved: bool) -> None:
    survey = session.scalars(select(Survey).where(Survey.case_id == case.id)).one()
    grade = Grade.SATISFIED if solved else Grade.DISSATISFIED
    survey.lapses_at = now() + timedelta(days=1)
    surveys.record_answers(session, survey, way="web", solved=solved, result=grade, unit=grade)
    scoring.score_case(session, case)


def test_a_closed_month_never_changes_and_what_comes_late_is_an_entry(session: Session, clock: Traveller) -> None:
    closed(session, said=HAPPY)
    silent = closed(session)
    clock.move_to(LATER)
    periods.close(session, MONTH, by=supervisor(session))
    before = session.execute(select(PeriodFigure.key, PeriodFigure.measure, PeriodFigure.points).order_by(PeriodFigure.key)).all()

    say(session, silent, solved=False)
    sums.refresh(session)

    after = session.execute(select(PeriodFigure.key, PeriodFigure.measure, PeriodFigure.points).order_by(PeriodFigure.key)).all()
    assert sorted(map(tuple, after)) == sorted(map(tuple, before))
    assert resolution(session) == (1, 10_000)
    late = session.scalars(select(ScoreCorrection).where(ScoreCorrection.indicator == Indicator.RESOLUTION)).one()
    assert (late.case_id, late.was, late.value, late.by_id) == (silent.id, None, 0.0, None)
    scoring.score_case(session, silent)
    assert session.scalar(select(func.count()).where(ScoreCorrection.indicator == Indicator.RESOLUTION)) == 1
    assert differences(session) == []


@pytest.mark.parametrize("statement", ["UPDATE period_figure SET points = 0", "DELETE FROM period_figure"])
def test_the_database_refuses_to_change_closed_figures(session: Session, clock: Traveller, statement: str) -> None:
    closed(session, said=HAPPY)
    clock.move_to(LATER)
    periods.close(session, MONTH, by=supervisor(session))

    with pytest.raises(DBAPIError, match="history"), session.begin_nested():
        session.execute(text(statement))


def test_a_month_is_closed_when_it_is_over_and_in_order(session: Session, clock: Traveller) -> None:
    closed(session)
    by = supervisor(session)
    clock.move_to(datetime(2026, 12, 3, tzinfo=UTC))
    with pytest.raises(RuleBroken, match="2026-12-08"):
        periods.close(session, MONTH, by=by)
    clock.move_to(LATER)
    with pytest.raises(RuleBroken, match="earlier"):
        periods.close(session, date(2026, 12, 1), by=by)
    with pytest.raises(NotAllowed):
        periods.close(session, MONTH, by=an_actor(session, Role.SHIFT_LEADER))

    periods.close(session, MONTH, by=by)

    with pytest.raises(Outdated):
        periods.close(session, MONTH, by=by)


def test_of_two_supervisors_who_close_at_once_one_is_told(database: Database, clock: Traveller) -> None:
    with database.unit_of_work() as session:
        closed(session, said=HAPPY)
        people = [supervisor(session), supervisor(session)]
    clock.move_to(LATER)
    said: list[str] = []
    barrier = threading.Barrier(2)

    def close(by: Actor) -> None:
        barrier.wait()
        try:
            with database.unit_of_work() as session:
                periods.close(session, MONTH, by=by)
        except Outdated:
            said.append("outdated")
        else:
            said.append("closed")

    threads = [threading.Thread(target=close, args=(by,)) for by in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(said) == ["closed", "outdated"]
    with database.reading() as session:
        assert session.scalar(select(func.count()).select_from(ScorePeriod)) == 1


def test_a_granted_appeal_leaves_the_case_out(session: Session, clock: Traveller) -> None:
    closed(session, said=HAPPY)
    case = closed(session, said=ANGRY)
    liaison = liaison_of(session, lead_of(session, case))
    request = appeals.contest(session, case, "resolution", basis="已按标准修复，附照片", by=liaison, key=fresh_key())
    clock.move_to(LATER)
    with pytest.raises(RuleBroken, match="appeals"):
        periods.close(session, MONTH, by=supervisor(session))

    appeals.rule_on(session, request, grant=True, note="证据充分", by=supervisor(session), key=fresh_key())
    periods.close(session, MONTH, by=supervisor(session))

    assert resolution(session) == (1, 10_000)
    with pytest.raises(RuleBroken, match="closed"):
        appeals.contest(session, case, "satisfaction", basis="再申", by=liaison, key=fresh_key())
    assert differences(session) == []


def test_a_refused_appeal_changes_nothing_and_another_unit_may_not_appeal(session: Session, clock: Traveller) -> None:
    case = closed(session, said=ANGRY)
    with pytest.raises(NotAllowed):
        appeals.contest(session, case, "all", basis="不服", by=an_actor(session, Role.LIAISON, unit="ZJJ"), key=fresh_key())
    liaison = liaison_of(session, lead_of(session, case))
    request = appeals.contest(session, case, "all", basis="不服", by=liaison, key=fresh_key())
    with pytest.raises(NotAllowed):
        appeals.rule_on(session, request, grant=True, note="同意", by=liaison, key=fresh_key())

    appeals.rule_on(session, request, grant=False, note="证据不足", by=supervisor(session), key=fresh_key())

    sums.refresh(session)
    assert resolution(session) == (1, 0)


def test_a_supervisors_correction_stands_beside_the_closed_figure(session: Session, clock: Traveller) -> None:
    case = closed(session, said=ANGRY)
    with pytest.raises(RuleBroken, match="not closed"):
        corrections.enter(session, case, Indicator.RESOLUTION, 1.0, month=MONTH, reason="复核属实", by=supervisor(session))
    clock.move_to(LATER)
    period = periods.close(session, MONTH, by=supervisor(session))

    corrections.enter(session, case, Indicator.RESOLUTION, 1.0, month=MONTH, reason="复核属实", by=supervisor(session))
    scoring.score_case(session, case)

    entered = [(each.correction.was, each.correction.value) for each in corrections.of_period(session, period.id)]
    assert entered == [(0.0, 1.0)]
    assert resolution(session) == (1, 0)
    assert differences(session) == []


def test_a_correction_reaches_the_unit_that_gave_a_case_back(session: Session, clock: Traveller) -> None:
    case = given_back(session, clock, first="CGJ", then="ZJJ")
    clock.move_to(LATER)
    period = periods.close(session, MONTH, by=supervisor(session))

    def enter(indicator: Indicator, unit: str) -> None:
        corrections.enter(
            session, case, indicator, None, month=MONTH, unit=unit_of(session, unit), reason="派错了", by=supervisor(session)
        )

    with pytest.raises(Invalid):
        enter(Indicator.RESOLUTION, "CGJ")
    with pytest.raises(Invalid):
        enter(Indicator.RETURN, "RSJ")
    enter(Indicator.RETURN, "CGJ")

    entered = [(each.unit, each.correction.was) for each in corrections.of_period(session, period.id)]
    assert entered == [(unit_of(session, "CGJ").name, 1.0)]
    assert differences(session) == []


def test_a_correction_reaches_a_case_that_was_opened_again_since(session: Session, clock: Traveller) -> None:
    case = closed(session, said=ANGRY)
    clock.move_to(LATER)
    period = periods.close(session, MONTH, by=supervisor(session))
    cases.advance(session, case, Action.REOPEN, by=an_actor(session, Role.VERIFIER), key=fresh_key(), note="问题还在")

    corrections.enter(session, case, Indicator.RESOLUTION, 1.0, month=MONTH, reason="当时已解决", by=supervisor(session))

    assert [each.correction.value for each in corrections.of_period(session, period.id)] == [1.0]


def test_a_judges_latest_mark_is_the_fit_of_the_answer(session: Session, clock: Traveller) -> None:
    case = closed(session)
    judge = an_actor(session, Role.QUALITY_JUDGE)
    for mark in (60, 85):
        clock.shift(1)
        entries.mark_answer(session, case, mark, remark="答非所问之处已补", by=judge, key=fresh_key())

    value = session.scalars(select(Score.value).where(Score.case_id == case.id, Score.indicator == Indicator.FIT)).one()
    assert value == 0.85
    sums.refresh(session)
    assert differences(session) == []


def test_recounting_many_cases_asks_for_all_of_them_at_once(session: Session) -> None:
    for said in (ANGRY, HAPPY, None, HAPPY):
        closed(session, said=said)
    ids = next(recount.batches(session))

    with counted(session) as one:
        recount.again(session, ids[:1])
    with counted(session) as many:
        recount.again(session, ids)

    assert len(ids) == 4
    assert len(many) == len(one) > 0


def test_recounting_finds_what_was_tampered_with_and_puts_it_right(session: Session, clock: Traveller) -> None:
    case = closed(session, said=ANGRY)
    sums.refresh(session)
    assert differences(session) == []
    score = session.scalars(select(Score).where(Score.case_id == case.id, Score.indicator == Indicator.RESOLUTION)).one()
    score.value = 1.0
    session.flush()

    assert len(differences(session)) >= 2

    for ids in recount.batches(session):
        recount.again(session, ids)
    sums.refresh(session)
    assert differences(session) == []


def test_a_unit_contests_that_it_gave_a_case_back_and_only_that_no_longer_counts(session: Session, clock: Traveller) -> None:
    case = given_back(session, clock, first="CGJ", then="ZJJ")
    liaison = an_actor(session, Role.LIAISON, unit="CGJ")
    with pytest.raises(NotAllowed):
        appeals.contest(session, case, "resolution", basis="不是我们办的", by=liaison, key=fresh_key())

    request = appeals.contest(session, case, "return", basis="派错了，退得有理", by=liaison, key=fresh_key())
    appeals.rule_on(session, request, grant=True, note="原派单有误", by=supervisor(session), key=fresh_key())
    sums.refresh(session)

    counted_for = select(Unit.code).join(Score, Score.unit_id == Unit.id).where(Score.indicator == "return")
    assert session.scalars(counted_for).all() == ["ZJJ"]
    assert resolution(session) == (1, 10_000)
    assert differences(session) == []
