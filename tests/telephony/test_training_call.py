"""A simulated call on a real exchange: for practice, and counted nowhere."""

import asyncio

from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import reconciling, switching
from hotline.telephony.resync import OVERLAP, SETTLES_WITHIN
from hotline.telephony.switchboard import Switchboard
from models import Call, Contact, LineKind, PhoneLine, now
from tests.factories_contacts import make_agent
from tests.telephony.asterisk import Exchange
from tests.telephony.test_live_calls import EXTENSION, Seats, Service, agent


def test_who_practises_hears_a_caller_and_the_own_echo_and_it_counts_nowhere(
    exchange: Exchange, sqlite_database: Database
) -> None:
    begun = now()
    with sqlite_database.unit_of_work() as session:
        reconciling.set_mark(session, begun + OVERLAP)
        staff = make_agent(session)
        session.add(
            PhoneLine(
                extension=EXTENSION, kind=LineKind.DESK, staff_id=staff.id, missed_rings=0, reachable=True, signed_in_at=now()
            )
        )
        session.flush()
        switching.train(session, staff, prompt="hotline/training")

    async def body() -> None:
        async with Service(exchange).running() as service, agent(exchange) as telephone:
            await Switchboard(service.ami, Seats(), service.screens, exchange.settings).begin_due()
            simulated = await telephone.incoming(seconds=20)
            await simulated.answer()
            await simulated.hears()
            await simulated.hears(loud=False, last=1.0, seconds=60)
            await simulated.send_dtmf("5")
            await simulated.types("5")
            await simulated.hang_up()
            await asyncio.sleep(SETTLES_WITHIN.total_seconds())
        with sqlite_database.unit_of_work() as session:
            reconciling.set_mark(session, begun + OVERLAP)
        async with Service(exchange).running():
            """It has looked for calls it missed among the exchange's records."""

    asyncio.run(body())

    with sqlite_database.reading() as session:
        assert session.scalars(select(Contact)).all() == []
        assert session.scalars(select(Call)).all() == []
