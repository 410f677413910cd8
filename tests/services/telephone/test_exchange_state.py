"""Whether the exchange is connected, as pages learn of it."""

from datetime import timedelta

import time_machine
from sqlalchemy.orm import Session

from hotline.services import reading_phone
from hotline.services.telephone import exchange_state
from models import ExchangeState, now


def state(session: Session) -> ExchangeState:
    return session.get_one(ExchangeState, exchange_state.ONLY_ROW, populate_existing=True)


def test_the_first_word_is_news_and_its_repetition_is_not(session: Session, clock: time_machine.Traveller) -> None:
    assert not reading_phone.is_connected(session)

    assert exchange_state.note(session, connected=True)
    since = now()
    clock.shift(timedelta(seconds=5))
    assert not exchange_state.note(session, connected=True)

    assert reading_phone.is_connected(session)
    assert (state(session).since, state(session).seen_at) == (since, now())


def test_a_lost_connection_is_news_with_its_reason_and_so_is_its_return(session: Session, clock: time_machine.Traveller) -> None:
    exchange_state.note(session, connected=True)
    clock.shift(timedelta(minutes=1))

    assert exchange_state.note(session, connected=False, reason="x" * 300)

    assert not reading_phone.is_connected(session)
    assert (state(session).since, len(state(session).reason)) == (now(), 255)
    assert exchange_state.note(session, connected=True)
    assert state(session).reason == ""


def test_who_says_nothing_for_a_while_is_not_connected(session: Session, clock: time_machine.Traveller) -> None:
    exchange_state.note(session, connected=True)

    clock.shift(reading_phone.EXCHANGE_SILENT)

    assert not reading_phone.is_connected(session)
