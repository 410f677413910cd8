"""The lock files agree with each other, carry hashes, and name no package host."""

import json
import re

from tests.house.source import ROOT

PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE | re.IGNORECASE)


def pins(name: str) -> set[tuple[str, str]]:
    return set(PIN.findall((ROOT / name).read_text()))


def test_the_service_runs_on_the_versions_that_were_tested() -> None:
    assert pins("requirements.run.lock") != set()
    assert pins("requirements.run.lock") <= pins("requirements.lock")


def test_the_service_installs_nothing_under_the_gpl() -> None:
    assert "pyvoip" not in {name.lower() for name, _ in pins("requirements.run.lock")}


def test_no_lock_file_names_a_host() -> None:
    for name in ("requirements.lock", "requirements.run.lock"):
        assert "://" not in (ROOT / name).read_text()
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_page_scripts_are_pinned_exactly() -> None:
    manifest = json.loads((ROOT / "package.json").read_text())
    versions = [*manifest["dependencies"].values(), *manifest["devDependencies"].values()]

    assert [version for version in versions if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
