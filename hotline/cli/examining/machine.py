"""The machine that the service stands on: its programs and its data folder."""

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from hotline.cli.examining.findings import Finding, fail, ok, warn
from hotline.settings import Settings
from hotline.telephony import exchange
from hotline.telephony.kit import find_kit

OLDEST_SQLITE = (3, 35, 0)  # RETURNING
LEAST_FREE_BYTES = 1 << 30


def findings(settings: Settings) -> Iterator[Finding]:
    yield ok("python", ".".join(map(str, sys.version_info[:3])))
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield fail("sqlite", sqlite3.sqlite_version, "a Python with SQLite 3.35 or newer")
    else:
        yield ok("sqlite", sqlite3.sqlite_version)
    yield from _folder(settings.data_dir)
    scripts = Path(str(files("hotline"))) / "web" / "static" / "vendor" / "htmx.min.js"
    if scripts.exists():
        yield ok("page scripts", "copied")
    else:
        yield warn("page scripts", "missing: the desks work, but do not refresh by themselves", "make setup")
    yield from _programs(settings)


def _folder(folder: Path) -> Iterator[Finding]:
    if not folder.exists():
        yield warn("data folder", f"{folder} does not exist yet", "hotline up makes it")
        return
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"\0" * 4096)
            file.flush()
    except OSError as error:
        yield fail("data folder", f"{folder}: {error.strerror}", "give the service's user write access and room")
        return
    if folder.stat().st_mode & 0o077:
        yield warn("data folder", f"{folder} can be opened by others", f"chmod 700 {folder}")
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        yield warn("data folder", f"{free >> 20} MiB free", "make room: at zero no message can be stored")
    else:
        yield ok("data folder", f"{folder}, {free >> 30} GiB free")


def _programs(settings: Settings) -> Iterator[Finding]:
    """Other programs that parts of the service or of its tests use."""
    if settings.telephony == "off":
        yield ok("asterisk", "not wanted (HOTLINE_TELEPHONY=off)")
    else:
        yield from _exchange(settings)
    if found := next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None):
        yield ok("chromium", found)
    else:
        yield warn("chromium", "not installed: no tests in a browser", "apt-get install chromium")


def _exchange(settings: Settings) -> Iterator[Finding]:
    kit = find_kit(settings)
    if why := exchange.why_not(settings):
        what, _, remedy = why.rpartition(": ")
        yield warn("asterisk", f"no calls: {what}", f"{remedy}, or HOTLINE_TELEPHONY=off")
    elif kit:
        yield ok("asterisk", f"{kit.version}, {kit.program}, every prompt has audio")
    if kit and kit.speech:
        yield ok("espeak", f"{kit.speech.version}, {kit.speech.command[-1]}")
    else:
        yield warn(
            "espeak", "no voice: no announcements of an outage, no new prompts", "make asterisk, or apt-get install espeak-ng"
        )
