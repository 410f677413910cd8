"""Open figures: of signed months of the city only, nothing personal, and no number that is small enough to point at somebody."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services.alerts import rule as rules
from hotline.services.monthly import tables
from hotline.services.monthly.figures import Figures
from hotline.services.monthly.months import Month
from hotline.services.monthly.reports import CITY
from hotline.services.monthly.saying import Compared
from hotline.services.monthly.tables import SHOWN_SHARES, Cell, Kind, Table
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.facts import ASKED
from hotline.services.workbooks import LIKE_FORMULA
from models import MonthlyReport

MOST_MONTHS = 36


@dataclass(frozen=True)
class Open:
    """`least`: smaller numbers are hidden. A share is of so many; none where too few were asked."""

    month: Month
    least: int
    received: int | None
    filed: int | None
    closed: int | None
    shares: Sequence[tuple[str, float | None]]
    tables: Sequence[Table]


def months(session: Session) -> list[Month]:
    """Newest first."""
    asked = select(MonthlyReport.month).where(MonthlyReport.unit_code == CITY).order_by(MonthlyReport.month.desc())
    return [Month(first) for first in session.scalars(asked.limit(MOST_MONTHS))]


def figures(session: Session, month: Month) -> Open:
    body = session.scalar(select(MonthlyReport.body).where(MonthlyReport.month == month.first, MonthlyReport.unit_code == CITY))
    if body is None:
        raise NotFound()
    least, now = rules.current(session).published_from, Figures.model_validate(body["now"])
    counted = tables.counted(Compared(now, None, None))
    return Open(
        month=month,
        least=least,
        received=_count(now.received, least),
        filed=_count(now.filed, least),
        closed=_count(now.closed, least),
        shares=[(str(each), _published(each, now.shares.get(str(each)), least)) for each in SHOWN_SHARES],
        tables=[table for table in (*(without_small(each, least) for each in counted), _of_units(now, least)) if table.rows],
    )


def _count(count: int, least: int) -> int | None:
    return count if count == 0 or count >= least else None


def _published(indicator: Indicator, share: tuple[int, int] | None, least: int) -> float | None:
    """Neither of few, nor so lopsided that it tells what the few said; where all said the same, it tells what each one said."""
    if not share:
        return None
    sides = (share[0], share[1] - share[0])
    small = [side for side in sides if side < least and (side or indicator in ASKED)]
    return None if small or share[1] < least else round(share[0] / share[1], 3)


def without_small(table: Table, least: int) -> Table:
    columns = [column for column in table.columns if column.kind != Kind.SHARE][:2]
    counts = {str(row[0]): int(row[1] or 0) for row in table.rows}
    hidden = _hidden(counts, least)
    return Table(table.key, table.title, columns, [(name, None if name in hidden else count) for name, count in counts.items()])


def _hidden(counts: Mapping[str, int], least: int) -> set[str]:
    """The small ones; and the next smallest until what the total less the others gives away is neither one nor small."""
    hidden = {name for name, count in counts.items() if 0 < count < least}
    others = sorted((count, name) for name, count in counts.items() if count >= least)
    while hidden and others and (len(hidden) == 1 or sum(counts[name] for name in hidden) < least):
        hidden.add(others.pop(0)[1])
    return hidden


def _of_units(now: Figures, least: int) -> Table:
    """Who had enough cases, with the shares that enough citizens spoke to."""
    table = tables.units(now)[0]
    kept = [0, 1, 4, 5]
    rows: list[Sequence[Cell]] = []
    for line in (*now.ranked, *now.unranked):
        if line.cases >= least:
            on_time = _spoken(Indicator.ON_TIME, line.on_time, line.cases, least)
            rows.append((line.name, line.cases, on_time, _spoken(Indicator.RESOLUTION, line.resolution, line.answered, least)))
    return Table(table.key, table.title, [table.columns[number] for number in kept], rows)


def _spoken(indicator: Indicator, share: float | None, of: int, least: int) -> float | None:
    return None if share is None else _published(indicator, (round(share * of), of), least)


def as_json(found: Open) -> dict[str, Any]:
    return {
        "month": str(found.month),
        "hidden_below": found.least,
        "received": found.received,
        "filed": found.filed,
        "closed": found.closed,
        "shares": dict(found.shares),
        "tables": {
            table.key: [dict(zip((column.name for column in table.columns), row, strict=True)) for row in table.rows]
            for table in found.tables
        },
    }


def as_csv(found: Open) -> str:
    """One line a number: month, table, row, column, value; an empty value is hidden or not known."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(["month", "table", "row", "column", "value"])
    for name in ("received", "filed", "closed"):
        write.writerow([found.month, "total", "", name, _cell(getattr(found, name))])
    for name, share in found.shares:
        write.writerow([found.month, "shares", "", name, _cell(share)])
    for table in found.tables:
        for row in table.rows:
            for column, cell in zip(table.columns[1:], row[1:], strict=True):
                write.writerow([found.month, table.key, _cell(row[0]), column.name, _cell(cell)])
    return "\N{BYTE ORDER MARK}" + out.getvalue()


def _cell(value: Cell) -> Cell:
    if isinstance(value, str) and value.startswith(LIKE_FORMULA):
        return f"'{value}"
    return "" if value is None else value
