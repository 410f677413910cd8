"""A real Asterisk of the test's own: from the project's templates, on free ports, in a temporary folder."""

import os
import random
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from hotline.settings import Asterisk, Settings
from hotline.telephony import prompts
from hotline.telephony.configuration import QUEUES, QueueConfig, ami_secret
from hotline.telephony.console import Console
from hotline.telephony.exchange import Exchange as Instance
from hotline.telephony.kit import Kit, find_kit
from tests.components import need, wait_until

# Below the ports that the system gives out by itself.
_LOWEST, _HIGHEST = 20_000, 30_000
_WS_AFTER_SIP = 28
_TRIES = 200
_PATIENCE = 20.0  # prompts are played in between


class Exchange:
    """Calls from 127.0.0.2 come over the trunk; placed calls go to 127.0.0.2, port `trunk_port`."""

    def __init__(self, folder: Path, *, queues: Sequence[QueueConfig] = QUEUES, **asterisk: Any) -> None:
        """`asterisk`: further settings of that group."""
        port = free_sip_port()
        group = Asterisk(**{"sip_port": port, "ws_port": port + _WS_AFTER_SIP, **asterisk})
        self.settings = Settings(data_dir=folder, demo=True, telephony="on", asterisk=group)
        self.kit = kit()
        self._instance = Instance(self.settings, self.kit, queues)

    @property
    def folder(self) -> Path:
        """The instance folder: etc, log, run, spool, data, var."""
        return self._instance.folder

    @property
    def ami_secret(self) -> str:
        return ami_secret(self.settings)

    @property
    def sip_port(self) -> int:
        return self.settings.asterisk.sip_port

    @property
    def ami_port(self) -> int:
        return self.settings.asterisk.ami_port

    @property
    def agi_port(self) -> int:
        return self.settings.asterisk.agi_port

    @property
    def ws_port(self) -> int:
        return self.settings.asterisk.ws_port

    @property
    def trunk_port(self) -> int:
        return self.sip_port + 10

    @property
    def pid(self) -> int:
        pid = self._instance.pid
        assert pid is not None, "Asterisk does not run"
        return pid

    @property
    def is_running(self) -> bool:
        return self._instance.pid is not None

    def start(self) -> Self:
        """Returns once it is ready for calls."""
        self._instance.start()
        return self

    def stop(self) -> None:
        """As a signal to the service does."""
        self._instance.stop()

    def kill(self) -> None:
        """kill -9: no goodbye to anybody."""
        os.kill(self.pid, signal.SIGKILL)
        wait_until(lambda: not self._instance.is_alive(), "the killed Asterisk to be gone")

    def restart(self) -> None:
        self.stop()
        self.start()

    def freeze(self) -> None:
        """It lives, holds its ports and says nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def console(self) -> Console:
        """AMI asked in turn, for tests: `with exchange.console() as console: console.ask("Ping")`."""
        return self._instance.console(seconds=_PATIENCE)

    def hang_up_all(self) -> None:
        with self.console() as console:
            console.ask("Hangup", Channel="/.*/")
            wait_until(lambda: _channels(console) == 0, "all calls to be over")

    def open_logs_anew(self) -> None:
        self._instance.open_logs_anew()

    def log(self) -> list[str]:
        """Notices, warnings and errors so far."""
        path = self._instance.log
        return path.read_text(errors="replace").splitlines() if path.exists() else []


def _channels(console: Console) -> int:
    console.ask("CoreShowChannels")
    return int(console.wait_for("CoreShowChannelsComplete")["ListItems"])


def kit() -> Kit:
    """The machine's Asterisk or the fetched one, with all prompts spoken, once for all runs."""
    need("asterisk")
    need("espeak-ng")
    found = find_kit(Settings())
    assert found is not None
    assert found.speech is not None
    prompts.prepare(found.speech)
    return found


def free_sip_port() -> int:
    """One whose companions are free as well; at random, so that tests side by side seldom ask for the same."""
    for _ in range(_TRIES):
        port = random.randrange(_LOWEST, _HIGHEST, 2)
        if all(_is_free(number) for number in (port, port - 22, port + 10, port + 13, port + _WS_AFTER_SIP)):
            return port
    raise RuntimeError(f"no free ports between {_LOWEST} and {_HIGHEST}")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


@contextmanager
def running_exchange(folder: Path, **options: Any) -> Iterator[Exchange]:
    """For tests that kill it, freeze it, or want other settings."""
    exchange = Exchange(folder, **options)
    exchange.start()
    try:
        yield exchange
    finally:
        if exchange.is_running:
            exchange.thaw()
        exchange.stop()


@pytest.fixture(scope="session")
def exchange_of_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    with running_exchange(tmp_path_factory.mktemp("exchange")) as started:
        yield started


@pytest.fixture
def exchange(exchange_of_process: Exchange) -> Exchange:
    """One a test process; what is registered in it stays for the next test, but no call: whom one left would ring in another."""
    exchange_of_process.hang_up_all()
    return exchange_of_process
