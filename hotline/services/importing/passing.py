"""A pass over the files of an old system: a few hundred rows at a time, with what is amiss told as it is met."""

import hashlib
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Self

from sqlalchemy.orm import Session

from hotline.services.importing import old_numbers, rows, tables
from hotline.services.importing.mapping import NEEDED, NEEDED_OF_LINES, Column, LineColumn, OldSystem
from hotline.services.importing.rows import OldCase, OldLine, Problem, Reader
from hotline.services.telephone import sound

BATCH = 500
HISTORY = "history "  # before the number of a line in that file


@dataclass(frozen=True)
class Files:
    cases: Path
    history: Path | None = None
    recordings: Path | None = None


@dataclass
class Tally:
    """What a pass has met."""

    rows: int = 0
    new: int = 0
    known: int = 0  # here from an earlier import
    left_out: int = 0
    lines: int = 0
    passed_lines: int = 0  # of cases that are here already or are left out
    recordings: int = 0
    problems: int = 0


class _Fate(StrEnum):
    NEW = "new"
    PASSED = "passed"
    AMISS = "amiss"


class _Seen:
    """What became of each old number of the file. On the disk if there are many, so that memory does not grow with the file."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect("")
        self._rows.execute("CREATE TABLE seen (number BLOB PRIMARY KEY, fate TEXT) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with closing(self._rows):
            pass

    def add(self, old_number: str, fate: _Fate) -> bool:
        """False if it was there before."""
        added = self._rows.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", [_short(old_number), fate])
        return added.rowcount == 1

    def fate(self, old_number: str) -> _Fate | None:
        row = self._rows.execute("SELECT fate FROM seen WHERE number = ?", [_short(old_number)]).fetchone()
        return _Fate(row[0]) if row else None


def _short(old_number: str) -> bytes:
    return hashlib.sha256(old_number.encode()).digest()[:16]


@dataclass
class Pass:
    """One reading of the files from end to end; the lines of histories come after all cases."""

    session: Session
    system: OldSystem
    files: Files
    tell: Callable[[Problem], None]
    tally: Tally = field(default_factory=Tally)

    def __post_init__(self) -> None:
        self._reader = Reader(self.system, rows.city(self.session))
        self._seen = _Seen()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._seen.__exit__()

    @property
    def city(self) -> rows.City:
        return self._reader.city

    def cases(self) -> Iterator[list[OldCase]]:
        """Those that are not here yet."""
        needed = [theirs for ours, theirs in self.system.columns.items() if ours in NEEDED]
        found = tables.rows(self.files.cases, needed)
        while batch := list(islice(found, BATCH)):
            read = [case for line, values in batch if (case := self._case(line, values))]
            known = old_numbers.known(self.session, self.system.source, [case.old_number for case in read])
            new = [case for case in read if self._is_new(case, known) and self._has_sound(case)]
            self.tally.new += len(new)
            yield new

    def lines(self) -> Iterator[list[OldLine]]:
        """What the old system noted of the new cases, in the order of its file."""
        if self.files.history is None or not self.system.history:
            return
        needed = [theirs for ours, theirs in self.system.history.items() if ours in NEEDED_OF_LINES]
        found = tables.rows(self.files.history, needed)
        while batch := list(islice(found, BATCH)):
            read = [line for number, values in batch if (line := self._line(number, values))]
            strange = [line.old_number for line in read if self._seen.fate(line.old_number) is None]
            known = old_numbers.known(self.session, self.system.source, strange)
            new = [line for line in read if self._is_of_new(line, known)]
            self.tally.lines += len(new)
            yield new

    def _case(self, line: int, values: Mapping[str, str]) -> OldCase | None:
        self.tally.rows += 1
        case = self._reader.case(line, values)
        old_number = values.get(self.system.columns[Column.OLD_NUMBER], "")
        if isinstance(case, OldCase):
            return case
        self._seen.add(old_number, _Fate.AMISS if case else _Fate.PASSED)
        self.tally.left_out += case is None
        self._amiss(case or [])
        return None

    def _is_new(self, case: OldCase, known: Collection[str]) -> bool:
        fate = _Fate.PASSED if case.old_number in known else _Fate.NEW
        if not self._seen.add(case.old_number, fate):
            self._amiss([Problem(case.line, Column.OLD_NUMBER, f"{case.old_number!r} stands in the file twice")])
            return False
        self.tally.known += fate == _Fate.PASSED
        return fate == _Fate.NEW

    def _has_sound(self, case: OldCase) -> bool:
        if self.files.recordings is None:
            return True
        wrong = [why for name in case.recordings if (why := _unheard(self.files.recordings / name))]
        self._amiss([Problem(case.line, Column.RECORDINGS, why) for why in wrong])
        self.tally.recordings += len(case.recordings)
        return not wrong

    def _line(self, number: int, values: Mapping[str, str]) -> OldLine | None:
        line = self._reader.line(number, values)
        if isinstance(line, OldLine):
            return line
        self._amiss([Problem(each.line, f"{HISTORY}{each.field}", each.why) for each in line])
        return None

    def _is_of_new(self, line: OldLine, known: Collection[str]) -> bool:
        fate = self._seen.fate(line.old_number)
        if fate is None and line.old_number not in known:
            why = f"no case has the number {line.old_number!r}"
            self._amiss([Problem(line.line, f"{HISTORY}{LineColumn.OLD_NUMBER}", why)])
            return False
        self.tally.passed_lines += fate in (None, _Fate.PASSED)
        return fate == _Fate.NEW

    def _amiss(self, problems: list[Problem]) -> None:
        self.tally.problems += len(problems)
        for problem in problems:
            self.tell(problem)


def _unheard(path: Path) -> str:
    try:
        return "" if sound.examine(path) else f"{path.name!r} holds no sound"
    except OSError:
        return f"{path.name!r} is not in the folder"
    except sound.NotSound:
        return f"{path.name!r} is no WAV file of 16 bits and one channel"
