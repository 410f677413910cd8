"""The telephone's figures, from stored calls."""

from datetime import timedelta

import time_machine
from sqlalchemy.orm import Session

from hotline.services import reading_calls
from hotline.services.telephone import exchange_state
from models import Call, Direction, now
from tests.factories_calls import make_call, make_line

SPOKEN = ("queued", "rang", "answered", "agent_left", "ended")


def test_without_calls_there_are_counts(session: Session) -> None:
    figures = reading_calls.call_figures(session)

    assert (figures.answered_today, figures.abandoned_today, figures.talking, figures.connected) == (0, 0, 0, False)


def test_answered_soon_answered_late_and_lost(session: Session, clock: time_machine.Traveller) -> None:
    line = make_line(session)
    make_call(session, facts=SPOKEN, line=line, seconds=5, number="13800138001")  # waited 10 s, spoke 10 s
    make_call(session, facts=SPOKEN, line=line, seconds=15, number="13800138002")  # waited 30 s, spoke 30 s
    make_call(session, facts=("queued", "ended"), number="13800138003")
    make_call(session, facts=("queued", "ended"), seconds=2, number="13800138004")  # a short abandon
    make_call(session, facts=("ended",), number="13800138005")  # in the notice: never asked for anybody
    exchange_state.note(session, connected=True)

    figures = reading_calls.call_figures(session)

    assert (figures.answered_today, figures.soon_today, figures.abandoned_today, figures.short_today) == (2, 1, 1, 1)
    assert (figures.answered_24h, figures.asked_24h) == (2, 3)
    assert figures.connected


def test_fifteen_seconds_are_still_soon(session: Session, clock: time_machine.Traveller) -> None:
    call = make_call(session, facts=("queued", "rang", "answered"), line=make_line(session))
    assert call.queued_at is not None
    call.answered_at = call.queued_at + timedelta(seconds=15)
    session.flush()

    assert reading_calls.call_figures(session).soon_today == 1


def test_who_speaks_now_is_counted_by_call(session: Session) -> None:
    line = make_line(session)
    make_call(session, facts=("queued", "rang", "answered"), line=line)
    make_call(session, facts=("queued", "rang"), line=make_line(session), number="13900139000")

    assert reading_calls.call_figures(session).talking == 1


def test_calls_of_our_own_count_nowhere(session: Session) -> None:
    placed = make_call(session, facts=SPOKEN, line=make_line(session), number="13900139000")
    placed.direction = Direction.OUT
    session.flush()

    figures = reading_calls.call_figures(session)

    assert (figures.answered_today, figures.asked_24h) == (0, 0)


def test_the_day_is_the_citys_and_the_rate_is_of_any_24_hours(session: Session, clock: time_machine.Traveller) -> None:
    line = make_line(session)
    make_call(session, facts=SPOKEN, line=line, at=now() - timedelta(hours=11))  # 23:00 of yesterday in the city
    old = make_call(session, facts=SPOKEN, line=line, at=now() - timedelta(hours=25), number="13900139000")

    figures = reading_calls.call_figures(session)

    assert reading_calls.midnight() == now() - timedelta(hours=10)
    assert (figures.answered_today, figures.answered_24h) == (0, 1)
    assert session.get_one(Call, old.id).answered_at is not None
