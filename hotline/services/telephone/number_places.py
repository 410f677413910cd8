"""Where a telephone number comes from (江苏省苏州市 · 移动), by the numbering plan that `phonenumbers` ships.

The library keeps the whole world in memory, 100 MB of it. Here the country's part is written to sorted files once, by a process
that ends, and searched where it lies.
"""

import mmap
import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

COUNTRY = "86"
FILES = {"places": "number-places.txt", "operators": "number-operators.txt"}
LONGEST_PREFIX = 12
_SHORT_NAMES = {"中国移动": "移动", "中国联通": "联通", "中国电信": "电信", "中国广电": "广电"}


def prepare(folder: Path) -> None:
    """Write the files if this version of the library has not written them yet."""
    import phonenumbers  # here: only the process that prepares needs it whole

    stamp = folder / "number-places.version"
    if stamp.exists() and stamp.read_text() == phonenumbers.__version__:
        return
    from phonenumbers.carrierdata import CARRIER_DATA
    from phonenumbers.geodata import GEOCODE_DATA

    _write(folder / FILES["places"], GEOCODE_DATA.items())
    _write(folder / FILES["operators"], CARRIER_DATA.items())
    stamp.write_text(phonenumbers.__version__)


def _write(path: Path, entries: Iterable[tuple[str, Mapping[str, str]]]) -> None:
    lines = sorted(
        f"{prefix}\t{names.get('zh') or names.get('en', '')}\n" for prefix, names in entries if prefix.startswith(COUNTRY)
    )
    aside = path.with_suffix(".part")
    aside.write_text("".join(lines), encoding="utf-8")
    os.replace(aside, path)


def place_of(number: str, *, folder: Path) -> str:
    """What an agent reads beside the number (E.164); empty if the files are not there or know nothing of it."""
    if not number.startswith(f"+{COUNTRY}"):
        return ""
    digits = number[1:]
    operator = _find(folder / FILES["operators"], digits)
    known = (_find(folder / FILES["places"], digits), _SHORT_NAMES.get(operator, operator))
    return " · ".join(part for part in known if part)


def _find(path: Path, digits: str) -> str:
    """The name beside the longest prefix of these digits."""
    table = _table(path)
    if table is None:
        return ""
    for length in range(min(LONGEST_PREFIX, len(digits)), len(COUNTRY), -1):
        if name := _search(table, digits[:length].encode() + b"\t"):
            return name
    return ""


def _search(table: mmap.mmap, key: bytes) -> str:
    """The line that begins with `key`, by halving: lines are sorted as bytes."""
    low, high = 0, len(table)
    while low < high:
        middle = table.rfind(b"\n", 0, (low + high) // 2) + 1
        middle = max(middle, low)
        end = table.find(b"\n", middle)
        line = table[middle:end]
        if line.startswith(key):
            return line[len(key) :].decode()
        if line < key:
            low = end + 1
        else:
            high = middle
    return ""


@lru_cache(maxsize=4)
def _table(path: Path) -> mmap.mmap | None:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError):
        return None
