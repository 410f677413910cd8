"""city.yaml into tables: areas as they are cut today, and every name that citizens use for a place in them."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from hotline.seeds import files
from models import Area, AreaKind, PlaceName, today
from models.area import PlaceKind

FILE = "city.yaml"
# The areas of the first load are taken to have always been so.
FIRST_DAY = date(2020, 1, 1)


def load_areas(session: Session) -> int:
    """Bring the areas to what the file says; returns how many are new. What is gone or cut anew ends today: old cases keep it."""
    day = today()
    current = {area.code: area for area in session.scalars(select(Area).where(Area.valid_to.is_(None)))}
    wanted = {row["code"]: row for row in _areas(files.read(FILE))}
    changed = {code for code, area in current.items() if _differs(area, wanted.get(code))}
    # Cut twice on one day: the first cut never was.
    session.execute(delete(Area).where(Area.code.in_(changed), Area.valid_from == day))
    session.execute(update(Area).where(Area.code.in_(changed), Area.valid_to.is_(None)).values(valid_to=day))
    new = [row for code, row in wanted.items() if code not in current or code in changed]
    if new:
        start = day if current else FIRST_DAY
        session.execute(insert(Area), [{**row, "valid_from": start} for row in new])
    return len(new)


def _differs(area: Area, row: Mapping[str, Any] | None) -> bool:
    return row is None or any(getattr(area, field) != value for field, value in row.items())


def _areas(city: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    county = city["county"]
    yield _area(county, AreaKind.COUNTY, None)
    for township in city["townships"]:
        yield _area(township, AreaKind.TOWNSHIP, county)
        for community in township["communities"]:
            yield _area(community, AreaKind.COMMUNITY, township)
            for grid in community["grids"]:
                yield _area(grid, AreaKind.GRID, community)


def _area(body: Mapping[str, Any], kind: AreaKind, parent: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "code": body["code"],
        "name": body["name"],
        "kind": kind,
        "detail": body["kind"],
        "parent_code": parent["code"] if parent else None,
        "unit_code": body.get("unit"),
        "households": body.get("households"),
        "population": body.get("population"),
        "bounds": body.get("bbox"),
    }


def load_place_names(session: Session) -> int:
    """Nothing points at a place name, so that a new edition simply replaces the old one."""
    # Here, so that a start that finds everything loaded does without the classifier.
    from classifier import places_from_city

    kinds = set(PlaceKind)
    rows = [
        {
            "kind": PlaceKind(entry.kind),
            "name": entry.name,
            "canonical": entry.canonical or entry.name,
            "area_code": entry.area_code,
            "from_no": entry.from_no,
            "to_no": entry.to_no,
            "parity": entry.parity,
        }
        for entry in places_from_city(files.read(FILE))
        if entry.kind in kinds  # the names of the city itself are in the areas
    ]
    session.execute(delete(PlaceName))
    session.execute(insert(PlaceName), rows)
    return len(rows)
