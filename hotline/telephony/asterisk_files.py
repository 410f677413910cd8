"""What Asterisk wrote down while nobody listened: CEL and queue_log, read into one record for each call.

The columns are those of deploy/asterisk/cel_custom.conf. Lines may be cut short, by a full disk or a crash; files may be rotated.
"""

import csv
import gzip
import io
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO

# A call that began before is read from its beginning if it is not older.
LONGEST_CALL = timedelta(hours=12)
NEAR = 1 << 18
INBOUND = frozenset({"from-trunk"})
COLUMNS = 14
# Within a quoted value every quotation mark is doubled, so that no caller can begin a record.
CEL_START = re.compile(rb'"(\d{9,11}\.\d{1,9})","[A-Z_]+","')
QUEUE_START = re.compile(rb"^(\d{9,11})\|", re.M)
STAMP = re.compile(r"\d{9,11}")


class Outcome(StrEnum):
    LIVE = "live"  # no end was written: it goes on, or Asterisk died
    NEVER_QUEUED = "never_queued"
    ABANDONED = "abandoned"  # hung up while waiting
    NOT_SERVED = "not_served"  # left the queue by time or by key
    COMPLETED = "completed"  # an agent had it


@dataclass(frozen=True, slots=True)
class CelRow:
    at: datetime
    kind: str
    uniqueid: str
    linkedid: str
    channel: str
    caller_number: str
    caller_name: str
    dialled: str
    context: str
    exten: str
    application: str
    data: str
    peer: str
    extra: str


@dataclass(frozen=True, slots=True)
class QueueRow:
    at: datetime  # to the second
    uniqueid: str
    queue: str
    agent: str
    kind: str
    data: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One inbound call. `answered` is when Asterisk took it, `connected` when an agent did."""

    linkedid: str
    caller_number: str
    caller_name: str
    dialled: str
    started: datetime
    last_seen: datetime
    answered: datetime | None = None
    queued: datetime | None = None
    queue: str = ""
    connected: datetime | None = None
    agent: str = ""  # the interface, as PJSIP/1001
    ended: datetime | None = None
    outcome: Outcome = Outcome.LIVE

    @property
    def waited(self) -> timedelta | None:
        until = self.connected or self.ended
        return max(until - self.queued, timedelta()) if self.queued and until else None

    @property
    def talked(self) -> timedelta | None:
        return self.ended - self.connected if self.connected and self.ended else None


class AsteriskFiles:
    def __init__(self, log_folder: Path) -> None:
        self._cel = log_folder / "cel-custom" / "Master.csv"
        self._queue = log_folder / "queue_log"

    def calls_since(self, moment: datetime, *, inbound: Collection[str] = INBOUND) -> list[CallRecord]:
        """Every call from outside of which anything was written since then, oldest first; also those that began before."""
        horizon = moment - LONGEST_CALL
        calls: dict[str, list[CelRow]] = defaultdict(list)
        for row in self.cel_rows(horizon):
            calls[row.linkedid].append(row)
        queued: dict[str, list[QueueRow]] = defaultdict(list)
        for entry in self.queue_rows(horizon):
            queued[entry.uniqueid].append(entry)
        recent = (sorted(rows, key=lambda row: row.at) for rows in calls.values())
        records = (_record(rows, queued) for rows in recent if rows[-1].at >= moment and _is_inbound(rows, inbound))
        return sorted(records, key=lambda record: record.started)

    def cel_rows(self, since: datetime) -> Iterator[CelRow]:
        for text in _texts(self._cel, CEL_START, since):
            starts = [found.start() for found in CEL_START.finditer(text)]
            for begin, end in zip(starts, [*starts[1:], len(text)], strict=True):
                row = _cel_row(text[begin:end])
                if row is not None and row.at >= since:
                    yield row

    def queue_rows(self, since: datetime) -> Iterator[QueueRow]:
        for text in _texts(self._queue, QUEUE_START, since):
            for line in text.decode("utf-8", "replace").splitlines():
                row = _queue_row(line)
                if row is not None and row.at >= since:
                    yield row


def _is_inbound(rows: list[CelRow], contexts: Collection[str]) -> bool:
    return any(row.kind == "CHAN_START" and row.uniqueid == row.linkedid and row.context in contexts for row in rows)


def _record(rows: list[CelRow], queued: dict[str, list[QueueRow]]) -> CallRecord:
    linkedid = rows[0].linkedid
    own = [row for row in rows if row.uniqueid == linkedid]
    entries = queued.get(linkedid, [])
    start, joined, served = own[0], _first(entries, "ENTERQUEUE"), _last(entries, "CONNECT")
    ended = _at(own, "CHAN_END") or _at(rows, "LINKEDID_END")
    return CallRecord(
        linkedid=linkedid,
        caller_number=start.caller_number,
        caller_name=start.caller_name,
        dialled=start.exten,
        started=start.at,
        last_seen=rows[-1].at,
        answered=_at(own, "ANSWER"),
        queued=joined.at if joined else None,
        queue=joined.queue if joined else "",
        connected=(_at(own, "BRIDGE_ENTER") or served.at) if served else None,
        agent=_agent(rows, served) if served else "",
        ended=ended,
        outcome=_outcome(entries) if ended else Outcome.LIVE,
    )


def _outcome(entries: list[QueueRow]) -> Outcome:
    kinds = {entry.kind for entry in entries}
    if "CONNECT" in kinds:
        return Outcome.COMPLETED
    if "ABANDON" in kinds:
        return Outcome.ABANDONED
    return Outcome.NOT_SERVED if "ENTERQUEUE" in kinds else Outcome.NEVER_QUEUED


def _agent(rows: list[CelRow], served: QueueRow) -> str:
    """queue_log has the agent's name and the id of the agent's channel; CEL knows which phone that was."""
    leg = served.data[1] if len(served.data) > 1 else ""
    names = [row.channel for row in rows if row.uniqueid == leg]
    return names[0].rpartition("-")[0] if names else ""


def _first(entries: Iterable[QueueRow], kind: str) -> QueueRow | None:
    return next((entry for entry in entries if entry.kind == kind), None)


def _last(entries: list[QueueRow], kind: str) -> QueueRow | None:
    return _first(reversed(entries), kind)


def _at(rows: Iterable[CelRow], kind: str) -> datetime | None:
    return next((row.at for row in rows if row.kind == kind), None)


def _cel_row(line: bytes) -> CelRow | None:
    """None if it was cut short."""
    values: list[str] = []
    with suppress(csv.Error, StopIteration):
        values = next(csv.reader(io.StringIO(line.decode("utf-8", "replace"), newline=""), strict=True))
    if len(values) != COLUMNS:
        return None
    return CelRow(_moment(values[0]), *values[1:])


def _queue_row(line: str) -> QueueRow | None:
    """None if it was cut short."""
    stamp, *rest = line.split("|")
    if len(rest) < 4 or not STAMP.fullmatch(stamp):
        return None
    uniqueid, queue, agent, kind, *data = rest
    return QueueRow(_moment(stamp), uniqueid, queue, agent, kind, tuple(data))


def _texts(path: Path, start: re.Pattern[bytes], since: datetime) -> Iterator[bytes]:
    """The part of each file, the rotated ones first, that may hold something so young."""
    files = ((each.stat().st_mtime, each) for each in path.parent.glob(f"{path.name}*") if each.is_file())
    for written, each in sorted(files):
        if written >= since.timestamp():
            if each.suffix == ".gz":
                yield gzip.decompress(each.read_bytes())
            else:
                yield _end_of(each, start, since.timestamp())


def _end_of(path: Path, start: re.Pattern[bytes], since: float) -> bytes:
    with path.open("rb") as file:
        _skip_to(file, start, since)
        return file.read()


def _skip_to(file: IO[bytes], start: re.Pattern[bytes], since: float) -> None:
    """Halves the file until little is left before that time: it may hold a year."""
    low, high = 0, file.seek(0, io.SEEK_END)
    while high - low > NEAR:
        middle = (low + high) // 2
        file.seek(middle)
        found = start.search(file.read(NEAR // 4))
        if found is not None and float(found[1]) < since:
            low = middle
        else:
            high = middle
    file.seek(low)


def _moment(stamp: str) -> datetime:
    return datetime.fromtimestamp(float(stamp), UTC)
