"""Real calls from a number that is not served for a time: it hears so, a key leads to a person, another to an appeal."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import select

from hotline.db import Database
from hotline.services.sideways import refused_calls
from hotline.services.telephone import reconciling
from hotline.telephony.ivr import Database as Desk
from hotline.telephony.ivr import Ivr
from hotline.telephony.resync import OVERLAP
from models import Call, Callback, CallEnding, Conclusion, Contact, NumberRefusal, now
from tests.services.sideways.test_refused_numbers import NUMBER, refused
from tests.telephony.asterisk import Exchange
from tests.telephony.sip import SipPhone
from tests.telephony.sip_call import SipCall
from tests.telephony.sip_media import tone
from tests.telephony.test_live_calls import Service, agent, citizen, newest, until

CALLER = NUMBER.removeprefix("+86")


@asynccontextmanager
async def flows(exchange: Exchange, spool: Path) -> AsyncIterator[None]:
    server = Ivr(Desk(), spool=spool).server()
    await server.start("127.0.0.1", exchange.agi_port)
    try:
        yield
    finally:
        await server.stop(grace=0.2)


async def dial(caller: SipPhone) -> SipCall:
    call = await caller.call("12345", caller=CALLER, sound=tone(90))
    await call.answered(seconds=20)
    return call


async def press_until(call: SipCall, key: str, database: Database, holds: Callable[[Call], bool]) -> None:
    """A key that comes while nothing is asked is heard by nobody: it is pressed again."""
    async with asyncio.timeout(40):
        while (known := await asyncio.to_thread(newest, database)) is None or not holds(known):
            await call.send_dtmf(key)
            await asyncio.sleep(1)


def test_a_refused_number_hears_so_and_a_key_leads_to_a_person_or_to_an_appeal(
    exchange: Exchange, sqlite_database: Database, tmp_path: Path
) -> None:
    database = sqlite_database
    (tmp_path / "voicemail").mkdir()
    with database.unit_of_work() as session:
        reconciling.set_mark(session, now() + OVERLAP)
        refused(session)

    async def body() -> None:
        async with flows(exchange, tmp_path), Service(exchange).running(), agent(exchange) as person, citizen(exchange) as caller:
            told = await dial(caller)
            await told.hears()
            await until(database, lambda known: known.ending == CallEnding.TURNED_AWAY)
            await told.hang_up()
            await until(database, lambda known: known.ended_at is not None)

            urgent = await dial(caller)
            await press_until(urgent, "1", database, lambda known: known.queued_at is not None)
            answered = await person.incoming(seconds=20)
            await answered.answer(sound=tone(60))
            await asyncio.gather(urgent.hears(), answered.hears())
            await urgent.hang_up()
            await until(database, lambda known: known.ending == CallEnding.SPOKEN)

            appealing = await dial(caller)
            await press_until(appealing, "2", database, lambda known: any((tmp_path / "voicemail").iterdir()))
            await asyncio.sleep(1)
            await appealing.hang_up()
            await until(database, lambda known: known.ending == CallEnding.VOICE_MESSAGE and known.ended_at is not None)

    asyncio.run(body())

    with database.reading() as session:
        row = session.scalars(select(NumberRefusal)).one()
        calls = session.execute(select(Contact.conclusion).join(Call).order_by(Call.started_at)).scalars().all()
        assert (row.turned_away, row.appeal) == (1, refused_calls.SPOKEN)
        assert calls == [Conclusion.REFUSED, None, None]
        assert session.scalars(select(Callback)).all() == []
