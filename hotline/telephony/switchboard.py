"""Carries out what the rows ask of the exchange: each once, with its outcome written down, and what has expired dropped.

A row is marked before it is carried out. Whatever was begun when this process or the exchange died is settled at the next sign-in
there: what can be repeated is, and a call that was to be placed is looked for by its id.
"""

import asyncio
import json
import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID

from sqlalchemy.orm import Session

from hotline.db import in_reading, in_unit_of_work
from hotline.errors import HotlineError, Unavailable
from hotline.live import Pusher
from hotline.services.telephone import calling, lines, switching
from hotline.services.telephone.switching import Value
from hotline.settings import Settings
from hotline.telephony.ami import Ami, AmiError, AmiEvent, AmiRefused, AmiUnavailable
from hotline.telephony.members import interface_of
from models import CallStep, CommandState, SwitchboardAction, SwitchboardCommand, now

log = logging.getLogger(__name__)
T = TypeVar("T")

HEARD = frozenset({"OriginateResponse"})
EVERY = 0.15
AGAIN_AFTER = 1.0
# Seconds that a telephone rings.
RING_FOR = 30.0
# A placeholder waits in its queue as long as the queue lets it.
PLACE_LASTS = 3600.0
# Listening comes first; the keys that the dialplan's ChanSpy knows change it.
SPY_OPTIONS = "qdES"
SPY_KEYS = {"listen": "4", "whisper": "5", "barge": "6"}
SPY_STEPS = {"listen": CallStep.LISTENED, "whisper": CallStep.WHISPERED, "barge": CallStep.BARGED}

# What the exchange tells later: the row stays begun until then.
CALLS = frozenset(
    {
        SwitchboardAction.PLACE_CALL,
        SwitchboardAction.PLACE_CALLBACK,
        SwitchboardAction.ASK_CITIZEN,
        SwitchboardAction.ADD_PARTY,
        SwitchboardAction.SPY,
        SwitchboardAction.TRAIN,
    }
)
REPEATABLE = frozenset(
    {
        SwitchboardAction.SIGN_IN,
        SwitchboardAction.SIGN_OUT,
        SwitchboardAction.PAUSE,
        SwitchboardAction.UNPAUSE,
        SwitchboardAction.MUTE_RECORDING,
        SwitchboardAction.URGE,
        SwitchboardAction.SPY_MODE,
    }
)


class Settles(Protocol):
    async def settle(self, extension: str) -> str: ...


class Asked:
    """A command as it is carried out: its words, with numbers as words too."""

    def __init__(self, command: SwitchboardCommand) -> None:
        self.id, self.action, self.by_id = command.id, SwitchboardAction(command.action), command.by_id
        self.values: dict[str, Value] = switching.arguments_of(command)

    def __getitem__(self, name: str) -> str:
        value = self.values.get(name)
        return "" if value is None else str(value)


Way = Callable[[Asked], Awaitable[str]]


class Switchboard:
    """`seats` brings a line's places and pauses to where its rows say."""

    def __init__(self, ami: Ami, seats: Settles, pusher: Pusher, settings: Settings) -> None:
        self._ami, self._seats, self._pusher = ami, seats, pusher
        number = settings.asterisk.numbers[0]
        self._caller = f'"{number}" <{number}>'
        self._at_work: dict[UUID, asyncio.Task[None]] = {}
        self._writing = asyncio.Lock()
        self._noting: set[asyncio.Task[None]] = set()
        self._ways: dict[SwitchboardAction, Way] = {
            SwitchboardAction.SIGN_IN: self._bring_line,
            SwitchboardAction.SIGN_OUT: self._bring_line,
            SwitchboardAction.PAUSE: self._settle_line,
            SwitchboardAction.UNPAUSE: self._settle_line,
            SwitchboardAction.PLACE_CALL: self._place_call,
            SwitchboardAction.PLACE_CALLBACK: self._place_callback,
            SwitchboardAction.ASK_CITIZEN: self._ask_citizen,
            SwitchboardAction.ADD_PARTY: self._add_party,
            SwitchboardAction.HANG_UP: self._hang_up,
            SwitchboardAction.REDIRECT: self._redirect,
            SwitchboardAction.RECLAIM: self._reclaim,
            SwitchboardAction.URGE: self._urge,
            SwitchboardAction.MUTE_RECORDING: self._mute_recording,
            SwitchboardAction.SPY: self._spy,
            SwitchboardAction.SPY_MODE: self._spy_mode,
            SwitchboardAction.TRAIN: self._train,
        }

    async def run(self) -> None:
        """Until cancelled; what is being carried out then is settled at the next start."""
        while True:
            try:
                await self.begin_due()
            except HotlineError as error:
                log.debug("the switchboard waits", extra={"error": str(error)})
            except Exception:
                log.exception("the switchboard failed, and goes on")
            await asyncio.sleep(EVERY)

    async def begin_due(self) -> None:
        """Starts what is due; each command goes its own way, so that none waits for another's answer."""
        due = await in_reading(switching.due)
        if not self._ami.connected:
            due = [command for command in due if command.expires_at <= now()]
        if not due:
            return
        for command in await in_unit_of_work(lambda session: [each for each in due if switching.start(session, each)]):
            self._at_work[command.id] = asyncio.create_task(self._carry_out(Asked(command)))

    async def finish(self) -> None:
        """Returns when all that was begun is settled, or waits for a telephone."""
        while tasks := {*self._at_work.values(), *self._noting}:
            await asyncio.wait(tasks)

    async def _carry_out(self, asked: Asked) -> None:
        try:
            state, result = await self._outcome(asked)
            if state is not None:
                await self._settle(asked.id, state, result, asked.by_id)
        finally:
            self._at_work.pop(asked.id, None)

    async def _outcome(self, asked: Asked) -> tuple[CommandState | None, str]:
        """None where it is told later: of a call that was begun, or when nobody knows whether the exchange acted."""
        try:
            result = await self._ways[asked.action](asked)
        except (AmiUnavailable, Unavailable) as error:
            if asked.action in REPEATABLE:
                await _stubbornly(partial(switching.ask_again, command_id=asked.id))
                return None, ""
            is_open = asked.action in CALLS and isinstance(error, AmiUnavailable)
            return (None if is_open else CommandState.FAILED), str(error)
        except (AmiError, HotlineError) as error:
            log.warning("the exchange did not do it", extra={"action": asked.action.value, "error": str(error)})
            return CommandState.FAILED, str(error)
        except Exception:
            log.exception("a command failed", extra={"action": asked.action.value})
            return CommandState.FAILED, "failed"
        return (None if asked.action in CALLS else CommandState.DONE), result

    async def _settle(self, command_id: UUID, state: CommandState, result: str, by_id: UUID | None) -> bool:
        """However long the database is away: an outcome that is not written would be found out again only after a restart."""
        work = partial(switching.settle, command_id=command_id, state=state, result=result)
        settled = await _stubbornly(work)
        if settled and by_id is not None:
            self._pusher.push([f"phone:{by_id}"])
        return settled

    async def rebuild(self) -> None:
        """After each sign-in at the exchange: it may have lost its memory, and we what came of our commands."""
        await self._write_secrets()
        living = {channel.uniqueid for channel in await self._ami.channels()}
        begun = [each for each in await in_reading(switching.begun) if each.id not in self._at_work]
        for command in begun:
            if str(command.id) not in living:
                await in_unit_of_work(partial(_pick_up, command=command))

    def on_event(self, event: AmiEvent) -> None:
        """What became of a call that was placed."""
        if event.name not in HEARD:
            return
        try:
            command_id = UUID(event.get("ActionID"))
        except ValueError:
            return
        task = asyncio.create_task(self._note_response(command_id, event))
        self._noting.add(task)
        task.add_done_callback(self._noting.discard)

    async def _note_response(self, command_id: UUID, event: AmiEvent) -> None:
        command = await in_reading(partial(_command, command_id=command_id))
        if command is None:
            return
        answered = event.get("Response") == "Success"
        state = CommandState.DONE if answered else CommandState.FAILED
        if await self._settle(command_id, state, REASONS.get(event.get("Reason"), ""), command.by_id) and answered:
            await self._note_answered(Asked(command))

    async def _note_answered(self, asked: Asked) -> None:
        steps = {SwitchboardAction.ADD_PARTY: (CallStep.JOINED, asked["number"]), SwitchboardAction.SPY: (CallStep.LISTENED, "")}
        if asked.action in steps:
            step, detail = steps[asked.action]
            await self._note_step(asked, step, detail=detail)

    async def _note_step(self, asked: Asked, step: CallStep, *, detail: str = "") -> None:
        at, by_id = now(), asked.by_id
        await _stubbornly(lambda session: calling.step(session, asked["linkedid"], step, at=at, staff_id=by_id, detail=detail))

    # -- lines

    async def _bring_line(self, asked: Asked) -> str:
        """The line as its row is now, whatever was asked since: who came later is not undone by who came first."""
        await self._write_secrets(asked["extension"])
        return await self._seats.settle(asked["extension"])

    async def _write_secrets(self, extension: str = "") -> None:
        """Nobody's line is closed with a secret that nobody knows: one without any would be answered with an error."""
        # In turns, so that the rows read last are those written last.
        async with self._writing:
            digests = await in_reading(partial(lines.digests, extension=extension))
            for line, digest in digests.items():
                secret = {"auth_type": "md5", "username": line, "realm": lines.REALM, "md5_cred": digest or secrets.token_hex(16)}
                await self._ami.db_put("hotline_auth/auth", line, json.dumps(secret, separators=(",", ":")))

    async def _settle_line(self, asked: Asked) -> str:
        return await self._seats.settle(asked["extension"])

    # -- calls that we place

    async def _place_call(self, asked: Asked) -> str:
        token = await self._token(asked)
        await self._ami.originate(
            channel=interface_of(asked["extension"]),
            channel_id=str(asked.id),
            ring_for=RING_FOR,
            context="out",
            exten=asked["number"],
            caller=self._caller,
            variables={"DIALTOKEN": token},
        )
        return ""

    async def _place_callback(self, asked: Asked) -> str:
        """Waits in the queue unanswered; the citizen is rung when an agent has answered for it."""
        number, token = asked["number"], await self._token(asked)
        await self._ami.originate(
            channel=f"Local/{number}@callback-queue/n",
            channel_id=str(asked.id),
            other_channel_id=f"{asked.id}-2",
            ring_for=PLACE_LASTS,
            context="callback-dial",
            caller=f'"{number}" <{number}>',
            variables={
                "__CALLNUM": number,
                "__CALLQUEUE": asked["queue"],
                "__CALLPOS": asked["position"],
                "__CALLPRIO": asked["priority"] or "0",
                "__DIALTOKEN": token,
            },
        )
        return ""

    async def _ask_citizen(self, asked: Asked) -> str:
        about = {name.upper(): asked[name] for name in asked.values if name.endswith("_id")}
        await self._ami.originate(
            channel=f"Local/{asked['number']}@out/n",
            channel_id=str(asked.id),
            other_channel_id=f"{asked.id}-2",
            ring_for=RING_FOR,
            context="callback",
            caller=self._caller,
            variables={"__FLOW": asked["flow"] or "survey", "__DIALTOKEN": await self._token(asked), **about},
        )
        return ""

    async def _add_party(self, asked: Asked) -> str:
        number = asked["number"]
        is_line = await in_reading(partial(lines.staff_of, extension=number)) is not None
        await self._ami.originate(
            channel=interface_of(number) if is_line else f"Local/{number}@out/n",
            channel_id=str(asked.id),
            ring_for=RING_FOR,
            application="BridgeAdd",
            data=asked["channel"],
            caller=self._caller,
            variables={} if is_line else {"__DIALTOKEN": await self._token(asked)},
        )
        return ""

    async def _token(self, asked: Asked) -> str:
        """Without it the dialplan dials nothing, and with it this number, once."""
        await self._ami.db_put("token", str(asked.id), asked["number"])
        return str(asked.id)

    async def _spy(self, asked: Asked) -> str:
        await self._ami.originate(
            channel=interface_of(asked["extension"]),
            channel_id=str(asked.id),
            ring_for=RING_FOR,
            application="ChanSpy",
            data=f"{asked['channel']},{SPY_OPTIONS}",
            caller=self._caller,
        )
        return ""

    async def _train(self, asked: Asked) -> str:
        await self._ami.originate(
            channel=interface_of(asked["extension"]),
            channel_id=str(asked.id),
            ring_for=RING_FOR,
            context="training",
            caller=self._caller,
            variables={"PROMPT": asked["prompt"]},
        )
        return ""

    # -- calls that there are

    async def _hang_up(self, asked: Asked) -> str:
        await self._ami.hangup(asked["channel"])
        return ""

    async def _redirect(self, asked: Asked) -> str:
        await self._ami.redirect(asked["channel"], context="agent-transfer", exten=asked["extension"])
        return ""

    async def _reclaim(self, asked: Asked) -> str:
        """The caller whom the lost phone still seems to speak with is held until that phone can ring again."""
        channels = await self._ami.channels()
        mine = f"{interface_of(asked['extension'])}-"
        bridges = {each.bridge_id for each in channels if each.name.startswith(mine) and each.bridge_id}
        callers = [each for each in channels if each.bridge_id in bridges and each.application == "Queue"]
        for caller in callers:
            await self._ami.redirect(caller.name, context="hold")
        return "held" if callers else "nobody"

    async def _urge(self, asked: Asked) -> str:
        await self._ami.queue_priority(asked["queue"], asked["channel"], int(asked["priority"]))
        return ""

    async def _mute_recording(self, asked: Asked) -> str:
        muted = bool(asked.values["muted"])
        await self._ami.mix_monitor_mute(asked["channel"], muted=muted)
        await self._note_step(asked, CallStep.RECORDING_PAUSED if muted else CallStep.RECORDING_RESUMED)
        return ""

    async def _spy_mode(self, asked: Asked) -> str:
        channels = await self._ami.channels()
        spying = next((each.name for each in channels if each.uniqueid == asked["spy"]), None)
        if spying is None:
            raise AmiRefused("nobody listens any more")
        await self._ami.play_dtmf(spying, SPY_KEYS[asked["mode"]], receive=True)
        await self._note_step(asked, SPY_STEPS[asked["mode"]])
        return asked["mode"]


# What OriginateResponse gives as Reason.
REASONS = {"0": "unreachable or busy", "1": "hung up", "3": "not answered", "4": "answered", "5": "busy", "8": "congestion"}


def _command(session: Session, command_id: UUID) -> SwitchboardCommand | None:
    return session.get(SwitchboardCommand, command_id)


def _pick_up(session: Session, command: SwitchboardCommand) -> None:
    """Begun, without an outcome, and no call of it lives."""
    if command.action in REPEATABLE:
        switching.ask_again(session, command.id)
    elif command.action in CALLS and calling.known(session, [str(command.id)]):
        switching.settle(session, command.id, CommandState.DONE, "over")
    else:
        switching.settle(session, command.id, CommandState.FAILED, "cut off")


async def _stubbornly(work: Callable[[Session], T]) -> T:
    while True:
        try:
            return await in_unit_of_work(work)
        except Unavailable:
            await asyncio.sleep(AGAIN_AFTER)
