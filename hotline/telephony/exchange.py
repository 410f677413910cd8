"""Keeps one Asterisk alive: adopts the living one of this data folder or starts it, and stops it when the service stops."""

import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from hotline.errors import HotlineError
from hotline.settings import Settings
from hotline.telephony import modules, prompts
from hotline.telephony.configuration import QUEUES, QueueConfig, ami_address, ami_secret, folder_of, lock_lines, render
from hotline.telephony.console import Console, ConsoleClosed, answers
from hotline.telephony.kit import Kit, find_kit
from hotline.telephony.log_files import LogFiles

log = logging.getLogger(__name__)

BOOT_SECONDS = 30.0
STOP_SECONDS = 5.0
_LOOK_SECONDS = 0.1
# It lives but greets nobody: so many times in a row, then it is frozen. Seconds.
_GREETS_EVERY, _GREETS_WITHIN, _SILENT_TIMES = 4.0, 3.0, 3
_LOGS_EVERY = 60.0
_HOW_TO_GET = "make asterisk, or install asterisk (20 or newer) and espeak-ng"


class TelephonyOff(HotlineError):
    """The telephone cannot run; the text is the one line that says why."""

    code = "telephony_off"


class Exchange:
    """The Asterisk of one instance folder, whoever started it."""

    def __init__(self, settings: Settings, kit: Kit, queues: Sequence[QueueConfig] = QUEUES) -> None:
        self._settings, self._kit, self._queues = settings, kit, queues
        self.folder = folder_of(settings)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def command(self) -> list[str]:
        return [*self._kit.command, "-C", str(self.folder / "etc" / "asterisk.conf")]

    @property
    def log(self) -> Path:
        return self.folder / "log" / "messages"

    @property
    def pid(self) -> int | None:
        """Of the living Asterisk of this folder; a number that another program has got meanwhile does not count."""
        with suppress(OSError, ValueError):
            pid = int((self.folder / "run" / "asterisk.pid").read_text())
            if str(self.folder).encode() in Path(f"/proc/{pid}/cmdline").read_bytes() and not self._is_zombie(pid):
                return pid
        return None

    def is_alive(self) -> bool:
        if self._process is not None:
            return self._process.poll() is None
        return self.pid is not None

    def adopt(self) -> bool:
        """Take over the living Asterisk of this folder with its calls; one that does not answer any more is ended."""
        if self.pid is None:
            return False
        if not answers(self._settings.asterisk.host, self._settings.asterisk.ami_port):
            self.stop()
            return False
        if self._prepare():
            os.kill(self.pid, signal.SIGHUP)  # read the configuration again
        return True

    def start(self) -> None:
        """Returns once Asterisk is ready for calls."""
        self._prepare()
        self._refuse_taken_ports()
        lock_lines(self._settings, self.folder)
        with (self.folder / "log" / "console").open("ab") as output:
            # A session of its own: a signal to the service's group, or its death, does not end the calls.
            self._process = subprocess.Popen(  # noqa: S603 -- the Asterisk that the kit names
                [*self.command, "-f"], stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, env={}
            )
        end = time.monotonic() + BOOT_SECONDS
        while not self.is_booted():
            if not self.is_alive() or time.monotonic() > end:
                self.stop()
                raise TelephonyOff("Asterisk did not start: {last}", last=self._last_words())
            time.sleep(_LOOK_SECONDS / 2)

    def stop(self) -> None:
        """Asks, waits, and kills what does not listen."""
        pid = self.pid or (self._process.pid if self.is_alive() and self._process else None)
        for number, seconds in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            if pid is None or not self._still(pid):
                break
            with suppress(ProcessLookupError):
                os.kill(pid, number)
            end = time.monotonic() + seconds
            while self._still(pid) and time.monotonic() < end:
                time.sleep(_LOOK_SECONDS / 2)
        if self._process is not None:
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            if pid := self.pid:
                os.kill(pid, signal.SIGKILL)

    def greets(self) -> bool:
        asterisk = self._settings.asterisk
        return answers(asterisk.host, asterisk.ami_port, seconds=_GREETS_WITHIN)

    def is_booted(self) -> bool:
        with suppress(ConsoleClosed), self.console() as console:
            return bool(console.wait_for("FullyBooted"))
        return False

    def console(self, *, seconds: float = 5.0) -> Console:
        asterisk = self._settings.asterisk
        return Console(asterisk.host, asterisk.ami_port, ami_secret(self._settings), seconds=seconds)

    def open_logs_anew(self) -> None:
        with self.console() as console:
            answer = console.ask("LoggerRotate")
        if answer.get("Response") != "Success":
            raise ConsoleClosed(answer.get("Message", "Asterisk keeps its logs open"))

    def modules_not_running(self) -> list[str]:
        with self.console() as console:
            return [
                name
                for name in modules.present(self._kit.modules)
                if console.ask("ModuleCheck", Module=f"{name}.so")["Response"] != "Success"
            ]

    def _prepare(self) -> bool:
        changed = render(self._settings, self._kit, self.folder, self._queues)
        missing = prompts.install(self._settings, self._kit.speech, self.folder / "data")
        if missing:
            raise TelephonyOff("Prompts without audio: {keys}.", keys=", ".join(missing))
        return changed

    def _refuse_taken_ports(self) -> None:
        asterisk = self._settings.asterisk
        ports = (
            (asterisk.bind, asterisk.sip_port, socket.SOCK_DGRAM, "HOTLINE_ASTERISK__SIP_PORT"),
            (ami_address(self._settings), asterisk.ami_port, socket.SOCK_STREAM, "HOTLINE_ASTERISK__SIP_PORT, less 22"),
            (asterisk.bind, asterisk.ws_port, socket.SOCK_STREAM, "HOTLINE_ASTERISK__WS_PORT"),
        )
        for host, port, kind, setting in ports:
            with socket.socket(type=kind) as probe:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((host, port))
                except OSError as error:
                    raise TelephonyOff(
                        "Port {port} on {host} ({setting}) cannot be used: {why}.",
                        port=port,
                        host=host,
                        setting=setting,
                        why=error.strerror,
                    ) from None

    def _still(self, pid: int) -> bool:
        if self._process is not None and self._process.pid == pid:
            return self._process.poll() is None
        return Path(f"/proc/{pid}").exists() and not self._is_zombie(pid)

    @staticmethod
    def _is_zombie(pid: int) -> bool:
        with suppress(OSError):
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
        return True

    def _last_words(self) -> str:
        for path in (self.log, self.folder / "log" / "console"):
            if path.exists() and (lines := path.read_text(errors="replace").splitlines()):
                return f"{lines[-1]} ({path})"
        return f"it left no line in {self.log}"


def why_not(settings: Settings) -> str:
    """The one line that says why the telephone cannot run; empty if it can."""
    kit = find_kit(settings)
    return _what_lacks(settings, kit) if kit else f"no Asterisk: {_HOW_TO_GET}"


def _what_lacks(settings: Settings, kit: Kit) -> str:
    if lacking := modules.missing(kit.modules):
        return f"Asterisk {kit.version} lacks {', '.join(lacking)}: {_HOW_TO_GET}"
    if lacking := prompts.missing(settings, kit.speech):
        own = prompts.own_folder(settings)
        return f"prompts without audio: {', '.join(lacking)}: install espeak-ng, or put recordings into {own}"
    return ""


def run(settings: Settings, queues: Sequence[QueueConfig] = QUEUES, *, parent: IO[bytes] | None = None) -> int:
    """Until a signal, which stops Asterisk too, or until Asterisk dies by itself (exit code 1).

    `parent` is a pipe from whoever started this: when it ends without a signal, Asterisk goes on living and is adopted later.
    """
    kit = find_kit(settings)
    if kit is None or _what_lacks(settings, kit):
        raise TelephonyOff(why_not(settings))
    told, left = threading.Event(), threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    if parent is not None:
        threading.Thread(target=_wait_for_end, args=[parent, left], name="parent", daemon=True).start()
    exchange = Exchange(settings, kit, queues)
    if not exchange.adopt():
        exchange.start()
    threading.Thread(target=_end_if_frozen, args=[exchange], name="greeting", daemon=True).start()
    files = LogFiles(exchange.folder / "log", days=settings.asterisk.log_days)
    threading.Thread(target=_keep_logs_small, args=[exchange, files], name="logs", daemon=True).start()
    while not told.wait(_LOOK_SECONDS):
        if left.is_set():
            return 0
        if not exchange.is_alive():
            return 1
    exchange.stop()
    return 0


def _end_if_frozen(exchange: Exchange) -> None:
    """Its callers hear nothing any more; the supervisor starts another."""
    silent = 0
    while silent < _SILENT_TIMES:
        began = time.monotonic()
        silent = 0 if exchange.greets() else silent + 1
        time.sleep(max(0.0, began + _GREETS_EVERY - time.monotonic()))
    log.error("Asterisk does not answer; it is ended")
    exchange.kill()


def _keep_logs_small(exchange: Exchange, files: LogFiles) -> None:
    while True:
        try:
            files.set_aside()
            if files.to_be_opened_anew:
                exchange.open_logs_anew()
                files.to_be_opened_anew = False
        except (OSError, ConsoleClosed) as error:
            log.warning("the logs of Asterisk were not set aside; this is tried again", extra={"error": str(error)})
        time.sleep(_LOGS_EVERY)


def _wait_for_end(parent: IO[bytes], left: threading.Event) -> None:
    # Not by its buffer: the lock of a buffer that a thread reads from at the end of the program makes that a crash.
    while os.read(parent.fileno(), 1):
        continue
    left.set()
