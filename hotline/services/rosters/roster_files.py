"""A roster as a spreadsheet gives it. Reads and checks each row by itself; knows no database."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time

from hotline.errors import Invalid
from hotline.services.city.grid_files import decoded
from hotline.services.rosters.shifts import HOLIDAYS

COLUMNS = {
    "day": ("day", "日期", "星期", "日期或星期"),
    "begins": ("begins", "开始", "开始时间"),
    "ends": ("ends", "结束", "结束时间"),
    "person": ("person", "值班人", "值班员"),
    "deputy": ("deputy", "副班", "备班"),
}
WEEKDAYS = (
    {name: number for number, names in enumerate("一二三四五六", 1) for name in (f"周{names}", f"星期{names}", f"每周{names}")}
    | {name: 7 for day in "日天" for name in (f"周{day}", f"星期{day}", f"每周{day}")}
    | {"节假日": HOLIDAYS, "法定节假日": HOLIDAYS}
)
MOST_ROWS = 2000


@dataclass(frozen=True)
class RosterRow:
    line: int
    weekday: int | None
    day: date | None
    begins: time
    ends: time
    person: str
    deputy: str


@dataclass(frozen=True)
class RosterFile:
    rows: Sequence[RosterRow]
    problems: Sequence[str]


def read(content: bytes) -> RosterFile:
    """Every row that can be read, and what is wrong with the others; each problem begins with the number of its line."""
    table = csv.DictReader(io.StringIO(decoded(content)))
    given = {name.strip().lower(): name for name in table.fieldnames or () if name}
    names = {ours: next((given[each] for each in known if each in given), "") for ours, known in COLUMNS.items()}
    if missing := [COLUMNS[ours][1] for ours in ("day", "begins", "ends", "person") if not names[ours]]:
        raise Invalid("The file lacks the columns {columns}.", columns="、".join(missing), field="file")
    rows: list[RosterRow] = []
    problems: list[str] = []
    for line, row in enumerate(table, start=2):
        values = {ours: (row.get(theirs) or "").strip() for ours, theirs in names.items() if theirs}
        if not any(values.values()):
            continue
        if line > MOST_ROWS:
            raise Invalid("A file has at most {most} lines.", most=MOST_ROWS, field="file")
        found, problem = _row(line, values)
        rows += [found] if found else []
        problems += [f"{line}：{problem}"] if problem else []
    return RosterFile(rows, problems)


def _row(line: int, values: Mapping[str, str]) -> tuple[RosterRow | None, str]:
    weekday, day = WEEKDAYS.get(values["day"]), _date(values["day"])
    begins, ends = _time(values["begins"]), _time(values["ends"])
    if weekday is None and day is None:
        return None, f"“{values['day']}”不是日期，也不是星期"
    if begins is None or ends is None:
        return None, f"“{values['begins']}—{values['ends']}”不是时间，写成 17:30"
    if not values["person"]:
        return None, "没有写值班人"
    return RosterRow(line, weekday, day, begins, ends, values["person"], values.get("deputy", "")), ""


def _date(text: str) -> date | None:
    parts = text.replace("/", "-").replace(".", "-").split("-")
    try:
        year, month, day = map(int, parts)
        return date(year, month, day)
    except ValueError:
        return None


def _time(text: str) -> time | None:
    hour, colon, minute = text.replace("：", ":").partition(":")
    try:
        return time(int(hour) % 24, int(minute[:2])) if colon and 0 <= int(hour) <= 24 else None
    except ValueError:
        return None
