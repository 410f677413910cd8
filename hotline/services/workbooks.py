"""Workbooks that a spreadsheet opens: whatever a text says, it becomes neither a formula nor a link."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from xlsxwriter import Workbook

from models.base import CITY_TIME

LONGEST_CELL = 32_767  # of the format
# Taken for a formula by programs that read a sheet, and by this one once somebody edits the cell.
LIKE_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

Cell = str | int | float | datetime | None
Styles = Mapping[str, Any]


def begun(file: BinaryIO, *, row_by_row_in: Path | None = None) -> Workbook:
    """A large one is held a row at a time, the rest lies in a folder until it is closed: rows are written in their order.

    Charts want the whole in memory, so that programs that draw no sheet anew find their numbers too.
    """
    holding = {"constant_memory": True, "tmpdir": str(row_by_row_in)} if row_by_row_in else {"in_memory": True}
    return Workbook(file, {**holding, "strings_to_formulas": False, "strings_to_urls": False})


def styles(book: Workbook) -> Styles:
    return {
        "title": book.add_format({"bold": True, "font_size": 14}),
        "head": book.add_format({"bold": True, "bottom": 1}),
        "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        "text": book.add_format({"quote_prefix": True}),
        "share": book.add_format({"num_format": "0.0%"}),
    }


def put(sheet: Any, line: int, at: int, cell: Cell, known: Styles, *, is_share: bool = False) -> None:
    """Times by the city's clock; nothing where nothing is known."""
    if isinstance(cell, datetime):
        sheet.write_datetime(line, at, cell.astimezone(CITY_TIME).replace(tzinfo=None), known["time"])
    elif isinstance(cell, int | float):
        sheet.write_number(line, at, cell, known["share"] if is_share else None)
    elif cell:
        sheet.write_string(line, at, cell[:LONGEST_CELL], known["text"] if cell.startswith(LIKE_FORMULA) else None)
