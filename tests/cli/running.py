"""The `hotline` command and the running service as programs of their own, on a data folder and a port of the test's own."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import httpx

from tests.components import Process, free_port, wait_until

PROJECT = Path(__file__).parents[2]
PASSWORD = "a password for demos"
# The folder that all test processes of one run share; tests/conftest.py sets it.
OF_THE_RUN = "FOLDER_OF_THE_TEST_RUN"


def environment(folder: Path, **others: str) -> dict[str, str]:
    return {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": str(PROJECT),
        "HOTLINE_DATA_DIR": str(folder / "data"),
        "HOTLINE_DEMO": "true",
        "HOTLINE_DEMO_PASSWORD": PASSWORD,
        "HOTLINE_TELEPHONY": "off",
        "HOTLINE_SANDBOX__ENABLED": "false",
        "HOTLINE_MODEL_DIR": str(PROJECT / "classifier" / "artifacts" / "demo"),
        # So that what these programs run counts as covered.
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        **others,
    }


def command(*words: str, env: Mapping[str, str], feed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hotline", *words],
        input=feed,
        capture_output=True,
        text=True,
        env=dict(env),
        cwd=PROJECT,
        timeout=110,
        check=False,
    )


def a_demo_city(folder: Path) -> None:
    """What `hotline seed` leaves in an empty data folder."""
    shutil.copytree(_demo_city() / "data", folder)


@cache
def _demo_city() -> Path:
    def seed(folder: Path) -> None:
        seeded = command("seed", env=environment(folder))
        assert seeded.returncode == 0, seeded.stderr

    return once_a_run("demo-city", seed)


def once_a_run(name: str, make: Callable[[Path], None]) -> Path:
    """A folder with what takes long to make, so one of the test processes makes it, and the others wait."""
    folder = Path(os.environ[OF_THE_RUN], name)
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            make(folder)
            (folder / "made").touch()
    return folder


class Service:
    """`hotline up` and where it answers. A demo begins with its city already there."""

    def __init__(self, folder: Path, **others: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = environment(folder, HOTLINE_WEB__PORT=str(self.port), **others)
        self.process = Process([sys.executable, "-m", "hotline", "up"], folder / "up.log", env=self.env, cwd=PROJECT)
        data = Path(self.env["HOTLINE_DATA_DIR"])
        # Where pictures are taken no test runs: there the service makes its city by itself.
        if self.env["HOTLINE_DEMO"] == "true" and OF_THE_RUN in os.environ and not data.exists():
            a_demo_city(data)

    def start(self) -> None:
        self.process.start()
        wait_until(self.answers_or_ended, f"the service on {self.url}", seconds=90)
        assert self.process.running, self.process.tail()

    def answers_or_ended(self) -> bool:
        return not self.process.running or self.answers()

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=2).status_code == 200
        except httpx.TransportError:
            return False

    def children(self) -> list[int]:
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def running(folder: Path, **others: str) -> Iterator[Service]:
    service = Service(folder, **others)
    try:
        service.start()
        yield service
    finally:
        service.process.stop(seconds=20)


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True
