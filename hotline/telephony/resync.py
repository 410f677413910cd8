"""After each sign-in at the exchange, and now and then: which calls live, which ended or even began while nobody listened.

The exchange's own records (CEL, queue_log) tell what we have missed; what nothing tells of is marked as interrupted.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.db import reading
from hotline.errors import Unavailable
from hotline.services.telephone import call_rows, calling, reconciling
from hotline.services.telephone.calling import Ring
from hotline.telephony.ami import Ami, AmiError, LiveChannel, QueueState
from hotline.telephony.asterisk_files import AsteriskFiles, CallRecord, QueueRow
from hotline.telephony.call_words import TRUNK, Fact, command_of, extension_of, place
from hotline.telephony.calls import Calls
from models import Call, now

log = logging.getLogger(__name__)

EVERY = 60.0
# Records are looked at from a little before the mark: a line may be written later than what it tells of.
OVERLAP = timedelta(seconds=30)
# Younger calls than this are left to their events: the list of channels may be older than they are.
SETTLES_WITHIN = timedelta(seconds=5)
UP, RINGING = "Up", "Ringing"


@dataclass(frozen=True)
class Look:
    """What the exchange says and what it wrote down, at one moment."""

    at: datetime
    channels: list[LiveChannel]
    queues: list[QueueState]
    records: dict[str, CallRecord]
    queue_rows: dict[str, list[QueueRow]]

    @property
    def living(self) -> set[str]:
        return {channel.linkedid for channel in self.channels} | {channel.uniqueid for channel in self.channels}


class Resync:
    def __init__(self, ami: Ami, calls: Calls, files: AsteriskFiles) -> None:
        self._ami, self._calls, self._files = ami, calls, files
        self._rebuilt = asyncio.Event()

    async def rebuild(self) -> None:
        """After a sign-in, before events are handed over. What is missing is put by like any other fact."""
        self._calls.words.forget()
        look = await self._look()
        self._follow(look)
        self._put(look)
        self._rebuilt.set()

    async def run(self) -> None:
        """Until cancelled: now and then, against events that were missed."""
        while True:
            await self._rest()
            if self._ami.connected:
                await self._again()

    async def _rest(self) -> None:
        """Shorter after a sign-in, whose look leaves out what has just ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(EVERY):
                await self._rebuilt.wait()
                self._rebuilt.clear()
                await asyncio.sleep(2 * SETTLES_WITHIN.total_seconds())

    async def _again(self) -> None:
        try:
            look = await self._look()
        except (AmiError, Unavailable) as error:
            log.warning("calls could not be compared", extra={"error": str(error)})
            return
        self._calls.has_gap = False
        self._follow(look)
        self._put(look)

    async def _look(self) -> Look:
        """Our mark first, then the channels: a call that is open here and gone there has ended."""
        at = now()
        since = await asyncio.to_thread(_mark)
        channels, queues = await self._ami.channels(), await self._ami.queue_status()
        records, rows = await asyncio.to_thread(self._read, since - OVERLAP)
        return Look(at, channels, queues, {record.linkedid: record for record in records}, rows)

    def _read(self, since: datetime) -> tuple[list[CallRecord], dict[str, list[QueueRow]]]:
        records = self._files.calls_since(since)
        wanted = {record.linkedid for record in records}
        rows: dict[str, list[QueueRow]] = defaultdict(list)
        for row in self._files.queue_rows(min((record.started for record in records), default=since)):
            if row.uniqueid in wanted:
                rows[row.uniqueid].append(row)
        return records, rows

    # -- what lives

    def _follow(self, look: Look) -> None:
        """Events of these calls concern us from here on; those that were followed already stay as they are."""
        for channel in look.channels:
            is_first = channel.uniqueid == channel.linkedid and not self._calls.words.follows(channel.linkedid)
            if is_first and (command_of(channel.linkedid) or channel.name.startswith(TRUNK)):
                self._take_up(channel, look)

    def _take_up(self, first: LiveChannel, look: Look) -> None:
        command_id = command_of(first.linkedid)
        live = self._calls.words.follow(first.linkedid, placed=command_id is not None)
        if command_id is not None:
            placed = partial(place, live=live, command_id=command_id, at=_began(first, look), channel=first.name)
            self._calls.put(Fact(first.linkedid, placed, live))
        else:
            self._calls.put(Fact(first.linkedid, partial(_take_up, channel=first, look=look), live))
        for channel in look.channels:
            extension = extension_of(channel.name)
            if extension and channel.linkedid == first.linkedid:
                spoken = channel.state == UP and bool(channel.bridge_id) and channel.bridge_id == first.bridge_id
                self._calls.words.follow_leg(live, channel.uniqueid, extension, bridge=channel.bridge_id, spoken=spoken)

    # -- what has ended

    def _put(self, look: Look) -> None:
        """Behind all events that came before the look: what they tell is more exact."""
        self._calls.put(Fact("", partial(_close_gone, look=look), seat=True))


def _mark() -> datetime:
    with reading() as session:
        return reconciling.mark(session)


def _began(channel: LiveChannel, look: Look) -> datetime:
    """`duration` is HH:MM:SS."""
    parts = channel.duration.split(":")
    seconds = sum(int(part) * 60**power for power, part in enumerate(reversed(parts))) if all(map(str.isdecimal, parts)) else 0
    return look.at - timedelta(seconds=seconds)


def _take_up(session: Session, *, channel: LiveChannel, look: Look) -> list[UUID]:
    """A living call, known or not: who called, in which queue. Returns the people whose telephones ring or speak."""
    record, linkedid = look.records.get(channel.linkedid), channel.linkedid
    call = calling.arrived(
        session,
        linkedid=linkedid,
        channel_name=channel.name,
        number=channel.caller_number,
        name=channel.caller_name,
        called=record.dialled if record else "",
        at=record.started if record else _began(channel, look),
    )
    if record is not None and call.queued_at is None:
        _queue(session, call, record)
    _take_up_waiting(session, call, look)
    known = {leg.unique_id for leg in call_rows.legs(session, call) if leg.answered_at is not None}
    mine = [leg for leg in look.channels if leg.linkedid == linkedid and leg.uniqueid not in known and extension_of(leg.name)]
    rings = [_take_up_leg(session, call, leg, extension_of(leg.name), channel, look) for leg in mine]
    return [ring.staff_id for ring in rings if ring is not None]


def _take_up_waiting(session: Session, call: Call, look: Look) -> None:
    for queue in look.queues:
        for caller in queue.callers:
            if caller.uniqueid == call.linkedid and call.queued_at is None:
                since = look.at - timedelta(seconds=caller.wait_seconds)
                calling.queued(session, call.linkedid, queue=queue.queue, at=max(since, call.started_at))


def _take_up_leg(session: Session, call: Call, leg: LiveChannel, extension: str, caller: LiveChannel, look: Look) -> Ring | None:
    began = max(_began(leg, look), call.started_at)
    who = {"extension": extension, "unique_id": leg.uniqueid}
    if leg.state == UP and leg.bridge_id and leg.bridge_id == caller.bridge_id:
        record = look.records.get(call.linkedid)
        answered_at = record.connected if record and record.connected else began
        return calling.answered(session, call.linkedid, at=answered_at, **who)
    if leg.state == RINGING:
        return calling.rang(session, call.linkedid, channel_name=leg.name, at=began, **who)
    return None


def _close_gone(session: Session, *, look: Look) -> None:
    """Calls that ended while nobody listened, and those that even began then."""
    before = look.at - SETTLES_WITHIN
    gone = {call.linkedid: call for call in reconciling.open_calls(session, before=before) if call.linkedid not in look.living}
    missing = _missing(session, look, before)
    for linkedid in sorted({*gone, *missing}):
        record = look.records.get(linkedid)
        if record is None:
            calling.interrupted(session, linkedid, at=reconciling.last_sign(session, gone[linkedid]))
        else:
            _tell_record(session, record, look.queue_rows.get(linkedid, []))
    if gone or missing:
        log.info("calls were completed from the exchange's records", extra={"ended": len(gone), "missed": len(missing)})
    reconciling.set_mark(session, before)


def _missing(session: Session, look: Look, before: datetime) -> set[str]:
    """Of which the exchange has a record and we have nothing."""
    over = {linkedid for linkedid, record in look.records.items() if record.started < before} - look.living
    return over - reconciling.known(session, over).keys()


def _tell_record(session: Session, record: CallRecord, rows: Collection[QueueRow]) -> None:
    """What is known already stays: the records are to the second in places."""
    call = calling.arrived(
        session,
        linkedid=record.linkedid,
        channel_name="",
        number=record.caller_number,
        name=record.caller_name,
        called=record.dialled,
        at=record.started,
    )
    if call.queued_at is None:
        _queue(session, call, record)
    extension = extension_of(record.agent)
    if call.answered_at is None and record.connected is not None and extension:
        calling.answered(session, record.linkedid, extension=extension, unique_id="", at=record.connected)
    for row in rows:
        _tell_exit(session, record.linkedid, row)
    if record.ended is not None:
        calling.ended(session, record.linkedid, at=record.ended, reconstructed=True)
    else:
        calling.interrupted(session, record.linkedid, at=max(record.last_seen, reconciling.last_sign(session, call)))


def _queue(session: Session, call: Call, record: CallRecord) -> None:
    if record.queued is not None:
        joined = max(record.queued, record.answered or record.started)
        calling.queued(session, record.linkedid, queue=record.queue, at=min(joined, record.connected or joined))


def _tell_exit(session: Session, linkedid: str, row: QueueRow) -> None:
    """The only key that leads out of the queue asks for a callback."""
    ways: dict[str, Callable[[], None]] = {
        "EXITWITHKEY": lambda: calling.wants_callback(session, linkedid, position=_position(row), at=row.at),
        "EXITWITHTIMEOUT": lambda: calling.no_agent(session, linkedid, at=row.at),
        "EXITEMPTY": lambda: calling.no_agent(session, linkedid, at=row.at),
    }
    if way := ways.get(row.kind):
        way()


def _position(row: QueueRow) -> int | None:
    return int(row.data[1]) if len(row.data) > 1 and row.data[1].isdecimal() else None
