"""Wrong tries at something secret, in this process's memory: a few are free, then each one makes the next wait longer."""

import threading
from datetime import datetime, timedelta

from hotline.errors import TooMany
from models import now

MOST_KEYS = 50_000


class Patience:
    """So many wrong tries are free; from then on each doubles the wait. A day without one forgives all."""

    FIRST_WAIT = timedelta(seconds=30)
    LONGEST_WAIT = timedelta(hours=1)
    FORGIVEN_AFTER = timedelta(days=1)

    def __init__(self, free: int) -> None:
        self._free = free
        self._wrong: dict[str, tuple[int, datetime]] = {}
        self._lock = threading.Lock()

    def check(self, key: str) -> None:
        """Refuse with TooMany while the wait of this key lasts."""
        count, last = self._wrong.get(key, (0, now()))
        left = (last + self._wait_after(count) - now()).total_seconds()
        if left > 0:
            raise TooMany("Too many wrong tries. Please try again in {minutes} minutes.", minutes=-int(-left // 60))

    def wrong(self, key: str) -> None:
        at = now()
        with self._lock:
            count, last = self._wrong.get(key, (0, at))
            self._wrong[key] = (1 if at - last > self.FORGIVEN_AFTER else count + 1, at)
            if len(self._wrong) > MOST_KEYS:
                self._wrong = {name: seen for name, seen in self._wrong.items() if at - seen[1] <= self.FORGIVEN_AFTER}

    def right(self, key: str) -> None:
        """The owner came: forget the wrong tries."""
        with self._lock:
            self._wrong.pop(key, None)

    def _wait_after(self, count: int) -> timedelta:
        if count < self._free:
            return timedelta(0)
        doubled: int = 1 << min(count - self._free, 10)
        return min(self.FIRST_WAIT * doubled, self.LONGEST_WAIT)
