"""Real PostgreSQL and Redis servers, thrown away afterwards, for tests, benches and drills; what to say where one is missing."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest
import redis
from psycopg import sql

from hotline.settings import Settings
from hotline.telephony.kit import find_kit

_PATIENCE = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(holds: Callable[[], bool], what: str, *, seconds: float = _PATIENCE) -> None:
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


class Process:
    """A program with its children: started in a session of its own, stopped gently or killed at once, its output in one file."""

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        user: str | None = None,
    ) -> None:
        self._command, self._env, self._cwd, self._user = list(command), env, cwd, user
        self.log = log
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        assert self._popen is not None, "not started"
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll() if self._popen else None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                env=self._env,
                cwd=self._cwd,
                **_rights_of(self._user),
            )

    def stop(self, *, by: signal.Signals = signal.SIGTERM, seconds: float = _PATIENCE) -> None:
        """Asks, waits, and kills what does not listen."""
        if self._popen is None:
            return
        self._popen.send_signal(by)
        try:
            self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """kill -9 of the program and of everything it started."""
        if self._popen is None:
            return
        family = [self.pid, *_descendants(self.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._popen.wait(_PATIENCE)
        wait_until(lambda: not any(_is_alive(pid) for pid in family), "the killed processes to be gone")

    def tail(self, lines: int = 20) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _rights_of(user: str | None) -> dict[str, Any]:
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def _descendants(pid: int) -> list[int]:
    """Found by parentage: PostgreSQL gives each of its processes a group of its own."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []
    return children + [further for child in children for further in _descendants(child)]


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


class Postgres:
    """One PostgreSQL cluster. It never runs as root: a root test run starts it as the user `postgres`."""

    def __init__(self, home: Path, *, port: int | None = None, fsync: bool = True) -> None:
        self.home, self.port = home, port or free_port()
        self._user = "postgres" if os.geteuid() == 0 else None
        self._data = home / "cluster"
        bin_folder = postgres_folder()
        if bin_folder is None:
            raise FileNotFoundError(_HOW_TO_GET["postgres"])
        self._bin = bin_folder
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": home,
            "fsync": "on" if fsync else "off",
        }
        command = [str(self._bin / "postgres"), "-D", str(self._data)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        self.process = Process(command, home / "postgres.log", user=self._user)

    @classmethod
    @contextmanager
    def temporary(cls, folder: Path | None = None, *, port: int | None = None, fsync: bool = True) -> Iterator[Self]:
        """A running cluster, gone afterwards.

        It lies in `folder`, or in the system's temporary folder when none is given or the server's own user cannot get there.
        """
        within = folder if folder and (os.geteuid() != 0 or _open_to_everybody(folder)) else None
        with _folder_of_its_own(within) as home:
            server = cls(home, port=port, fsync=fsync)
            server.create()
            server.start()
            try:
                yield server
            finally:
                server.kill()

    @property
    def url(self) -> str:
        return self.url_of("hotline")

    def url_of(self, database: str) -> str:
        return f"postgresql+psycopg://hotline@127.0.0.1:{self.port}/{database}"

    def create(self) -> None:
        if self._user:
            shutil.chown(self.home, self._user, self._user)
        command = [
            str(self._bin / "initdb"),
            "-D",
            str(self._data),
            "-U",
            "hotline",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C.UTF-8",
        ]
        subprocess.run([*command, "--no-sync"], check=True, capture_output=True, cwd=self.home, **_rights_of(self._user))

    def create_database(self, name: str) -> str:
        """Its URL; an empty database each time."""
        with psycopg.connect(host="127.0.0.1", port=self.port, user="hotline", dbname="postgres", autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.url_of(name)

    def start(self) -> None:
        self.process.start()
        wait_until(self._answers, f"PostgreSQL on port {self.port}; see {self.process.log}")
        with psycopg.connect(host="127.0.0.1", port=self.port, user="hotline", dbname="postgres", autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = 'hotline'").fetchone() is None:
                connection.execute("CREATE DATABASE hotline")

    def stop(self) -> None:
        """A fast shutdown: clients are sent away, nothing needs recovery."""
        self.process.stop(by=signal.SIGINT)

    def kill(self) -> None:
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _answers(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"PostgreSQL did not start:\n{self.process.tail()}")
        try:
            psycopg.connect(host="127.0.0.1", port=self.port, user="hotline", dbname="postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


class Redis:
    """One Redis that writes its append-only file."""

    def __init__(self, home: Path, *, port: int | None = None) -> None:
        self.home, self.port = home, port or free_port()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(home), "--appendonly", "yes", "--save", ""]
        self.process = Process([_installed("redis-server") or "redis-server", *options], home / "redis.log")

    @classmethod
    @contextmanager
    def temporary(cls, folder: Path | None = None, *, port: int | None = None) -> Iterator[Self]:
        with _folder_of_its_own(folder) as home:
            server = cls(home, port=port)
            server.start()
            try:
                yield server
            finally:
                server.kill()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self.process.start()
        wait_until(self._answers, f"Redis on port {self.port}; see {self.process.log}")

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()

    def _answers(self) -> bool:
        if not self.process.running:
            raise RuntimeError(f"Redis did not start:\n{self.process.tail()}")
        try:
            with redis.Redis(port=self.port, socket_timeout=2) as client:
                return bool(client.ping())
        except redis.exceptions.ConnectionError:  # also while it still loads its file
            return False


_HOW_TO_GET = {
    "postgres": "PostgreSQL 15 or newer is missing: apt-get install postgresql",
    "redis": "Redis is missing: apt-get install redis-server",
    "chromium": "Chromium is missing: apt-get install chromium",
    "asterisk": "Asterisk is missing: make asterisk",
    "espeak-ng": "espeak-ng is missing: make asterisk",
}


def postgres_folder() -> Path | None:
    """Where the newest PostgreSQL keeps its programs; Debian has them outside the search path."""
    folders = [found.parent for found in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    newest = max(folders, key=lambda folder: int(folder.parent.name), default=None)
    on_path = shutil.which("postgres")
    return newest or (Path(on_path).parent if on_path else None)


def need(component: str) -> Path:
    """The component's program. Without it the test is skipped with the command that gets it; with CI=true it fails."""
    found = {
        "postgres": lambda: (folder := postgres_folder()) and folder / "postgres",
        "redis": lambda: _installed("redis-server"),
        "chromium": lambda: _installed("chromium", "chromium-browser", "google-chrome"),
        "asterisk": lambda: (kit := find_kit(Settings())) and Path(kit.program),
        "espeak-ng": lambda: (kit := find_kit(Settings())) and kit.speech and Path(kit.speech.command[-1]),
    }[component]()
    if found:
        return Path(found)
    if os.environ.get("CI") == "true":
        pytest.fail(_HOW_TO_GET[component])
    pytest.skip(_HOW_TO_GET[component])


def _installed(*names: str) -> str | None:
    return next(filter(None, map(shutil.which, names)), None)


def _open_to_everybody(folder: Path) -> bool:
    return all(place.stat().st_mode & 0o001 for place in (folder.resolve(), *folder.resolve().parents))


@contextmanager
def _folder_of_its_own(within: Path | None) -> Iterator[Path]:
    home = Path(tempfile.mkdtemp(prefix="hotline-", dir=within))
    try:
        yield home
    finally:
        if within:
            shutil.rmtree(home, ignore_errors=True)
        else:
            # With a database for each test these are hundreds of thousands of files: no test's time is spent on them.
            subprocess.run(["/bin/sh", "-c", 'rm -rf -- "$0" >/dev/null 2>&1 &', str(home)], check=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    """One cluster a test process; fsync off, for nothing in it outlives the run. Faults are tried on a cluster of their own."""
    need("postgres")
    with Postgres.temporary(fsync=False) as server:
        yield server


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Redis]:
    need("redis")
    with Redis.temporary() as server:
        yield server
