"""Places the calls that we owe: each second what is due becomes a row for the switchboard. What came of it, events tell."""

import asyncio
import logging
from functools import partial

from sqlalchemy.orm import Session

from hotline.db import in_reading, in_unit_of_work
from hotline.errors import HotlineError
from hotline.services.telephone import callbacks
from hotline.telephony.ami import Ami
from models import now

log = logging.getLogger(__name__)

EVERY = 1.0


class Dialler:
    """Rests while the exchange is away: a command that nobody can carry out would only expire."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                await self.tick()
            except HotlineError as error:
                log.debug("the dialler waits", extra={"error": str(error)})
            except Exception:
                log.exception("the dialler failed, and goes on")
            await asyncio.sleep(EVERY)

    async def tick(self) -> int:
        """Returns how many calls it asked for."""
        if not self._ami.connected or not await in_reading(partial(callbacks.is_any_due, at=now())):
            return 0
        return await in_unit_of_work(dial_due)


def dial_due(session: Session) -> int:
    at = now()
    callbacks.sweep(session, at)
    due = callbacks.due(session, at)
    for callback in due:
        callbacks.dial(session, callback, at=at)
    return len(due)
