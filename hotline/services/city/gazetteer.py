"""The names of places, as the classifier reads them and as a person picks from them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import cos, radians
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, aliased

from classifier import Gazetteer, PlaceEntry
from hotline.services.city import plane
from models import Area, AreaKind, Case, PlaceKind, PlaceName, Rule, today
from models.base import CITY_TIME

MOST_FOUND = 20
METRES_OF_DEGREE = 111_320
NAMED_AREAS = (AreaKind.TOWNSHIP, AreaKind.COMMUNITY)
NAMED_PLACES = (PlaceKind.TOWNSHIP, PlaceKind.COMMUNITY)


@dataclass(frozen=True)
class Found:
    """A place to pick: the code of its area, the name that was found, and where it lies (东津街道 / 滨江社区 / 第一网格)."""

    code: str
    name: str
    path: str


def load(session: Session) -> Gazetteer:
    """Every name of a place in an area that is valid today, and the names of the city itself."""
    return Gazetteer.from_places([*_city_names(session), *_area_names(session), *_place_names(session)])


def _city_names(session: Session) -> Iterator[PlaceEntry]:
    body = _city(session)
    for level in ("province", "prefecture", "county"):
        known = body.get(level) or {}
        for name in dict.fromkeys(filter(None, (known.get("name"), known.get("short")))):
            yield PlaceEntry("city", name, str(known.get("code", "")))


def _city(session: Session) -> dict[str, Any]:
    return session.scalar(select(Rule.body).where(Rule.kind == "city", Rule.code == "default", Rule.current)) or {}


def _area_names(session: Session) -> Iterator[PlaceEntry]:
    for area in session.scalars(select(Area).where(Area.kind.in_(NAMED_AREAS), *valid())):
        yield PlaceEntry(str(area.kind), area.name, area.code)


def _place_names(session: Session) -> Iterator[PlaceEntry]:
    """What the areas do not say themselves: roads with their numbers, compounds, landmarks, hamlets, other names of areas."""
    rows = session.execute(
        select(PlaceName, Area.name).join(Area, Area.code == PlaceName.area_code).where(*valid()).order_by(PlaceName.name)
    )
    for place, area_name in rows:
        if place.name != area_name or place.kind not in NAMED_PLACES:
            yield PlaceEntry(
                kind=str(place.kind),
                name=place.name,
                area_code=place.area_code,
                from_no=place.from_no,
                to_no=place.to_no,
                parity=place.parity,
                canonical=place.canonical,
            )


def area_path(session: Session, code: str) -> Sequence[Area]:
    """From the county down to the area of this code as they are cut today; empty for a code that is not in use."""
    return area_paths(session, [code])[code]


def area_paths(session: Session, codes: Collection[str]) -> dict[str, Sequence[Area]]:
    """The same for each of these, in one statement."""
    below = select(Area.id, Area.parent_code, Area.code.label("of")).where(Area.code.in_(codes), *valid())
    path = below.cte("path", recursive=True)
    above = aliased(Area)
    path = path.union_all(select(above.id, above.parent_code, path.c.of).where(above.code == path.c.parent_code, *valid(above)))
    found: dict[str, list[Area]] = {code: [] for code in codes}
    for area, of in session.execute(select(Area, path.c.of).join(path, Area.id == path.c.id)):
        found[of].append(area)
    levels = list(AreaKind)
    return {code: sorted(areas, key=lambda area: levels.index(AreaKind(area.kind))) for code, areas in found.items()}


def area_at(session: Session, latitude: float, longitude: float) -> str | None:
    """The code of the smallest grid that holds this place (degrees, GCJ-02); None outside the city, or if it has no map."""
    placed = plane_of(session)
    if placed is None:
        return None
    x, y = placed(longitude, latitude)
    grids = session.execute(select(Area.id, Area.bounds).where(Area.kind == AreaKind.GRID, *valid()))
    near = [grid_id for grid_id, bounds in grids if bounds and _holds(bounds, x, y)]
    around = [area for area in session.scalars(select(Area).where(Area.id.in_(near))) if _has(area, x, y)]
    return min(around, key=lambda area: (_size(area.bounds or ()), area.code)).code if around else None


def plane_of(session: Session) -> Callable[[float, float], plane.Point] | None:
    """From longitude and latitude (degrees, GCJ-02) to metres in the city's plane; None if the city has no map."""
    origin = _city(session).get("origin")
    if not origin:
        return None
    latitude, longitude = origin["latitude"], origin["longitude"]
    return lambda east, north: _metres(north - latitude, east - longitude, at=latitude)


def _has(area: Area, x: float, y: float) -> bool:
    return area.outline is None or plane.holds(area.outline, x, y)


def _holds(bounds: Sequence[int], x: float, y: float) -> bool:
    left, bottom, right, top = bounds
    return left <= x < right and bottom <= y < top


def _size(bounds: Sequence[int]) -> int:
    left, bottom, right, top = bounds
    return (right - left) * (top - bottom)


def _metres(latitude: float, longitude: float, *, at: float) -> plane.Point:
    """Degrees to a plane: within a city the earth is flat."""
    return longitude * METRES_OF_DEGREE * cos(radians(at)), latitude * METRES_OF_DEGREE


def names_of(session: Session, cases: Iterable[Case]) -> dict[UUID, dict[str, str]]:
    """By case, the names of its township, community and grid as they were when it was filed: cut anew, they keep their own."""
    filed = {case.id: (_codes(case), case.created_at.astimezone(CITY_TIME).date()) for case in cases}
    wanted = {code for codes, _ in filed.values() for code in codes}
    if not wanted:
        return {case_id: {} for case_id in filed}
    spans: dict[str, list[Any]] = {}
    rows = select(Area.code, Area.name, Area.valid_from, Area.valid_to).where(Area.code.in_(wanted)).order_by(Area.valid_from)
    for row in session.execute(rows):
        spans.setdefault(row.code, []).append(row)
    return {
        case_id: {code: _name_on(day, spans[code]) for code in codes if code in spans} for case_id, (codes, day) in filed.items()
    }


def _name_on(day: date, spans: Sequence[Any]) -> str:
    """Of a code that was not in use on that day, the nearest that is known: the oldest."""
    known = [each.name for each in spans if each.valid_from <= day and (each.valid_to is None or day < each.valid_to)]
    return str(known[-1] if known else spans[0].name)


def _codes(case: Case) -> list[str]:
    return [code for code in (case.township_code, case.community_code, case.grid_code) if code]


def search(session: Session, text: str) -> list[Found]:
    """Areas and places whose name holds the text, those that begin with it first."""
    wanted = text.strip()
    if not wanted:
        return []
    community, township = aliased(Area), aliased(Area)
    rows = session.execute(
        select(Area, community.name, township.name, PlaceName.name)
        .outerjoin(PlaceName, PlaceName.area_code == Area.code)
        .outerjoin(community, (community.code == Area.parent_code) & _all(valid(community)))
        .outerjoin(township, (township.code == community.parent_code) & _all(valid(township)))
        .where(
            *valid(),
            Area.kind != AreaKind.COUNTY,
            or_(PlaceName.name.contains(wanted, autoescape=True), Area.name.contains(wanted, autoescape=True)),
        )
        .order_by(Area.code)
        .limit(MOST_FOUND * 5)
    )
    found = {_found(area, above, name if name and wanted in name else area.name) for area, *above, name in rows}
    return sorted(found, key=lambda one: (not one.name.startswith(wanted), one.name, one.code))[:MOST_FOUND]


def _found(area: Area, above: Sequence[str | None], name: str) -> Found:
    return Found(area.code, name, " / ".join(filter(None, (*reversed(above), area.name))))


def valid(area: type[Area] = Area) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    day = today()
    return area.valid_from <= day, or_(area.valid_to.is_(None), area.valid_to > day)


def _all(conditions: tuple[ColumnElement[bool], ColumnElement[bool]]) -> ColumnElement[bool]:
    return conditions[0] & conditions[1]
