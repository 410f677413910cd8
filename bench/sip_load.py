"""Telephones by SIPp, where it is installed: it leaves more of the processors to what is measured than the own agent does."""

import csv
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from bench import sip_scenarios
from bench.telephone_load import HOST, LONGEST_CALL, RING_SECONDS, TRUNK
from bench.telephone_seats import Seat
from bench.telephone_stack import Load
from tests.telephony.sip_media import tone

HOW_TO_GET = "SIPp is missing (apt-get install sip-tester): the telephones are our own agent, which needs more processor"
# Away from the caller's address, so that no port of one is in the way of the other.
DESKS = "127.0.0.3"
LOADS = 2
REGISTERED_A_SECOND = 30
# The exchange keeps a desk phone for two minutes.
REFRESHED_WITHIN = 60


def program() -> str | None:
    found = shutil.which("sipp")
    if found is None:
        print(HOW_TO_GET)
    return found


def citizens(plan: Mapping[str, Any]) -> "Load | Citizens":
    """Whoever can play them on this machine."""
    sipp = program()
    return Citizens(sipp, plan) if sipp else Load("citizens", dict(plan))


def agents(plan: Mapping[str, Any], seats: Sequence[Seat]) -> "list[Load | DeskPhones]":
    """People with a telephone each, and a desk if the plan says so."""
    sipp = program()
    if sipp is None:
        return [Load("agents", _agents(plan, seats[place::LOADS], phones=True)) for place in range(LOADS)]
    phones: list[Load | DeskPhones] = [DeskPhones(sipp, plan, seats)]
    return [*phones, Load("agents", _agents(plan, seats, phones=False))] if plan["desks"] else phones


def _agents(plan: Mapping[str, Any], seats: Sequence[Seat], *, phones: bool) -> dict[str, Any]:
    return {**plan, "phones": phones, "seats": [seat.as_dict() for seat in seats]}


class Sipp:
    """One SIPp in a folder of its own."""

    def __init__(self, sipp: str, plan: Mapping[str, Any], *, host: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sipp-")
        self.home = Path(self._folder.name)
        self._sipp, self._host = sipp, host
        self._server = f"{HOST}:{plan['sip_port']}"
        self._processes: list[subprocess.Popen[bytes]] = []
        (self.home / "voice.al").write_bytes(tone(1.0))

    def write(self, name: str, content: str, **values: object) -> Path:
        for word, value in values.items():
            content = content.replace(f"{{{word}}}", str(value))
        path = self.home / name
        path.write_text(content)
        return path

    def start(self, options: Mapping[str, object]) -> subprocess.Popen[bytes]:
        fixed = {"-i": self._host, "-mi": self._host}
        words = [str(word) for pair in {**fixed, **options}.items() for word in pair]
        command = [self._sipp, self._server, *words, "-trace_stat", "-nostdin"]
        with (self.home / "said").open("a") as said:
            process = subprocess.Popen(command, cwd=self.home, stdout=subprocess.DEVNULL, stderr=said)
        self._processes.append(process)
        return process

    def said(self) -> str:
        return (self.home / "said").read_text()[-500:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
            process.wait()
        self._folder.cleanup()


class Citizens(Sipp):
    """As `Load` of citizens: started at once, told at the end."""

    def __init__(self, sipp: str, plan: Mapping[str, Any]) -> None:
        super().__init__(sipp, plan, host=TRUNK)
        numbers = range(plan["first_number"], plan["first_number"] + plan["calls"])
        voice, patience = self.home / "voice.al", round(1000 * LONGEST_CALL)
        self._statistics = self.home / "statistics.csv"
        options: dict[str, object] = {
            "-sf": self.write("citizen.xml", sip_scenarios.CITIZEN, voice=voice, patience=patience),
            "-inf": self.write("numbers.csv", "\n".join(["SEQUENTIAL", *map(str, numbers), ""])),
            "-s": "12345",
            "-m": plan["calls"],
            "-l": plan["calls"],
            # Whole calls in a period of milliseconds.
            "-r": 1 if plan["per_second"] < 1 else round(plan["per_second"]),
            "-rp": round(1000 / plan["per_second"]) if plan["per_second"] < 1 else 1000,
            "-stf": self._statistics,
        }
        self._process = self.start(options)

    def is_working(self) -> bool:
        return self._process.poll() is None

    def finish(self) -> dict[str, Any]:
        self._process.wait()
        if not self._statistics.exists():
            raise RuntimeError(f"SIPp did not run: {self.said()}")
        with self._statistics.open(newline="") as file:
            last = list(csv.DictReader(file, delimiter=";"))[-1]
        outcomes = {"ended by them": int(last["SuccessfulCall(C)"]), "failed: by SIPp": int(last["FailedCall(C)"])}
        return {"outcomes": {what: count for what, count in outcomes.items() if count}}


class DeskPhones(Sipp):
    """Telephones that stay registered and answer by themselves, until the block ends; all of them at one port."""

    def __init__(self, sipp: str, plan: Mapping[str, Any], seats: Sequence[Seat]) -> None:
        super().__init__(sipp, plan, host=DESKS)
        lines = [f"{each.extension};[authentication username={each.extension} password={each.secret}]" for each in seats]
        answer = self.write(
            "answer.xml",
            sip_scenarios.ANSWER,
            voice=self.home / "voice.al",
            rings=round(1000 * RING_SECONDS),
            talks=round(1000 * plan["talk"]),
        )
        common: dict[str, object] = {
            "-sf": self.write("register.xml", sip_scenarios.REGISTER),
            "-inf": self.write("lines.csv", "\n".join(["SEQUENTIAL", *lines, ""])),
            "-p": _free_port(),
        }
        self._all_at_once = {**common, "-m": len(seats), "-r": REGISTERED_A_SECOND}
        self._one_by_one = {**common, "-r": 1, "-rp": round(1000 * REFRESHED_WITHIN / len(seats)), "-oocsf": answer}

    def wait_ready(self) -> None:
        if self.start(self._all_at_once).wait(timeout=60):
            raise RuntimeError(f"not every desk phone could register: {self.said()}")
        self._staying = self.start(self._one_by_one)

    def finish(self) -> dict[str, int]:
        """Nothing to tell: what it answered is known elsewhere."""
        if self._staying.poll() is not None:
            raise RuntimeError(f"the desk phones were gone: {self.said()}")
        return {}


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((DESKS, 0))
        port: int = probe.getsockname()[1]
        return port
