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
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self
from urllib.error import URLError

from hotline.errors import HotlineError
from hotline.settings import Settings, environment_with

LOOK_SECONDS = 0.1
STOP_SECONDS = 10.0
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
# A part that lived this long was well; the next pause is the first one again.
WELL_AFTER = 30.0
# A part that beats and has not for this long is frozen: callers would hear silence until it is gone.
FROZEN_AFTER = 3.0
# Before its first beat it loads its modules.
FIRST_BEAT_WITHIN = 60.0
# What a part ends with that cannot run here at all (sysexits.h: EX_CONFIG); it has said why.
CANNOT_RUN = 78


class NotStarted(HotlineError):
    code = "not_started"


class Part:
    """A program kept alive. Its standard input is a pipe: a byte lets it begin, the end says that the supervisor is gone.

    `beats`: it writes to another pipe while it is well, and is killed when it no longer does, though it lives. It is stopped
    for good when the part that it needs cannot run here. `more`: settings beside those of the supervisor.
    """

    def __init__(
        self,
        name: str,
        *,
        listening: Sequence[socket.socket] = (),
        beats: bool = False,
        needs: "Part | None" = None,
        more: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.given_up = False
        self._needs = needs
        self._listening = listening
        self._environment = environment_with(more or {})
        self._beats = beats
        self._beating: int | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._alive_until = 0.0
        self._pause = FIRST_PAUSE
        self._again_at = 0.0

    def start(self) -> None:
        command = [sys.executable, "-m", "hotline", "up", "--only", self.name]
        handed = []
        if self._listening:
            handed += [each.fileno() for each in self._listening]
            command += ["--listen-on", *map(str, handed)]
        if self._beats:
            reading, writing = self._new_pipe()
            handed.append(writing)
            command += ["--beat-on", str(writing)]
        self._process = subprocess.Popen(  # noqa: S603 -- this very program
            command, stdin=subprocess.PIPE, pass_fds=handed, env=self._environment
        )
        if self._beats:
            os.close(writing)
            self._beating = reading
        self._started = time.monotonic()
        self._alive_until = self._started + FIRST_BEAT_WITHIN

    def _new_pipe(self) -> tuple[int, int]:
        if self._beating is not None:
            os.close(self._beating)
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        return reading, writing

    def let_begin(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.write(b"\n")
                self._process.stdin.flush()

    def look(self) -> None:
        """End it if it is frozen. Start it again if it died, after a pause that doubles while it keeps dying."""
        if self._process is None or self.given_up:
            return
        moment = time.monotonic()
        if self._needs is not None and self._needs.given_up:
            self.given_up = True
            self.ask_to_stop()
        elif self._process.poll() is None:
            self._end_if_frozen(moment)
        elif self._process.returncode == CANNOT_RUN:
            self.given_up = True
        elif not self._again_at:
            self._plan_again(moment)
        elif moment >= self._again_at:
            self._again_at = 0.0
            self.start()
            self.let_begin()

    def _end_if_frozen(self, moment: float) -> None:
        if self._beating is None:
            return
        with suppress(BlockingIOError):
            if os.read(self._beating, 4096):
                self._alive_until = moment + FROZEN_AFTER
        if moment > self._alive_until and self._process is not None:
            print(f"{self.name} does not answer; it is ended", file=sys.stderr)
            self._process.kill()

    def _plan_again(self, moment: float) -> None:
        if moment - self._started > WELL_AFTER:
            self._pause = FIRST_PAUSE
        self._again_at = moment + self._pause
        code = self._process.returncode if self._process else 0
        print(f"{self.name} ended ({_how(code)}); it starts again in {self._pause:.1f} s", file=sys.stderr)
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def ask_to_stop(self) -> None:
        self.send(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait_or_kill(self, until: float) -> None:
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def watch(name: str) -> int:
    """One part that beats, kept alive without a whole supervisor around it: a container of its own."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    part = Part(name, beats=True)
    signal.signal(signal.SIGHUP, lambda *_: part.send(signal.SIGHUP))
    part.start()
    part.let_begin()
    while not stop.wait(LOOK_SECONDS):
        part.look()
    part.ask_to_stop()
    part.wait_or_kill(time.monotonic() + STOP_SECONDS)
    return 0


class Supervisor:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stop = threading.Event()
        self._parts: list[Part] = []
        self._more: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        self._lock = lock_folder(self._settings.data_dir)
        self._listening = bind(self._settings.web.host, self._settings.web.port, "HOTLINE_WEB__PORT")
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

    def run(
        self,
        *,
        announce: Callable[[], None],
        telephony: bool,
        stand_ins: Sequence[socket.socket] = (),
        more: Mapping[str, str] | None = None,
    ) -> int:
        """Until a signal; the exit code. `stand_ins`: where the providers' stand-ins listen, `more`: what leads there."""
        self._more = more or {}
        self._parts = [Part("all-in-one", listening=[self._listening], more=self._more)]
        if stand_ins:
            self._parts.append(Part("sandbox", listening=stand_ins, more=self._more))
        for part in self._parts:
            part.start()  # it loads its modules meanwhile
        code = self._prepare()
        if code or self._stop.is_set():
            return code
        for part in self._parts:
            part.let_begin()
        ready = threading.Event()
        threading.Thread(target=self._announce_when_ready, args=[announce, ready], daemon=True).start()
        while not self._stop.wait(LOOK_SECONDS):
            if telephony and ready.is_set():
                self._start_telephony()
                telephony = False
            for part in self._parts:
                part.look()
        return 0

    def _start_telephony(self) -> None:
        """After the pages, which people wait for. Where Asterisk cannot run, the parts that speak with it have nothing to do."""
        exchange = Part("asterisk", more=self._more)
        parts = [exchange, *(Part(name, beats=True, needs=exchange, more=self._more) for name in ("ivr", "telephony"))]
        for part in parts:
            part.start()
            part.let_begin()
        self._parts += parts

    def _prepare(self) -> int:
        """Migrations and seeds, in a process of their own whose memory goes with it."""
        step = subprocess.Popen(
            [sys.executable, "-m", "hotline", "up", "--only", "seed"],
            stdin=subprocess.DEVNULL,
            env=environment_with(self._more),
        )
        while (code := step.poll()) is None:
            if self._stop.wait(LOOK_SECONDS / 2):
                step.terminate()
                step.wait()
                return 0
        return code

    def _announce_when_ready(self, announce: Callable[[], None], ready: threading.Event) -> None:
        url = f"http://{self._settings.web.host}:{self._settings.web.port}/healthz"
        while not self._stop.wait(LOOK_SECONDS):
            try:
                with urllib.request.urlopen(url, timeout=5):
                    ready.set()
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


def bind(host: str, port: int, setting: str) -> socket.socket:
    """The port, held by the supervisor: while a part starts again, callers wait instead of being refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        sentence = "Port {port} on {host} cannot be used: {why}; choose another with {setting}."
        raise NotStarted(sentence, port=port, host=host, why=error.strerror, setting=setting) from None
    return listening


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
