"""CSV and JSON lines, a row at a time, however long the file is."""

import codecs
import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from hotline.errors import Invalid

JSON_LINES = (".jsonl", ".ndjson", ".json")
PIECE = 1024 * 1024
# Longer is no field of a case, but a quotation mark that is never closed.
LONGEST_FIELD = 200_000
Values = Mapping[str, str]


def rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, Values]]:
    """Each row under the number of its first line. A table without a column that is needed is refused."""
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            if path.suffix.lower() in JSON_LINES:
                yield from _json_lines(file, path)
            else:
                yield from _csv(file, path, needed)
    except OSError as error:
        raise Invalid("{file} cannot be read: {why}", file=path.name, why=error.strerror) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Invalid("{file} cannot be read: {why}", file=path.name, why=error) from error


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _encoding(path: Path) -> str:
    """As spreadsheets in China write it: UTF-8, with a mark at its head or without, or GB 18030."""
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    with path.open("rb") as file:
        try:
            while piece := file.read(PIECE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "gb18030"
    return "utf-8-sig"


def _csv(file: TextIO, path: Path, needed: Sequence[str]) -> Iterator[tuple[int, Values]]:
    csv.field_size_limit(LONGEST_FIELD)
    table = csv.DictReader(file)
    header = [name.strip() for name in table.fieldnames or ()]
    if missing := [name for name in needed if name not in header]:
        raise Invalid("{file} lacks the columns {columns}.", file=path.name, columns=", ".join(missing))
    table.fieldnames = header
    line = table.line_num + 1
    for row in table:
        values = {name: value.strip() for name, value in row.items() if isinstance(name, str) and isinstance(value, str)}
        if any(values.values()):
            yield line, values
        line = table.line_num + 1


def _json_lines(file: TextIO, path: Path) -> Iterator[tuple[int, Values]]:
    for line, text in enumerate(file, start=1):
        if not text.strip():
            continue
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise Invalid("{file}, line {line}: this is no JSON object.", file=path.name, line=line)
        yield line, {str(name).strip(): _text(value) for name, value in found.items()}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return ";".join(map(str, value)) if isinstance(value, list) else str(value).strip()
