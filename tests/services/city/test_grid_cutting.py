"""Grids cut anew from a file: the report, all or nothing, and old cases that keep the grid they were filed in."""

import csv
import io
import json
from collections.abc import Sequence
from datetime import date, timedelta
from math import cos, radians
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, RuleBroken
from hotline.services import reading_cases
from hotline.services.access import CaseView
from hotline.services.city import gazetteer, grid_cutting, grid_files
from hotline.services.city.grid_cutting import Plan
from models import Area, AreaKind, Role, Unit, UnitKind, now, today
from tests.factories import make_staff, unit_of
from tests.factories_cases import make_case

COMMUNITY = "990181001001"
FIRST = "990181001001001"
ORIGIN = (35.0, 110.0)
COLUMNS = ("code", "name", "community", "kind", "households", "population", "bounds")


def as_it_is(session: Session, community: str = COMMUNITY) -> list[dict[str, Any]]:
    """The rows of a file that changes nothing."""
    grids = session.scalars(
        select(Area).where(Area.parent_code == community, Area.kind == AreaKind.GRID, Area.valid_to.is_(None))
    ).all()
    return [
        {
            "code": grid.code,
            "name": grid.name,
            "community": community,
            "kind": grid.detail,
            "households": grid.households or "",
            "population": grid.population or "",
            "bounds": " ".join(map(str, grid.bounds or ())),
        }
        for grid in sorted(grids, key=lambda grid: grid.code)
    ]


def table(rows: Sequence[dict[str, Any]], *, columns: Sequence[str] = COLUMNS, encoding: str = "utf-8-sig") -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, columns, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue().encode(encoding)


def planned(session: Session, content: bytes, *, name: str = "grids.csv", day: date | None = None) -> Plan:
    return grid_cutting.plan(session, grid_files.read(content, name=name), day=day or today())


def carved(session: Session) -> list[dict[str, Any]]:
    """The first grid of the community halved, the upper half under a new code."""
    rows = as_it_is(session)
    left, bottom, right, top = map(int, rows[0]["bounds"].split())
    middle = (bottom + top) // 2
    rows[0] |= {"name": "滨江社区江堤网格", "bounds": f"{left} {bottom} {right} {middle}"}
    upper = {**rows[0], "code": f"{COMMUNITY}601", "name": "滨江社区码头网格", "bounds": f"{left} {middle} {right} {top}"}
    return [*rows, upper]


def test_the_file_of_today_changes_nothing(session: Session) -> None:
    made = planned(session, table(as_it_is(session)))

    assert (made.added, made.changed, made.ended) == ([], [], [])
    assert (made.problems, made.findings) == ([], [])
    assert made.unchanged > 3


def test_a_community_is_cut_anew_and_others_stay(session: Session) -> None:
    others = session.scalars(select(Area.id).where(Area.parent_code != COMMUNITY, Area.valid_to.is_(None))).all()

    content = table(carved(session))
    made = planned(session, content)
    grid_cutting.apply(session, made)

    assert (made.added, made.changed, made.ended) == ([f"{COMMUNITY}601"], [FIRST], [])
    assert (made.problems, made.findings) == ([], [])
    assert session.scalars(select(Area.id).where(Area.parent_code != COMMUNITY, Area.valid_to.is_(None))).all() == others
    again = planned(session, content)
    assert (again.added, again.changed, again.ended) == ([], [], [])


def test_an_old_case_keeps_its_grid_under_its_former_name(session: Session) -> None:
    old = make_case(session, community_code=COMMUNITY, grid_code=FIRST)
    before = reading_cases.panel(session, CaseView(old, [], whole=True)).place
    later = today() + timedelta(days=1)

    grid_cutting.apply(session, planned(session, table(carved(session)), day=later))

    assert "第一网格" in before
    assert reading_cases.panel(session, CaseView(old, [], whole=True)).place == before
    new = make_case(session, community_code=COMMUNITY, grid_code=FIRST)
    new.created_at = now() + timedelta(days=2)
    assert "江堤网格" in reading_cases.panel(session, CaseView(new, [], whole=True)).place


def test_a_grid_that_ends_is_still_named_on_its_cases_and_its_unit_closes(session: Session) -> None:
    case = make_case(session, community_code=COMMUNITY, grid_code=FIRST)
    rows = [row for row in as_it_is(session) if row["code"] != FIRST]

    made = planned(session, table(rows))
    grid_cutting.apply(session, made)

    assert made.ended == [FIRST]
    assert "第一网格" in reading_cases.panel(session, CaseView(case, [], whole=True)).place
    session.expire_all()
    assert unit_of(session, FIRST).active is False


def test_a_new_grid_becomes_a_unit_below_its_community(session: Session) -> None:
    grid_cutting.apply(session, planned(session, table(carved(session))))

    unit = unit_of(session, f"{COMMUNITY}601")
    assert (unit.kind, unit.parent_id) == (UnitKind.GRID, unit_of(session, COMMUNITY).id)
    assert unit.path == f"/T001/{COMMUNITY}/{COMMUNITY}601/"


def test_gaps_and_overlaps_are_reported_and_a_dedicated_grid_may_lie_within(session: Session) -> None:
    rows = carved(session)
    left, bottom, right, top = map(int, rows[0]["bounds"].split())
    gap = [{**rows[0], "bounds": f"{left} {bottom} {right} {top - 100}"}, *rows[1:]]
    both = [{**rows[0], "bounds": f"{left} {bottom} {right} {top + 50}"}, *rows[1:]]
    within = [*rows, {**rows[0], "code": f"{COMMUNITY}602", "kind": "专属网格", "name": "码头专属网格"}]

    assert planned(session, table(gap)).findings == [
        f"gap: {(right - left) * 100:,} m² of 滨江社区 ({COMMUNITY}) would be in no grid"
    ]
    assert planned(session, table(both)).findings == [f"overlap: {FIRST} and {COMMUNITY}601 both have {(right - left) * 50:,} m²"]
    assert planned(session, table(within)).findings == []
    orphan = {**rows[0], "code": "990181999001001", "community": "990181999001", "name": "无主网格"}
    made = planned(session, table([*gap, orphan]))
    assert [told.split(": ")[1:] for told in made.problems] == [
        ["orphan", "990181999001001 lies in 990181999001, and there is no such community"]
    ]
    assert [told.split(":")[0] for told in made.findings] == ["gap"]


def test_orphans_are_reported(session: Session) -> None:
    make_staff(session, roles=(Role.GRID_WORKER,), unit=FIRST)
    rows = [row for row in as_it_is(session) if row["code"] != FIRST]

    findings = planned(session, table(rows)).findings

    assert any("names of places lie in grids that end" in finding for finding in findings)
    assert "1 accounts belong to grids that end" in findings


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"community": "990181999999", "code": "990181999999001"}, "orphan"),
        ({"code": "990181002001001"}, "GB/T 30428.1"),
        ({"code": "12"}, "4 to 32 digits or letters"),
        ({"name": ""}, "the name is not"),
        ({"kind": "大网格"}, "the kind"),
        ({"households": "很多"}, "no number of households"),
        ({"bounds": "1 2 3"}, "four numbers"),
        ({"bounds": "5 5 5 9"}, "hold no ground"),
        ({"community": ""}, "no community"),
        ({"code": "990181001001002"}, "stands in row"),
        ({"code": "990181001001", "community": "990181001001"}, "which is no grid"),
    ],
)
def test_a_file_with_a_slip_changes_nothing_at_all(session: Session, change: dict[str, str], told: str) -> None:
    rows = carved(session)
    rows[-1] |= change
    made = planned(session, table(rows))

    assert any(told in problem for problem in made.problems), made.problems
    with pytest.raises(RuleBroken):
        grid_cutting.apply(session, made)
    assert session.scalars(select(Area.code).where(Area.code == f"{COMMUNITY}601")).all() == []


def test_the_past_is_not_cut_anew_and_a_day_not_before_the_last_cut(session: Session) -> None:
    assert planned(session, table(as_it_is(session)), day=today() - timedelta(days=1)).problems != []
    grid_cutting.apply(session, planned(session, table(carved(session)), day=today() + timedelta(days=9)))

    assert any("cut anew on" in problem for problem in planned(session, table(as_it_is(session))).problems)


def test_cut_twice_on_one_day_the_first_cut_never_was(session: Session) -> None:
    renamed = carved(session)
    grid_cutting.apply(session, planned(session, table(renamed)))
    renamed[-1] |= {"name": "滨江社区渡口网格"}

    grid_cutting.apply(session, planned(session, table(renamed)))

    rows = session.scalars(select(Area).where(Area.code == f"{COMMUNITY}601")).all()
    assert [(row.name, row.valid_from, row.valid_to) for row in rows] == [("滨江社区渡口网格", today(), None)]


def test_codes_of_another_length_are_taken_and_pointed_out(session: Session) -> None:
    """Twenty digits, as CJ/T 349 has them."""
    rows = [{**row, "code": f"{number:020}"} for number, row in enumerate(as_it_is(session), start=1)]

    made = planned(session, table(rows))
    grid_cutting.apply(session, made)

    assert any("not 15 long" in finding for finding in made.findings)
    assert unit_of(session, f"{1:020}").kind == UnitKind.GRID


def test_a_table_without_bounds_leaves_the_ground_as_it_is(session: Session) -> None:
    rows = as_it_is(session)

    made = planned(session, table(rows, columns=[name for name in COLUMNS if name != "bounds"]))

    assert (made.changed, made.findings) == ([], [])


def test_chinese_headings_and_gb18030_are_read(session: Session) -> None:
    names = {"code": "网格编码", "name": "网格名称", "community": "社区编码", "kind": "类型", "households": "户数"}
    rows = [{theirs: row[ours] for ours, theirs in names.items()} for row in as_it_is(session)]
    for row in rows:
        row["类型"] = {"comprehensive": "综合网格", "dedicated": "专属网格"}[row["类型"]]

    made = planned(session, table(rows, columns=list(names.values()), encoding="gb18030"))

    assert made.problems == []
    assert made.added == []


@pytest.mark.parametrize("content", [b"a,b\n1,2\n", "编码,名称\n1,2\n".encode()])
def test_a_table_that_lacks_its_columns_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        grid_files.read(content, name="grids.csv")


def degrees(x: float, y: float) -> list[float]:
    latitude, longitude = ORIGIN
    return [longitude + x / (gazetteer.METRES_OF_DEGREE * cos(radians(latitude))), latitude + y / gazetteer.METRES_OF_DEGREE]


def a_map(session: Session) -> bytes:
    """The first grid cut along a slant, as a map has it; the others as they are."""
    features = []
    for row in as_it_is(session):
        left, bottom, right, top = map(int, row["bounds"].split())
        rings = {row["code"]: [(left, bottom), (right, bottom), (right, top), (left, top)]}
        if row["code"] == FIRST:
            rings = {
                FIRST: [(left, bottom), (right, bottom), (left, top)],
                f"{COMMUNITY}601": [(right, bottom), (right, top), (left, top)],
            }
        for code, ring in rings.items():
            closed = [degrees(*point) for point in [*ring, ring[0]]]
            features.append(
                {
                    "type": "Feature",
                    "properties": {**row, "code": code},
                    "geometry": {"type": "MultiPolygon", "coordinates": [[closed]]},
                }
            )
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_a_map_gives_outlines_that_places_are_found_by(session: Session) -> None:
    content = a_map(session)
    made = planned(session, content, name="grids.geojson")
    assert (made.problems, made.findings) == ([], [])

    grid_cutting.apply(session, made)

    bounds = session.scalars(select(Area.bounds).where(Area.code == FIRST, Area.valid_to.is_(None))).one()
    assert bounds is not None
    left, bottom, right, top = bounds
    near_corner, far_corner = degrees(left + 20, bottom + 20), degrees(right - 20, top - 20)
    assert gazetteer.area_at(session, near_corner[1], near_corner[0]) == FIRST
    assert gazetteer.area_at(session, far_corner[1], far_corner[0]) == f"{COMMUNITY}601"
    again = planned(session, content, name="grids.geojson")
    assert (again.added, again.changed) == ([], [])


@pytest.mark.parametrize(
    "geometry",
    [
        {"type": "Point", "coordinates": [110, 35]},
        {"type": "Polygon", "coordinates": [[[110, 35], [111, 36]]]},
        {"type": "Polygon", "coordinates": [[[500000, 35], [111, 36], [112, 37], [500000, 35]]]},
        {"type": "Polygon", "coordinates": "somewhere"},
    ],
)
def test_an_outline_that_cannot_be_read_is_a_problem(session: Session, geometry: dict[str, Any]) -> None:
    feature = {"properties": as_it_is(session)[0], "geometry": geometry}

    made = planned(session, json.dumps({"features": [feature]}).encode(), name="grids.geojson")

    assert any("outline" in problem for problem in made.problems)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"type": "Feature"}', b"not json"])
def test_what_is_no_map_is_refused(content: bytes) -> None:
    with pytest.raises(Invalid):
        grid_files.read(content, name="grids.geojson")


def test_every_grid_of_the_city_is_a_unit(session: Session) -> None:
    grids = set(session.scalars(select(Area.code).where(Area.kind == AreaKind.GRID, Area.valid_to.is_(None))))
    units = set(session.scalars(select(Unit.code).where(Unit.kind == UnitKind.GRID, Unit.active)))

    assert units == grids
    assert len(units) > 100
