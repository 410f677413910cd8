"""What of the unpacked packages is needed, and whether an Asterisk runs from it."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hotline.errors import HotlineError
from hotline.settings import Asterisk, Settings
from hotline.telephony import modules, prompts
from hotline.telephony.exchange import Exchange
from hotline.telephony.kit import Kit
from tools.asterisk_libraries import closure, needed, package_names
from tools.asterisk_packages import Unavailable

# Of the voices, what speaks Mandarin and spells Latin letters.
_VOICE = ("phondata", "phonindex", "phontab", "intonations", "cmn_dict", "en_dict", "lang/sit/*", "lang/gmw/en*")


def superfluous(root: Path) -> set[str]:
    """Packages of libraries that none of the loaded modules needs. A package whose library cannot be told stays."""
    folder = _modules(root)
    loaded = {f"{name}.so" for name in modules.present(folder)}
    used = {library for file in _programs(root) for library in needed(file)}
    unused = {library for file in folder.glob("*.so") if file.name not in loaded for library in needed(file)} - used
    kept = {name for library in used for name in package_names(library)}
    return {name for library in unused for name in package_names(library)} - kept


def prune(root: Path, target: Path) -> None:
    """Programs, the modules that are loaded, their libraries side by side with the loader, and the voice."""
    libraries = {path.name: path for path in sorted(root.glob("usr/lib/**/*.so*")) if path.parent != _modules(root)}
    folder = _modules(root).parents[1]
    programs = list(_programs(root))
    for path in [*programs, *root.glob("usr/lib/*/ld-linux*.so.*")]:
        _copy(path, target / path.relative_to(root))
    for path in closure(programs, libraries):
        _copy(path, target / folder.relative_to(root) / path.name)
    for path in root.glob("usr/share/asterisk/documentation/*.x*"):
        _copy(path, target / path.relative_to(root))
    for voices in root.glob("usr/lib/*/espeak-ng-data"):
        for path in (found for pattern in _VOICE for found in voices.glob(pattern)):
            _copy(path, target / path.relative_to(root))
    for path in root.glob("usr/share/doc/*/copyright"):
        _copy(path, target / path.relative_to(root))


def _programs(root: Path) -> Iterator[Path]:
    folder = _modules(root)
    yield root / "usr/sbin/asterisk"
    yield from (folder / f"{name}.so" for name in modules.present(folder))
    yield from root.glob("usr/bin/espeak-ng")


def _modules(root: Path) -> Path:
    found = next(root.glob("usr/lib/*/asterisk/modules"), None)
    if found is None:
        raise Unavailable("the packages hold no Asterisk modules")
    return found


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def self_test(kit: Kit) -> str:
    """Starts an instance with our own configuration on free ports and speaks all prompts; what is wrong, or nothing."""
    with tempfile.TemporaryDirectory(prefix="asterisk-") as folder:
        port = free_base()
        settings = Settings(data_dir=Path(folder), demo=True, asterisk=Asterisk(sip_port=port, ws_port=port + 28))
        if kit.speech is None:
            return "no voice"
        exchange = Exchange(settings, kit)
        try:
            prompts.prepare(kit.speech)
            exchange.start()
            lacking = exchange.modules_not_running()
        except HotlineError as error:
            return str(error)
        finally:
            exchange.stop()
    return f"modules that do not run: {', '.join(lacking)}" if lacking else ""


def free_base() -> int:
    """A SIP port whose companions are free as well."""
    for port in range(24000, 30000, 40):
        if all(_is_free(number) for number in (port, port - 22, port + 13, port + 28)):
            return port
    raise Unavailable("no free ports between 24000 and 30000")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(type=kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True
