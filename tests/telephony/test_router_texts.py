"""The router and texts: who is offered which, and that no call is lost over it."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services import queueing
from hotline.services.telephone import routing
from hotline.telephony import router as module
from models import Contact, Offer, PresenceState, Staff, SwitchboardCommand, Urgency, now
from tests.factories_calls import make_call
from tests.factories_contacts import make_contact
from tests.telephony.fakes import IN_USE, RINGING
from tests.telephony.router_bench import LINE, RouterBench, run


@run
async def test_text_first_pauses_the_member_and_is_held_out(bench: RouterBench) -> None:
    await bench.ticks()
    text = bench.text()

    await bench.ticks()

    assert bench.stands() == (True, "offer")
    assert bench.offers() == {bench.agent: text}
    assert {f"phone:{bench.agent}", f"staff:{bench.agent}"} <= set(bench.pushes.topics)
    await bench.ticks(2)
    assert bench.stands() == (True, "offer")


@run
async def test_taken_the_line_rests_until_the_text_is_done(bench: RouterBench) -> None:
    bench.text()
    await bench.ticks()

    bench.write(lambda session: routing.accept_offer(session, session.get_one(Staff, bench.agent)) and None)
    await bench.ticks()
    assert bench.stands() == (True, "text")

    bench.write(_put_back)
    await bench.ticks()
    assert bench.stands() == (False, "")


def _put_back(session: Session) -> None:
    contact = session.scalars(select(Contact).where(Contact.taken_by_id.is_not(None))).one()
    queueing.put_back(session, contact, by=session.get_one(Staff, contact.taken_by_id), reason="换人")


@run
async def test_refused_the_line_works_and_another_agent_is_asked(bench: RouterBench) -> None:
    text = bench.text()
    await bench.ticks()

    bench.write(lambda session: routing.decline_offer(session, session.get_one(Staff, bench.agent)))
    await bench.ticks(2)

    assert bench.stands() == (False, "")
    assert bench.offers() == {}
    other = bench.seat()
    await bench.ticks()
    assert bench.offers() == {other: text}


@run
async def test_an_offer_that_nobody_answers_lapses(bench: RouterBench) -> None:
    bench.text()
    await bench.ticks()
    bench.write(lambda session: session.execute(update(Offer).values(until=now() - timedelta(seconds=1))) and None)

    await bench.ticks(2)

    assert bench.offers() == {}
    assert bench.stands() == (False, "")


@run
async def test_a_caller_who_comes_first_meanwhile_has_the_line_at_once(bench: RouterBench) -> None:
    """Else the caller would hear music for as long as nobody says yes or no to the text."""
    text = bench.text(waited=10)
    await bench.ticks()
    assert bench.offers() == {bench.agent: text}
    bench.write(lambda session: make_contact(session, channel="voice", waited=8) and None)

    await bench.ticks()

    assert bench.offers() == {}
    assert bench.stands() == (False, "")
    assert f"phone:{bench.agent}" in bench.pushes.topics


@run
async def test_an_offer_stays_while_a_colleagues_telephone_is_free(bench: RouterBench) -> None:
    await bench.ticks()
    bench.seat(channels=["voice"])
    text = bench.text(waited=10)
    await bench.ticks(2)
    assert bench.offers() == {bench.agent: text}
    bench.write(lambda session: make_call(session, at=now() - timedelta(seconds=9), seconds=1) and None)

    await bench.ticks(2)

    assert bench.offers() == {bench.agent: text}


@run
async def test_a_phone_that_began_to_ring_meanwhile_is_left_alone(bench: RouterBench) -> None:
    await bench.ticks()
    bench.text()

    def ring(action: str) -> None:
        if action == "queue_pause":
            bench.ami.meanwhile = lambda action: None
            bench.ami.tell("AgentCalled", Interface=LINE)

    bench.ami.meanwhile = ring
    await bench.ticks()

    assert bench.offers() == {}
    assert bench.stands() == (False, "")
    await bench.ticks()
    assert bench.offers() == {}


@pytest.mark.parametrize("status", [IN_USE, RINGING, 5])
def test_a_phone_that_is_not_free_is_offered_nothing(sqlite_database: Database, status: int) -> None:
    @run
    async def whole(bench: RouterBench) -> None:
        await bench.ticks()
        bench.ami.phone(LINE, status)
        bench.text()
        await bench.ticks()
        assert bench.offers() == {}
        assert bench.stands() == (False, "")

    whole(sqlite_database)


@run
async def test_a_call_that_nobody_answered_frees_the_phone_for_text(bench: RouterBench) -> None:
    await bench.ticks()
    bench.ami.tell("AgentCalled", Interface=LINE)
    bench.text()
    await bench.ticks()
    assert bench.offers() == {}

    bench.ami.tell("AgentRingNoAnswer", Interface=LINE)
    await bench.ticks()

    assert bench.offers() != {}


@run
async def test_a_call_first_in_rank_leaves_the_line_working(bench: RouterBench) -> None:
    await bench.ticks()
    bench.text(waited=1)
    bench.write(lambda session: make_contact(session, channel="voice", waited=14) and None)

    await bench.ticks()

    assert bench.offers() == {}
    assert bench.stands() == (False, "")


@run
async def test_urgent_text_past_its_clock_alarms_the_floor_once(bench: RouterBench) -> None:
    bench.stand(PresenceState.PAUSED, "喝水")
    bench.text(waited=600, urgency=Urgency.URGENT)

    await bench.ticks(3)
    first = bench.pushes.topics.count("floor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SELDOM", 0.0)
        await bench.ticks(3)

    assert (first, bench.pushes.topics.count("floor")) == (1, 1)


@run
async def test_a_caller_who_became_urgent_goes_ahead_once(bench: RouterBench) -> None:
    call = bench.write(lambda session: make_call(session, facts=("queued",)))
    bench.write(lambda session: queueing.raise_urgency(session, session.get_one(Contact, call.contact_id), Urgency.URGENT))
    bench.write(lambda session: session.execute(update(type(call)).values(queue="main")) and None)
    bench.ami.caller(call.channel_name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "SELDOM", 0.0)
        await bench.ticks(3)

    with bench.database.reading() as session:
        assert [row.action.value for row in session.scalars(select(SwitchboardCommand))].count("urge") == 1
