"""Facts of calls while they are gathered, and what screens would be told of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from hotline.live import Pusher
from hotline.telephony.calls import Calls


class Screens(Pusher):
    """Keeps what would be pushed."""

    def __init__(self) -> None:
        self.topics: list[str] = []

    def push(self, topics: Iterable[str]) -> None:
        self.topics += topics


@asynccontextmanager
async def working(calls: Calls) -> AsyncIterator[None]:
    task = asyncio.create_task(calls.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
