"""How long each step took, from sending to the whole answer."""

import threading
from collections import defaultdict

SHOWN = (0.5, 0.95, 0.99)


class Clocks:
    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = defaultdict(list)
        self._lock = threading.Lock()

    def note(self, step: str, seconds: float) -> None:
        with self._lock:
            self._seconds[step].append(seconds)

    def lines(self) -> list[str]:
        return [self._line(step, sorted(seconds)) for step, seconds in self._seconds.items()]

    def _line(self, step: str, seconds: list[float]) -> str:
        shares = (seconds[min(len(seconds) - 1, int(share * len(seconds)))] for share in SHOWN)
        shown = "  ".join(f"p{share * 100:.0f} {value * 1000:6.0f}" for share, value in zip(SHOWN, shares, strict=True))
        return f"{step:16}{shown} ms  ({len(seconds)})"
