"""What the drill's citizens write: invented letters of the demo city, or the texts of a CSV file."""

import csv
import sys
from collections.abc import Iterator, Mapping
from itertools import cycle, islice
from pathlib import Path

from hotline.errors import HotlineError
from hotline.seeds.letters import all_letters

COLUMNS = ("text_clean", "text")
LONGEST = 2000
CLOSINGS = ("", "请尽快处理。", "麻烦给个答复。", "谢谢。", "已经反映过一次了。")


def texts(count: int, file: Path | None) -> list[str]:
    source = _of_file(file) if file else _invented()
    found = list(islice(source, count))
    if len(found) < count:
        raise HotlineError("{file} holds {found} texts, {count} are wanted.", file=file, found=len(found), count=count)
    return found


def _invented() -> Iterator[str]:
    letters = all_letters()
    for number, letter in enumerate(cycle(letters)):
        yield letter.text + CLOSINGS[number // len(letters) % len(CLOSINGS)]


def _of_file(file: Path) -> Iterator[str]:
    for row in rows(file):
        yield text_of(row)


def text_of(row: Mapping[str, str]) -> str:
    return next(row[column] for column in COLUMNS if row.get(column))


def rows(file: Path) -> Iterator[dict[str, str]]:
    """The rows whose text the mailbox takes: words, and no longer than its field."""
    csv.field_size_limit(sys.maxsize)
    try:
        yield from _rows(file)
    except OSError as error:
        raise HotlineError("{file} cannot be read: {why}.", file=file, why=error.strerror) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise HotlineError("{file} is not a CSV in UTF-8: save it as one (in Excel “CSV UTF-8”).", file=file) from error


def _rows(file: Path) -> Iterator[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as opened:
        reader = csv.DictReader(opened)
        column = next((name for name in COLUMNS if name in (reader.fieldnames or [])), None)
        if column is None:
            raise HotlineError("{file} has no column text_clean or text.", file=file)
        for row in reader:
            text = (row[column] or "").strip()[:LONGEST]
            if sum(map(str.isalnum, text)) >= 2:
                yield {**row, column: text}
