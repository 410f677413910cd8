"""The FastAGI process: plays flows to callers. Frozen, it is ended by its supervisor; dead, the dialplan goes on to the queue."""

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from sqlalchemy.orm import Session

import ivr_flows
from hotline import process
from hotline.db import in_reading, in_unit_of_work
from hotline.errors import HotlineError
from hotline.services.rosters import key_to_sign
from hotline.services.telephone import flow_calls
from hotline.services.telephone.flow_calls import Entry, Outcome
from hotline.settings import Settings
from hotline.telephony.agi import AgiCall, AgiServer, Hangup
from hotline.telephony.configuration import folder_of
from hotline.telephony.performer import Performer
from ivr_flows import Flow, FlowsRefused

log = logging.getLogger(__name__)
T = TypeVar("T")

# A caller waits for the answer; without one the call begins as if nothing special were set up.
ANSWER_WITHIN = 1.0
KEPT_WITHIN = 5.0
DEFAULT = Entry(flow="main", queue="", wait_seconds=0)
# A placed call names its flow itself; only these may be named. After a call `survey` is another one.
PLACED = {"callback": "callback", "survey": "case_survey", "case_survey": "case_survey", key_to_sign.FLOW: key_to_sign.FLOW}


class Database:
    """The service behind the flows. A database that is away costs the caller a second, never the call."""

    async def keep(self, linkedid: str, what: str, told: Mapping[str, str]) -> None:
        so_far = dict(told)
        with _LossTold("a caller's answer", linkedid):
            await asyncio.wait_for(in_unit_of_work(lambda session: flow_calls.keep(session, linkedid, what, so_far)), KEPT_WITHIN)

    async def look_up(self, name: str, values: Mapping[str, str], *, caller: str, linkedid: str) -> Outcome:
        if name in key_to_sign.LOOKUPS:
            return await self._sign(name, dict(values), linkedid)
        if name != "case_progress":
            return Outcome("unknown")
        with _LossTold("a look-up", name):
            found = await _look(lambda session: flow_calls.case_progress(session, values, caller=caller), within=KEPT_WITHIN)
            if found.name in flow_calls.STATES:
                await self.keep(linkedid, flow_calls.TOLD_STATE, {flow_calls.TOLD_STATE: found.name})
            return found
        return Outcome("unavailable")

    async def _sign(self, name: str, values: Mapping[str, str], linkedid: str) -> Outcome:
        """Written, not only looked at: wrong codes are counted, cases signed."""
        with _LossTold("a look-up", name):
            work = in_unit_of_work(lambda session: key_to_sign.look_up(session, name, values, linkedid))
            return await asyncio.wait_for(work, KEPT_WITHIN)
        return Outcome("unavailable")

    async def entry(self, called: str, caller: str) -> Entry:
        with _LossTold("the entry of a call", called):
            return await _look(lambda session: flow_calls.entry(session, called=called, caller=caller))
        return DEFAULT

    async def allows(self, flow: str) -> bool:
        if flow not in flow_calls.OPTIONAL:
            return True
        with _LossTold("whether a flow is on", flow):
            return await _look(lambda session: flow_calls.allows(session, flow))
        return False

    async def given(self, linkedid: str, flow: str) -> Mapping[str, str]:
        """What a flow of a placed call is begun with."""
        found = key_to_sign.given if flow == key_to_sign.FLOW else flow_calls.reported_on
        with _LossTold("what a call was placed for", linkedid):
            return await _look(lambda session: found(session, linkedid))
        return {}


async def _look(work: Callable[[Session], T], *, within: float = ANSWER_WITHIN) -> T:
    return await asyncio.wait_for(in_reading(work), within)


class _LossTold:
    """What the service could not answer is logged, and the flow goes on without it."""

    def __init__(self, what: str, of: str) -> None:
        self._what, self._of = what, of

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if not isinstance(error, HotlineError | TimeoutError):
            return False
        log.error("the service did not answer a flow", extra={"what": self._what, "of": self._of, "error": str(error)})
        return True


class Ivr:
    """The routes of the dialplan, over the set of flows that was loaded last."""

    def __init__(self, desk: Database, *, spool: Path) -> None:
        self._desk = desk
        self._spool = spool
        self._flows: Mapping[str, Flow] = ivr_flows.load_flows()

    def load(self) -> bool:
        """The flows as their files are now, for calls that begin from now on. A broken set is refused whole."""
        try:
            self._flows = ivr_flows.load_flows()
        except FlowsRefused as refused:
            log.error("the flows were not loaded again", extra={"problems": str(refused)})
            return False
        return True

    def server(self) -> AgiServer:
        return AgiServer({"main": self._main, "no_agent": self._no_agent, "survey": self._survey, "callback": self._callback})

    async def _main(self, call: AgiCall) -> None:
        entry = await self._desk.entry(await call.get_variable("DIALLED"), call.caller_number)
        if entry.queue:
            await call.set_variable("QNAME", entry.queue)
        if entry.wait_seconds:
            await call.set_variable("LIMIT", str(entry.wait_seconds))
        await self._perform(call, entry.flow, entry.given)

    async def _no_agent(self, call: AgiCall) -> None:
        await self._perform(call, "no_agent")

    async def _survey(self, call: AgiCall) -> None:
        if await self._desk.allows("survey"):
            await self._perform(call, "survey")

    async def _callback(self, call: AgiCall) -> None:
        asked = await call.get_variable("FLOW")
        name = PLACED.get(asked)
        if name is None:
            raise ValueError(f"no flow {asked} for a call that was placed")
        given = await self._desk.given(call.uniqueid, name) if self._flows[name].given else {}
        await self._perform(call, name, given)

    async def _perform(self, call: AgiCall, name: str, given: Mapping[str, str] | None = None) -> None:
        with contextlib.suppress(Hangup):
            await Performer(call, self._flows, self._desk, spool=self._spool).perform(name, given)


def run(settings: Settings, *, beat_on: int | None) -> int:
    """SIGHUP loads the flows again, without touching a call."""
    asyncio.run(_run(settings, beat_on))
    return 0


async def _run(settings: Settings, beat_on: int | None) -> None:
    ivr = Ivr(Database(), spool=folder_of(settings) / "spool")
    server = ivr.server()
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    loop.add_signal_handler(signal.SIGHUP, ivr.load)
    # Whoever sees that it answers may send it a signal.
    await server.start(settings.asterisk.agi_bind, settings.asterisk.agi_port)
    beating = asyncio.create_task(process.beat(beat_on))
    await ended.wait()
    beating.cancel()
    await server.stop()
