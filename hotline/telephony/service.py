"""The telephony process: the one connection to the exchange, and what keeps our rows and the exchange in step.

Calls need none of it: with this process dead they greet, queue, ring and record, and become contacts when it is back.
"""

import asyncio
import contextlib
import logging
import signal

import uvloop

from hotline import process
from hotline.db import in_unit_of_work
from hotline.errors import HotlineError
from hotline.live import Pusher
from hotline.services.telephone import exchange_state
from hotline.settings import Settings
from hotline.telephony import recordings, router, switchboard
from hotline.telephony.ami import Ami, AmiEvent
from hotline.telephony.announcer import Announcer
from hotline.telephony.asterisk_files import AsteriskFiles
from hotline.telephony.calls import Calls
from hotline.telephony.configuration import ami_secret, folder_of
from hotline.telephony.dialler import Dialler
from hotline.telephony.kit import find_kit
from hotline.telephony.resync import Resync
from hotline.telephony.router import Router
from hotline.telephony.switchboard import Switchboard

log = logging.getLogger(__name__)

SIGN_OF_LIFE = 5.0
# What was heard is stored before the process ends; a lost tail is found by the next comparison.
SETTLES_WITHIN = 3.0
NOT_CONNECTED = "no connection to Asterisk"


class Telephony:
    def __init__(self, settings: Settings, pusher: Pusher) -> None:
        kit = find_kit(settings)
        self._settings, self._pusher = settings, pusher
        self._calls = Calls(pusher)
        self._ami = Ami(
            settings.asterisk.host,
            settings.asterisk.ami_port,
            username="hotline",
            secret=ami_secret(settings),
            heard=self._calls.words.heard | router.HEARD | switchboard.HEARD,
        )
        self._router = Router(self._ami, pusher)
        self._switchboard = Switchboard(self._ami, self._router, pusher, settings)
        self._resync = Resync(self._ami, self._calls, AsteriskFiles(folder_of(settings) / "log"))
        self._dialler = Dialler(self._ami)
        self._announcer = Announcer(self._ami, settings, kit.speech if kit else None)

    async def run(self) -> None:
        """Until cancelled. One part that fails ends all: the supervisor starts them again, and the state is rebuilt."""
        async with asyncio.TaskGroup() as parts:
            parts.create_task(self._ami.run(on_event=self._on_event, on_login=self._on_login, on_lost=self._on_lost))
            parts.create_task(self._calls.run())
            parts.create_task(self._router.run())
            parts.create_task(self._switchboard.run())
            parts.create_task(self._resync.run())
            parts.create_task(self._dialler.run())
            parts.create_task(self._announcer.run())
            parts.create_task(recordings.run(self._settings, self._pusher))
            parts.create_task(self._show_life())

    async def settled(self) -> None:
        await self._calls.settled()

    def _on_event(self, event: AmiEvent) -> None:
        self._calls.on_event(event)
        self._router.on_event(event)
        self._switchboard.on_event(event)

    async def _on_login(self) -> None:
        """What happened meanwhile is found before anything new is heard."""
        self._announcer.forget()
        await self._router.rebuild()
        # What ended meanwhile is known before its commands are judged: a citizen who was reached is not rung again.
        await self._resync.rebuild()
        await self._switchboard.rebuild()
        await self._note()

    async def _on_lost(self) -> None:
        await self._note()

    async def _show_life(self) -> None:
        while True:
            await self._note()
            await asyncio.sleep(SIGN_OF_LIFE)

    async def _note(self) -> None:
        connected = self._ami.connected
        reason = "" if connected else NOT_CONNECTED
        try:
            news = await in_unit_of_work(lambda session: exchange_state.note(session, connected=connected, reason=reason))
        except HotlineError as error:
            log.debug("the exchange's state was not noted", extra={"error": str(error)})
            return
        if news:
            self._pusher.push(["wall", "floor", "phone"])


def run(settings: Settings, *, beat_on: int | None) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_run(settings, beat_on))
    return 0


async def _run(settings: Settings, beat_on: int | None) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    telephony = Telephony(settings, process.pusher(settings))
    working = asyncio.create_task(telephony.run())
    beating = asyncio.create_task(process.beat(beat_on))
    asked = asyncio.create_task(ended.wait())
    await asyncio.wait([working, asked], return_when=asyncio.FIRST_COMPLETED)
    beating.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(telephony.settled(), SETTLES_WITHIN)
    working.cancel()
    await asyncio.wait([working])
    if not ended.is_set() and (error := working.exception()):
        raise error
