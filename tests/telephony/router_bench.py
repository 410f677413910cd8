"""The bench for the router: an exchange that only remembers, a database, and one agent at line 2001."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services import presence
from hotline.services.telephone import lines
from hotline.telephony.router import Router
from models import Offer, Presence, PresenceState
from tests.factories import signed_in
from tests.factories_contacts import make_agent, make_contact
from tests.telephony.fakes import FakeAmi, Pushes

LINE = "PJSIP/2001"
T = TypeVar("T")


class RouterBench:
    def __init__(self, database: Database) -> None:
        self.database, self.ami, self.pushes = database, FakeAmi(), Pushes()
        self.router = Router(self.ami, self.pushes)  # type: ignore[arg-type]
        self.ami.on_event = self.router.on_event
        self.agent = self.seat()

    def seat(self, **values: Any) -> UUID:
        return self.write(lambda session: _seat(session, **values))

    def write(self, work: Callable[[Session], T]) -> T:
        with self.database.unit_of_work() as session:
            return work(session)

    def text(self, **values: Any) -> UUID:
        return self.write(lambda session: make_contact(session, **{"channel": "sms", **values}).id)

    def stand(self, state: PresenceState, reason: str = "") -> None:
        self.write(lambda session: presence.move(session, self.agent, state, reason) and None)

    def where(self) -> tuple[str, str]:
        with self.database.reading() as session:
            row = session.get_one(Presence, self.agent)
            return row.state.value, row.reason

    def offers(self) -> dict[UUID, UUID]:
        with self.database.reading() as session:
            return {offer.staff_id: offer.contact_id for offer in session.scalars(select(Offer))}

    def stands(self, interface: str = LINE) -> tuple[bool, str]:
        member = self.ami.member(interface)
        return member.paused, member.paused_reason

    async def ticks(self, count: int = 1) -> None:
        for _ in range(count):
            await self.router.tick()
            await asyncio.sleep(0)


def _seat(session: Session, **values: Any) -> UUID:
    staff = make_agent(session, **values)
    lines.sign_in(session, signed_in(session, staff))
    return staff.id


def run(test: Callable[[RouterBench], Awaitable[None]]) -> Callable[[Database], None]:
    """A test on its own bench, in a loop of its own."""

    def wrapped(sqlite_database: Database) -> None:
        async def whole() -> None:
            bench = RouterBench(sqlite_database)
            await bench.router.rebuild()
            await test(bench)

        asyncio.run(whole())

    wrapped.__name__ = test.__name__
    return wrapped
