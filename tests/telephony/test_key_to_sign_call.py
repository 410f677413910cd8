"""A real call on a real exchange: whoever is on duty is rung, types the code and signs by a key."""

import asyncio
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from hotline.db import Database
from hotline.services.rosters import telling
from hotline.services.telephone import callbacks, reconciling
from hotline.telephony.ivr import Database as Desk
from hotline.telephony.ivr import Ivr
from hotline.telephony.resync import OVERLAP
from hotline.telephony.switchboard import Switchboard
from models import Assignment, AssignmentStatus, CallbackTry, Contact, NoticeDelivery, TryOutcome, UnitNotice, Urgency, now
from tests.services.rosters.making import make_member
from tests.services.rosters.test_telling import given
from tests.telephony.asterisk import Exchange
from tests.telephony.sip import SipPhone
from tests.telephony.sip_call import SipCall
from tests.telephony.test_live_calls import CARRIER, Seats, Service, until

CODE = "271828"


def owed(database: Database) -> None:
    """A new case whose step now is a call."""
    with database.unit_of_work() as session:
        make_member(session, code=CODE)
        given(session, urgency=Urgency.EMERGENCY)  # told at any hour
        notice = session.scalars(select(UnitNotice)).one()
        notice.step, notice.next_at = 2, now() - timedelta(seconds=1)
    with database.unit_of_work() as session:
        assert telling.tell_due(session) == 1
        (callback,) = callbacks.due(session, now())
        callbacks.dial(session, callback, at=now())


def is_signed(database: Database) -> bool:
    with database.reading() as session:
        return session.scalars(select(Assignment.status)).one() == AssignmentStatus.IN_PROGRESS


async def press_until_signed(call: SipCall, database: Database) -> None:
    """A key that comes between two questions is heard by nobody: it is pressed again."""
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(is_signed, database):
            await call.send_dtmf("1")
            await asyncio.sleep(1)


def test_whoever_is_on_duty_signs_by_a_key(exchange: Exchange, sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.unit_of_work() as session:
        reconciling.set_mark(session, now() + OVERLAP)
    owed(sqlite_database)

    async def body() -> None:
        ivr = Ivr(Desk(), spool=tmp_path).server()
        await ivr.start("127.0.0.1", exchange.agi_port)
        rung = SipPhone(local=(CARRIER, exchange.trunk_port), server=("127.0.0.1", exchange.sip_port))
        async with Service(exchange).running() as service, rung:
            await Switchboard(service.ami, Seats(), service.screens, exchange.settings).begin_due()
            theirs = await rung.incoming(seconds=20)
            await theirs.answer()
            await theirs.hears()
            await theirs.send_dtmf(f"{CODE}#")
            await press_until_signed(theirs, sqlite_database)
            await theirs.hang_up()
            await until(sqlite_database, lambda known: known.ended_at is not None)
        await ivr.stop(grace=0.2)

    asyncio.run(body())

    with sqlite_database.reading() as session:
        assert session.scalars(select(NoticeDelivery.signed_at)).one() is not None
        assert session.scalars(select(CallbackTry.outcome)).all() == [TryOutcome.ANSWERED]
        own = session.scalars(select(Contact).where(Contact.source == "placed")).one()
        assert own.concluded_at is not None
