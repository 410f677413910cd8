"""One parent for the embedded service: prepares the database, starts the parts, starts a dead one again, stops all together.

It imports nothing heavy, for it stays in memory as long as the service runs.
"""

import fcntl
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.error import URLError

from hotline.errors import HotlineError
from hotline.settings import Settings

LOOK_SECONDS = 0.1
STOP_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
# A part that lived this long was well; the next pause is the first one again.
WELL_AFTER = 30.0


class NotStarted(HotlineError):
    code = "not_started"


class Part:
    """A program kept alive. Its standard input is a pipe: a byte lets it begin, the end says that the supervisor is gone."""

    def __init__(self, name: str, *, listening: socket.socket) -> None:
        self.name = name
        self._listening = listening
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._pause = FIRST_PAUSE
        self._again_at = 0.0

    def start(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 -- this very program
            [sys.executable, "-m", "hotline", "up", "--only", self.name, "--listen-on", str(self._listening.fileno())],
            stdin=subprocess.PIPE,
            pass_fds=[self._listening.fileno()],
        )
        self._started = time.monotonic()

    def let_begin(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")
                self._process.stdin.flush()

    def look(self) -> None:
        """Start it again if it died, after a pause that doubles while it keeps dying."""
        if self._process is None or self._process.poll() is None:
            return
        moment = time.monotonic()
        if not self._again_at:
            if moment - self._started > WELL_AFTER:
                self._pause = FIRST_PAUSE
            self._again_at = moment + self._pause
            print(
                f"{self.name} ended ({_how(self._process.returncode)}); it starts again in {self._pause:.1f} s", file=sys.stderr
            )
            self._pause = min(self._pause * 2, LONGEST_PAUSE)
        elif moment >= self._again_at:
            self._again_at = 0.0
            self.start()
            self.let_begin()

    def ask_to_stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait_or_kill(self, until: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Supervisor:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._parts: list[Part] = []

    def __enter__(self) -> Self:
        self._lock = lock_folder(self._settings.data_dir)
        self._listening = bind(self._settings.web.host, self._settings.web.port)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for part in self._parts:
            part.ask_to_stop()
        end = time.monotonic() + STOP_SECONDS
        for part in self._parts:
            part.wait_or_kill(end)
        self._listening.close()
        self._lock.close()

    def run(self, *, announce: Callable[[], None]) -> int:
        """Until a signal; the exit code."""
        self._parts = [Part("all-in-one", listening=self._listening)]
        for part in self._parts:
            part.start()  # it loads its modules meanwhile
        code = self._prepare()
        if code or self._stop.is_set():
            return code
        for part in self._parts:
            part.let_begin()
        threading.Thread(target=self._announce_when_ready, args=[announce], daemon=True).start()
        while not self._stop.wait(LOOK_SECONDS):
            for part in self._parts:
                part.look()
        return 0

    def _prepare(self) -> int:
        """Migrations and seeds, in a process of their own whose memory goes with it."""
        step = subprocess.Popen([sys.executable, "-m", "hotline", "up", "--only", "seed"], stdin=subprocess.DEVNULL)
        while (code := step.poll()) is None:
            if self._stop.wait(LOOK_SECONDS / 2):
                step.terminate()
                step.wait()
                return 0
        return code

    def _announce_when_ready(self, announce: Callable[[], None]) -> None:
        url = f"http://{self._settings.web.host}:{self._settings.web.port}/healthz"
        while not self._stop.wait(LOOK_SECONDS):
            try:
                with urllib.request.urlopen(url, timeout=5):
                    return announce()
            except (URLError, OSError):
                continue


def lock_folder(folder: Path) -> IO[bytes]:
    """The data folder belongs to one service at a time; the lock goes with the process, however it ends."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = (folder / "supervisor.lock").open("a+b")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        owner = lock.read().decode() or "unknown"
        raise NotStarted("Another hotline (process {owner}) runs on {folder}.", owner=owner, folder=folder) from None
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    lock.flush()
    return lock


def bind(host: str, port: int) -> socket.socket:
    """The port, held by the supervisor: while a part starts again, callers wait instead of being refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise NotStarted("Port {port} on {host} cannot be used: {why}.", port=port, host=host, why=error.strerror) from None
    return listening


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
