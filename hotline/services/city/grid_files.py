"""A city's grids as a file gives them: CSV, or GeoJSON with outlines. Reads and checks each row by itself; knows no database."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hotline.errors import Invalid
from hotline.services.city.plane import Shape, rectangle

KINDS = {"comprehensive": "comprehensive", "综合网格": "comprehensive", "dedicated": "dedicated", "专属网格": "dedicated"}
# What a column may be called.
COLUMNS = {
    "code": ("code", "编码", "网格编码"),
    "name": ("name", "名称", "网格名称"),
    "community": ("community", "社区", "社区编码"),
    "kind": ("kind", "类型", "网格类型"),
    "households": ("households", "户数"),
    "population": ("population", "人口"),
    "bounds": ("bounds", "范围"),
}
CODE = re.compile(r"[0-9A-Za-z]{4,32}")
# Unit grids of GB/T 30428.1: six digits of the county, three each of township, community and grid.
STANDARD_LENGTH = 15
MOST_POINTS = 20_000


@dataclass(frozen=True)
class GridRow:
    """One grid of the file; `line` is where it stands there, `outline` in degrees if the file is a map, else in metres."""

    line: int
    code: str
    name: str
    community: str
    kind: str
    households: int | None = None
    population: int | None = None
    outline: Shape | None = None


@dataclass(frozen=True)
class GridFile:
    rows: Sequence[GridRow]
    problems: Sequence[str]
    in_degrees: bool = False


@dataclass
class _Reading:
    rows: list[GridRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, line: int, values: Mapping[str, str], outline: Shape | None) -> None:
        wrong = [problem for problem in _problems(values) if problem]
        self.problems += [f"{line}: {problem}" for problem in wrong]
        if not wrong:
            self.rows.append(
                GridRow(
                    line=line,
                    code=values["code"],
                    name=values["name"],
                    community=values["community"],
                    kind=KINDS[values.get("kind") or "comprehensive"],
                    households=_number(values.get("households", "")),
                    population=_number(values.get("population", "")),
                    outline=outline,
                )
            )


def read(content: bytes, *, name: str) -> GridFile:
    """Every row that can be read, and what is wrong with the others; each problem begins with the number of its row."""
    if name.lower().endswith((".geojson", ".json")):
        return _read_map(content)
    return _read_table(content)


def _read_table(content: bytes) -> GridFile:
    reading = _Reading()
    rows = csv.DictReader(io.StringIO(decoded(content)))
    names = _names_of(rows.fieldnames or ())
    if missing := {"code", "name", "community"} - set(names):
        raise Invalid("The file lacks the columns {columns}.", columns=", ".join(sorted(missing)))
    for line, row in enumerate(rows, start=2):
        values = {ours: (row.get(theirs) or "").strip() for ours, theirs in names.items()}
        if any(values.values()):
            outline, problem = _box(values.get("bounds", ""))
            if problem:
                reading.problems.append(f"{line}: {problem}")
            reading.take(line, values, outline)
    return GridFile(reading.rows, reading.problems)


def decoded(content: bytes) -> str:
    """As spreadsheets in China write it: UTF-8 with a mark at its head, or GB 18030."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030", errors="replace")


def _names_of(header: Sequence[str]) -> dict[str, str]:
    given = {name.strip().lower(): name for name in header if name}
    found = {ours: next((given[each] for each in known if each in given), "") for ours, known in COLUMNS.items()}
    return {ours: theirs for ours, theirs in found.items() if theirs}


def _box(text: str) -> tuple[Shape | None, str]:
    if not text:
        return None, ""
    numbers = re.split(r"[\s,;]+", text.strip())
    try:
        left, bottom, right, top = map(float, numbers)
    except ValueError:
        return None, f"bounds are four numbers, left bottom right top in metres, not {text!r}"
    return (
        (rectangle((left, bottom, right, top)), "")
        if left < right and bottom < top
        else (None, f"bounds {text!r} hold no ground")
    )


def _read_map(content: bytes) -> GridFile:
    try:
        features = json.loads(decoded(content))["features"]
    except (ValueError, TypeError, KeyError) as error:
        raise Invalid("This is not a GeoJSON feature collection.") from error
    reading = _Reading()
    for line, feature in enumerate(features, start=1):
        given = {str(key).strip().lower(): value for key, value in (feature.get("properties") or {}).items()}
        values = {ours: _text(given, known) for ours, known in COLUMNS.items()}
        outline, problem = _rings(feature.get("geometry") or {})
        if problem:
            reading.problems.append(f"{line}: {problem}")
        reading.take(line, values, outline)
    return GridFile(reading.rows, reading.problems, in_degrees=True)


def _text(given: Mapping[str, Any], known: Sequence[str]) -> str:
    found = next((given[each] for each in known if given.get(each) is not None), "")
    return str(found).strip()


def _rings(geometry: Mapping[str, Any]) -> tuple[Shape | None, str]:
    """Polygons and their holes as rings; [longitude, latitude] as the file has them."""
    if not geometry:
        return None, ""
    given = geometry.get("coordinates") or []
    polygons = {"Polygon": [given], "MultiPolygon": given}.get(str(geometry.get("type")), [])
    try:
        rings = [_ring(ring) for polygon in polygons for ring in polygon]
    except (TypeError, ValueError, IndexError):
        return None, "the outline's coordinates cannot be read as degrees"
    if not rings or any(len(ring) < 3 for ring in rings):
        return None, "the outline is no Polygon or MultiPolygon of three points or more"
    if sum(map(len, rings)) > MOST_POINTS:
        return None, f"the outline has more than {MOST_POINTS} points"
    return rings, ""


def _ring(points: Sequence[Sequence[Any]]) -> list[tuple[float, float]]:
    found = [(float(point[0]), float(point[1])) for point in points]
    if any(not (-180 <= x <= 180 and -90 <= y <= 90) for x, y in found):
        raise ValueError("not degrees")
    # GeoJSON says the first point again at the end.
    return found[:-1] if len(found) > 1 and found[0] == found[-1] else found


def _problems(values: Mapping[str, str]) -> Iterator[str]:
    code, community, kind = values.get("code", ""), values.get("community", ""), values.get("kind", "")
    yield "" if CODE.fullmatch(code) else f"the code {code!r} is not 4 to 32 digits or letters"
    yield "" if 0 < len(values.get("name", "")) <= 64 else "the name is not 1 to 64 characters"
    yield "" if community else "no community is named"
    yield "" if not kind or kind in KINDS else f"the kind {kind!r} is not comprehensive (综合网格) or dedicated (专属网格)"
    if code.isdigit() and len(code) == STANDARD_LENGTH and not code.startswith(community):
        yield f"the 15 digits {code} do not begin with the code of their community {community} (GB/T 30428.1)"
    for column in ("households", "population"):
        given = values.get(column, "")
        yield "" if not given or _number(given) is not None else f"{given!r} is no number of {column}"


def _number(text: str) -> int | None:
    """Spreadsheets and maps write 350 as 350.0 now and then."""
    found = re.fullmatch(r"(\d{1,7})(\.0*)?", text.strip())
    return int(found[1]) if found else None
