"""Router and switchboard at work on a real exchange: secrets, pauses, texts before calls, and the guard of placed calls."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services import presence, signing_in
from hotline.services.access import Me
from hotline.services.telephone import calling, lines, routing, switching
from hotline.services.telephone.lines import Credentials
from hotline.services.telephone.switching import SpyMode
from hotline.telephony.ami import Ami, AmiEvent
from hotline.telephony.ami_words import QueueMember
from hotline.telephony.router import Router
from hotline.telephony.switchboard import Switchboard
from models import CommandState, Contact, Offer, PhoneLine, PresenceState, Role, Staff, SwitchboardAction, SwitchboardCommand, now
from tests.factories import make_staff, signed_in
from tests.factories_contacts import make_agent, make_contact
from tests.telephony.asterisk import Exchange, running_exchange
from tests.telephony.fakes import Pushes
from tests.telephony.sip import SipPhone, within
from tests.telephony.sip_media import tone

T = TypeVar("T")
NUMBER = "+8613800138000"
DESK = "1001"


class Centre:
    """The part of the telephony process that is under test, on a database and an exchange of the test's own."""

    def __init__(self, database: Database, exchange: Exchange) -> None:
        self.database, self.exchange, self.events = database, exchange, asyncio.Queue[AmiEvent]()
        pushes = Pushes()
        self.ami = Ami("127.0.0.1", exchange.ami_port, username="hotline", secret=exchange.ami_secret)
        self.router = Router(self.ami, pushes)  # type: ignore[arg-type]
        self.board = Switchboard(self.ami, self.router, pushes, exchange.settings)  # type: ignore[arg-type]
        self.ready, self.lost = asyncio.Event(), asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def at(cls, database: Database, exchange: Exchange) -> AsyncIterator["Centre"]:
        centre = cls(database, exchange)
        talking = centre.ami.run(on_event=centre.on_event, on_login=centre.on_login, on_lost=centre.on_lost)
        tasks = [asyncio.create_task(work) for work in (talking, centre.router.run(), centre.board.run())]
        try:
            await within(10, centre.ready.wait(), "a sign-in at the exchange")
            yield centre
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await centre.board.finish()

    def on_event(self, event: AmiEvent) -> None:
        self.router.on_event(event)
        self.board.on_event(event)
        self.events.put_nowait(event)

    async def on_login(self) -> None:
        await self.router.rebuild()
        await self.board.rebuild()
        self.ready.set()

    async def on_lost(self) -> None:
        self.ready.clear()
        self.lost.set()

    def write(self, work: Callable[[Session], T]) -> T:
        with self.database.unit_of_work() as session:
            return work(session)

    def person(self) -> Me:
        return self.write(lambda session: signed_in(session, make_agent(session)))

    def stand(self, me: Me, state: PresenceState, reason: str) -> None:
        self.write(lambda session: presence.set_presence(session, session.get_one(Staff, me.staff_id), state, reason))

    async def settled(self, command_id: UUID) -> SwitchboardCommand:
        def look() -> SwitchboardCommand | None:
            with self.database.reading() as session:
                row = session.get_one(SwitchboardCommand, command_id)
                return row if row.settled_at is not None else None

        return await self.until(look, "the outcome of a command")

    async def done(self) -> None:
        """All that was asked so far has its outcome."""
        with self.database.reading() as session:
            asked = list(session.scalars(select(SwitchboardCommand.id)))
        for command_id in asked:
            assert (await self.settled(command_id)).state == CommandState.DONE

    async def member(self, extension: str) -> QueueMember | None:
        [queue] = await self.ami.queue_status("main")
        return next((each for each in queue.members if each.interface == f"PJSIP/{extension}"), None)

    async def until(self, look: Callable[[], T | None], what: str) -> T:
        async def found() -> T:
            while (value := look()) is None:
                await asyncio.sleep(0.01)
            return value

        return await within(10, found(), what)

    async def stands(self, extension: str, paused: bool, reason: str) -> None:
        async def holds() -> None:
            while (member := await self.member(extension)) is None or (member.paused, member.paused_reason) != (paused, reason):
                await asyncio.sleep(0.05)

        await within(10, holds(), f"line {extension} to stand at {reason!r}")

    async def event(self, name: str, **fields: str) -> AmiEvent:
        async def told() -> AmiEvent:
            while True:
                event = await self.events.get()
                if event.name == name and all(event.get(key) == value for key, value in fields.items()):
                    return event

        return await within(15, told(), f"the event {name}")

    async def desk_phone(self, phone: SipPhone, extension: str = DESK, **person: Any) -> Me:
        """Somebody who has sat down at a desk phone, which has registered."""
        given, me = self.write(lambda session: _sit_down(session, extension, **person))
        await self.done()
        assert await phone.register(given.extension, given.secret) == 200
        return me


def _sit_down(session: Session, extension: str, **person: Any) -> tuple[Credentials, Me]:
    boss = signed_in(session, make_staff(session, roles=(Role.ADMINISTRATOR,)))
    me = signed_in(session, make_agent(session, **person))
    given = lines.new_device_secret(session, boss, extension)
    lines.sit_down(session, me, extension)
    return given, me


Test = Callable[[Centre], Awaitable[None]]


@pytest.fixture
def centre(sqlite_database: Database, exchange: Exchange) -> Callable[[Test], None]:
    def run(test: Test) -> None:
        async def whole() -> None:
            async with Centre.at(sqlite_database, exchange) as here:
                await test(here)

        asyncio.run(whole())

    return run


def a_phone(centre: Centre, *, host: str = "127.0.0.1", port: int = 0) -> SipPhone:
    return SipPhone(local=(host, port), server=("127.0.0.1", centre.exchange.sip_port))


def test_a_secret_is_good_from_sign_in_to_the_end_of_the_web_session(centre: Callable[[Test], None]) -> None:
    async def test(here: Centre) -> None:
        me = here.person()
        given = here.write(lambda session: lines.sign_in(session, me))
        await here.done()
        async with a_phone(here) as phone:
            assert await phone.register(given.extension, "a guess") == 401
            assert await phone.register(given.extension, given.secret) == 200
            await here.stands(given.extension, False, "")
            await here.until(lambda: here.write(lambda s: s.get_one(PhoneLine, given.extension).reachable) or None, "the phone")

            here.write(lambda session: signing_in.sign_out(session, me))

            while await here.member(given.extension) is not None:
                await asyncio.sleep(0.05)
            await here.done()
            assert await phone.register(given.extension, given.secret) == 401

    centre(test)


def test_a_second_sign_in_ends_the_first_secret(centre: Callable[[Test], None]) -> None:
    async def test(here: Centre) -> None:
        me = here.person()
        first = here.write(lambda session: lines.sign_in(session, me))
        await here.done()
        second = here.write(lambda session: lines.sign_in(session, me))
        await here.done()
        async with a_phone(here) as phone:
            assert await phone.register(first.extension, first.secret) == 401
            assert await phone.register(second.extension, second.secret) == 200

    centre(test)


def test_a_pause_is_acknowledged_by_the_exchange(
    centre: Callable[[Test], None], record_property: Callable[[str, object], None]
) -> None:
    async def test(here: Centre) -> None:
        async with a_phone(here) as phone:
            me = await here.desk_phone(phone)
            await here.stands(DESK, False, "")
            took = []
            for state, reason in [(PresenceState.PAUSED, "喝水"), (PresenceState.AVAILABLE, "")] * 5:
                began = time.monotonic()
                here.stand(me, state, reason)
                await here.done()
                took.append(time.monotonic() - began)
                member = await here.member(DESK)
                assert member is not None
                assert (member.paused, member.paused_reason) == (bool(reason), reason)
            record_property("longest pause in ms", round(max(took) * 1000))

    centre(test)


def test_a_text_first_in_rank_pauses_the_phone_before_it_is_held_out(centre: Callable[[Test], None]) -> None:
    async def test(here: Centre) -> None:
        async with a_phone(here) as phone:
            me = await here.desk_phone(phone)
            text = here.write(lambda session: make_contact(session, channel="sms").id)

            await here.until(lambda: here.write(lambda s: s.scalars(select(Offer.contact_id)).one_or_none()), "an offer")
            member = await here.member(DESK)
            assert member is not None
            assert (member.paused, member.paused_reason) == (True, "offer")
            here.write(lambda session: routing.accept_offer(session, session.get_one(Staff, me.staff_id)))
            await here.stands(DESK, True, "text")
            assert here.write(lambda session: session.get_one(Contact, text).taken_by_id) == me.staff_id

    centre(test)


def test_a_call_is_placed_agent_first_and_its_token_dials_once(centre: Callable[[Test], None]) -> None:
    async def test(here: Centre) -> None:
        citizens = a_phone(here, host="127.0.0.2", port=here.exchange.trunk_port)
        async with a_phone(here) as phone, citizens as citizen:
            me = await here.desk_phone(phone)
            command = here.write(lambda session: _place(session, me))

            at_agent = await phone.incoming()
            await at_agent.answer()
            at_citizen = await citizen.incoming()
            assert at_citizen.caller == "12345"
            await at_citizen.answer()
            outcome = await here.settled(command)
            assert (outcome.state, outcome.result) == (CommandState.DONE, "answered")
            await at_agent.hang_up()
            await at_citizen.gone()

            token = {"DIALTOKEN": str(command)}
            again = f"again-{command}"
            await here.ami.originate(
                channel=f"PJSIP/{DESK}", channel_id=again, ring_for=10, context="out", exten="13800138000", variables=token
            )
            await (await phone.incoming()).answer()
            assert (await here.event("UserEvent", UserEvent="OutRefused")).get("Exten") == "13800138000"

    centre(test)


def _place(session: Session, me: Me) -> UUID:
    contact = make_contact(session, channel="voice", number=NUMBER)
    return switching.place_call(session, session.get_one(Staff, me.staff_id), contact=contact).id


def test_an_emergency_number_joins_the_call_at_hand(centre: Callable[[Test], None]) -> None:
    async def test(here: Centre) -> None:
        async with a_phone(here) as phone, a_phone(here, host="127.0.0.2") as citizen:
            await here.desk_phone(phone)
            call = await citizen.call("12345", caller="13800138000")
            at_agent = await phone.incoming(seconds=30)
            await at_agent.answer()
            [caller] = [each for each in await here.ami.channels() if each.application == "Queue"]
            asked = {"channel": caller.name, "linkedid": caller.linkedid, "number": "110"}
            command = here.write(
                lambda session: switching.ask(session, SwitchboardAction.ADD_PARTY, asked, by=None, lasting=switching.RINGING).id
            )

            assert (await here.settled(command)).state == CommandState.DONE
            bridged = {
                each.bridge_id for each in await here.ami.channels() if each.linkedid == caller.linkedid and each.bridge_id
            }
            assert len(bridged) >= 1
            await at_agent.hang_up()
            assert not call.ended

    centre(test)


# Each tells apart from the one before: a mode that does nothing is noticed.
EARS = [
    (SpyMode.BARGE, True, True),
    (SpyMode.WHISPER, True, False),
    (SpyMode.LISTEN, False, False),
    (SpyMode.WHISPER, True, False),
]


def test_a_shift_leader_is_heard_by_the_right_ears_and_the_recording_falls_silent(centre: Callable[[Test], None]) -> None:
    async def test(here: Centre) -> None:
        async with a_phone(here) as phone, a_phone(here) as at_leader, a_phone(here, host="127.0.0.2") as citizen:
            agent = await here.desk_phone(phone)
            leader = await here.desk_phone(at_leader, "1002", roles=(Role.SHIFT_LEADER,), channels=["sms"])
            outside = await citizen.call("12345", caller="13800138000")
            at_agent = await phone.incoming(seconds=30)
            await at_agent.answer()
            channels = await here.ami.channels()
            caller = next(each for each in channels if each.application == "Queue")
            mine = next(each for each in channels if each.name.startswith(f"PJSIP/{DESK}-"))
            here.write(lambda session: _known_call(session, caller.linkedid, caller.name, mine.name, mine.uniqueid))

            asked = here.write(lambda session: switching.mute_recording(session, _staff(session, agent), muted=True).id)
            assert (await here.settled(asked)).state == CommandState.DONE
            muted = await here.event("MixMonitorMute")
            assert (muted.get("Channel"), muted.get("State")) == (caller.name, "1")

            asked = here.write(lambda session: switching.spy(session, _staff(session, leader), agent.staff_id).id)
            listening = await at_leader.incoming()
            await listening.answer(sound=tone(60))
            assert (await here.settled(asked)).state == CommandState.DONE
            assert (await here.event("ChanSpyStart")).get("SpyeeChannel") == mine.name
            outside.media.play(tone(3))
            await asyncio.gather(listening.hears(), at_agent.hears())
            await asyncio.gather(at_agent.hears(loud=False, last=1), outside.hears(loud=False, last=1))
            for mode, heard_by_agent, heard_outside in EARS:
                asked = here.write(partial(_in_mode, leader=leader, mode=mode))
                assert (await here.settled(asked)).result == mode.value
                await asyncio.gather(at_agent.hears(loud=heard_by_agent, last=1), outside.hears(loud=heard_outside, last=1))

            here.write(lambda session: switching.hang_up(session, _staff(session, agent)))
            await at_agent.gone()

    centre(test)


def _in_mode(session: Session, *, leader: Me, mode: SpyMode) -> UUID:
    return switching.spy_mode(session, _staff(session, leader), mode).id


def _staff(session: Session, me: Me) -> Staff:
    return session.get_one(Staff, me.staff_id)


def _known_call(session: Session, linkedid: str, caller: str, mine: str, unique_id: str) -> None:
    at, leg = now(), {"extension": DESK, "unique_id": unique_id}
    calling.arrived(session, linkedid=linkedid, channel_name=caller, number="13800138000", name="", called="12345", at=at)
    calling.rang(session, linkedid, channel_name=mine, at=at, **leg)
    calling.answered(session, linkedid, at=at, **leg)


def test_an_exchange_that_died_and_lost_its_memory_is_told_everything_again(sqlite_database: Database, tmp_path: Path) -> None:
    with running_exchange(tmp_path / "exchange") as exchange:

        async def whole() -> None:
            async with Centre.at(sqlite_database, exchange) as here, a_phone(here) as phone:
                me = here.person()
                given = here.write(lambda session: lines.sign_in(session, me))
                here.stand(me, PresenceState.PAUSED, "吃饭")
                await here.stands(given.extension, True, "吃饭")
                await asyncio.to_thread(exchange.kill)
                await within(15, here.lost.wait(), "the loss of the exchange")
                (exchange.folder / "var" / "db" / "astdb.sqlite3").unlink()

                await asyncio.to_thread(exchange.start)

                await within(30, here.ready.wait(), "another sign-in at the exchange")
                await here.stands(given.extension, True, "吃饭")
                assert await phone.register(given.extension, given.secret) == 200

        asyncio.run(whole())
