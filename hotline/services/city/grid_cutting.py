"""A city's grids cut anew: what a file would change, what is amiss with it, and the change as a whole or not at all."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil, floor
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from hotline.errors import RuleBroken
from hotline.services.city import gazetteer, grid_units, plane
from hotline.services.city.grid_files import GridFile, GridRow
from hotline.services.city.plane import Shape
from models import Area, AreaKind, PlaceName, Rule, Staff, Unit, today

# Square metres: less than that is a border drawn twice by hand.
SLIVER = 100.0
DEDICATED = "dedicated"


@dataclass(frozen=True)
class Plan:
    """What a file would do on a day. `problems` forbid it; `findings` are for whoever decides."""

    day: date
    rows: Sequence[Mapping[str, Any]]  # areas that begin on the day
    added: Sequence[str]
    changed: Sequence[str]
    ended: Sequence[str]
    unchanged: int
    problems: Sequence[str]
    findings: Sequence[str]


def plan(session: Session, file: GridFile, *, day: date) -> Plan:
    """The file holds all grids of the communities that it names; other communities stay as they are."""
    areas = {area.code: area for area in session.scalars(select(Area).where(Area.valid_to.is_(None)))}
    wanted = {row["code"]: row for row in _areas(session, file, areas)}
    named = {row.community for row in file.rows}
    before = {code: area for code, area in areas.items() if area.kind == AreaKind.GRID and area.parent_code in named}
    added = [code for code in wanted if code not in areas]
    changed = [code for code, row in wanted.items() if code in areas and _differs(areas[code], row)]
    ended = [code for code in before if code not in wanted]
    housed = {code: row for code, row in wanted.items() if _is_community(areas.get(row["parent_code"]))}
    return Plan(
        day=day,
        rows=[wanted[code] for code in (*added, *changed)],
        added=added,
        changed=changed,
        ended=ended,
        unchanged=len(wanted) - len(added) - len(changed),
        problems=[*file.problems, *_problems(file.rows, areas, day)],
        # The ground of rows that cannot be read would all be gaps.
        findings=[] if file.problems else list(_findings(session, housed, areas, ended)),
    )


def apply(session: Session, made: Plan) -> None:
    """All of it, in the caller's transaction; refused while anything is amiss. Old cases keep the grids that end."""
    if made.problems:
        raise RuleBroken("The file has {count} problems: nothing was changed.", count=len(made.problems))
    gone = [*made.changed, *made.ended]
    # Cut twice for one day: the first cut never was.
    session.execute(delete(Area).where(Area.code.in_(gone), Area.valid_from == made.day))
    session.execute(update(Area).where(Area.code.in_(gone), Area.valid_to.is_(None)).values(valid_to=made.day))
    if made.rows:
        session.execute(insert(Area), [{**row, "valid_from": made.day} for row in made.rows])
    session.flush()
    grid_units.align(session)


def _areas(session: Session, file: GridFile, known: Mapping[str, Area]) -> Iterator[dict[str, Any]]:
    placed = gazetteer.plane_of(session) if file.in_degrees else None
    if file.in_degrees and placed is None:
        raise RuleBroken("The city's file names no origin: outlines in degrees have no place on its plane.")
    for row in file.rows:
        yield {
            "code": row.code,
            "name": row.name,
            "kind": AreaKind.GRID,
            "detail": row.kind,
            "parent_code": row.community,
            "unit_code": None,
            "households": row.households,
            "population": row.population,
            **_ground_of(row, placed, known.get(row.code)),
        }


def _ground_of(row: GridRow, placed: Callable[[float, float], plane.Point] | None, known: Area | None) -> dict[str, Any]:
    """A row that says nothing of its ground leaves it as it is."""
    if row.outline is None:
        return {"bounds": known.bounds if known else None, "outline": known.outline if known else None}
    if placed is None:
        return {"bounds": [round(side) for side in plane.box_of(row.outline)], "outline": None}
    rings = [[placed(east, north) for east, north in ring] for ring in row.outline]
    left, bottom, right, top = plane.box_of(rings)
    # The box holds the whole outline.
    bounds = [floor(left), floor(bottom), ceil(right), ceil(top)]
    return {"bounds": bounds, "outline": [[[round(x, 1), round(y, 1)] for x, y in ring] for ring in rings]}


def _differs(area: Area, row: Mapping[str, Any]) -> bool:
    return any(getattr(area, field) != value for field, value in row.items())


def _problems(rows: Sequence[GridRow], areas: Mapping[str, Area], day: date) -> Iterator[str]:
    if not rows:
        yield "the file holds no grid that can be read"
    if day < today():
        yield f"{day} is past: cases of the days since would have been in other grids"
    lines: dict[str, int] = {}
    for row in rows:
        other = areas.get(row.code)
        if not _is_community(areas.get(row.community)):
            yield f"{row.line}: orphan: {row.code} lies in {row.community}, and there is no such community"
        if other is not None and other.kind != AreaKind.GRID:
            yield f"{row.line}: {row.code} is the code of {other.name}, which is no grid"
        if other is not None and other.valid_from > day:
            yield f"{row.line}: {row.code} is cut anew on {other.valid_from} already; choose that day or a later one"
        if row.code in lines:
            yield f"{row.line}: {row.code} stands in row {lines[row.code]} already"
        lines.setdefault(row.code, row.line)


def _is_community(area: Area | None) -> bool:
    return area is not None and area.kind == AreaKind.COMMUNITY


def _findings(
    session: Session, wanted: Mapping[str, Mapping[str, Any]], areas: Mapping[str, Area], ended: Sequence[str]
) -> Iterator[str]:
    yield from _lengths(session, wanted)
    shapes = {code: shape for code, row in wanted.items() if (shape := _shape(row["outline"], row["bounds"]))}
    if bare := sorted(set(wanted) - set(shapes)):
        yield f"{len(bare)} grids without an outline or bounds: {_some(bare)}; overlaps and gaps are not looked for there"
    communities = {str(row["parent_code"]) for row in wanted.values()}
    others = _beside(areas, wanted, ended, shapes)
    yield from _overlaps(wanted, shapes, others)
    yield from _gaps(areas, communities, [*shapes.values(), *(shape for shape, _ in others.values())], full=not bare)
    yield from _orphans(session, areas, wanted, ended)


def _lengths(session: Session, wanted: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Cities differ (CJ/T 349 has 20 digits, GB/T 30428.1 has 15); within one city a different length is more often a slip."""
    body = session.scalar(select(Rule.body).where(Rule.kind == "city", Rule.code == "default", Rule.current)) or {}
    usual = sum((body.get("code_scheme") or {}).values())
    if usual and (odd := sorted(code for code in wanted if len(code) != usual)):
        yield f"{len(odd)} codes are not {usual} long, as this city's are: {_some(odd)}"


def _shape(outline: Sequence[Any] | None, bounds: Sequence[float] | None) -> Shape | None:
    if outline:
        return outline
    return plane.rectangle(bounds) if bounds else None


def _beside(
    areas: Mapping[str, Area], wanted: Mapping[str, Any], ended: Sequence[str], shapes: Mapping[str, Shape]
) -> dict[str, tuple[Shape, str]]:
    """Grids that stay as they are and touch the box of what is cut: their shapes and kinds."""
    if not shapes:
        return {}
    boxes = [plane.box_of(shape) for shape in shapes.values()]
    whole = (min(b[0] for b in boxes), min(b[1] for b in boxes), max(b[2] for b in boxes), max(b[3] for b in boxes))
    staying = (area for code, area in areas.items() if area.kind == AreaKind.GRID and code not in wanted and code not in ended)
    found = ((area, _shape(area.outline, area.bounds)) for area in staying)
    return {area.code: (shape, area.detail) for area, shape in found if shape and plane.boxes_meet(plane.box_of(shape), whole)}


def _overlaps(
    wanted: Mapping[str, Mapping[str, Any]], shapes: Mapping[str, Shape], others: Mapping[str, tuple[Shape, str]]
) -> Iterator[str]:
    """A dedicated grid may lie within a comprehensive one: the smaller has the place."""
    grids = [*((code, shape, wanted[code]["detail"]) for code, shape in shapes.items())]
    grids += [(code, shape, detail) for code, (shape, detail) in others.items()]
    for pair in plane.meeting([plane.box_of(shape) for _, shape, _ in grids]):
        (code, shape, detail), (other_code, other_shape, other_detail) = (grids[number] for number in sorted(pair))
        old, unlike = code in others, (detail == DEDICATED) != (other_detail == DEDICATED)
        if not old and not unlike and (common := plane.overlap(shape, other_shape)) > SLIVER:
            yield f"overlap: {code} and {other_code} both have {common:,.0f} m²"


def _gaps(areas: Mapping[str, Area], communities: set[str], cover: Sequence[Shape], *, full: bool) -> Iterator[str]:
    """Ground of a community, by its own outline or else by its grids of today, that would be in no grid."""
    if not full:
        return
    boxes = [(plane.box_of(shape), shape) for shape in cover]
    for code in sorted(communities):
        if not (ground := _ground_today(areas, code)):
            continue
        around = plane.box_of([ring for shape in ground for ring in shape])
        near = [shape for box, shape in boxes if plane.boxes_meet(box, around)]
        if (left := plane.uncovered(ground, near)) > SLIVER:
            yield f"gap: {left:,.0f} m² of {areas[code].name} ({code}) would be in no grid"


def _ground_today(areas: Mapping[str, Area], code: str) -> list[Shape]:
    if own := _shape(areas[code].outline, areas[code].bounds):
        return [own]
    grids = (area for area in areas.values() if area.kind == AreaKind.GRID and area.parent_code == code)
    return [shape for grid in grids if (shape := _shape(grid.outline, grid.bounds))]


def _orphans(
    session: Session, areas: Mapping[str, Area], wanted: Mapping[str, Mapping[str, Any]], ended: Sequence[str]
) -> Iterator[str]:
    """What would point at nothing: names of places and people of grids that end, communities without any grid."""
    left = {area.parent_code for code, area in areas.items() if area.kind == AreaKind.GRID and code not in ended}
    left |= {row["parent_code"] for row in wanted.values()}
    bare = sorted(code for code, area in areas.items() if area.kind == AreaKind.COMMUNITY and code not in left)
    if bare:
        yield f"{len(bare)} communities without a grid: {_some(bare)}"
    names = session.scalar(select(func.count()).select_from(PlaceName).where(PlaceName.area_code.in_(ended)))
    if names:
        yield f"{names} names of places lie in grids that end and would no longer be found"
    people = session.scalar(
        select(func.count()).select_from(Staff).join(Unit, Unit.id == Staff.unit_id).where(Unit.code.in_(ended), Staff.active)
    )
    if people:
        yield f"{people} accounts belong to grids that end"


def _some(codes: Sequence[str]) -> str:
    return ", ".join(codes[:5]) + (" …" if len(codes) > 5 else "")
