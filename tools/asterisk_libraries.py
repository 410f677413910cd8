"""Which shared libraries a program needs, read from its ELF header, and which files of an unpacked root are needed at all."""

import re
import struct
from collections.abc import Iterable, Mapping
from pathlib import Path

from tools.asterisk_packages import Unavailable

_DYNAMIC, _LOAD = 2, 1
_NEEDED, _STRING_TABLE = 1, 5


def needed(path: Path) -> set[str]:
    """The names under DT_NEEDED; empty for what is no 64-bit little-endian ELF file."""
    image = path.read_bytes()
    if image[:6] != b"\x7fELF\x02\x01":
        return set()
    headers = _program_headers(image)
    dynamic = next((header for header in headers if header[0] == _DYNAMIC), None)
    if dynamic is None:
        return set()
    _, offset, _, size = dynamic
    entries = [struct.unpack_from("<QQ", image, at) for at in range(offset, offset + size, 16)]
    table = next(value for tag, value in entries if tag == _STRING_TABLE)
    segment = next(found for found in headers if found[0] == _LOAD and found[2] <= table < found[2] + found[3])
    strings = segment[1] + table - segment[2]
    return {_text(image, strings + value) for tag, value in entries if tag == _NEEDED}


def _program_headers(image: bytes) -> list[tuple[int, int, int, int]]:
    """Kind, offset in the file, address in memory and size in the file of each."""
    start: int = struct.unpack_from("<Q", image, 32)[0]
    size, count = struct.unpack_from("<HH", image, 54)
    found = []
    for at in range(start, start + size * count, size):
        kind, _, offset, address, _, length = struct.unpack_from("<IIQQQQ", image, at)
        found.append((kind, offset, address, length))
    return found


def _text(image: bytes, start: int) -> str:
    return image[start : image.index(b"\0", start)].decode()


def package_names(library: str) -> set[str]:
    """What Debian may call the package of a library: libxml2.so.16 is in libxml2-16, libssl.so.3 in libssl3 or libssl3t64."""
    match = re.match(r"^(?P<name>.+?)(?:-(?P<release>[\d.]+))?\.so(?:\.(?P<major>[\w.]+))?$", library)
    if match is None:
        return set()
    stem = match["name"].lower().replace("_", "-")
    version = match["major"] or match["release"] or ""
    base = f"{stem}-{match['release']}" if match["release"] and match["major"] else stem
    hyphen = "-" if base[-1].isdigit() and version else ""
    return {base + hyphen + version + ending for ending in ("", "t64")}


def closure(programs: Iterable[Path], libraries: Mapping[str, Path]) -> set[Path]:
    """Every library that the programs need, directly or not; refuses when one is nowhere."""
    found: set[Path] = set()
    missing: set[str] = set()
    todo = list(programs)
    while todo:
        for name in needed(todo.pop()):
            library = libraries.get(name)
            if library is None:
                missing.add(name)
            elif library not in found:
                found.add(library)
                todo.append(library)
    if missing:
        raise Unavailable(f"libraries in none of the packages: {', '.join(sorted(missing))}")
    return found
