"""The service as it is started for people, in a throw-away data folder, and what its processes use."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.components import Process, free_port, wait_until

ROOT = Path(__file__).parents[1]
HOTLINE = (sys.executable, "-m", "hotline")
TICKS = os.sysconf("SC_CLK_TCK")
KEY = b"a key for the benches, 32 bytes at least"
PASSWORD = "a password for the benches"
# Accounts to sign in with, and cases in every state.
DEMO = {"HOTLINE_DEMO": "true", "HOTLINE_DEMO_PASSWORD": PASSWORD}


class Service:
    """One running service: `hotline up` in the embedded shape, or one of its parts in the scaled shape."""

    def __init__(self, home: Path, *, arguments: Sequence[str] = (), settings: dict[str, str] | None = None) -> None:
        self.home, self.port = home, free_port()
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HOTLINE_")},
            "HOTLINE_DATA_DIR": str(home),
            "HOTLINE_PRIVACY__KEY": base64.b64encode(KEY).decode(),
            "HOTLINE_TELEPHONY": "off",
            "HOTLINE_SANDBOX__ENABLED": "false",
            "HOTLINE_LOG_LEVEL": "WARNING",
            "HOTLINE_WEB__PORT": str(self.port),
            **(settings or {}),
        }
        self.process = Process([*HOTLINE, "up", *arguments], home / "service.log", env=self.environment, cwd=ROOT)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def database_path(self) -> Path:
        return self.home / "hotline.db"

    def start(self) -> None:
        self.run("up", "--only", "seed")
        self.process.start()
        wait_until(self._answers, f"the service; see {self.process.log}", seconds=120)

    def run(self, *command: str) -> str:
        """A `hotline` command beside the service, with the same settings; what it printed."""
        done = subprocess.run([*HOTLINE, *command], env=self.environment, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(
                f"hotline {' '.join(command)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        return done.stdout

    def _answers(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"the service did not start:\n{self.process.tail()}")
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:  # noqa: S310 -- our own address
                return int(answer.status) == 200
        except OSError:
            return False

    def resident_megabytes(self) -> float:
        """Proportional set size: memory that processes share counts once."""
        return sum(_proportional_kilobytes(pid) for pid in family(self.process.pid)) / 1024


@contextmanager
def running(*, arguments: Sequence[str] = (), settings: dict[str, str] | None = None) -> Iterator[Service]:
    home = Path(tempfile.mkdtemp(prefix="bench-"))
    service = Service(home, arguments=arguments, settings=settings)
    try:
        service.start()
        yield service
    finally:
        service.process.stop()
        shutil.rmtree(home, ignore_errors=True)


def cpu_seconds(pid: int) -> float:
    """Processor time of a process and all that it started, children that have ended included."""
    return sum(map(_cpu_seconds, family(pid)))


def family(pid: int) -> list[int]:
    """A process and everything it started that still runs."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(further for child in children for further in family(int(child)))]


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / TICKS  # utime, stime and those of children that were waited for


def _proportional_kilobytes(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
