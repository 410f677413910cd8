"""The wall's ground, its usual day, and the lists behind its numbers."""

from datetime import timedelta

import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import reading_calls, scoring, surveys
from hotline.services.reading_wall import midnight
from hotline.services.wall import calls, ground, letters, lists, usual
from hotline.services.wall.board import Board
from hotline.services.wall.lists import Of
from models import CaseStatus, Contact, Grade, Survey, Urgency, now
from models.base import as_if
from tests.factories_calls import make_call, make_line
from tests.factories_cases import make_case
from tests.factories_contacts import make_agent, make_contact

GRID = "990181001001001"
# Of the ground's 900: boxes are as exact as a screen.
UNSEEN = 0.2


def test_every_grid_lies_within_its_community_and_its_township(session: Session) -> None:
    land = ground.survey(session)

    around = {plot.code: plot.box for plot in (*land.townships, *land.communities)}
    assert (len(land.townships), len(land.communities), len(land.plots)) == (6, 31, 202)
    for plot in land.plots:
        for outer in (around[plot.code[:12]], around[plot.code[:9]]):
            assert outer.x <= plot.box.x
            assert plot.box.x + plot.box.width <= outer.x + outer.width + UNSEEN
            assert plot.box.y + plot.box.height <= outer.y + outer.height + UNSEEN


def test_a_grid_with_many_cases_for_its_homes_is_the_brightest(session: Session, clock: time_machine.Traveller) -> None:
    for _ in range(9):
        make_case(session, community_code=GRID[:12], grid_code=GRID)
    make_case(session, community_code="990181001002", grid_code="990181001002001")

    wall = Board().figures(session)

    heats = {heat.plot.code: heat for heat in wall.heats}
    assert (heats[GRID].count, heats[GRID].heat) == (9, 5)
    assert heats["990181001002001"].heat == 1
    assert wall.counts["990181001"] == 10


def test_a_usual_day_is_the_mean_of_the_same_weekday(session: Session, clock: time_machine.Traveller) -> None:
    for week, count in ((1, 20), (2, 10)):
        with as_if(now() - timedelta(weeks=week)):
            for _ in range(count):
                make_contact(session)
    with as_if(now() - timedelta(days=1)):
        make_contact(session)

    half_hours = usual.half_hours(session, midnight(now()))

    assert (half_hours[20], sum(half_hours)) == (15, 15)


def test_in_a_new_city_nothing_is_usual(session: Session) -> None:
    assert usual.half_hours(session, midnight(now())) == []


def test_who_writes_with_a_citizen_is_counted_once(session: Session) -> None:
    agent = make_agent(session)
    for channel in ("sms", "wechat"):
        contact = make_contact(session, channel=channel)
        contact.taken_by_id, contact.taken_at = agent.id, now()
    session.flush()

    assert Board().figures(session).writing == 1


def test_the_lists_hold_what_was_counted(session: Session, clock: time_machine.Traveller) -> None:
    late = make_case(session, status=CaseStatus.IN_PROGRESS, urgency=Urgency.EMERGENCY, community_code=GRID[:12])
    clock.shift(6 * 3600)
    closed = make_case(session, status=CaseStatus.CLOSED, community_code=GRID[:12])

    def numbers(of: Of, unit: str = "", area: str = "", category: str = "") -> set[str]:
        return {line.case.number for line in lists.cases(session, of, unit=unit, area=area, category=category).lines}

    assert numbers(Of.OVERDUE, unit="CGJ") == numbers(Of.EMERGENCY) == numbers(Of.OPEN) == {late.number}
    assert numbers(Of.OVERDUE, unit="T001") == set()
    assert numbers(Of.CLOSED) == {closed.number}
    assert numbers(Of.FILED) == numbers(Of.AREA, area="990181001") == {late.number, closed.number}
    assert numbers(Of.AREA, area="990181001", category="9999") == set()


def test_what_citizens_said_is_listed_of_the_day_or_of_seven(session: Session, clock: time_machine.Traveller) -> None:
    case = make_case(session, status=CaseStatus.CLOSED)
    survey = session.scalars(select(Survey).where(Survey.case_id == case.id)).one_or_none() or surveys.invite(session, case)
    assert survey is not None
    surveys.record_answers(session, survey, way="web", solved=False, result=Grade.DISSATISFIED, unit=Grade.SATISFIED)
    scoring.score_case(session, case)
    clock.shift(2 * 86_400)

    found = {week: lists.cases(session, Of.UNSOLVED, week=week).lines for week in (False, True)}

    assert found[False] == []
    assert [line.case.number for line in found[True]] == [case.number]
    assert Board().figures(session).opinions_of_week.resolution.percent == "0.0"


def test_the_title_of_a_confidential_case_is_not_listed(session: Session, clock: time_machine.Traveller) -> None:
    make_case(session, confidential=True, unit_summary="已脱敏")

    assert [line.sealed for line in lists.cases(session, Of.FILED).lines] == [True]


def test_the_arrivals_of_a_half_hour_are_listed(session: Session, clock: time_machine.Traveller) -> None:
    contact = make_contact(session)

    assert [each.id for each in lists.arrivals(session, 20)] == [contact.id]
    assert lists.arrivals(session, 21) == []
    assert [each.id for each in lists.arrivals(session)] == [contact.id]


def test_behind_each_figure_of_the_telephone_are_as_many_calls(session: Session, clock: time_machine.Traveller) -> None:
    line = make_line(session)
    soon = make_call(session, facts=("queued", "rang", "answered"), line=line, seconds=5)
    late = make_call(session, facts=("queued", "rang", "answered"), line=line, seconds=15, number="13800138002")
    lost = make_call(session, facts=("queued", "ended"), number="13800138003")
    short = make_call(session, facts=("queued", "ended"), seconds=2, number="13800138004")
    make_call(session, facts=("ended",), number="13800138005")  # in the notice
    earlier = make_call(session, facts=("queued", "ended"), number="13800138006", at=now() - timedelta(hours=11))
    make_call(session, facts=("queued", "ended"), number="13800138007", at=now() - timedelta(hours=25))

    found = {of: {line.call.id for line in calls.listing(session, of).lines} for of in reading_calls.Of}

    figures = reading_calls.call_figures(session)
    assert found[reading_calls.Of.ASKED] == {soon.id, late.id, lost.id}
    assert found[reading_calls.Of.LATE] == {late.id, lost.id}
    assert found[reading_calls.Of.SHORT] == {short.id}
    assert found[reading_calls.Of.LOST_24H] == {lost.id, earlier.id}
    assert len(found[reading_calls.Of.ASKED_24H]) == figures.asked_24h == 4
    assert len(found[reading_calls.Of.ANSWERED]) == figures.answered_today == 2
    assert len(found[reading_calls.Of.ABANDONED]) == figures.abandoned_today == 1


def test_behind_each_rate_of_what_is_written_are_as_many_contacts(session: Session, clock: time_machine.Traveller) -> None:
    agent = make_agent(session, name="田甲")
    soon, late, ignored, letter = (make_contact(session, channel=each) for each in ("sms", "wechat", "sms", "mailbox"))
    for contact, seconds in ((soon, 60), (late, 300), (letter, 600)):
        contact.taken_by_id, contact.taken_at = agent.id, contact.received_at + timedelta(seconds=seconds)
    clock.shift(900)
    make_contact(session, channel="sms", waited=60)  # nobody knows yet
    session.flush()

    found = {of: letters.listing(session, of) for of in letters.Of}

    wall, lines = Board().figures(session), found[letters.Of.TEXTS].lines
    assert {line.contact.id: (line.soon, line.agent) for line in lines} == {
        soon.id: (True, "田甲"),
        late.id: (False, "田甲"),
        ignored.id: (False, ""),
    }
    assert found[letters.Of.TEXTS].count == wall.prompt_texts.of == 3
    assert wall.prompt_texts.kept == 1
    assert {line.contact.id for line in found[letters.Of.TEXTS_LATE].lines} == {late.id, ignored.id}
    assert [line.contact.id for line in found[letters.Of.LETTERS].lines] == [letter.id]
    assert found[letters.Of.LETTERS_LATE].count == 0


def test_a_call_is_listed_with_its_cases_and_without_its_number(session: Session, clock: time_machine.Traveller) -> None:
    call = make_call(session, facts=("queued", "rang", "answered"), line=make_line(session), seconds=5)
    case = make_case(session)
    case.contact_id = call.contact_id
    secret = make_call(session, number="13900139000")
    secret.ended_at = now()
    session.get_one(Contact, secret.contact_id).confidential = True
    session.flush()

    by_call = {line.call.id: line for line in calls.listing(session, reading_calls.Of.ASKED).lines}

    assert by_call[call.id].number == "138****8000"
    assert by_call[call.id].cases == [case.number]
    assert by_call[call.id].soon
    assert by_call[secret.id].number == ""
