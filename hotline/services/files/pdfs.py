"""Whether a PDF is harmless, found out in a process of its own: a hostile file costs at most its memory and time limits."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO

import pikepdf

MOST_PAGES = 200
MEMORY = 768 * 1024 * 1024
SECONDS = 10
DEEPEST = 50
MOST_OBJECTS = 200_000

# What a viewer would do without being asked, and what carries further files.
FORBIDDEN_KEYS = frozenset({"/JS", "/JavaScript", "/EmbeddedFiles", "/EF", "/Launch", "/RichMediaContent", "/XFA", "/AA"})
FORBIDDEN_ACTIONS = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/ImportData",
        "/SubmitForm",
        "/GoToE",
        "/GoToR",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/RichMediaExecute",
    }
)

FAULTS = {
    10: "This file is damaged and cannot be opened.",
    11: "This file is protected by a password.",
    12: "This file has more than 200 pages.",
    13: "This file holds scripts, programs or further files.",
}
DAMAGED, LOCKED, LONG, ACTIVE = FAULTS


def fault_of(content: bytes) -> str | None:
    """The sentence that refuses it, or None. A file that breaks the reader or its limits counts as damaged."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "hotline.services.files.pdfs"],
            input=content,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return FAULTS[DAMAGED]
    return None if done.returncode == 0 else FAULTS.get(done.returncode, FAULTS[DAMAGED])


def _judge(content: bytes) -> int:
    try:
        with pikepdf.open(BytesIO(content)) as pdf:
            if len(pdf.pages) > MOST_PAGES:
                return LONG
            return ACTIVE if any(map(_is_active, _dictionaries(pdf))) else 0
    except pikepdf.PasswordError:
        return LOCKED
    except (pikepdf.PdfError, ValueError, RecursionError, MemoryError):
        return DAMAGED


def _dictionaries(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Every dictionary, those inside others too; indirect ones are met in the list of all objects."""
    waiting: list[tuple[pikepdf.Object, int]] = [(pdf.trailer, 0), *((each, 0) for each in pdf.objects)]
    seen = 0
    while waiting:
        found, depth = waiting.pop()
        seen += 1
        if depth > DEEPEST or seen > MOST_OBJECTS:
            raise ValueError("nested too deeply, or too much")
        if isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
            yield found
        waiting += [(part, depth + 1) for part in _parts(found) if isinstance(part, pikepdf.Object) and not part.is_indirect]


def _parts(found: pikepdf.Object) -> list[object]:
    if isinstance(found, pikepdf.Array):
        return list(found)
    if isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
        return [found.get(key) for key in found.keys()]  # noqa: SIM118 -- a PDF object iterates over other things
    return []


def _is_active(found: pikepdf.Object) -> bool:
    return bool(FORBIDDEN_KEYS.intersection(found.keys())) or str(found.get("/S", "")) in FORBIDDEN_ACTIONS


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    sys.exit(_judge(sys.stdin.buffer.read()))
