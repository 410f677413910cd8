"""Carries out a flow's turns on a call. Whatever fails, the AGI session ends and the dialplan goes on with what is set by then.

The dialplan's variables: SPOKE (the caller has heard something), QNAME and LIMIT (where and how long to wait), NEXT (queue,
voice_message or hangup), VOICEMESSAGE (a message was left there). docs/telephony.md has them all.
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import ivr_flows
from hotline.services.telephone.flow_calls import Outcome
from hotline.telephony.agi import AgiCall, Hangup, SoundMissing
from ivr_flows import Flow, Input, Step, Turn

log = logging.getLogger(__name__)

SOUNDS = "hotline"
GENERAL = "general"
TO_A_PERSON = "to_a_person"
# A flow that leads on for longer than this leads nowhere.
MOST_FLOWS = 10
# Less is no message: the caller put the phone down at the tone.
SHORTEST_MESSAGE = 0.5


class Desk(Protocol):
    """What a flow may ask of the service."""

    async def keep(self, linkedid: str, what: str, told: Mapping[str, str]) -> None: ...
    async def look_up(self, name: str, values: Mapping[str, str], *, caller: str, linkedid: str) -> Outcome: ...
    async def allows(self, flow: str) -> bool: ...


class Performer:
    """Plays flows of one set on one call. The set stays the same for the whole call, whatever is loaded meanwhile."""

    def __init__(self, call: AgiCall, flows: Mapping[str, Flow], desk: Desk, *, spool: Path) -> None:
        self._call = call
        self._flows = flows
        self._desk = desk
        self._spool = spool
        self._spoke = False
        self._told: dict[str, str] = {}

    async def perform(self, name: str, given: Mapping[str, str] | None = None) -> None:
        """Until the flow hands the call to a queue or ends it. A caller who hangs up is told to the flow, so that it ends too."""
        for _ in range(MOST_FLOWS):
            flow = self._flows[name]
            following = await self._play(flow, ivr_flows.start(flow, given or {}))
            if following is None:
                return
            if not await self._desk.allows(following):
                await self._say((TO_A_PERSON,))
                await self._to_queue(GENERAL)
                return
            name, given = following, None
        raise RecursionError(f"flow {name} goes on for ever")

    async def _play(self, flow: Flow, step: Step) -> str | None:
        while not step.position.ended:
            try:
                last = await self._carry_out(step.turns)
            except Hangup:
                ivr_flows.resume(flow, step.position, ivr_flows.HungUp())
                raise
            if isinstance(last, str):
                return last
            if last is None:
                return None
            step = ivr_flows.resume(flow, step.position, last)
        last = await self._carry_out(step.turns)
        return last if isinstance(last, str) else None

    async def _carry_out(self, turns: tuple[Turn, ...]) -> Input | str | None:
        """The answer to the last turn; a name: that flow is next; None: the flow is done with the call."""
        said: tuple[str, ...] = ()
        answer: Input | str | None = None
        for turn in turns:
            if isinstance(turn, ivr_flows.Say):
                said += turn.prompts
            elif isinstance(turn, ivr_flows.Gather):
                # Said right before a question, it may be cut short by the answer.
                answer = await self._gather(turn, said)
                said = ()
            else:
                await self._say(said)
                said = ()
                answer = await self._do(turn)
        await self._say(said)
        return answer

    async def _say(self, prompts: tuple[str, ...]) -> None:
        if not prompts:
            return
        await self._mark_spoken()
        for prompt in prompts:
            try:
                await self._call.say([f"{SOUNDS}/{prompt}"])
            except SoundMissing:
                log.error("a prompt has no sound", extra={"prompt": prompt})

    async def _mark_spoken(self) -> None:
        if not self._spoke:
            self._spoke = True
            await self._call.set_variable("SPOKE", "yes")

    async def _gather(self, turn: ivr_flows.Gather, said: tuple[str, ...]) -> Input:
        await self._mark_spoken()
        prompts = () if turn.typed else (*said, *turn.prompts)
        pressed = await self._call.gather(
            [f"{SOUNDS}/{prompt}" for prompt in prompts],
            max_digits=turn.max_digits - len(turn.typed),
            timeout=turn.timeout_seconds,
            end_key=turn.end_key or "",
        )
        return ivr_flows.Keys(turn.typed + pressed)

    async def _do(self, turn: Turn) -> Input | str | None:
        match turn:
            case ivr_flows.Save():
                self._told[turn.what] = turn.value
                await self._desk.keep(self._call.uniqueid, turn.what, self._told)
            case ivr_flows.Lookup():
                call = self._call
                found = await self._desk.look_up(turn.name, turn.values, caller=call.caller_number, linkedid=call.uniqueid)
                return ivr_flows.Found(found.name, found.values)
            case ivr_flows.Record():
                return await self._record(turn)
            case ivr_flows.Queue():
                await self._to_queue(turn.name)
            case ivr_flows.Goto():
                return turn.flow
            case ivr_flows.Hangup():
                await self._call.set_variable("NEXT", "hangup")
        return None

    async def _record(self, turn: ivr_flows.Record) -> Input:
        await self._say(turn.prompts)
        path = self._spool / "voicemail" / self._call.uniqueid
        # Set first: a caller who hangs up while speaking has left a message too.
        await self._call.set_variable("VOICEMESSAGE", f"{path}.wav")
        recorded = await self._call.record(str(path), seconds=turn.max_seconds, end_key=turn.end_key)
        if recorded.seconds < SHORTEST_MESSAGE:
            await self._call.set_variable("VOICEMESSAGE", "")
            return ivr_flows.Recorded(0)
        return ivr_flows.Recorded(recorded.seconds)

    async def _to_queue(self, name: str) -> None:
        """A flow's own queue; `general` is that of the number which was dialled."""
        if name != GENERAL:
            await self._call.set_variable("QNAME", name)
        await self._call.set_variable("NEXT", "queue")
