"""Asterisk's own records, in files of a day or less: set aside while it goes on writing, and forgotten in time.

The service reads back half a day of them, by whatever name; the rest is for people. They hold callers' numbers.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from models.base import CITY_TIME, now

CALLS = ("cel-custom/Master.csv", "cdr-csv/Master.csv")
# Asterisk goes on writing to these, whatever their name, until it is told to open its own anew.
HELD_OPEN = ("queue_log", "messages", "security")
MOST_BYTES = 64 << 20


class LogFiles:
    def __init__(self, folder: Path, *, days: int) -> None:
        self._folder, self._kept = folder, timedelta(days=days)
        # When each was looked at last; before the first look, when it was last written to.
        self._looked: dict[str, date] = {}
        # Whether Asterisk is still to be told.
        self.to_be_opened_anew = False

    def set_aside(self) -> None:
        """Each that has grown big, or was begun on an earlier day of the city."""
        for name in (*CALLS, *HELD_OPEN):
            with suppress(FileNotFoundError):
                self._look_at(name)
        self._forget()

    def _look_at(self, name: str) -> None:
        path = self._folder / name
        written, moment = path.stat(), now()
        today = _day(moment)
        before, self._looked[name] = self._looked.get(name, _day(datetime.fromtimestamp(written.st_mtime, UTC))), today
        if written.st_size and (written.st_size >= MOST_BYTES or before < today):
            path.rename(path.with_name(f"{path.name}.{moment.astimezone(CITY_TIME):%Y%m%d-%H%M%S}"))
            self.to_be_opened_anew |= name in HELD_OPEN

    def _forget(self) -> None:
        limit = (now() - self._kept).timestamp()
        for path in self._set_aside():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < limit:
                    path.unlink()

    def _set_aside(self) -> Iterator[Path]:
        for name in (*CALLS, *HELD_OPEN):
            path = self._folder / name
            yield from path.parent.glob(f"{path.name}.*")


def _day(moment: datetime) -> date:
    return moment.astimezone(CITY_TIME).date()
