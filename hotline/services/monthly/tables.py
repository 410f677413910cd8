"""The tables of a report as plain columns and rows: for the page, for CSV, and for whatever else writes sheets."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from hotline.services.monthly.figures import OTHER, Figures
from hotline.services.monthly.saying import Compared
from hotline.services.profiles.profiles import Indicator
from hotline.services.wall.scores import UnitLine
from hotline.words import say, word


class Kind(StrEnum):
    TEXT = "text"
    COUNT = "count"
    SHARE = "share"  # 0 to 1
    POINTS = "points"  # 0 to 100


Cell = str | int | float | None

SHOWN_SHARES = (Indicator.CONTACT, Indicator.ON_TIME, Indicator.RESOLUTION, Indicator.SATISFACTION)


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind = Kind.COUNT


@dataclass(frozen=True)
class Table:
    """`key` is a name for files; an empty cell is one of which nothing is known."""

    key: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def all_of(compared: Compared) -> list[Table]:
    """Those in which there is something."""
    return [table for table in (*counted(compared), *units(compared.now)) if table.rows]


def counted(compared: Compared) -> list[Table]:
    """What was filed, by what tells it apart."""
    now, before = compared.now, compared.before
    return [
        _counted("channel", now.by_channel, before.by_channel if before else None, words="channel"),
        _counted("type", now.by_type, before.by_type if before else None, words="request_type"),
        _counted("category", now.by_category, before.by_category if before else None),
        _counted("place", now.by_place, before.by_place if before else None),
    ]


def overview(compared: Compared, *, city: bool) -> Table:
    """What was done, beside the month before; calls, which are not compared, only of the city."""
    now, before = compared.now, compared.before
    names = [*(["received"] if city else []), "filed", "direct", "dispatched", "answered", "returned", "closed"]
    rows: list[Sequence[Cell]] = [
        (word("monthly", name), getattr(now, name), getattr(before, name) if before else None) for name in names
    ]
    if now.calls.asked:
        rows += [(word("monthly", f"calls_{name}"), getattr(now.calls, name), None) for name in ("asked", "answered", "soon")]
    columns = [Column(word("monthly", "figure"), Kind.TEXT), Column(word("monthly", "now")), Column(word("monthly", "before"))]
    return Table("overview", word("monthly_table", "overview"), columns, rows)


def shares(compared: Compared) -> Table:
    """Each with how many it is of, in this month and the one before."""
    months = (compared.now, compared.before or Figures())
    rows: list[Sequence[Cell]] = []
    for name in SHOWN_SHARES:
        pairs = [each.shares.get(name, (0, 0)) for each in months]
        if any(of for _, of in pairs):
            cells = [cell for kept, of in pairs for cell in (kept / of if of else None, of)]
            rows.append((word("monthly", name), *cells))
    columns = [Column(word("monthly", "figure"), Kind.TEXT)]
    for share, of in (("now", "counted"), ("before", "counted_before")):
        columns += [Column(word("monthly", share), Kind.SHARE), Column(word("monthly", of))]
    return Table("shares", word("monthly_table", "shares"), columns, rows)


def days(compared: Compared) -> Table:
    now, before = compared.now.by_day, compared.before.by_day if compared.before else []
    columns = [Column(word("monthly", "day"), Kind.TEXT), Column(word("monthly", "now")), Column(word("monthly", "before"))]
    rows = [(str(day), count, before[day - 1] if day <= len(before) else None) for day, count in enumerate(now, 1)]
    return Table("days", word("monthly_table", "days"), columns, rows)


def _counted(key: str, now: dict[str, int], before: dict[str, int] | None, *, words: str = "") -> Table:
    whole = sum(now.values())
    columns = [Column(word("monthly", key), Kind.TEXT), Column(word("monthly", "count"))]
    columns += [Column(word("monthly", "share"), Kind.SHARE), Column(word("monthly", "before"))]
    rows = [
        (_named(name, words), count, count / whole if whole else None, before.get(name, 0) if before is not None else None)
        for name, count in now.items()
    ]
    return Table(key, word("monthly_table", key), columns, rows)


def _named(name: str, words: str) -> str:
    return word("monthly", OTHER) if name == OTHER and not words else word(words, name) if words else name


def units(now: Figures) -> list[Table]:
    """Best first; apart from them those with too few cases for an order of merit to mean anything."""
    few = say("Units with fewer than {least} cases (without a place)", least=now.least_cases)
    return [
        _units("units", word("monthly_table", "units"), now.ranked),
        _units("units_few", few, sorted(now.unranked, key=lambda line: (-line.cases, line.code))),
    ]


def _units(key: str, title: str, lines: Sequence[UnitLine]) -> Table:
    names = [("unit", Kind.TEXT), ("cases", Kind.COUNT), ("answered_surveys", Kind.COUNT)]
    names += [(name, Kind.SHARE) for name in ("contact", "on_time", "resolution", "satisfaction")]
    names.append(("total", Kind.POINTS))
    columns = [Column(word("monthly", name), kind) for name, kind in names]
    rows = [
        (
            line.name,
            line.cases,
            line.answered,
            line.contact,
            line.on_time,
            line.resolution,
            line.satisfaction,
            round(100 * line.total, 1),
        )
        for line in lines
    ]
    return Table(key, title, columns, rows)
