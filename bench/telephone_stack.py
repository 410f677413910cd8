"""The whole service with its telephone for a bench: how it is started, who used how much, what the exchange wrote down."""

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Engine

from bench import service
from bench.service import ROOT, Service
from hotline.db import engine_for
from hotline.settings import get_settings
from hotline.telephony.console import Console
from models import privacy
from tests.components import Postgres, wait_until
from tests.telephony.asterisk import free_sip_port

WS_AFTER_SIP, AMI_BEFORE_SIP = 28, 22
BOOT_SECONDS = 120.0


@dataclass
class Stack:
    running: Service
    engine: Engine
    sip_port: int

    @property
    def exchange_folder(self) -> Path:
        return self.running.home / "asterisk"

    def console(self) -> Console:
        secret = (self.running.home / "ami.secret").read_text()
        return Console("127.0.0.1", self.sip_port - AMI_BEFORE_SIP, secret)

    def processor_seconds(self) -> dict[str, float]:
        """Of each part of the service, and of Asterisk, which one of the parts keeps."""
        used: dict[str, float] = {}
        for pid in service.family(self.running.process.pid):
            name = _part(pid) or "supervisor"
            used[name] = used.get(name, 0.0) + _processor_seconds(pid)
        return used


@contextmanager
def running(lines: int) -> Iterator[Stack]:
    sip_port = free_sip_port()
    settings = {
        **service.DEMO,
        "HOTLINE_TELEPHONY": "on",
        "HOTLINE_ASTERISK__SIP_PORT": str(sip_port),
        "HOTLINE_ASTERISK__WS_PORT": str(sip_port + WS_AFTER_SIP),
        "HOTLINE_ASTERISK__DESK_LINES": str(lines),
    }
    privacy.install(privacy.KeyRing([service.KEY]))
    get_settings().asterisk.desk_lines = lines  # for the services that the bench itself calls
    with (
        Postgres.temporary() as server,
        service.running(settings={**settings, "HOTLINE_DATABASE__URL": server.url}) as started,
    ):
        engine = engine_for(server.url)
        stack = Stack(started, engine, sip_port)
        wait_until(lambda: is_connected(engine), "the telephone to be connected", seconds=BOOT_SECONDS)
        try:
            yield stack
        finally:
            engine.dispose()


def is_connected(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.exec_driver_sql("SELECT connected FROM exchange_state").scalar() is True


def _part(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    if any(word.endswith("/asterisk") for word in words):
        return "asterisk"
    return words[words.index("--only") + 1].replace("asterisk", "supervisor") if "--only" in words else ""


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / service.TICKS  # its own, and that of children it has waited for


class Load:
    """One process of the load: given its plan, ready, then what happened in it."""

    def __init__(self, kind: str, plan: dict[str, Any]) -> None:
        command = [sys.executable, "-m", "bench.telephone_load", kind]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(plan) + "\n")
        self._process.stdin.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def wait_ready(self) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line == "ready", f"the load did not get ready: {line!r}"

    def is_working(self) -> bool:
        return self._process.poll() is None

    def finish(self) -> dict[str, Any]:
        """Ends agents; waits for citizens."""
        said, _ = self._process.communicate()
        told: dict[str, Any] = json.loads(said.splitlines()[-1])
        return told


@dataclass
class Written:
    """One call as the exchange wrote it down, in seconds since 1970."""

    started: float
    connected: float | None = None
    ended: float | None = None


def written_calls(stack: Stack, since: datetime) -> dict[str, Written]:
    """Calls over the trunk by their Linkedid, from CEL."""
    calls: dict[str, Written] = {}
    with (stack.exchange_folder / "log" / "cel-custom" / "Master.csv").open(newline="", errors="replace") as file:
        for at, kind, unique_id, linkedid, channel, *_ in csv.reader(file):
            if kind == "CHAN_START" and channel.startswith("PJSIP/trunk-") and unique_id == linkedid:
                if float(at) >= since.timestamp():
                    calls[linkedid] = Written(float(at))
            elif linkedid in calls:
                _note(calls[linkedid], float(at), kind, is_caller=unique_id == linkedid)
    return calls


def _note(call: Written, at: float, kind: str, *, is_caller: bool) -> None:
    if kind == "BRIDGE_ENTER" and is_caller and call.connected is None:
        call.connected = at
    elif kind == "CHAN_END" and is_caller:
        call.ended = at


def cdr_count(stack: Stack, since: datetime) -> int:
    """Distinct calls over the trunk in the exchange's own CDR file."""
    start = since.strftime("%Y-%m-%d %H:%M:%S")
    with (stack.exchange_folder / "log" / "cdr-csv" / "Master.csv").open(newline="", errors="replace") as file:
        return len({row[-2] for row in csv.reader(file) if row[5].startswith("PJSIP/trunk-") and row[9] >= start})
