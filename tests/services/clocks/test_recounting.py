"""A list that arrives: provisional due times are counted again, old and new in the history; nothing else moves."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import history
from hotline.services.clocks import clocks, deadlines, recounting
from hotline.services.profiles import profiles
from hotline.services.units import extensions
from hotline.services.units.extensions import ExtensionReason
from models import Action, CalendarDay, Case, CaseEvent, CaseStatus, DueChange, OutboxMessage, Role
from models.base import CITY_TIME
from tests.factories_cases import an_actor, fresh_key, lead_of, liaison_of, make_case, send_back

DAY = timedelta(days=1)

pytestmark = pytest.mark.usefixtures("clock")  # Monday 23 November 2026


def in_working_days() -> dict[str, Any]:
    body = profiles.shipped()
    return body | {"limits": body["limits"] | {"answer": "3wd", "check": "2wd"}}


def assume(session: Session, day: date, *, working: bool) -> CalendarDay:
    entry = session.get_one(CalendarDay, day)
    entry.working, entry.provisional = working, True
    session.flush()
    return entry


def midnight(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=CITY_TIME)


@pytest.fixture
def thursday(session: Session) -> CalendarDay:
    """Assumed to be worked."""
    return assume(session, date(2026, 11, 26), working=True)


def publish(session: Session, day: CalendarDay, *, working: bool) -> int:
    day.working, day.provisional = working, False
    session.flush()
    return recounting.recount(session)


def a_case(session: Session, status: CaseStatus = CaseStatus.IN_PROGRESS) -> Case:
    return make_case(session, status=status, profile=in_working_days())


def test_a_day_that_is_free_after_all_moves_the_answer(session: Session, thursday: CalendarDay) -> None:
    case = a_case(session)
    assert (case.due_provisional, lead_of(session, case).answer_due_at) == (True, midnight(11, 27))

    assert publish(session, thursday, working=False) == 1

    lead = lead_of(session, case)
    assert lead.answer_due_at == lead.due_at == case.due_at == midnight(11, 28)
    assert case.due_provisional is False
    change = session.scalars(select(DueChange)).one()
    assert (change.was_at, change.due_at) == (midnight(11, 27), midnight(11, 28))
    assert session.get_one(CaseEvent, change.event_id).action == Action.RECOUNT
    assert history.verify(session, case) is None
    assert recounting.recount(session) == 0


def test_what_was_assumed_rightly_moves_nothing(session: Session, thursday: CalendarDay) -> None:
    case = a_case(session)

    assert publish(session, thursday, working=True) == 0

    assert case.due_provisional is False
    assert session.scalars(select(DueChange)).all() == []


def test_two_lists_one_after_the_other(session: Session, thursday: CalendarDay) -> None:
    case, wednesday = a_case(session), assume(session, date(2026, 11, 25), working=True)
    assert case.due_provisional

    publish(session, thursday, working=False)
    publish(session, wednesday, working=False)

    assert case.due_at == midnight(12, 1)


def test_a_pause_keeps_what_it_has_added(session: Session, thursday: CalendarDay) -> None:
    case = a_case(session)
    lead = lead_of(session, case)
    clocks.move(
        session,
        case,
        lead,
        lead.answer_due_at + DAY,
        action=Action.PAUSE,
        by=an_actor(session, Role.VERIFIER),
        key=fresh_key(),
    )

    publish(session, thursday, working=False)

    assert lead.answer_due_at == midnight(11, 29)


def test_what_a_person_granted_stays(session: Session, thursday: CalendarDay) -> None:
    case = a_case(session)
    lead = lead_of(session, case)
    request = extensions.ask(
        session,
        lead,
        until=midnight(12, 3),
        reason_code=ExtensionReason.WEATHER,
        basis="暴雨",
        by=liaison_of(session, lead),
        key=fresh_key(),
    )
    extensions.decide(session, request, grant=True, by=an_actor(session, Role.DISPATCHER), key=fresh_key())

    assert publish(session, thursday, working=False) == 0
    assert case.due_at == midnight(12, 3)


def test_rework_is_counted_from_where_it_began(session: Session, thursday: CalendarDay, clock: Traveller) -> None:
    case = a_case(session, CaseStatus.ANSWERED)
    clock.shift(DAY)
    send_back(session, case)
    assert case.due_at == midnight(11, 28)

    publish(session, thursday, working=False)

    assert case.due_at == midnight(12, 1)


def test_the_centres_own_clock_is_counted_again(session: Session, thursday: CalendarDay, clock: Traveller) -> None:
    clock.shift(DAY)
    case = a_case(session, CaseStatus.ANSWERED)
    assert (case.due_provisional, case.due_at) == (True, midnight(11, 27))

    assert publish(session, thursday, working=False) == 1
    assert case.due_at == midnight(11, 28)


def test_a_list_that_confirms_a_year_is_announced_once(session: Session) -> None:
    assume(session, date(2026, 11, 26), working=False)

    deadlines.fill_calendar(session, [2026])
    deadlines.fill_calendar(session, [2026])

    assert len(session.scalars(select(OutboxMessage).where(OutboxMessage.event == "CalendarChanged")).all()) == 1
