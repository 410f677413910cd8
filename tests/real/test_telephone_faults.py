"""Real calls on a real exchange while one part after the other fails: in the end each is one contact, with truthful times."""

import asyncio
import signal
import time
from collections.abc import Iterator

import pytest

from models import (
    Call,
    Callback,
    CallEnding,
    CallEvent,
    CallStep,
    Contact,
    Direction,
    Recording,
)
from tests.components import need, wait_until
from tests.real.telephone import Centre
from tests.services.telephone.test_telephone_rule import change_rule
from tests.telephony.sip import SipPhone
from tests.telephony.sip_call import CallFailed, SipCall

pytestmark = pytest.mark.timeout(300)

STRANGER = "127.0.0.9"
DATABASE_AWAY = 30.0


@pytest.fixture(scope="module")
def centre_of_module(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    need("postgres")
    with Centre.running(tmp_path_factory.mktemp("telephone")) as centre:
        yield centre
        centre.run(centre.as_before())
        everything_is_one_contact(centre)
    assert "Fatal Python error" not in centre.log()


@pytest.fixture
def centre(centre_of_module: Centre) -> Centre:
    centre_of_module.run(centre_of_module.as_before())
    return centre_of_module


def everything_is_one_contact(centre: Centre) -> None:
    """Whatever the tests of this module did."""
    arrived = (Call.direction == Direction.IN,)
    # A caller with line breaks in the number is found in the exchange's records only, which are read each minute.
    wait_until(lambda: centre.count(Call, *arrived) == centre.dialled, "a contact for every call", seconds=75)

    exported = [row for row in centre.exported() if row["channel"] == "voice"]

    assert len(exported) == centre.count(Contact) == centre.dialled
    ids = [linkedid for row in exported for linkedid in row["external_ids"]]
    assert len(ids) == len(set(ids)) == centre.count(Call)


def test_with_the_web_process_dead_calls_go_on(centre: Centre) -> None:
    before, meanwhile = centre.numbers(2)

    async def body() -> None:
        talking = await centre.speaks(before)
        await centre.another("all-in-one", centre.send("all-in-one", signal.SIGKILL))
        dead = centre.send("all-in-one", signal.SIGSTOP)  # the next one does not come to itself either

        second = await centre.speaks(meanwhile)

        await talking.hears()
        assert not await asyncio.to_thread(centre.service.answers)
        await asyncio.gather(talking.hang_up(), second.hang_up())
        for number in (before, meanwhile):
            call = await centre.ended(number)
            assert (call.ending, call.reconstructed) == (CallEnding.SPOKEN, False)
        assert centre.part("all-in-one") == dead
        centre.send("all-in-one", signal.SIGKILL)

    centre.run(body())
    centre.answers_again()


def test_with_the_telephony_process_dead_calls_come_and_go_and_are_contacts_afterwards(centre: Centre) -> None:
    ends, stays, comes = centre.numbers(3)

    async def body() -> None:
        talking = await centre.speaks(ends)
        goes_on = await centre.speaks(stays)
        dead = centre.send("telephony", signal.SIGKILL)
        await talking.hang_up()
        brief = await centre.dial(comes)
        await brief.hang_up()

        await centre.another("telephony", dead)
        ended = [await centre.ended(number) for number in (ends, comes)]
        await goes_on.hears()
        await goes_on.hang_up()
        last = await centre.ended(stays)

        assert [call.ending for call in ended] == [CallEnding.SPOKEN, CallEnding.LEFT_IN_NOTICE]
        assert (last.ending, last.reconstructed) == (CallEnding.SPOKEN, False)

    centre.run(body())


def test_a_caller_in_a_flow_that_freezes_reaches_the_queue(centre: Centre) -> None:
    [number_in_flow] = centre.numbers(1)

    async def body() -> float:
        scans = [await asyncio.open_connection("127.0.0.1", centre.sip_port + 13) for _ in range(20)]
        caller = await centre.dial(number_in_flow)
        for number, (_, writer) in enumerate(scans):
            writer.write([b"", b"GET / HTTP/1.1\r\n\r\n", b"agi_network: yes\n\n", b"\xff" * 10_000][number % 4])
            writer.close()
        frozen, began = centre.send("ivr", signal.SIGSTOP), time.monotonic()
        await centre.talks_with(number_in_flow)
        took = time.monotonic() - began
        await centre.another("ivr", frozen)
        await caller.hang_up()
        assert (await centre.ended(number_in_flow)).ending == CallEnding.SPOKEN
        return took

    assert centre.run(body()) < 15


def test_a_cut_connection_to_the_exchange_is_made_again_and_nothing_is_missed(centre: Centre) -> None:
    ends, stays = centre.numbers(2)

    async def body() -> None:
        talking, goes_on = [await centre.speaks(number) for number in (ends, stays)]
        await asyncio.sleep(4)  # younger calls are left to a second look, ten seconds later
        centre.cut_ami()
        await talking.hang_up()
        await goes_on.hears()
        await centre.ended(ends, seconds=20)
        await goes_on.hang_up()

        assert [(await centre.ended(number)).ending for number in (ends, stays)] == [CallEnding.SPOKEN] * 2

    centre.run(body())


def test_with_the_database_down_calls_are_answered_and_stored_when_it_is_back(centre: Centre) -> None:
    ends, stays, leaves, comes = centre.numbers(4)

    async def body() -> None:
        talking = await centre.speaks(ends)
        goes_on = await centre.speaks(stays)
        await asyncio.to_thread(centre.postgres.stop)
        stopped = time.monotonic()
        await talking.hang_up()
        brief = await centre.dial(leaves)
        await brief.hang_up()
        meanwhile = await centre.speaks(comes)
        await meanwhile.hang_up()
        await goes_on.hears()
        await asyncio.sleep(max(0.0, stopped + DATABASE_AWAY - time.monotonic()))
        await asyncio.to_thread(centre.postgres.start)

        for number in (ends, comes):
            assert (await centre.ended(number)).ending == CallEnding.SPOKEN
        assert (await centre.ended(leaves)).ending == CallEnding.LEFT_IN_NOTICE
        await goes_on.hang_up()
        assert (await centre.ended(stays)).ending == CallEnding.SPOKEN

    centre.run(body())
    centre.answers_again()


def test_a_phone_that_falls_silent_in_a_call_gets_its_caller_back_and_a_full_disk_loses_no_recording(centre: Centre) -> None:
    loses, other = centre.numbers(2)

    async def body() -> None:
        held = await centre.speaks(loses)
        person, lost = await centre.talks_with(loses)
        person.vanish(lost)
        centre.disk.fill()
        recorded = await centre.speaks(other)
        await asyncio.sleep(1)
        await recorded.hang_up()
        call = await centre.ended(other)
        await asyncio.sleep(4)
        assert centre.count(Recording, Recording.call_id == call.id) == 0
        centre.disk.free()

        async def is_kept() -> bool:
            return centre.count(Recording, Recording.call_id == call.id) == 3

        await centre.until(is_kept, "the recording to be taken over")

        async def is_held() -> bool:
            [call] = centre.calls_of(loses)
            return centre.count(CallEvent, CallEvent.step == CallStep.PHONE_LOST, CallEvent.call_id == call.id) > 0

        await centre.until(is_held, "the exchange to notice that the phone is silent")
        del centre.talks[loses]
        await person.come_back()
        again, mine = await centre.talks_with(loses)
        await asyncio.gather(held.hears(), mine.hears())
        await held.hang_up()
        assert again is person
        assert (await centre.ended(loses)).ending == CallEnding.SPOKEN

    centre.run(body())


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_calls_in_which_the_exchange_dies_or_freezes_are_owed_another(centre: Centre, fault: signal.Signals) -> None:
    first, second, later = centre.numbers(3)

    async def body() -> float:
        await centre.speaks(first)
        await centre.speaks(second)
        await asyncio.sleep(4)  # younger calls are left to a second look, ten seconds later
        former = centre.send_to_exchange(fault)
        began = time.monotonic()
        await centre.another("exchange", former)
        took = time.monotonic() - began
        for number in (first, second):
            call = await centre.ended(number)
            assert (call.ending, call.reconstructed) == (CallEnding.INTERRUPTED, True)
            assert centre.count(Callback, Callback.contact_id == call.contact_id) == 1
        again = await centre.speaks(later)
        await again.hang_up()
        assert (await centre.ended(later)).ending == CallEnding.SPOKEN
        return took

    assert centre.run(body()) < 25


@pytest.mark.parametrize("menu", [False, True], ids=["notice", "menu"])
def test_hundreds_of_keys_at_once_harm_neither_their_caller_nor_others(centre: Centre, menu: bool) -> None:
    flooding, other = centre.numbers(2)

    async def body() -> None:
        caller = await centre.dial(flooding)
        for _ in range(3):
            caller.media.flood("3456789*#" * 30)
            await asyncio.sleep(0.5)
        second = await centre.dial(other)
        await second.send_dtmf("0")
        await asyncio.gather(centre.talks_with(flooding), centre.talks_with(other))
        await asyncio.gather(caller.hears(), second.hears())
        await asyncio.gather(caller.hang_up(), second.hang_up())
        for number in (flooding, other):
            assert (await centre.ended(number)).ending == CallEnding.SPOKEN

    with centre.database.unit_of_work() as session:
        change_rule(session, flows={"menu": menu})
    try:
        centre.run(body())
    finally:
        with centre.database.unit_of_work() as session:
            change_rule(session)


async def is_refused(call: SipCall) -> bool:
    return call.transfer_status >= 400


BAD_CALLERS = {
    "<script>alert(1)</script>": ("%3Cscript%3Ealert(1)%3C/script%3E", "<script>alert(1)</script>"),
    "200 digits": ("1" * 200, "x" * 200),
    "line breaks": ("138%0d%0aEvent%3a%20Hangup%0d%0a%0d%0a", "a"),
    "hidden": ("anonymous", ""),
}


def test_whatever_a_caller_calls_itself_the_call_is_one_contact(centre: Centre) -> None:
    [mobile] = centre.numbers(1)

    async def body() -> None:
        for number, name in BAD_CALLERS.values():
            call = await centre.dial(number, name=name)
            await call.hang_up()
        for number, shown in {f"+86{mobile}": mobile, f"05958{mobile[-7:]}": f"5958{mobile[-7:]}"}.items():
            call = await centre.dial(number)
            await call.hang_up()
            centre.expect(shown, like=number)
            assert (await centre.ended(shown)).ending == CallEnding.LEFT_IN_NOTICE

    centre.run(body())


def test_nobody_reaches_what_is_not_allowed_and_a_refused_transfer_leaves_both_sides_connected(centre: Centre) -> None:
    citizen, stranger_number = centre.numbers(2)

    async def body() -> None:
        call = await centre.speaks(citizen)
        person, mine = await centre.talks_with(citizen)
        for number in ("13900000000", "008613900000000", "110"):
            await mine.refer(number)
            await centre.until(lambda: is_refused(mine), f"the transfer to {number} to be refused", seconds=10)
            other = await person.phone.call(number)
            with pytest.raises(CallFailed):
                await other.answered()
            assert other.status == 403
        await asyncio.gather(call.hears(), mine.hears())
        await call.hang_up()
        assert (await centre.ended(citizen)).ending == CallEnding.SPOKEN
        async with SipPhone(local=(STRANGER, 0), server=("127.0.0.1", centre.sip_port)) as stranger:
            strange = await stranger.call("12345", caller=stranger_number)
            with pytest.raises(CallFailed):
                await strange.answered()
            assert strange.status == 401
        assert centre.calls_of(stranger_number) == []

    centre.run(body())
