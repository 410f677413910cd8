"""A report as a workbook: what changed, each table on a sheet of its own, and a chart beside it that the spreadsheet draws."""

import io
from collections.abc import Sequence
from typing import Any

from xlsxwriter import Workbook

from hotline.services import workbooks
from hotline.services.monthly import tables
from hotline.services.monthly.reports import Report
from hotline.services.monthly.tables import Kind, Table
from hotline.services.workbooks import Styles
from hotline.words import say, word
from models.base import CITY_TIME

# The columns that are drawn; of the other tables the counts of this month and of the one before.
_DRAWN = {"shares": (1, 3), "days": (1, 2), "overview": (), "units": (4, 5, 6), "units_few": ()}
_COUNTS = (1, 3)
_UPRIGHT = frozenset({"days", "shares"})
_ACCENT, _PALE, _THIRD = "#1D5FA8", "#A9B8C9", "#C98A1B"
_BAR_HEIGHT, _CHART_WIDTH, _LEAST_HEIGHT = 26, 720, 300


def write(report: Report) -> bytes:
    """Nothing is reckoned anew: of a signed month the book says what was signed."""
    file = io.BytesIO()
    book = workbooks.begun(file)
    styles = workbooks.styles(book)
    compared = report.compared
    _summary(book, report, styles)
    for table in (tables.shares(compared), tables.days(compared), *report.tables):
        if table.rows:
            sheet = book.add_worksheet(table.title)
            _table(sheet, table, styles, top=0)
            _chart(book, sheet, table)
    book.close()
    return file.getvalue()


def name_of(report: Report) -> str:
    return say("Monthly report {of} {month}", of=_of(report), month=report.month) + ".xlsx"


def _of(report: Report) -> str:
    return report.unit or say("city")


def _summary(book: Workbook, report: Report, styles: Styles) -> None:
    """As the page begins: whose month it is, who signed it, what changed, the main figures."""
    sheet = book.add_worksheet(word("monthly_table", "summary"))
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 2, 12)
    sheet.write_string(0, 0, say("Monthly report {of} {month}", of=_of(report), month=report.month), styles["title"])
    remark = report.signed.remark if report.signed else ""
    said = [_state(report), "", *report.sentences, *(["", *remark.splitlines()] if remark else [])]
    for line, sentence in enumerate(said, start=1):
        workbooks.put(sheet, line, 0, sentence, styles)
    _table(sheet, tables.overview(report.compared, city=not report.unit_code), styles, top=len(said) + 2)


def _state(report: Report) -> str:
    if report.signed is None:
        return say("Draft: the figures still change.")
    at = report.signed.created_at.astimezone(CITY_TIME)
    return say("Signed by {name} at {at}.", name=report.signed_by, at=f"{at:%Y-%m-%d %H:%M}")


def _table(sheet: Any, table: Table, styles: Styles, *, top: int) -> None:
    if top == 0:
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, 0, max(12, *(2 * len(str(row[0])) + 2 for row in table.rows)))
        sheet.set_column(1, len(table.columns) - 1, 12)
    for at, column in enumerate(table.columns):
        sheet.write_string(top, at, column.name, styles["head"])
    for line, row in enumerate(table.rows, start=top + 1):
        for at, (cell, column) in enumerate(zip(row, table.columns, strict=True)):
            workbooks.put(sheet, line, at, cell, styles, is_share=column.kind == Kind.SHARE)


def _chart(book: Workbook, sheet: Any, table: Table) -> None:
    """What has no number at all is left out, so that no legend speaks of nothing."""
    drawn = [at for at in _DRAWN.get(table.key, _COUNTS) if any(row[at] is not None for row in table.rows)]
    if not drawn:
        return
    upright = table.key in _UPRIGHT
    chart = book.add_chart({"type": "column" if upright else "bar"})
    for at, colour in zip(drawn, (_ACCENT, _PALE, _THIRD), strict=False):
        chart.add_series(_series(table, at, colour))
    chart.set_title({"name": table.title, "name_font": {"size": 12}})
    chart.set_legend({"position": "bottom"} if len(drawn) > 1 else {"none": True})
    _axes(chart, table, drawn, upright=upright)
    height = _LEAST_HEIGHT if upright else max(_LEAST_HEIGHT, _BAR_HEIGHT * len(table.rows) * min(len(drawn), 2))
    chart.set_size({"width": _CHART_WIDTH, "height": height})
    sheet.insert_chart(0, len(table.columns) + 1, chart)


def _series(table: Table, at: int, colour: str) -> dict[str, Any]:
    last = len(table.rows)
    return {
        "name": [table.title, 0, at],
        "categories": [table.title, 1, 0, last, 0],
        "values": [table.title, 1, at, last, at],
        "fill": {"color": colour},
        "gap": 60,
    }


def _axes(chart: Any, table: Table, drawn: Sequence[int], *, upright: bool) -> None:
    """Shares from nothing to the whole; bars that lie begin with the first row at the top."""
    is_share = table.columns[drawn[0]].kind == Kind.SHARE
    bounds = {"num_format": "0%", "min": 0, "max": 1} if is_share else {"min": 0}
    values = {**bounds, "major_gridlines": {"visible": True, "line": {"color": "#E3E6EA"}}}
    if upright:
        chart.set_y_axis(values)
    else:
        chart.set_y_axis({"reverse": True, "crossing": "max"})
        chart.set_x_axis(values)
