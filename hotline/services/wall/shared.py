"""One computation for everybody who asks at about the same time: fifty open walls cost as much as one."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from models import now

T = TypeVar("T")

# So long whoever asks while it is being computed waits before the former value does: less than a refresh may take.
PATIENCE_SECONDS = 0.1


@dataclass(frozen=True)
class _Kept(Generic[T]):
    value: T
    at: datetime

    def is_within(self, age: timedelta) -> bool:
        return timedelta() <= now() - self.at < age


class Shared(Generic[T]):
    """`fresh`: for so long a value is good for everybody. `stale`: for so long it will do while a new one is under way."""

    def __init__(self, *, fresh: timedelta, stale: timedelta) -> None:
        self._fresh, self._stale = fresh, stale
        self._turn = threading.Lock()
        self._kept: _Kept[T] | None = None

    def get(self, compute: Callable[[], T]) -> T:
        """An error of `compute` reaches whoever runs it; the next to ask tries again."""
        kept = self._kept
        if kept is not None and kept.is_within(self._fresh):
            return kept.value
        will_do = kept is not None and kept.is_within(self._stale)
        if not self._turn.acquire(timeout=PATIENCE_SECONDS if will_do else -1):
            return kept.value if kept is not None else compute()
        try:
            return self._computed(compute)
        finally:
            self._turn.release()

    def _computed(self, compute: Callable[[], T]) -> T:
        if self._kept is None or not self._kept.is_within(self._fresh):
            at = now()
            self._kept = _Kept(compute(), at)
        return self._kept.value
