"""Packages of the distribution without installing them: an apt state of our own, the closure of a package, download, unpack."""

import os
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEYRING_FOLDER = Path("/usr/share/keyrings")
SOURCES = Path("/etc/apt")
# They run while a package is being installed, which never happens here, or hold what the project brings itself.
NOT_WANTED = frozenset({"adduser", "asterisk-config", "asterisk-core-sounds-en", "debconf"})


class Unavailable(Exception):
    """The packages cannot be had; the text is one line that says why."""


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    # Each group is a list of alternatives, of which one is enough.
    depends: tuple[tuple[str, ...], ...]
    sha256: str
    size: int


@dataclass(frozen=True)
class Mirror:
    uri: str
    signed_by: str


class Index:
    """Every package of a suite. A record is read when it is asked for: there are seventy thousand."""

    def __init__(self, records: str) -> None:
        self._records = {
            record[9 : record.index("\n")]: record for record in records.split("\n\n") if record.startswith("Package: ")
        }
        self._providers: dict[str, str] = {}
        for name, record in self._records.items():
            if (at := record.find("\nProvides: ")) >= 0:
                for provided in _names(record[at + 11 :].partition("\n")[0], ","):
                    self._providers.setdefault(provided, name)

    def find(self, name: str) -> Package | None:
        record = self._records.get(name)
        return _package(record) if record else None

    def one_of(self, names: Iterable[str]) -> Package | None:
        """The first that there is, else the first that another package stands for."""
        alternatives = list(names)
        real = [*alternatives, *(self._providers[name] for name in alternatives if name in self._providers)]
        return next((found for name in real if (found := self.find(name))), None)


def _package(record: str) -> Package:
    fields = dict(re.findall(r"^([A-Z][\w-]+): (.+)$", record, re.MULTILINE))
    depends = [fields[name] for name in ("Pre-Depends", "Depends") if name in fields]
    return Package(
        name=fields["Package"],
        version=fields["Version"],
        depends=tuple(tuple(_names(group, "|")) for listed in depends for group in listed.split(",")),
        sha256=fields.get("SHA256", ""),
        size=int(fields.get("Size", 0)),
    )


def _names(listed: str, separator: str) -> Iterator[str]:
    """Without versions and architectures: within one suite they fit."""
    return (re.split(r"[ (:]", name.strip())[0] for name in listed.split(separator) if name.strip())


def resolve(roots: Iterable[str], index: Index, *, spare: Mapping[str, Collection[str]] | None = None) -> dict[str, Package]:
    """The packages and all that they depend on; of alternatives the first that there is.

    `spare` names for a package what it alone would need and what can be done without.
    """
    chosen: dict[str, Package] = {}
    todo: list[tuple[tuple[str, ...], str]] = [((root,), "the service") for root in roots]
    while todo:
        group, needed_by = todo.pop()
        spared = (spare or {}).get(needed_by, ())
        if any(name in chosen or name in NOT_WANTED or name in spared for name in group):
            continue
        package = index.one_of(group)
        if package is None:
            raise Unavailable(f"{needed_by} needs {' or '.join(group)}, which this suite does not have")
        if package.name not in chosen:
            chosen[package.name] = package
            todo += [(alternatives, package.name) for alternatives in package.depends]
    return chosen


def mirror(sources: Path = SOURCES) -> Mirror:
    """Where this machine gets its own packages from, in whichever of the two formats it is written down."""
    stanzas = [
        text for file in sorted(sources.glob("sources.list.d/*.sources")) for text in re.split(r"\n\s*\n", file.read_text())
    ]
    files = [file for file in (sources / "sources.list", *sorted(sources.glob("sources.list.d/*.list"))) if file.exists()]
    lines = [line for file in files for line in file.read_text().splitlines()]
    found = next(filter(None, (*map(_of_stanza, stanzas), *map(_of_line, lines))), None)
    if found is None:
        raise Unavailable("apt's sources name no mirror of the distribution")
    return found


def _of_stanza(text: str) -> Mirror | None:
    fields = dict(re.findall(r"^([\w-]+):\s*(\S+)", text, re.MULTILINE))
    if "URIs" not in fields or not _is_the_distributions(fields.get("Components", ""), fields.get("Suites", "")):
        return None
    return Mirror(fields["URIs"], fields.get("Signed-By", ""))


_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<component>\S+)")


def _of_line(text: str) -> Mirror | None:
    match = _LINE.match(text)
    if match is None or not _is_the_distributions(match["component"], match["suite"]):
        return None
    signed_by = re.search(r"signed-by=(\S+)", match["options"] or "")
    return Mirror(match["uri"], signed_by[1] if signed_by else "")


def _is_the_distributions(component: str, suite: str) -> bool:
    return component == "main" and not suite.endswith(("-security", "-backports"))


class Archive:
    """An apt of its own in a folder: it touches neither the machine's state nor needs its rights."""

    def __init__(self, folder: Path, source: Mirror, suite: str, components: str) -> None:
        self._folder = folder.resolve()
        self._packages = self._folder / "packages"
        for name in ("lists/partial", "cache/archives/partial", "etc/preferences.d", "packages"):
            (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / "status").touch()
        keyring = source.signed_by or str(next(KEYRING_FOLDER.glob("*-archive-keyring.gpg"), ""))
        signed = f"[signed-by={keyring}] " if keyring else ""
        (self._folder / "etc/sources.list").write_text(f"deb {signed}{source.uri} {suite} {components}\n")

    def update(self) -> Index:
        self._run("apt-get", "-qq", "update")
        return Index(self._run("apt-cache", "dumpavail"))

    def fetch(self, packages: Collection[Package], into: Path) -> None:
        """Downloads, which checks the digests of the signed list, and unpacks."""
        self._run("apt-get", "-qq", "download", *(f"{package.name}={package.version}" for package in packages))
        for file in sorted(self._packages.glob("*.deb")):
            self._run("dpkg-deb", "-x", str(file), str(into))
            file.unlink()

    def _run(self, program: str, *arguments: str) -> str:
        options = self._options() if program.startswith("apt") else []
        try:
            done = subprocess.run(
                [program, *options, *arguments], cwd=self._packages, capture_output=True, text=True, check=True, timeout=600
            )
        except FileNotFoundError:
            raise Unavailable(f"{program} is not installed") from None
        except subprocess.TimeoutExpired:
            raise Unavailable(f"{program} {arguments[0]} took more than ten minutes") from None
        except subprocess.CalledProcessError as error:
            lines = [line for line in error.stderr.splitlines() if line.startswith("E:")] or [f"{program} failed"]
            raise Unavailable(lines[0]) from None
        return done.stdout

    def _options(self) -> list[str]:
        folder = self._folder
        values = {
            "Dir::Etc": folder / "etc",
            "Dir::Etc::SourceList": folder / "etc/sources.list",
            "Dir::Etc::SourceParts": "/nonexistent",
            "Dir::State": folder,
            "Dir::State::Lists": folder / "lists",
            "Dir::State::status": folder / "status",
            "Dir::Cache": folder / "cache",
            "Debug::NoLocking": "1",
            "Acquire::Languages": "none",
            "Acquire::Retries": "2",
            "Acquire::http::Timeout": "10",
            "Acquire::https::Timeout": "10",
        }
        if os.geteuid() == 0:
            values["APT::Sandbox::User"] = "root"  # the download folder belongs to root alone
        return [word for name, value in values.items() for word in ("-o", f"{name}={value}")]
