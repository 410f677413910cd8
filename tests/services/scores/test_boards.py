"""Rankings: what is counted of whom, in which stretch of the city's time, and who has a place."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import scoring
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import behind, boards, sums
from hotline.services.scores.boards import Figure
from hotline.services.scores.rule import Measure
from hotline.services.scores.spans import Span, Stretch, day_of, later
from models import CallLeg, Case, Dimension, Survey, now
from tests.factories_calls import make_call, make_line
from tests.factories_contacts import make_agent
from tests.services.scores.closing import ANGRY, HAPPY, closed
from tests.services.scores.rules import change_rule


def this(span: Span) -> Stretch:
    return Stretch.around(span, now())


def test_every_dimension_and_stretch_tells_the_same_cases(session: Session, clock: Traveller) -> None:
    case = closed(session, said=HAPPY, community_code="990181001001")
    closed(session, said=ANGRY, community_code="990181001001")
    sums.refresh(session)

    for span in Span:
        for dimension, key in {
            Dimension.UNIT: "CGJ",
            Dimension.TOWNSHIP: "990181001",
            Dimension.COMMUNITY: "990181001001",
            Dimension.CATEGORY: case.category_code,
            Dimension.CHANNEL: "mailbox",
        }.items():
            line = boards.board(session, dimension, this(span)).line(key)
            assert line is not None, (span, dimension)
            assert (line.cases, line.figure(Indicator.RESOLUTION)) == (2, Figure(counted=2, points=10_000)), (span, dimension)
        assert boards.board(session, Dimension.UNIT, this(span)).city.cases == 2
        assert boards.board(session, Dimension.UNIT, this(span).before()).lines == []


def test_units_have_places_among_their_like_from_enough_cases_on(session: Session, clock: Traveller) -> None:
    change_rule(session, least_cases=2)
    for unit, said in (("CGJ", HAPPY), ("CGJ", ANGRY), ("ZJJ", HAPPY), ("ZJJ", HAPPY), ("GAJ", HAPPY), ("T001", ANGRY)):
        closed(session, unit=unit, said=said)
    sums.refresh(session)

    board = boards.board(session, Dimension.UNIT, this(Span.MONTH), group="bureaus")

    assert [(line.key, line.place) for line in board.lines] == [("ZJJ", 1), ("CGJ", 2), ("GAJ", None)]
    assert [line.grade for line in board.lines] == ["A", "C", ""]
    towns = boards.board(session, Dimension.UNIT, this(Span.MONTH), group="towns")
    assert [line.key for line in towns.lines] == ["T001"]


def test_the_unanswered_count_as_the_rule_says_and_are_shown(session: Session, clock: Traveller) -> None:
    case = closed(session)
    sums.refresh(session)
    assert _resolution(session) == Figure(omitted=1)

    survey = session.scalars(select(Survey).where(Survey.case_id == case.id)).one()
    survey.lapsed_at = now()
    for unanswered, figure in (
        ("left_out", Figure(omitted=1)),
        ("as_satisfied", Figure(1, 10_000, assumed=1)),
        ("as_dissatisfied", Figure(1, 0, assumed=1)),
    ):
        change_rule(session, unanswered=unanswered)
        scoring.score_case(session, case)
        sums.refresh(session)
        assert _resolution(session) == figure


def _resolution(session: Session) -> Figure:
    return boards.board(session, Dimension.UNIT, this(Span.MONTH)).city.figure(Indicator.RESOLUTION)


def test_behind_a_number_stands_every_case_with_why(session: Session, clock: Traveller) -> None:
    good, bad, silent = closed(session, said=HAPPY), closed(session, said=ANGRY), closed(session)

    def numbers(only: str = "") -> list[str]:
        found = behind.cases(session, Dimension.UNIT, "CGJ", Indicator.RESOLUTION, this(Span.MONTH), only=only)
        return [line.number for line in found.lines]

    assert sorted(numbers()) == sorted(case.number for case in (good, bad, silent))
    assert (numbers("met"), numbers("missed"), numbers("omitted")) == ([good.number], [bad.number], [silent.number])


@pytest.mark.parametrize(
    ("closed_at", "day"),
    [
        (datetime(2027, 12, 31, 15, 59, 59, 999999, tzinfo=UTC), date(2027, 12, 31)),
        (datetime(2027, 12, 31, 16, 0, tzinfo=UTC), date(2028, 1, 1)),
        (datetime(2028, 2, 28, 16, 0, tzinfo=UTC), date(2028, 2, 29)),
        (datetime(2028, 2, 29, 16, 0, tzinfo=UTC), date(2028, 3, 1)),
    ],
)
def test_a_case_counts_on_the_citys_day(session: Session, clock: Traveller, closed_at: datetime, day: date) -> None:
    clock.move_to(closed_at)
    case: Case = closed(session, said=HAPPY)
    sums.refresh(session)

    for span in Span:
        stretch = Stretch.around(span, closed_at)
        assert stretch.first <= day < stretch.end
        assert boards.board(session, Dimension.UNIT, stretch).city.cases == 1
        assert stretch.before().until == stretch.since
        assert stretch.after().since == stretch.until
        lines = behind.cases(session, Dimension.CITY, "all", Indicator.ON_TIME, stretch).lines
        assert [line.number for line in lines] == [case.number]


def test_months_go_on_over_the_turn_of_the_year() -> None:
    assert [later(date(2028, 1, 1), n) for n in (-1, 1, 12)] == [date(2027, 12, 1), date(2028, 2, 1), date(2029, 1, 1)]


def test_an_interval_says_how_little_a_few_cases_tell() -> None:
    low, high = Figure(3, 30_000).interval or (0, 0)

    assert (round(low, 3), high) == (0.439, 1.0)
    assert Figure().interval is None


def test_days_that_are_still_to_be_added_up_are_known(session: Session, clock: Traveller) -> None:
    closed(session, said=HAPPY)
    day = day_of(now())
    clock.shift(timedelta(days=3))

    before = sums.unsettled(session)
    sums.refresh(session)

    today = day_of(now())
    assert before == {day, today}
    assert sums.unsettled(session) == {today}


def test_an_agents_calls_are_added_up(session: Session, clock: Traveller) -> None:
    agent = make_agent(session)
    call = make_call(session, facts=("queued", "rang", "answered"), line=make_line(session, agent))
    started = call.answered_at or now()
    call.queued_at, call.answered_at = started, started + timedelta(seconds=12)
    call.ended_at, call.wrapped_up_at, call.rating = started + timedelta(seconds=72), started + timedelta(seconds=92), 4
    call.held_seconds = 10  # not spoken
    leg = session.scalars(select(CallLeg).where(CallLeg.call_id == call.id)).one()
    leg.ended_at = started + timedelta(seconds=70)  # then the caller was asked by keys
    session.flush()
    sums.refresh(session)

    line = boards.board(session, Dimension.AGENT, this(Span.DAY)).line(agent.username)

    assert line is not None
    means = [line.figure(each).mean for each in (Measure.WAIT, Measure.TALK, Measure.WRAP_UP, Measure.AGENT_SATISFACTION)]
    assert means == [12.0, 48.0, 22.0, 1.0]
