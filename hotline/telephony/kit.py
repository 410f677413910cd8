"""Finds the Asterisk and the espeak-ng that this service uses: the machine's own, or those that `make asterisk` unpacked."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hotline.settings import Settings

OLDEST = 20
MANIFEST = "manifest.json"
FETCHED = Path(__file__).parents[2] / ".cache" / "asterisk" / "current"

_PROGRAM_FOLDERS = "/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin"


@dataclass(frozen=True)
class Speech:
    """espeak-ng: what to put before its arguments, and the environment that it needs."""

    command: tuple[str, ...]
    version: str
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Kit:
    # What to put before Asterisk's arguments: its path, or the loader of its root with the root's libraries.
    command: tuple[str, ...]
    modules: Path
    data: Path
    version: str
    speech: Speech | None

    @property
    def program(self) -> str:
        return self.command[-1]


def find_kit(settings: Settings) -> Kit | None:
    """The root that the settings name, or the machine's own, or the fetched one; none older than Asterisk 20."""
    if settings.asterisk.root is not None:
        return kit_of_root(settings.asterisk.root)
    return kit_of_machine() or kit_of_root(FETCHED)


def kit_of_machine() -> Kit | None:
    program = shutil.which("asterisk", path=_PROGRAM_FOLDERS)
    modules = next(Path("/usr").glob("lib*/**/asterisk/modules"), None) if program else None
    if program is None or modules is None:
        return None
    version = _version([program, "-V"])
    if _major(version) < OLDEST:
        return None
    data = next((folder for folder in (Path("/usr/share/asterisk"), Path("/var/lib/asterisk")) if folder.is_dir()), Path("/usr"))
    return Kit((program,), modules, data, version, speech_of_machine() or speech_of_root(FETCHED))


def kit_of_root(root: Path) -> Kit | None:
    """An unpacked root: its programs run by its own loader with its own libraries, so that nothing is installed."""
    found = _loader(root)
    modules = next(root.glob("usr/lib/*/asterisk/modules"), None)
    program = root / "usr/sbin/asterisk"
    if found is None or modules is None or not program.is_file():
        return None
    command = (*found, str(program.resolve()))
    version = _recorded(root, "asterisk") or _version([*command, "-V"])
    if _major(version) < OLDEST:
        return None
    speech = speech_of_machine() or speech_of_root(root)
    return Kit(command, modules.resolve(), (root / "usr/share/asterisk").resolve(), version, speech)


def speech_of_machine() -> Speech | None:
    program = shutil.which("espeak-ng")
    return Speech((program,), _version([program, "--version"])) if program else None


def speech_of_root(root: Path) -> Speech | None:
    found = _loader(root)
    program = root / "usr/bin/espeak-ng"
    voices = next(root.glob("usr/lib/*/espeak-ng-data"), None)
    if found is None or voices is None or not program.is_file():
        return None
    environment = {"ESPEAK_DATA_PATH": str(voices.resolve().parent)}
    return Speech((*found, str(program.resolve())), _recorded(root, "espeak-ng"), environment)


def _loader(root: Path) -> tuple[str, ...] | None:
    loader = next(root.glob("usr/lib/*/ld-linux*.so.*"), None)
    if loader is None:
        return None
    loader = loader.resolve()
    return (str(loader), "--library-path", str(loader.parent))


def _recorded(root: Path, package: str) -> str:
    """The version without the packaging's own part: 22.10.1 of 1:22.10.1+dfsg-1."""
    try:
        packages = json.loads((root / MANIFEST).read_text())["packages"]
        return re.sub(r"^\d+:|[+~-].*$", "", packages[package]["version"])
    except (OSError, ValueError, KeyError):
        return ""


def _version(command: list[str]) -> str:
    try:
        told = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ""
    number = re.search(r"\d+(?:\.\d+)+", told)
    return number[0] if number else ""


def _major(version: str) -> int:
    number = re.match(r"\d+", version)
    return int(number[0]) if number else 0
