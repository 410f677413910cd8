"""Each grid is a unit below its community's: its worker signs and answers there. The units follow how the city is cut."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import insert, or_, select
from sqlalchemy.orm import Session

from models import Area, AreaKind, Unit, UnitKind, today


def align(session: Session) -> int:
    """Units for grids that are in force or will be; those of grids that are gone are closed. Returns how many were added."""
    units = {unit.code: unit for unit in session.scalars(select(Unit))}
    lasting = or_(Area.valid_to.is_(None), Area.valid_to > today())
    grids = {grid.code: grid for grid in session.scalars(select(Area).where(Area.kind == AreaKind.GRID, lasting))}
    for code, unit in units.items():
        if unit.kind == UnitKind.GRID:
            unit.active = code in grids
            if unit.active:
                unit.name, unit.short = grids[code].name, grids[code].name[:32]
    new = list(_new(grids, units))
    if new:
        session.execute(insert(Unit), new)
    return len(new)


def _new(grids: dict[str, Area], units: dict[str, Unit]) -> Iterator[dict[str, Any]]:
    for code, grid in grids.items():
        above = units.get(grid.parent_code or "")
        if above is not None and code not in units:
            yield {
                "code": code,
                "name": grid.name,
                "short": grid.name[:32],
                "kind": UnitKind.GRID,
                "parent_id": above.id,
                "path": f"{above.path}{code}/",
                "active": True,
            }
