"""What was found as a workbook, row by row: the columns that are wanted, names and numbers masked unless there is a reason."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, NoteRequired
from hotline.services import access, workbooks
from hotline.services.access import Me
from hotline.services.searching import finding, sight
from hotline.services.searching.asking import Query
from hotline.services.searching.finding import Row
from hotline.services.workbooks import Cell
from hotline.words import word
from models import Role, new_id
from models.privacy import mask_name, mask_number

TAKEN_OUT, UNMASKED = "sheet", "sheet_unmasked"
MOST_ROWS, MOST_UNMASKED = 200_000, 5_000
# Who may take whole names and numbers out of the service.
UNMASKS = frozenset({Role.SHIFT_LEADER, Role.DISPATCHER, Role.VERIFIER, Role.SUPERVISOR})

COLUMNS: Mapping[str, Callable[[Row], Cell]] = {
    "number": lambda row: row.case.number,
    "title": lambda row: row.title or word("mark", "confidential"),
    "status": lambda row: word("case_status", row.case.status),
    "request_type": lambda row: word("request_type", row.case.request_type),
    "category": lambda row: row.category,
    "urgency": lambda row: word("urgency", row.case.urgency),
    "channel": lambda row: word("channel", row.channel),
    "place": lambda row: row.place,
    "grid": lambda row: row.case.grid_code,
    "unit": lambda row: row.unit,
    "filed_at": lambda row: row.case.created_at,
    "due_at": lambda row: row.case.due_at,
    "closed_at": lambda row: row.case.closed_at,
    "dispatched": lambda row: row.case.dispatch_count,
    "reworked": lambda row: row.case.rework_count,
    "closure": lambda row: word("closure", row.case.closure),
    "name": lambda row: mask_name(row.person[0]) if any(row.person) else None,
    "telephone": lambda row: mask_number(row.person[1]) if any(row.person) else None,
}
PERSONAL: Mapping[str, Callable[[Row], Cell]] = {
    "name": lambda row: row.person[0],
    "telephone": lambda row: row.person[1],
}
USUAL = ("number", "title", "status", "category", "urgency", "channel", "place", "unit", "filed_at", "due_at", "closed_at")


def check(me: Me, columns: Sequence[str], *, unmasked: bool, reason: str) -> None:
    """Refused before anything is written down."""
    if not sight.may_search(me):
        raise NotAllowed()
    if not columns or not set(columns) <= set(COLUMNS):
        raise Invalid("Please choose at least one column.", field="columns")
    if unmasked and not me.has(*UNMASKS):
        raise NotAllowed()
    if unmasked and not reason.strip():
        raise NoteRequired(field="reason")


def note(session: Session, me: Me, query: Query, *, unmasked: bool, reason: str) -> None:
    """Who took what out; of whole numbers also whose, as if each had been looked at."""
    asked = "；".join((reason.strip(), *(f"{name}={value}" for name, value in query.given.items() if name != "q")))
    access.note_look(session, me, "sheet", new_id(), UNMASKED if unmasked else TAKEN_OUT, reason=asked.strip("；"))
    if not unmasked:
        return
    for rows in finding.every(session, me, query, most=MOST_UNMASKED):
        for row in rows:
            if any(row.person):
                access.note_look(session, me, "case", row.case.id, UNMASKED, reason=reason.strip())


def write(session: Session, me: Me, query: Query, columns: Sequence[str], *, unmasked: bool) -> BinaryIO:
    """A file that is gone when it is closed. One row at a time is held, however many there are."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- whoever reads it closes it
    try:
        with tempfile.TemporaryDirectory() as folder:
            _fill(file, Path(folder), _rows(session, me, query, columns, unmasked=unmasked), columns)
    except BaseException:
        file.close()
        raise
    return file


def _rows(session: Session, me: Me, query: Query, columns: Sequence[str], *, unmasked: bool) -> Iterator[list[Cell]]:
    readers = [PERSONAL.get(name, COLUMNS[name]) if unmasked else COLUMNS[name] for name in columns]
    for batch in finding.every(session, me, query, most=MOST_UNMASKED if unmasked else MOST_ROWS):
        for row in batch:
            yield [read(row) for read in readers]


def _fill(file: BinaryIO, folder: Path, rows: Iterator[list[Cell]], columns: Sequence[str]) -> None:
    book = workbooks.begun(file, row_by_row_in=folder)
    sheet = book.add_worksheet(word("search", "sheet"))
    styles = workbooks.styles(book)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns) - 1, 18)
    for at, name in enumerate(columns):
        sheet.write_string(0, at, word("column", name), styles["head"])
    for line, row in enumerate(rows, start=1):
        for at, cell in enumerate(row):
            workbooks.put(sheet, line, at, cell, styles)
    book.close()
