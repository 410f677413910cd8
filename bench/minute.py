"""Fifty signed messages a second, delivered as providers do: out of order, some twice, all again until they are answered 200."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bench import callbacks, doors, service
from bench.callbacks import SETTINGS, TOKEN, WECHAT_PATH
from bench.figures import Figure
from bench.load import Connection, request
from hotline.sandbox.wechat_callbacks import Account, Callbacks
from models.base import now

PER_SECOND, SENDERS = 50, 100
SECONDS, FEW_SECONDS = 60, 5
# Neighbours in so many are delivered in any order.
OUT_OF_ORDER = 3 * SENDERS
AGAIN_AFTER = 0.5
PATIENCE = 240.0
NOTHING_OR_LATER = {None, 503}


@dataclass(frozen=True)
class Delivery:
    """`text` is the message's own; those of one sender are numbered in the order in which they were written."""

    text: str
    content: bytes


def deliveries(seconds: int) -> list[Delivery]:
    """In the order of delivery. Every tenth comes twice. Half of the senders write by WeChat, the others by Twilio."""
    chance = random.Random(SENDERS)
    written = [_written(serial) for serial in range(PER_SECOND * seconds)]
    blocks = [written[first : first + OUT_OF_ORDER] for first in range(0, len(written), OUT_OF_ORDER)]
    mixed = [each for block in blocks for each in chance.sample(block, len(block))]
    return [each for place, one in enumerate(mixed) for each in ([one, one] if place % 10 == 0 else [one])]


def play(port: int, due: Sequence[Delivery], fault: Callable[[], None]) -> int:
    """How many tries it took until each was answered 200; the fault happens half-way."""
    return asyncio.run(asyncio.wait_for(_play(port, due, fault), PATIENCE))


def kill_web(process: int) -> None:
    """kill -9 of what the supervisor keeps alive; it starts it again."""
    for child in Path(f"/proc/{process}/task/{process}/children").read_text().split():
        os.kill(int(child), signal.SIGKILL)


def minute(small: bool) -> Iterator[Figure]:
    """A minute of it, with kill -9 of the process half-way: what is stored of what was sent, each once."""
    seconds = FEW_SECONDS if small else SECONDS
    with service.running(settings=SETTINGS) as running:
        due = deliveries(seconds)
        started = time.monotonic()
        tries = play(running.port, due, lambda: kill_web(running.process.pid))
        took = time.monotonic() - started
        look = doors.Look(f"sqlite:///{running.database_path}")
        stored = look.count(callbacks.HEARD)
        sent, threads = len({each.text for each in due}), look.count("conversation")
    details = {"sent": sent, "deliveries": len(due), "tries": tries, "seconds": took, "threads": threads}
    yield Figure("minute", "embedded", stored, "messages stored", float(sent), 1.0, "more", details)


def _written(serial: int) -> Delivery:
    sender, place = serial % SENDERS, serial // SENDERS
    text = f"{sender}号第{place:04}条"
    if sender % 2:
        return Delivery(text, callbacks.twilio(serial, sender=sender, text=text))
    made = _WECHAT.message(f"oSteadyCitizen{sender:08}", "text", Content=text, CreateTime=_BEGAN + place)
    at = urlsplit(made.url)
    return Delivery(text, request("POST", f"{at.path}?{at.query}", content=("text/xml", made.body)))


async def _play(port: int, due: Sequence[Delivery], fault: Callable[[], None]) -> int:
    started = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        tasks = []
        for place, each in enumerate(due):
            await asyncio.sleep(max(0.0, started + place / PER_SECOND - time.perf_counter()))
            tasks.append(group.create_task(_until_answered(port, each.content)))
            if place == len(due) // 2:
                group.create_task(asyncio.to_thread(fault))
    return sum(task.result() for task in tasks)


async def _until_answered(port: int, content: bytes) -> int:
    tries = 1
    while (status := await _status(port, content)) != 200:
        assert status in NOTHING_OR_LATER, status
        tries += 1
        await asyncio.sleep(AGAIN_AFTER)
    return tries


async def _status(port: int, content: bytes) -> int | None:
    try:
        connection = await Connection.to(port)
    except OSError:
        return None
    try:
        return (await connection.send(content, since=0.0)).status
    except (OSError, EOFError, TimeoutError):
        return None
    finally:
        connection.close()


_WECHAT = Callbacks(Account(WECHAT_PATH, TOKEN))
_BEGAN = int(now().timestamp()) - 3600
