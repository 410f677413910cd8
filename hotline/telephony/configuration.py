"""Writes what Asterisk reads: the instance's folders, and `deploy/asterisk` filled in from the settings."""

import os
import re
import secrets
import socket
import sqlite3
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import jinja2

from hotline.process import NotConfigured
from hotline.services.telephone.lines import extensions
from hotline.settings import Settings
from hotline.telephony import modules
from hotline.telephony.kit import Kit
from models import LineKind

TEMPLATES = Path(__file__).parents[2] / "deploy" / "asterisk"
DEMO_TRUNK = "127.0.0.2"
EMERGENCY_NUMBERS = ("110", "119", "120")

_FOLDERS = (
    "etc",
    "run",
    "data/sounds/zh/hotline",
    "data/sounds/zh/digits",
    "data/moh",
    "data/agi-bin",
    "var/db",
    "var/keys/keys",
    "var/cache",
    "spool/monitor",
    "spool/voicemail",
    "spool/outgoing",
    "spool/tmp",
    "log/cdr-csv",
    "log/cel-custom",
)
# Read at start; without them Asterisk writes an error for each.
_EMPTY = ("features.conf", "udptl.conf", "acl.conf", "ccss.conf", "pjproject.conf", "websocket_client.conf", "queuerules.conf")


@dataclass(frozen=True)
class QueueConfig:
    """The first of several is where a call goes that nobody has chosen a queue for."""

    name: str
    weight: int = 0

    def __post_init__(self) -> None:
        if not re.fullmatch(r"(?!general$)[a-z][a-z0-9_-]*", self.name):
            raise ValueError(f"{self.name!r} cannot name a queue")  # [general] holds settings


QUEUES = (QueueConfig("main"),)


def folder_of(settings: Settings) -> Path:
    return settings.data_dir.resolve() / "asterisk"


def ami_secret(settings: Settings) -> str:
    """The setting, or 32 random bytes that are kept in the data folder for its owner only."""
    if settings.asterisk.ami_secret is not None:
        return settings.asterisk.ami_secret.get_secret_value()
    path = settings.data_dir / "ami.secret"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text()
    made = secrets.token_hex(32)
    with open(handle, "w") as file:
        file.write(made)
    return made


def ami_address(settings: Settings) -> str:
    """AMI listens on loopback when `telephony` finds it there, whatever phones reach."""
    host = settings.asterisk.host
    return "127.0.0.1" if host in ("127.0.0.1", "localhost") else settings.asterisk.bind


def browser_lines(settings: Settings) -> range:
    return extensions(LineKind.BROWSER, settings.asterisk.browser_lines)


def desk_lines(settings: Settings) -> range:
    return extensions(LineKind.DESK, settings.asterisk.desk_lines)


def refuse_open_demo(settings: Settings) -> None:
    """The demo's telephone, like its pages, must not be reachable from other machines."""
    host = settings.asterisk.bind
    if settings.demo and host != "localhost" and not ip_address(host).is_loopback:
        raise NotConfigured(
            "HOTLINE_DEMO is on and HOTLINE_ASTERISK__BIND is {host}: the demo answers on loopback only.", host=host
        )


def render(settings: Settings, kit: Kit, folder: Path, queues: Sequence[QueueConfig] = QUEUES) -> bool:
    """Whether anything differs from what lay there. The folder and all in it is for its owner only."""
    refuse_open_demo(settings)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    _link(folder / "data" / "documentation", kit.data / "documentation")
    # The files hold values that stand in no language with quoting rules; the settings allow no character that could end a line.
    environment = jinja2.Environment(  # noqa: S701 -- no HTML
        loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True, keep_trailing_newline=True
    )
    values = _values(settings, kit, folder, queues)
    files = {path.name: environment.get_template(path.name).render(values) for path in sorted(TEMPLATES.glob("*.conf"))}
    files |= dict.fromkeys(_EMPTY, "")
    changes = [_write(folder / "etc" / name, text) for name, text in files.items()]
    return any(changes)


def _values(settings: Settings, kit: Kit, folder: Path, queues: Sequence[QueueConfig]) -> dict[str, object]:
    asterisk = settings.asterisk
    is_specific = asterisk.bind == "localhost" or not ip_address(asterisk.bind).is_unspecified
    loaded = modules.present(kit.modules)
    demo_contact = f"sip:{DEMO_TRUNK}:{asterisk.sip_port + 10}"
    return {
        "settings": asterisk,
        "kit": kit,
        "folder": folder,
        "system_name": _system_name(folder),
        "ami_address": ami_address(settings),
        "ami_secret": ami_secret(settings),
        "media_address": asterisk.media_address or (asterisk.bind if is_specific else ""),
        "own_address": _own_address() if asterisk.media_address else "",
        "trunk_addresses": asterisk.trunk_addresses or ([DEMO_TRUNK] if settings.demo else []),
        "trunk_contact": asterisk.trunk_contact or (demo_contact if settings.demo else ""),
        "emergency_numbers": EMERGENCY_NUMBERS,
        "emergency_trunk": asterisk.emergency_trunk and not settings.demo,
        "browser_lines": browser_lines(settings),
        "desk_lines": desk_lines(settings),
        "browser_codecs": "opus,alaw,ulaw" if "codec_opus_open_source" in loaded else "alaw,ulaw",
        "modules": loaded,
        "queues": queues,
    }


def _own_address() -> str:
    """This machine's first address, as a container's only one."""
    return socket.gethostbyname(socket.gethostname())


def _system_name(folder: Path) -> str:
    """Made up once for each folder and kept: it begins every Uniqueid, which no other exchange may give again."""
    path = folder / "system-name"
    if not path.exists():
        path.write_text(f"h{uuid.uuid4().hex[:8]}")
    return path.read_text()


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _write(path: Path, text: str) -> bool:
    if path.exists() and path.read_text() == text:
        return False
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(text)
    fresh.replace(path)
    return True


def lock_lines(settings: Settings, folder: Path) -> None:
    """Gives every line that has no secret yet one that nobody knows: without any, Asterisk answers 500 instead of refusing.

    For a stopped Asterisk only, whose database this writes to.
    """
    lines = [*desk_lines(settings), *browser_lines(settings)]
    rows = [(f"/hotline_auth/auth/{line}", _unknown_secret(line)) for line in lines]
    with closing(sqlite3.connect(folder / "var" / "db" / "astdb.sqlite3", isolation_level=None)) as database:
        database.execute("CREATE TABLE IF NOT EXISTS astdb(key VARCHAR(256), value VARCHAR(256), PRIMARY KEY(key))")
        database.executemany("INSERT OR IGNORE INTO astdb(key, value) VALUES (?, ?)", rows)


def _unknown_secret(line: int) -> str:
    return f'{{"auth_type":"md5","username":"{line}","realm":"asterisk","md5_cred":"{secrets.token_hex(16)}"}}'
