"""Starts what docker-compose.yml describes on the bare machine: the same commands with the same environment, without Docker.

Only what a container would give is replaced: host names and ports, the folders of volumes, and the address to listen on.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from tests.components import Postgres, Process, Redis, free_port, wait_until
from tests.telephony.asterisk import free_sip_port
from tools.compose_file import ComposeError, Service, read_env_file, read_services

ROOT = Path(__file__).parents[1]

Server = Postgres | Redis | Process

# A demo city takes a while to be played on a slow machine.
_PATIENCE = 300.0
_LOOK_SECONDS = 0.2
# As an engine does it: what keeps ending is started again ever more rarely.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 60.0
# Settings that hold a port which must be free on this machine.
_PORTS = {"HOTLINE_WEB__PORT": "web", "HOTLINE_ASTERISK__SIP_PORT": "sip", "HOTLINE_ASTERISK__WS_PORT": "websocket"}


class _Kept:
    """A process that is started again when it ended by itself, after a pause that doubles each time."""

    def __init__(self, name: str, process: Process) -> None:
        self._name, self._process = name, process
        self._pause = _FIRST_PAUSE
        self._again_at: float | None = None

    def look(self) -> None:
        if self._process.running:
            return
        if self._again_at is None:
            self._again_at = time.monotonic() + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        elif time.monotonic() >= self._again_at:
            print(f"{self._name} ended by itself ({self._process.exit_code}) and is started again", file=sys.stderr)
            self._again_at = None
            self._process.start()


class _Keeper:
    """Does what `restart` asks of an engine. What is killed by its name stays dead until it is started by its name."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def keep(self, name: str, process: Process) -> None:
        with self._lock:
            self._kept[name] = _Kept(name, process)
            if self._thread.ident is None:
                self._thread.start()

    def leave(self, name: str) -> None:
        with self._lock:
            self._kept.pop(name, None)

    def end(self) -> None:
        self._ended.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(_LOOK_SECONDS):
            with self._lock:
                for kept in self._kept.values():
                    kept.look()


class Stack:
    """The services of a Compose file, each startable, stoppable and killable by its name."""

    def __init__(
        self,
        compose_file: Path,
        folder: Path,
        ports: Mapping[str, int] | None = None,
        *,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self._variables = dict(variables or {})
        self._services = read_services(compose_file, self._variables)
        self._folder = folder.resolve()
        self._ports = {name: free_port() for name in ("web", "postgres", "redis", "websocket")} | dict(ports or {})
        self._ports.setdefault("sip", free_sip_port())
        self._running: dict[str, Server] = {}
        self._keeper = _Keeper()
        self._cleanup = ExitStack()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._ports['web']}"

    @property
    def names(self) -> list[str]:
        return list(self._services)

    def start(self) -> None:
        """Starts everything in the order of dependence; each is well, or done, before the next."""
        try:
            for name in self._services:
                self.start_service(name)
        except BaseException:
            self.stop()
            raise

    def start_service(self, name: str) -> None:
        """Starts one service, for the first time or again after it was killed, and waits until it is well."""
        if name not in self._running:
            self._running[name] = self._made(self._services[name])
            if not isinstance(self._running[name], Process):
                return
        self._running[name].start()
        process = self._running[name]
        if isinstance(process, Process):
            self._wait_for(self._services[name], process)
            if not self._services[name].runs_once:
                self._keeper.keep(name, process)

    def kill(self, name: str) -> None:
        self._keeper.leave(name)
        self._running[name].kill()

    def stop(self) -> None:
        self._keeper.end()
        for name in reversed(self._running):
            self._running[name].stop()
        self._cleanup.close()
        self._running.clear()

    def log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def environment(self, name: str) -> dict[str, str]:
        """What the service finds in its environment: the machine's search path and nothing else of ours, then the file's."""
        service = self._services[name]
        kept = {key: value for key, value in os.environ.items() if key in {"HOME", "LANG", "TZ"} or key.startswith("COVERAGE_")}
        kept["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        described = (self._variables if service.takes_env_file else {}) | service.environment
        for key, port in _PORTS.items():
            if key in described:
                described[key] = str(self._ports[port])
        hosts = {key: "127.0.0.1" for key, value in described.items() if value in self._services}
        return kept | {key: self._here(service, value) for key, value in described.items()} | hosts

    def command(self, name: str) -> list[str]:
        service = self._services[name]
        return [self._here(service, word) for word in service.command]

    def _made(self, service: Service) -> Server:
        port = self._ports.get(service.name)
        if service.image.startswith("postgres:"):
            return self._cleanup.enter_context(Postgres.temporary(self._folder, port=port))
        if service.image.startswith("redis:"):
            return self._cleanup.enter_context(Redis.temporary(self._folder, port=port))
        return Process(self.command(service.name), self.log(service.name), env=self.environment(service.name), cwd=ROOT)

    def _here(self, service: Service, text: str) -> str:
        """A value as it must be outside a container."""
        if text == "0.0.0.0":  # noqa: S104 - compared, not listened on
            return "127.0.0.1"
        for inside, volume in service.volumes.items():
            text = re.sub(rf"^{re.escape(inside)}(?=/|$)", str(self._volume(volume)), text)
        for name in ("postgres", "redis"):
            text = re.sub(rf"(?<=[@/]){name}:\d+", f"127.0.0.1:{self._ports[name]}", text)
        return text

    def _volume(self, name: str) -> Path:
        folder = self._folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _wait_for(self, service: Service, process: Process) -> None:
        if service.runs_once:
            wait_until(lambda: not process.running, f"{service.name} to finish", seconds=_PATIENCE)
            if process.exit_code != 0:
                raise ComposeError(f"{service.name} failed:\n{process.tail()}")
        elif service.healthcheck:
            what = f"{service.name} to be well; see {process.log}"
            wait_until(lambda: self._is_well(service, process), what, seconds=_PATIENCE)

    def _is_well(self, service: Service, process: Process) -> bool:
        if not process.running:
            raise ComposeError(f"{service.name} stopped by itself:\n{process.tail()}")
        environment = self.environment(service.name)
        command = [self._here(service, word) for word in service.healthcheck]
        return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, check=False).returncode == 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--file", type=Path, default=ROOT / "docker-compose.yml")
    parser.add_argument("--env-file", type=Path, default=ROOT / ".env")
    parser.add_argument("--port", type=int, default=8000, help="of the web service")
    parser.add_argument("command", nargs="*", help="run this in the web service's environment, then stop (after --)")
    options = parser.parse_args()
    stopped = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopped.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with tempfile.TemporaryDirectory(prefix="hotline-stack-") as folder:
        try:
            stack = Stack(options.file, Path(folder), {"web": options.port}, variables=read_env_file(options.env_file))
            stack.start()
        except (ComposeError, OSError) as error:
            print(error, file=sys.stderr)
            return 1
        print(f"{', '.join(stack.names)} run; {stack.url}; logs in {folder}", flush=True)
        try:
            return _run(options.command, stack.environment("web"), stopped)
        finally:
            stack.stop()


def _run(command: list[str], environment: dict[str, str], stopped: threading.Event) -> int:
    """Until the command has ended, or without one until the runner is told to stop; the exit code."""
    if not command:
        stopped.wait()
        return 0
    with subprocess.Popen(command, env=environment, cwd=ROOT) as process:
        while process.poll() is None and not stopped.wait(0.2):
            pass
        process.terminate()
    return process.returncode


if __name__ == "__main__":
    sys.exit(main())
