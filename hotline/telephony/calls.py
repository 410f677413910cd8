"""What the exchange tells of calls, into facts: kept in order, applied in batches, however long the database is away.

What is remembered here of living calls only tells which events concern us; `resync` fills it anew after each sign-in.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.db import unit_of_work
from hotline.errors import Unavailable
from hotline.live import Pusher
from hotline.services.telephone.calling import Ring
from hotline.telephony.ami import AmiEvent
from hotline.telephony.call_words import Fact, Translator

log = logging.getLogger(__name__)

# Half an hour of a busy hour's facts; what comes after that is found by the next resync.
MOST_WAITING = 20_000
BATCH = 100
# What nobody waits for at a screen is gathered for a moment: a transaction of its own costs more than most facts, and waits for
# the disk. The end of a telephone's part in a call and that of the call come within this time.
GATHER = 0.1
AGAIN_AFTER, AGAIN_AT_MOST = 0.05, 1.0


class Calls:
    """One worker applies what `on_event` has put by, so that every call's facts keep their order."""

    def __init__(self, pusher: Pusher, *, most: int = MOST_WAITING) -> None:
        self._pusher, self._most = pusher, most
        self._waiting: deque[Fact] = deque()
        self._woken, self._urgent, self._idle = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._idle.set()
        self.words = Translator()
        # More came than could be kept: calls have gaps until the next resync.
        self.has_gap = False

    def on_event(self, event: AmiEvent) -> None:
        """Never waits: the connection to the exchange is read by whoever calls this."""
        for fact in self.words.facts(event):
            self.put(fact)

    def put(self, fact: Fact) -> None:
        if len(self._waiting) >= self._most:
            if not self.has_gap:
                log.error("calls come faster than they can be stored; some are left for the exchange's own records")
            self.has_gap = True
            return
        self._waiting.append(fact)
        self._idle.clear()
        self._woken.set()
        if fact.urgent:
            self._urgent.set()

    async def settled(self) -> None:
        """Returns when all that was put by so far is stored."""
        await self._idle.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._woken.wait()
            if not self._urgent.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(GATHER):
                        await self._urgent.wait()
            while batch := self._batch():
                await self._store(batch)
                for _ in batch:
                    self._waiting.popleft()
            self._woken.clear()
            self._urgent.clear()
            self._idle.set()

    def _batch(self) -> list[Fact]:
        """A seat's lock comes before all others: a fact about a seat begins a transaction."""
        batch: list[Fact] = []
        for fact in self._waiting:
            if len(batch) == BATCH or (batch and fact.seat):
                break
            batch.append(fact)
        return batch

    async def _store(self, batch: list[Fact]) -> None:
        try:
            await self._stubbornly(batch)
        except Exception:
            if len(batch) == 1:
                log.exception("a fact about a call could not be stored", extra={"call": batch[0].linkedid})
                return
            for fact in batch:
                await self._store([fact])

    async def _stubbornly(self, batch: list[Fact]) -> None:
        pause = AGAIN_AFTER
        while True:
            try:
                return await asyncio.to_thread(self._apply, batch)
            except Unavailable as error:
                log.warning("the database is away; calls go on, and are stored later", extra={"error": str(error)})
                await asyncio.sleep(pause)
                pause = min(pause * 2, AGAIN_AT_MOST)

    def _apply(self, batch: list[Fact]) -> None:
        """In a thread; whoever looks at a screen is told after the commit."""
        with unit_of_work() as session:
            told = [topic for fact in batch for topic in _apply_one(session, fact)]
        self._pusher.push(told)


def _apply_one(session: Session, fact: Fact) -> Iterable[str]:
    if fact.live is not None and fact.live.is_strange:
        return ()
    result = fact.tell(session)
    return [topic for staff_id in _concerned(result) for topic in (f"phone:{staff_id}", "floor")]


def _concerned(result: object) -> list[UUID]:
    """Whose screens a fact changes: it answers with the ring, the person, or the people."""
    if isinstance(result, Ring):
        return [result.staff_id]
    if isinstance(result, UUID):
        return [result]
    return result if isinstance(result, list) else []
