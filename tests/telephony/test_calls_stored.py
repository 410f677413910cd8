"""Facts of many calls are gathered, stored together, and told to screens after that."""

import asyncio
import contextlib

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.errors import Unavailable
from hotline.telephony.call_words import Fact
from hotline.telephony.calls import Calls
from models import Call, CallEnding, Direction
from tests.factories_calls import make_line
from tests.telephony.ami_events import Story
from tests.telephony.gathering import Screens, working


def the_call(session: Session) -> Call:
    return session.scalars(select(Call).where(Call.direction == Direction.IN)).one()


async def tell_all(calls: Calls, stories: list[Story], extension: str) -> None:
    async with working(calls):
        for events in zip(*(story.answered_call(extension) for story in stories), strict=True):
            for event in events:
                calls.on_event(event)
        await calls.settled()


def test_many_calls_at_once_are_stored_and_screens_are_told_after_it(database: Database) -> None:
    with database.unit_of_work() as session:
        line = make_line(session)
    screens = Screens()

    asyncio.run(tell_all(Calls(screens), [Story(f"c{number}") for number in range(20)], line.extension))

    with database.reading() as session:
        assert [call.ending for call in session.scalars(select(Call))] == [CallEnding.SPOKEN] * 20
    assert screens.topics.count(f"phone:{line.staff_id}") == 60


def test_a_database_that_is_away_only_delays(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with database.unit_of_work() as session:
        line = make_line(session)
    there = database.unit_of_work
    refused: list[int] = []

    def away() -> contextlib.AbstractContextManager[Session]:
        if len(refused) < 5:
            refused.append(1)
            raise Unavailable()
        return there()

    monkeypatch.setattr(database, "unit_of_work", away)
    asyncio.run(tell_all(Calls(Screens()), [Story()], line.extension))

    assert len(refused) == 5
    with database.reading() as session:
        assert the_call(session).ending == CallEnding.SPOKEN


def test_a_fact_that_cannot_be_stored_takes_no_other_with_it(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def fails(session: Session) -> None:
        raise OverflowError

    async def body() -> None:
        calls, story = Calls(Screens()), Story()
        calls.on_event(story.arrives())
        calls.put(Fact("x", fails))
        calls.on_event(story.hangs_up())
        async with working(calls):
            await calls.settled()

    asyncio.run(body())

    with database.reading() as session:
        assert the_call(session).ending == CallEnding.LEFT_IN_NOTICE
    assert "could not be stored" in caplog.text


def test_more_than_can_be_kept_is_left_to_the_records(caplog: pytest.LogCaptureFixture) -> None:
    calls = Calls(Screens(), most=3)

    for number in range(5):
        calls.on_event(Story(f"c{number}").arrives())

    assert calls.has_gap
    assert caplog.text.count("faster") == 1
