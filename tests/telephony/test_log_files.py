"""Asterisk's own records: set aside by day and by size while it writes, read back by any name, forgotten after a month."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine

from hotline.telephony.asterisk_files import AsteriskFiles
from hotline.telephony.log_files import HELD_OPEN, MOST_BYTES, LogFiles
from models.base import now
from tests.components import wait_until
from tests.telephony.asterisk import Exchange
from tests.telephony.test_exchange import CARRIER, invite

DAYS = 30
CEL = "cel-custom/Master.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "cel-custom").mkdir()
    (tmp_path / "cdr-csv").mkdir()
    return tmp_path


def written(folder: Path, name: str, text: str = "a line\n", *, days_ago: float = 0) -> Path:
    path = folder / name
    path.write_text(text)
    moment = (now() - timedelta(days=days_ago)).timestamp()
    os.utime(path, (moment, moment))
    return path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_what_is_of_today_and_small_stays(folder: Path) -> None:
    written(folder, CEL)
    files = LogFiles(folder, days=DAYS)

    files.set_aside()

    assert (names(folder), files.to_be_opened_anew) == ([CEL], False)


def test_a_new_day_begins_new_files_and_only_those_held_open_are_told_of(folder: Path, clock: time_machine.Traveller) -> None:
    files = LogFiles(folder, days=DAYS)
    written(folder, CEL)
    files.set_aside()
    clock.shift(timedelta(days=1))

    files.set_aside()
    assert not files.to_be_opened_anew
    written(folder, "messages", days_ago=1)
    files.set_aside()

    kept = [name.partition(".2")[0] for name in names(folder)]
    assert (kept, files.to_be_opened_anew) == ([CEL, "messages"], True)


def test_what_was_begun_before_the_service_started_is_set_aside(folder: Path) -> None:
    written(folder, "queue_log", days_ago=2)
    written(folder, "security", "", days_ago=2)

    LogFiles(folder, days=DAYS).set_aside()

    assert [name.partition(".")[0] for name in names(folder)] == ["queue_log", "security"]
    assert not (folder / "queue_log").exists()
    assert (folder / "security").exists()


def test_what_has_grown_big_does_not_wait_for_the_day_to_end(folder: Path) -> None:
    os.truncate(written(folder, CEL), MOST_BYTES)

    LogFiles(folder, days=DAYS).set_aside()

    assert not (folder / CEL).exists()


def test_what_is_older_than_it_is_kept_is_forgotten_and_nothing_else(folder: Path) -> None:
    written(folder, f"{CEL}.20260101-000000", days_ago=DAYS + 1)
    written(folder, "console", days_ago=DAYS + 1)
    written(folder, "messages.20261101-000000", days_ago=DAYS - 1)

    LogFiles(folder, days=DAYS).set_aside()

    assert names(folder) == ["console", "messages.20261101-000000"]


def test_a_real_exchange_goes_on_in_new_files_and_its_calls_are_read_from_both(exchange: Exchange) -> None:
    log, began = exchange.folder / "log", now()
    files = LogFiles(log, days=DAYS)
    records = AsteriskFiles(log)

    def rows() -> int:
        return len(list(records.cel_rows(began)))

    invite(exchange, "99999", source=CARRIER)
    invite(exchange, "12345", source=CARRIER)
    wait_until(lambda: rows() > 0, "the exchange to write down a call")
    before = rows()
    for name in (CEL, *HELD_OPEN):
        if (log / name).exists() and (log / name).stat().st_size:
            os.utime(log / name, (began.timestamp() - 86_400 * 2,) * 2)
    files.set_aside()
    assert files.to_be_opened_anew
    exchange.open_logs_anew()
    wait_until((log / "messages").exists, "the exchange to open its logs anew")
    for path in log.rglob("*.2*"):
        os.utime(path)

    invite(exchange, "12345", source=CARRIER)

    wait_until(lambda: (log / CEL).exists() and rows() > before, "the exchange to go on writing")
