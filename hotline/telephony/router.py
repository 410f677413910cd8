"""The router: keeps each line in the exchange's queues as its person stands, and holds texts out to those who are free.

Python is never between a caller and an agent: all it does to calls is to let a telephone rest or work. What it remembers of the
exchange is rebuilt at each sign-in there; the rest is a cache.
"""

import asyncio
import logging
from functools import partial
from typing import TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.db import in_reading, in_unit_of_work
from hotline.errors import HotlineError
from hotline.live import Pusher
from hotline.services.telephone import lines, routing
from hotline.services.telephone.lines import Seat
from hotline.services.telephone.routing import Floor, UrgentCaller
from hotline.telephony import members
from hotline.telephony.ami import Ami, AmiError, AmiEvent
from hotline.telephony.members import PHONE_LOST, Members, clock, extension_of

log = logging.getLogger(__name__)
T = TypeVar("T")

# What people do themselves is carried out at once (`settle`); this finds what time has changed, and texts that have come.
EVERY = 0.5
# Between looks at what is seldom there: urgent callers, urgent texts too late.
SELDOM = 1.0
# Whoever was held out a text is left to callers for so long; others are asked first.
LET_GO = 60.0
# Whom nothing suited is not asked about every text again at once.
NOTHING_SUITED = 2.0
# After a call the exchange would ring at once; until then our rows say that notes are to be written.
AFTER_CALL = 2.0
# As long as the dialplan keeps a caller for a phone that was lost.
KEPT_FOR_LOST = 45.0

HEARD = members.HEARD | {"PeerStatus"}
_THERE = {"Reachable", "Registered"}


class Router:
    """`on_event` and `rebuild` are the exchange's side, `tick` that of our rows, `settle` for a single line in between."""

    def __init__(self, ami: Ami, pusher: Pusher) -> None:
        self._ami, self._pusher = ami, pusher
        self._members = Members(ami, clock=clock, on_left_call=self._rest_after_call)
        self._locks: dict[str, asyncio.Lock] = {}
        self._settled_at: dict[str, float] = {}
        self._phones: dict[str, bool] = {}
        self._offers: dict[UUID, UUID] = {}
        self._let_go: dict[UUID, float] = {}
        self._nothing_suited: dict[UUID, float] = {}
        self._alarmed: set[UUID] = set()
        self._ahead: dict[str, int] = {}
        self._seldom_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Until cancelled. Neither a database nor an exchange that is away ends it."""
        while True:
            try:
                await self.tick()
            except (HotlineError, AmiError) as error:
                log.debug("the router waits", extra={"error": str(error)})
            except Exception:
                log.exception("the router failed, and goes on")
            await asyncio.sleep(EVERY)

    async def rebuild(self) -> None:
        """After each sign-in at the exchange, before its events are handed over."""
        await self._members.rebuild()
        there = {contact.endpoint or contact.aor for contact in await self._ami.contacts()}
        known = await in_reading(lines.digests)
        self._phones = {extension: extension in there for extension in known}

    def on_event(self, event: AmiEvent) -> None:
        self._members.on_event(event)
        # ContactStatus also says Removed when a phone has registered anew.
        if event.name == "PeerStatus" and (extension := extension_of(event.get("Peer"))):
            self._phones[extension] = event.get("PeerStatus") in _THERE

    def _rest_after_call(self, extension: str) -> None:
        """The next call would ring before our rows know that this one is over."""
        task = asyncio.create_task(self._rest(extension))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _rest(self, extension: str) -> None:
        member = self._members.get(extension)
        if any(place.paused for place in member.places.values()):
            return
        try:
            await self._members.pause(extension, lines.WRAPPING_UP)
        except AmiError as error:
            log.warning("a line could not be paused", extra={"extension": extension, "error": str(error)})

    async def tick(self) -> None:
        """One look at the rows; then whatever differs, line by line."""
        if not self._ami.connected:
            return
        looked_at = clock()
        floor = await in_reading(routing.look)
        await self._note_phones()
        if await self._end_offers(floor):
            floor = await in_reading(routing.look)
        seats = {seat.extension: seat for seat in floor.seats}
        for extension in [*seats, *(each for each in self._members if each not in seats)]:
            # A line that was settled since has newer rows than these.
            if not self._lock(extension).locked() and self._settled_at.get(extension, looked_at - 1) < looked_at:
                async with self._lock(extension):
                    await self._keep(extension, seats.get(extension), floor)
        if clock() - self._seldom_at >= SELDOM:
            self._seldom_at = clock()
            await self._look_for_urgent()

    def _lock(self, extension: str) -> asyncio.Lock:
        return self._locks.setdefault(extension, asyncio.Lock())

    async def settle(self, extension: str) -> str:
        """Brings one line to where its rows say, at once. Returns why it rests, empty if calls may come."""
        async with self._lock(extension):
            floor = await in_reading(routing.look)
            seat = next((seat for seat in floor.seats if seat.extension == extension), None)
            reason = await self._keep(extension, seat, floor)
            self._settled_at[extension] = clock()
            return reason

    async def _keep(self, extension: str, seat: Seat | None, floor: Floor) -> str:
        if seat is None:
            await self._members.join(extension, {}, name="")
            return lines.ABSENT
        if await self._move_on(seat, floor):
            return seat.reason
        await self._members.join(extension, seat.queues, name=seat.username)
        if self._is_kept_for_caller(seat):
            return PHONE_LOST
        reason = seat.reason or self._rests_still(extension)
        may_write = not reason and seat.takes_text and floor.text_waits
        if may_write and self._members.is_free(extension) and await self._offer_text(seat):
            return lines.ON_OFFER
        if not self._members.get(extension).stands(reason):
            await self._members.pause(extension, reason)
        return reason

    async def _move_on(self, seat: Seat, floor: Floor) -> bool:
        """What time or silence has changed about a person."""
        if seat.ended:
            await in_unit_of_work(partial(lines.sign_out, extension=seat.extension))
        elif floor.is_wrapped_up(seat):
            await in_unit_of_work(partial(routing.end_wrap_up, staff_id=seat.staff_id))
            # Not what rings, which is the same as before.
            self._pusher.push([f"staff:{seat.staff_id}", "floor"])
            return True
        elif floor.is_deaf(seat):
            await in_unit_of_work(partial(routing.pause_deaf, staff_id=seat.staff_id))
        else:
            return False
        self._push(seat.staff_id)
        return True

    def _is_kept_for_caller(self, seat: Seat) -> bool:
        member = self._members.get(seat.extension)
        return member.rests_for(PHONE_LOST) and not seat.reason and clock() - member.lost_at < KEPT_FOR_LOST

    def _rests_still(self, extension: str) -> str:
        return lines.WRAPPING_UP if clock() - self._members.get(extension).left_call_at < AFTER_CALL else ""

    async def _offer_text(self, seat: Seat) -> bool:
        """First in rank is a text: the telephone rests, and if it has not begun to ring meanwhile the text is held out."""
        contact_id = await self._text_for(seat)
        if contact_id is None:
            return False
        await self._members.pause(seat.extension, lines.ON_OFFER)
        # A member paused while it rings goes on ringing and gets the call.
        await self._members.refresh(seat.extension)
        if not self._members.is_free(seat.extension):
            return False
        offer = await in_unit_of_work(partial(routing.offer, contact_id=contact_id, staff_id=seat.staff_id))
        if offer is None:
            return False
        self._offers[seat.staff_id] = contact_id
        self._push(seat.staff_id)
        return True

    async def _text_for(self, seat: Seat) -> UUID | None:
        at = clock()
        if self._nothing_suited.get(seat.staff_id, 0.0) > at:
            return None
        self._let_go = {staff_id: until for staff_id, until in self._let_go.items() if until > at}
        if seat.staff_id in self._let_go:
            return None
        found = await in_reading(partial(routing.choose, staff_id=seat.staff_id))
        if found is None:
            self._nothing_suited[seat.staff_id] = at + NOTHING_SUITED
        return found

    async def _end_offers(self, floor: Floor) -> bool:
        """Whoever had an offer is not held out another for a while, taken or let go: callers wait too.

        Whether some were withdrawn: then the rows are others.
        """
        free = self._queues_with_a_free_phone(floor)
        lapsed = await in_unit_of_work(partial(routing.lapse, free=free)) if floor.offers_in_doubt else []
        before = self._offers
        self._offers = {staff_id: contact_id for staff_id, contact_id in floor.offers.items() if staff_id not in lapsed}
        for staff_id, contact_id in before.items():
            if self._offers.get(staff_id) != contact_id:
                self._let_go[staff_id] = clock() + LET_GO
                self._push(staff_id)
        return bool(lapsed)

    def _queues_with_a_free_phone(self, floor: Floor) -> set[str]:
        free = [seat for seat in floor.seats if self._members.is_free(seat.extension)]
        return {queue for seat in free if self._members.get(seat.extension).stands("") for queue in seat.queues}

    async def _look_for_urgent(self) -> None:
        late, callers = await in_reading(lambda session: (routing.late_urgent_texts(session), routing.urgent_callers(session)))
        if set(late) - self._alarmed:
            self._pusher.push(["floor"])
        self._alarmed = set(late)
        self._ahead = {caller.call.linkedid: self._ahead.get(caller.call.linkedid, 0) for caller in callers}
        for caller in callers:
            if caller.weight > self._ahead[caller.call.linkedid] and await self._stands_behind(caller):
                await in_unit_of_work(partial(routing.put_ahead, caller=caller))
            self._ahead[caller.call.linkedid] = caller.weight

    async def _stands_behind(self, caller: UrgentCaller) -> bool:
        """The flow may have set the priority already when the caller joined."""
        queues = await self._ami.queue_status(caller.call.queue)
        standing = [each for queue in queues for each in queue.callers if each.channel == caller.call.channel_name]
        return any(each.priority < caller.weight for each in standing)

    async def _note_phones(self) -> None:
        changed = dict(self._phones)
        if changed:
            await in_unit_of_work(partial(_set_reachable, phones=changed))
            self._phones = {extension: state for extension, state in self._phones.items() if changed.get(extension) != state}

    def _push(self, staff_id: UUID) -> None:
        self._pusher.push([f"phone:{staff_id}", f"staff:{staff_id}", "floor"])


def _set_reachable(session: Session, phones: dict[str, bool]) -> None:
    for extension, reachable in phones.items():
        lines.set_reachable(session, extension, reachable)
