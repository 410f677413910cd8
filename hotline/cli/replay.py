"""Sends the texts of a CSV file through the public mailbox of the running service, at a steady rate; run again, it goes on."""

import argparse
import hashlib
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from hotline.cli.drill.browser import Browser, require_service
from hotline.cli.drill.citizens import letter_fields
from hotline.cli.drill.clocks import Clocks
from hotline.cli.drill.pages import Unexpected
from hotline.cli.drill.texts import rows, text_of
from hotline.settings import get_settings

SENDERS = 8
MOST_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, help="CSV with a column text_clean or text")
    parser.add_argument("--channel", choices=["mailbox"], default="mailbox")
    parser.add_argument("--rate", type=_rate, default=5, help="letters a second (default 5)")
    parser.add_argument("--limit", type=int, help="rows to send at most")
    parser.add_argument("--url", help="the running service (default: as the settings say)")


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 < rate < float("inf"):
        raise argparse.ArgumentTypeError("letters a second: more than 0")
    return rate


def run(arguments: argparse.Namespace) -> int:
    settings = get_settings()
    url = arguments.url or f"http://{settings.web.host}:{settings.web.port}"
    require_service(url)
    journal = Journal(settings.data_dir / "replay", arguments.file, url)
    replay = Replay(url, journal)
    waiting = [(row, text) for row, text in _rows(arguments.file, arguments.limit) if row not in journal.acknowledged]
    began = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as senders:
        sendings = [senders.submit(replay.send, *each, at=began + n / arguments.rate) for n, each in enumerate(waiting)]
    failures = [str(error) for sending in sendings if (error := sending.exception())]
    for failure in failures[:MOST_SHOWN]:
        print(failure, file=sys.stderr)
    for line in replay.clocks.lines():
        print(line)
    print(f"sent {len(waiting) - len(failures)}")
    print(f"acknowledged {len(journal.acknowledged)}")
    print(f"failed {len(failures)}")
    return int(bool(failures))


def _rows(file: Path, limit: int | None) -> Iterator[tuple[str, str]]:
    """A row is known by its place in the file and by what it says: equal texts are letters of their own."""
    for place, row in enumerate(islice(rows(file), limit), 1):
        text = text_of(row)
        yield f"{place}:{hashlib.sha256(text.encode()).hexdigest()[:16]}", text


class Journal:
    """Which row was sent under which form key, written before it is sent, and which number came back.

    A row whose answer was lost is sent again under the same key, which the service takes for the same letter.
    """

    def __init__(self, folder: Path, file: Path, url: str) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = hashlib.sha256(f"{file.resolve()}\0{url}".encode()).hexdigest()[:16]
        self._path = folder / f"{name}.jsonl"
        self._lock = threading.Lock()
        self.keys: dict[str, str] = {}
        self.acknowledged: dict[str, str] = {}
        for line in self._path.read_text().splitlines() if self._path.exists() else ():
            with suppress(json.JSONDecodeError):  # the last line of a run that was killed while it wrote
                self._read(json.loads(line))

    def _read(self, entry: dict[str, Any]) -> None:
        (self.keys if "key" in entry else self.acknowledged)[entry["row"]] = entry.get("key") or entry["number"]

    def write(self, **entry: str) -> None:
        with self._lock, self._path.open("a") as file:
            self._read(entry)
            file.write("\n" + json.dumps(entry))


class Replay:
    def __init__(self, url: str, journal: Journal) -> None:
        self._url = url
        self._journal = journal
        self._own = threading.local()
        self.clocks = Clocks()

    def send(self, row: str, text: str, *, at: float) -> None:
        time.sleep(max(0.0, at - time.monotonic()))
        browser = self._browser()
        form = browser.get("/").form("letter")
        if row not in self._journal.keys:
            self._journal.write(row=row, key=form.first("key"))
        typed = letter_fields(int(row.partition(":")[0]), text) | {"key": self._journal.keys[row]}
        number = browser.send(form, typed, step="letter").form("track").first("number")
        if not number:
            raise Unexpected("row {row} was not acknowledged", row=row)
        self._journal.write(row=row, number=number)

    def _browser(self) -> Browser:
        """One for each sender."""
        if not hasattr(self._own, "browser"):
            self._own.browser = Browser(self._url, self.clocks, until=float("inf"))
        return self._own.browser  # type: ignore[no-any-return]
