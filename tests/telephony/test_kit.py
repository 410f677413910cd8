"""Where Asterisk comes from: the root that the settings name, the machine, packages unpacked into the cache."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hotline.settings import Asterisk, Settings
from hotline.telephony import modules
from hotline.telephony.kit import FETCHED, find_kit, kit_of_root
from tests.house.source import ROOT
from tests.telephony.asterisk import kit
from tools import asterisk_root
from tools.asterisk_libraries import closure, needed, package_names
from tools.asterisk_packages import Index, Unavailable, mirror, resolve

RECORDS = """\
Package: asterisk
Version: 1:22.1.0-1
Depends: adduser, asterisk-modules (= 1:22.1.0-1), libc6 (>= 2.38), libssl3t64 (>= 3.0.0) | libssl3
SHA256: aa
Size: 10

Package: asterisk-modules
Version: 1:22.1.0-1
Pre-Depends: libc6
Depends: libcodec2-1.2, libfoo3 (>= 1)
Size: 20

Package: libfoo3t64
Version: 1
Provides: libfoo3 (= 1)
Depends: libogg0:any
Size: 30

Package: libcodec2-1.2
Version: 1.2
Depends: libogg0
Size: 40

Package: libc6
Version: 2.42
Size: 50

Package: libssl3t64
Version: 3
Depends: libc6
Size: 60

Package: libogg0
Version: 1.3
Size: 70

Package: broken
Version: 1
Depends: not-there | not-there-either
"""


def test_the_closure_follows_alternatives_and_packages_that_stand_for_others() -> None:
    packages = resolve(["asterisk"], Index(RECORDS))

    assert set(packages) == {"asterisk", "asterisk-modules", "libc6", "libssl3t64", "libfoo3t64", "libcodec2-1.2", "libogg0"}
    assert (packages["asterisk"].version, packages["asterisk"].sha256) == ("1:22.1.0-1", "aa")


def test_what_one_package_can_do_without_is_kept_for_another_that_needs_it() -> None:
    packages = resolve(["asterisk"], Index(RECORDS), spare={"asterisk-modules": {"libcodec2-1.2", "libogg0"}})

    assert "libcodec2-1.2" not in packages
    assert "libogg0" in packages


def test_a_dependency_that_the_suite_does_not_have_is_named() -> None:
    with pytest.raises(Unavailable, match="broken needs not-there or not-there-either"):
        resolve(["broken"], Index(RECORDS))


@pytest.mark.parametrize(
    ("library", "package"),
    [
        ("libxml2.so.16", "libxml2-16"),
        ("libssl.so.3", "libssl3t64"),
        ("libtinfo.so.6", "libtinfo6"),
        ("libgcc_s.so.1", "libgcc-s1"),
        ("libdb-5.3.so", "libdb5.3t64"),
        ("libvorbisfile.so.3", "libvorbisfile3"),
    ],
)
def test_the_package_of_a_library_follows_from_its_name(library: str, package: str) -> None:
    assert package in package_names(library)


NEW_STYLE = """\
Types: deb
URIs: http://security.example/debian-security
Suites: bookworm-security
Components: main

Types: deb
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/example.gpg
"""
OLD_STYLE = """\
# deb http://commented.example/debian bookworm main
deb https://packages.example/tool stable tool
deb [arch=amd64 signed-by=/etc/apt/key.gpg] http://mirror.example/debian bookworm main contrib
"""


@pytest.mark.parametrize(
    ("name", "text", "keyring"),
    [
        ("sources.list.d/debian.sources", NEW_STYLE, "/usr/share/keyrings/example.gpg"),
        ("sources.list", OLD_STYLE, "/etc/apt/key.gpg"),
        ("sources.list.d/base.list", OLD_STYLE, "/etc/apt/key.gpg"),
    ],
)
def test_the_mirror_is_the_machines_own(tmp_path: Path, name: str, text: str, keyring: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)

    found = mirror(tmp_path)

    assert (found.uri, found.signed_by) == ("http://mirror.example/debian", keyring)


def test_a_machine_without_a_mirror_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no mirror"):
        mirror(tmp_path)


def test_the_libraries_of_a_program_are_read_from_it() -> None:
    assert "libc.so.6" in needed(Path(sys.executable).resolve())
    assert needed(Path(__file__)) == set()


def test_a_library_that_is_nowhere_is_named() -> None:
    with pytest.raises(Unavailable, match=r"libc\.so\.6"):
        closure([Path(sys.executable).resolve()], {})


def test_every_required_module_is_there() -> None:
    found = kit()

    assert modules.missing(found.modules) == []
    assert int(found.version.split(".")[0]) >= 20


def test_neither_programs_of_the_machine_nor_the_shell_can_be_reached_from_the_dialplan() -> None:
    assert {"app_system", "func_shell", "app_externalivr", "res_ari"} & {*modules.REQUIRED, *modules.WHERE_PRESENT} == set()


def test_a_folder_without_asterisk_is_no_kit(tmp_path: Path) -> None:
    assert kit_of_root(tmp_path) is None
    assert find_kit(Settings(asterisk=Asterisk(root=tmp_path))) is None


def test_the_self_test_starts_it_and_asks_every_module() -> None:
    assert asterisk_root.self_test(kit()) == ""


def test_the_self_test_says_what_is_wrong(tmp_path: Path) -> None:
    found = kit()
    broken = tmp_path / "asterisk"
    broken.write_text("#!/bin/sh\necho no good; exit 3\n")
    broken.chmod(0o755)

    told = asterisk_root.self_test(type(found)((str(broken),), found.modules, found.data, found.version, found.speech))

    assert "no good" in told


@pytest.mark.skipif(not FETCHED.exists(), reason="the machine has an Asterisk of its own; nothing was fetched")
def test_what_was_fetched_is_written_down() -> None:
    manifest = json.loads((FETCHED / "manifest.json").read_text())

    assert {"asterisk", "asterisk-modules", "espeak-ng", "libc6"} <= manifest["packages"].keys()
    assert [
        name for name, package in manifest["packages"].items() if len(package["sha256"]) != 64 or not package["version"]
    ] == []


def test_the_command_says_in_one_line_what_is_here() -> None:
    kit()

    done = subprocess.run([sys.executable, "-m", "tools.asterisk"], capture_output=True, text=True, check=True, cwd=ROOT)

    assert len(done.stdout.splitlines()) == 1
    assert done.stdout.startswith("Asterisk 2")


def test_a_root_that_is_none_is_told_with_its_setting(tmp_path: Path) -> None:
    environment = {"HOTLINE_ASTERISK__ROOT": str(tmp_path), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-m", "tools.asterisk"], capture_output=True, text=True, check=False, cwd=tmp_path, env=environment
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "HOTLINE_ASTERISK__ROOT" in done.stderr
