"""The router and the lines: who is in which queue, who rests and why, and what time and silence change."""

import asyncio
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.services import signing_in
from hotline.services.telephone import lines, routing
from hotline.telephony import router as module
from hotline.telephony.ami import AmiRefused
from models import PhoneLine, Presence, PresenceState, Staff, SwitchboardCommand, now
from tests.telephony.fakes import IDLE, IN_USE, FakeAmi
from tests.telephony.router_bench import LINE, RouterBench, run

_look = routing.look


@run
async def test_whoever_is_available_joins_the_queue_and_works(bench: RouterBench) -> None:
    await bench.ticks()

    assert bench.stands() == (False, "")
    assert bench.ami.member(LINE).penalty == 0
    said = list(bench.ami.said)
    await bench.ticks(3)
    assert bench.ami.said == said


@run
async def test_each_way_of_standing_is_told_to_the_exchange(bench: RouterBench) -> None:
    seen = []
    for state, reason in [
        (PresenceState.PAUSED, "喝水"),
        (PresenceState.PAUSED, "吃饭"),
        (PresenceState.OFFLINE, ""),
        (PresenceState.AVAILABLE, ""),
    ]:
        bench.stand(state, reason)
        await bench.ticks()
        seen.append(bench.stands())

    assert seen == [(True, "喝水"), (True, "吃饭"), (True, "offline"), (False, "")]


@run
async def test_a_single_line_is_brought_where_it_should_be_at_once(bench: RouterBench) -> None:
    assert await bench.router.settle("2001") == ""
    bench.stand(PresenceState.PAUSED, "喝水")

    assert await bench.router.settle("2001") == "喝水"

    assert bench.stands() == (True, "喝水")
    assert await bench.router.settle("2002") == "offline"


@run
async def test_a_look_that_is_older_than_a_pause_does_not_undo_it(bench: RouterBench) -> None:
    await bench.ticks()
    looks = []

    def slow_at_first(session: Session) -> routing.Floor:
        looks.append(_look(session))
        if len(looks) == 1:
            time.sleep(0.2)
        return looks[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing, "look", slow_at_first)
        tick = asyncio.create_task(bench.router.tick())
        await asyncio.sleep(0.1)
        bench.stand(PresenceState.PAUSED, "喝水")
        await bench.router.settle("2001")
        await tick

    assert bench.stands() == (True, "喝水")


@run
async def test_after_the_exchange_lost_its_memory_everybody_is_where_he_should_be(bench: RouterBench) -> None:
    bench.stand(PresenceState.PAUSED, "吃饭")
    await bench.ticks()
    bench.ami.queues = FakeAmi().queues

    await bench.router.rebuild()
    await bench.ticks()

    assert bench.stands() == (True, "吃饭")


@run
async def test_a_member_whom_we_know_nothing_of_is_taken_out(bench: RouterBench) -> None:
    await bench.ticks()
    bench.write(lambda session: lines.sign_out(session, staff_id=bench.agent))

    await bench.ticks()

    assert bench.ami.members() == {}


@run
async def test_other_skills_change_the_queues_and_their_order(bench: RouterBench) -> None:
    bench.ami.queues["english"] = type(bench.ami.queues["main"])("english", 0)
    await bench.router.rebuild()
    await bench.ticks()

    bench.write(
        lambda session: session.execute(update(Staff).where(Staff.id == bench.agent).values(languages=["en", "zh"])) and None
    )
    await bench.ticks()
    assert bench.ami.member(LINE, "english").penalty == 0
    assert bench.ami.member(LINE, "main").penalty == 1

    bench.write(lambda session: session.execute(update(Staff).where(Staff.id == bench.agent).values(languages=["en"])) and None)
    await bench.ticks()
    assert bench.ami.members() == {}


@run
async def test_a_line_rests_from_the_moment_its_call_is_over(bench: RouterBench) -> None:
    await bench.ticks()
    bench.ami.phone(LINE, IN_USE, in_call=True)

    bench.ami.phone(LINE, IDLE)
    await asyncio.sleep(0.01)

    assert bench.stands() == (True, "wrap-up")
    await bench.ticks()
    assert bench.stands() == (True, "wrap-up")
    bench.stand(PresenceState.WRAP_UP)
    await bench.ticks()
    assert bench.stands() == (True, "wrap-up")


@run
async def test_the_time_for_notes_ends_and_the_line_works_again(bench: RouterBench) -> None:
    bench.stand(PresenceState.WRAP_UP)
    bench.write(lambda session: session.execute(update(Presence).values(since=now() - timedelta(minutes=5))) and None)

    await bench.ticks(2)

    assert bench.where() == ("available", "")
    assert bench.stands() == (False, "")


@run
async def test_whoever_lets_three_calls_ring_is_paused_and_told(bench: RouterBench) -> None:
    bench.write(lambda session: session.execute(update(PhoneLine).values(missed_rings=3)) and None)

    await bench.ticks(2)

    assert bench.where() == ("paused", "三次未接")
    assert bench.stands() == (True, "三次未接")
    assert f"phone:{bench.agent}" in bench.pushes.topics


@run
async def test_the_line_of_a_web_session_that_is_over_is_nobodys(bench: RouterBench) -> None:
    await bench.ticks()
    bench.write(lambda session: signing_in.revoke_all(session, bench.agent))

    await bench.ticks(2)

    assert bench.ami.members() == {}
    with bench.database.reading() as session:
        assert session.scalars(select(PhoneLine.staff_id).where(PhoneLine.extension == "2001")).one() is None
        assert [row.action.value for row in session.scalars(select(SwitchboardCommand))][-1] == "sign_out"


@run
async def test_the_dialplans_pause_for_a_lost_phone_is_left_to_it_for_a_while(bench: RouterBench) -> None:
    await bench.ticks()
    await bench.ami.queue_pause(LINE, paused=True, reason="phone-lost")

    await bench.ticks()
    assert bench.stands() == (True, "phone-lost")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "KEPT_FOR_LOST", 0.0)
        await bench.ticks()
    assert bench.stands() == (False, "")


@run
async def test_whether_a_telephone_is_there_is_written_down(bench: RouterBench) -> None:
    states = []
    for told in ("Reachable", "Unreachable"):
        bench.ami.tell("PeerStatus", Peer=LINE, PeerStatus=told)
        await bench.ticks()
        with bench.database.reading() as session:
            states.append(session.get_one(PhoneLine, "2001").reachable)

    assert states == [True, False]


@run
async def test_without_an_exchange_the_router_waits(bench: RouterBench) -> None:
    bench.ami.connected = False

    await bench.ticks(2)

    assert bench.ami.said == []


@run
async def test_neither_an_exchange_nor_a_database_that_fails_ends_the_router(bench: RouterBench) -> None:
    bench.ami.refusing["queue_add"] = AmiRefused("no")
    task = asyncio.create_task(bench.router.run())
    await asyncio.sleep(0.3)
    del bench.ami.refusing["queue_add"]
    await asyncio.sleep(0.5)
    task.cancel()

    assert bench.stands() == (False, "")
