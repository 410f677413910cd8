"""What the players know of each letter, and what they hand to each other: a letter moves on when its step was acknowledged."""

import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from queue import Empty, Queue


class Ending(StrEnum):
    """What becomes of a letter at the agent's desk; most are dispatched."""

    DISPATCHED = "dispatched"
    ANSWERED_DIRECTLY = "answered_directly"
    REDIRECTED = "redirected"
    VOID = "void"


class Step(StrEnum):
    """The counts that are printed, in their order."""

    RECEIVED = "received"
    SUGGESTED = "suggested"
    FILED = "filed"
    DISPATCHED = "dispatched"
    SIGNED = "signed"
    ANSWERED = "answered"
    CHECKED = "checked"
    SURVEYED = "surveyed"
    SCORED = "scored"


class Act(StrEnum):
    """What changes a case; counted when it is tried and when it is acknowledged. In between nobody knows whether it happened."""

    FILE = "file"
    DISPATCH = "dispatch"
    ANSWER = "answer"
    REWORK = "rework"
    CHECK = "check"
    SURVEY = "survey"


@dataclass
class Letter:
    """One contact by its reference. What is done with it follows from the serial in it, so every player knows without asking."""

    reference: str
    code: str = ""
    external_id: str = ""
    number: str = ""  # of the case
    unit: str = ""
    was_returned: bool = False
    reached: set[Step] = field(default_factory=set)
    tried: Counter[Act] = field(default_factory=Counter)
    done: Counter[Act] = field(default_factory=Counter)

    @contextmanager
    def act(self, *acts: Act) -> Iterator[None]:
        self.tried.update(acts)
        yield
        self.done.update(acts)

    @property
    def serial(self) -> int:
        return int(self.reference.rpartition("-")[2])

    @property
    def is_acknowledged(self) -> bool:
        return bool(self.external_id)

    @property
    def ending(self) -> Ending:
        if self.serial % 20 == 7:
            return Ending.ANSWERED_DIRECTLY
        return {11: Ending.REDIRECTED, 23: Ending.VOID}.get(self.serial % 40, Ending.DISPATCHED)

    @property
    def is_returned(self) -> bool:
        return self.serial % 15 == 4

    @property
    def is_sent_back(self) -> bool:
        return self.serial % 25 == 9

    @property
    def gets_remark(self) -> bool:
        return self.serial % 10 == 5

    @property
    def is_satisfied(self) -> bool:
        return self.serial % 12 != 6


class Ledger:
    """Shared by all players; each queue holds letters that wait for one kind of player."""

    def __init__(self, wanted: int, *, until: float) -> None:
        self.wanted = wanted
        self.until = until
        self.failures: list[str] = []
        self.remarks: dict[str, str] = {}  # external id of an acknowledged remark, and the case it is about
        self._letters: dict[str, Letter] = {}
        # Not SimpleQueue: in Python 3.11 its get with a time-out can wait for ever when another consumer is faster.
        self._queues: dict[str, Queue[Letter]] = defaultdict(Queue)
        self._ended: set[str] = set()
        self._lock = threading.RLock()

    def letter(self, reference: str) -> Letter:
        with self._lock:
            return self._letters.setdefault(reference, Letter(reference))

    def acknowledge(self, reference: str, *, code: str, external_id: str) -> None:
        """The citizen has the number. An agent may have been faster and have filed the letter already."""
        with self._lock:
            letter = self.letter(reference)
            letter.code, letter.external_id = code, external_id
            letter.reached.add(Step.RECEIVED)
            self._go_on(letter)

    def filed(self, letter: Letter, number: str, unit: str) -> None:
        with self._lock:
            letter.number, letter.unit = number, unit
            letter.reached.add(Step.FILED)
            if letter.ending == Ending.DISPATCHED:
                letter.reached.add(Step.DISPATCHED)
            self._go_on(letter)

    def _go_on(self, letter: Letter) -> None:
        """Letters of others, which wait in the queue as well, are filed like any; nobody of the drill works on them further."""
        if letter.is_acknowledged and Step.FILED in letter.reached:
            if letter.ending == Ending.DISPATCHED:
                self.hand(f"unit {letter.unit}", letter)
                if letter.gets_remark:
                    self.hand("remark", letter)
            else:
                self.end(letter)

    def hand(self, to: str, letter: Letter) -> None:
        self._queues[to].put(letter)

    def next_for(self, who: str) -> Letter | None:
        """The next letter for this kind of player; None after a short wait without one."""
        with self._lock:
            queue = self._queues[who]
        try:
            return queue.get(timeout=0.1)
        except Empty:
            return None

    def reach(self, letter: Letter, step: Step) -> None:
        with self._lock:
            letter.reached.add(step)

    def end(self, letter: Letter) -> None:
        with self._lock:
            self._ended.add(letter.reference)

    def leave(self, letter: Letter) -> None:
        """Somebody beside the drill has begun it, and may end it."""
        sys.stderr.write(f"left {letter.reference}: somebody has begun a matter of it and not written it\n")

    def fail(self, what: str) -> None:
        """Said at once; the letter will not come to its end."""
        sys.stderr.write(f"{what}\n")
        with self._lock:
            self.failures.append(what)
            self.wanted -= 1

    def call_off(self, why: str) -> None:
        """Somebody cannot take part: there is no use in waiting until the limit."""
        self.fail(f"called off: {why}")
        self.until = time.monotonic()

    @property
    def is_over(self) -> bool:
        return len(self._ended) >= self.wanted or time.monotonic() > self.until

    @property
    def letters(self) -> list[Letter]:
        """Those of the drill itself."""
        with self._lock:
            return [letter for letter in self._letters.values() if letter.is_acknowledged]

    @property
    def unfinished(self) -> int:
        return max(0, self.wanted - len(self._ended))
