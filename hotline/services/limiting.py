"""Limits on how often something may be tried, counted in this process; keyed by whatever the door chooses."""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

from hotline.errors import TooMany

MOST_KEYS = 10_000


class Window:
    """At most `most` tries of one key within a moving window of time."""

    def __init__(self, most: int, within: timedelta, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._seconds, self._clock = most, within.total_seconds(), clock
        self._tries: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Refuse a key that has used up its tries."""
        if self.is_full(key):
            raise TooMany()

    def is_full(self, key: str) -> bool:
        with self._lock:
            return len(self._recent(key)) >= self._most

    def count(self, key: str) -> None:
        with self._lock:
            if len(self._tries) >= MOST_KEYS:
                self._forget_old()
            self._tries.setdefault(key, deque(maxlen=self._most)).append(self._clock())

    def clear(self, key: str) -> None:
        with self._lock:
            self._tries.pop(key, None)

    def _recent(self, key: str) -> deque[float]:
        tries = self._tries.get(key, deque())
        while tries and tries[0] <= self._clock() - self._seconds:
            tries.popleft()
        return tries

    def _forget_old(self) -> None:
        for key in list(self._tries):
            if not self._recent(key):
                del self._tries[key]
