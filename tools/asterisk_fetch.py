"""Gets Asterisk and a voice where there are none: the distribution's packages, installed or unpacked into the cache."""

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hotline.settings import Settings, get_settings
from hotline.telephony import prompts
from hotline.telephony.kit import FETCHED, MANIFEST, OLDEST, Kit, find_kit, kit_of_root
from tools import asterisk_root
from tools.asterisk_packages import Archive, Index, Package, Unavailable, mirror, resolve

CACHE = FETCHED.parent
# Releases without a usable package take those of a later one.
LATER_SUITE = {"bookworm": "forky", "trixie": "forky"}
COMPONENTS = {"ubuntu": "main universe"}


def obtain(*, renew: bool = False) -> Kit:
    """The machine's, or the fetched one, or else a new one; with every prompt spoken."""
    settings = get_settings()
    kit = None if renew else _complete(settings)
    if kit is None:
        with _alone():
            kit = (None if renew else _complete(settings)) or _obtain(settings)
    if kit.speech:
        prompts.prepare(kit.speech)
    return kit


def _complete(settings: Settings) -> Kit | None:
    kit = find_kit(settings)
    return kit if kit and kit.speech else None


@contextmanager
def _alone() -> Iterator[None]:
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _obtain(settings: Settings) -> Kit:
    if settings.asterisk.root is not None:
        raise Unavailable(f"HOTLINE_ASTERISK__ROOT names {settings.asterisk.root}, which holds no Asterisk {OLDEST} or newer")
    if os.geteuid() == 0 and _offered("asterisk") >= OLDEST:
        print("Installing asterisk and espeak-ng ...", flush=True)
        _install("asterisk", "espeak-ng")
        if kit := _complete(settings):
            return kit
    return fetch()


def _offered(package: str) -> int:
    """The main part of the version that this machine's apt would install; 0 without one."""
    try:
        told = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, check=False).stdout  # noqa: S607
    except FileNotFoundError:
        return 0
    version = re.search(r"Candidate: (?:\d+:)?(\d+)", told)
    return int(version[1]) if version else 0


def _install(*packages: str) -> None:
    command = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable((done.stderr.strip().splitlines() or ["apt-get failed"])[-1])
    if Path("/run/systemd/system").exists():
        # The package's own Asterisk would hold the ports that ours listens on.
        subprocess.run(["systemctl", "disable", "--now", "asterisk"], capture_output=True, check=False)  # noqa: S607


def fetch() -> Kit:
    """Packages into a folder of the cache; it becomes the current one only after Asterisk and the voice have run from it."""
    release: dict[str, str] = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(), re.MULTILINE))
    codename = release.get("VERSION_CODENAME", "")
    suite = LATER_SUITE.get(codename, codename)
    print(f"Fetching Asterisk and espeak-ng from {suite} ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="new-", dir=CACHE) as folder:
        archive = Archive(Path(folder) / "apt", mirror(), suite, COMPONENTS.get(release.get("ID", ""), "main"))
        root = Path(folder) / "root"
        root.mkdir()
        packages = _unpack(archive, archive.update(), root)
        pruned = Path(folder) / "pruned"
        asterisk_root.prune(root, pruned)
        _write_manifest(pruned, suite, packages)
        # Where it will stay, so that the self-test runs from the very paths.
        number = re.sub(r"^\d+:|[+~-].*$", "", packages["asterisk"].version)
        final = next(path for path in (CACHE / f"{suite}-{number}", CACHE / f"{suite}-{number}-renewed") if not path.exists())
        pruned.rename(final)
    kit = kit_of_root(final)
    reason = asterisk_root.self_test(kit) if kit else "no Asterisk in the unpacked packages"
    if kit is None or reason:
        shutil.rmtree(final)
        raise Unavailable(f"the fetched Asterisk failed its self-test: {reason}")
    _switch(final)
    return kit


def _unpack(archive: Archive, index: Index, root: Path) -> dict[str, Package]:
    """Asterisk first: its files tell which libraries only modules need that are never loaded."""
    wanted = ("asterisk", "espeak-ng")
    everything = resolve(wanted, index)
    if int(re.sub(r"^\d+:", "", everything["asterisk"].version).split(".")[0]) < OLDEST:
        raise Unavailable(f"the suite offers Asterisk {everything['asterisk'].version} only")
    first = [everything[name] for name in ("asterisk", "asterisk-modules")]
    archive.fetch(first, root)
    packages = resolve(wanted, index, spare={"asterisk-modules": asterisk_root.superfluous(root)})
    archive.fetch([package for package in packages.values() if package not in first], root)
    return packages


def _write_manifest(root: Path, suite: str, packages: dict[str, Package]) -> None:
    listed = {name: {"version": package.version, "sha256": package.sha256} for name, package in sorted(packages.items())}
    (root / MANIFEST).write_text(json.dumps({"suite": suite, "packages": listed}, indent=1) + "\n")


def _switch(root: Path) -> None:
    former = FETCHED.resolve() if FETCHED.is_symlink() else None
    fresh = FETCHED.with_name("fresh")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(root.name)
    fresh.replace(FETCHED)
    if former and former.exists() and former != root.resolve():
        shutil.rmtree(former)
