"""Pushes to people's screens: a hint that something changed, never the thing itself. A lost push loses nothing.

Embedded, the web process listens on a Unix socket in the data folder; scaled, on a Redis channel. Screens fetch what changed.
"""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import redis
import redis.asyncio

log = logging.getLogger(__name__)
CHANNEL = "hotline.live"


class Pusher:
    """The sending side, for any process and thread. It never raises and never waits long."""

    def __init__(self, *, redis_url: str, socket_path: Path) -> None:
        self._redis = redis.Redis.from_url(redis_url, socket_timeout=1, socket_connect_timeout=1) if redis_url else None
        self._path = socket_path

    def push(self, topics: Iterable[str]) -> None:
        wanted = sorted(set(topics))
        if not wanted:
            return
        try:
            if self._redis is not None:
                self._redis.publish(CHANNEL, json.dumps(wanted))
            else:
                self._to_socket(json.dumps(wanted))
        except (OSError, redis.RedisError) as error:
            log.debug("push lost", extra={"error": str(error)})

    def _to_socket(self, line: str) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.setblocking(False)
            out.sendto(line.encode(), str(self._path))


@dataclass(eq=False)
class Screen:
    """One open page: the topics it watches and those that changed since it last looked."""

    topics: frozenset[str]
    changed: set[str] = field(default_factory=set)
    # A telephone rings: nobody is to wait for other hints to gather.
    at_once: bool = False
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Listener:
    """The receiving side, in the web process: spreads pushes to the screens that watch their topics."""

    def __init__(self, *, redis_url: str, socket_path: Path) -> None:
        self._redis_url = redis_url
        self._path = socket_path
        self._screens: set[Screen] = set()

    async def run(self) -> None:
        """Until cancelled; a broken connection is opened again."""
        while True:
            try:
                await (self._from_redis() if self._redis_url else self._from_socket())
            except (OSError, redis.RedisError) as error:
                log.warning("live connection lost", extra={"error": str(error)})
                await asyncio.sleep(1)

    def spread(self, topics: Iterable[str]) -> None:
        changed = set(topics)
        for screen in self._screens:
            if hit := screen.topics & changed:
                screen.changed |= hit
                screen.at_once |= any(topic.startswith(AT_ONCE) for topic in hit)
                screen.woken.set()

    async def watch(self, topics: Iterable[str], *, every: float) -> AsyncIterator[set[str]]:
        """Yield the topics that changed, gathered for a moment; an empty set after `every` quiet seconds (a sign of life)."""
        screen = Screen(frozenset(topics))
        self._screens.add(screen)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(screen.woken.wait(), every)
                    if not screen.at_once:
                        await asyncio.sleep(GATHER)
                screen.woken.clear()
                changed, screen.changed, screen.at_once = screen.changed, set(), False
                yield changed
        finally:
            self._screens.discard(screen)

    async def _from_redis(self) -> None:
        async with redis.asyncio.Redis.from_url(self._redis_url) as client, client.pubsub() as pubsub:
            await pubsub.subscribe(CHANNEL)
            async for message in pubsub.listen():
                if message["type"] == "message":
                    self.spread(json.loads(message["data"]))

    async def _from_socket(self) -> None:
        self._path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
            inbox.bind(str(self._path))
            self._path.chmod(0o600)
            inbox.setblocking(False)
            while True:
                line = await asyncio.get_running_loop().sock_recv(inbox, 65536)
                self.spread(json.loads(line))


# Many changes within this time make one hint, so that a busy minute does not become a storm of refreshes.
GATHER = 0.2
AT_ONCE = "phone:"
