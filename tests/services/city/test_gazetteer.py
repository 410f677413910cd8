"""The names of places: for the classifier, and to pick from."""

from datetime import date, datetime, timedelta

import time_machine
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hotline.services.city import gazetteer
from models import Area, Rule, today
from models.base import CITY_TIME

GRID = "990181001001001"


def test_the_citys_places_lead_to_their_grids(session: Session) -> None:
    places = gazetteer.load(session)

    assert places.match("滨江路15号门口的路灯坏了").grid == GRID
    assert places.match("书香佳苑的电梯坏了").grid == GRID
    assert places.match("滨江社区的垃圾没人清").community == "990181001001"
    assert places.match("滨江社区第一网格").grid == GRID
    assert places.match("什么地方都没有说").kind == "none"
    assert places.match("阳光花园停水了").kind == "ask"


def test_an_area_that_is_cut_no_more_is_not_found(session: Session) -> None:
    yesterday = today() - timedelta(days=1)
    session.execute(update(Area).where(Area.code == GRID).values(valid_to=yesterday))

    assert gazetteer.load(session).match("书香佳苑的电梯坏了").grid is None
    assert gazetteer.search(session, "书香佳苑") == []
    assert gazetteer.area_path(session, GRID) == []


def test_an_area_is_cut_anew_at_midnight_in_the_city(session: Session, clock: time_machine.Traveller) -> None:
    clock.move_to(datetime(2026, 6, 1, 0, 30, tzinfo=CITY_TIME))  # in UTC it is still May
    session.execute(update(Area).where(Area.code == GRID).values(valid_to=date(2026, 6, 1)))

    assert gazetteer.area_path(session, GRID) == []


def test_a_path_leads_from_the_county_to_the_area(session: Session) -> None:
    assert [area.name for area in gazetteer.area_path(session, GRID)] == ["青渡市", "东津街道", "滨江社区", "滨江社区第一网格"]
    assert gazetteer.area_path(session, "no such code") == []


def test_a_path_follows_the_areas_as_they_are_cut_today(session: Session) -> None:
    old = session.scalars(select(Area).where(Area.code == "990181001001")).one()
    session.add(
        Area(
            code=old.code,
            name="滨江社区（旧）",
            kind=old.kind,
            parent_code=old.parent_code,
            valid_from=date(2000, 1, 1),
            valid_to=date(2019, 1, 1),
        )
    )
    session.flush()

    assert [area.name for area in gazetteer.area_path(session, GRID)][2] == "滨江社区"


def test_a_place_is_found_by_a_piece_of_its_name_with_where_it_lies(session: Session) -> None:
    found = gazetteer.search(session, "书香佳")

    assert [(one.code, one.name, one.path) for one in found] == [(GRID, "书香佳苑", "东津街道 / 滨江社区 / 滨江社区第一网格")]


def test_places_of_one_name_are_all_offered(session: Session) -> None:
    found = gazetteer.search(session, " 阳光花园 ")

    assert len({one.path.split(" / ")[0] for one in found if one.name == "阳光花园"}) == 2


def test_signs_that_mean_something_to_a_database_mean_themselves(session: Session) -> None:
    assert gazetteer.search(session, "%") == []
    assert gazetteer.search(session, "_") == []
    assert gazetteer.search(session, "'; DROP TABLE area; --") == []
    assert gazetteer.search(session, "  ") == []


def test_a_position_lies_in_the_smallest_grid_around_it(session: Session) -> None:
    assert gazetteer.area_at(session, 35.05839, 110.00329) == GRID
    assert gazetteer.area_at(session, 35.05839, 110.01200) == "990181001001002"


def test_a_position_outside_the_city_lies_in_no_grid(session: Session) -> None:
    assert gazetteer.area_at(session, 39.9, 116.4) is None
    assert gazetteer.area_at(session, 34.9999, 109.9999) is None


def test_a_city_without_a_map_finds_no_position(session: Session) -> None:
    rule = session.scalars(select(Rule).where(Rule.kind == "city", Rule.current)).one()
    rule.body = {name: value for name, value in rule.body.items() if name != "origin"}
    session.flush()

    assert gazetteer.area_at(session, 35.05839, 110.00329) is None
