"""A fresh city's file is all that is needed: other codes, no aliases, roads without numbers, names that ours does not have."""

from typing import Any

import pytest
import yaml

from classifier import Gazetteer, Place, places_from_city

OTHER_CITY = """
county: {code: "77", name: 沐阳县}
townships:
  - code: "7701"
    name: 柳桥镇
    communities:
      - code: "770101"
        name: 柳桥社区
        grids:
          - code: "77010101"
            name: 柳桥社区第一网格
            roads: [{name: 河堤路, from: 1, to: 99, parity: odd}, {name: 磨坊巷}]
            compounds: [春风里]
          - code: "77010102"
            name: 柳桥社区第二网格
            roads: [{name: 河堤路, from: 2, to: 98, parity: even}]
            landmarks: [{name: 沐阳县第二中学}]
      - code: "770102"
        name: 竹溪村
        grids:
          - code: "77010201"
            name: 竹溪村第一网格
            hamlets: [潘家洼]
  - code: "7702"
    name: 松岭乡
    communities:
      - code: "770201"
        name: 松岭村
        grids:
          - code: "77020101"
            name: 松岭村第一网格
            compounds: [春风里]
            roads: [{name: 北京路, from: "1", to: "40"}]
"""


@pytest.fixture(scope="module")
def gazetteer() -> Gazetteer:
    return Gazetteer.from_places(places_from_city(yaml.safe_load(OTHER_CITY)))


def codes(place: Place) -> tuple[str, str | None]:
    return str(place.kind), place.grid or place.community or place.township


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("河堤路15号漏水", "grid", "77010101"),
        ("河堤路十六号漏水", "grid", "77010102"),
        ("河堤路堵车", "community", "770101"),
        ("磨坊巷7号", "grid", "77010101"),
        ("县二中门口", "none", None),
        ("第二中学门口堵车", "grid", "77010102"),
        ("竹溪村潘家洼的桥断了", "grid", "77010201"),
        ("柳桥社区四组", "community", "770101"),
        ("柳桥镇没有班车", "township", "7701"),
        ("竹溪村四组，村里只有一个网格", "grid", "77010201"),
        ("春风里停电", "ask", None),
        ("松岭的春风里停电", "grid", "77020101"),
        ("北京路8号", "grid", "77020101"),
        ("北京市朝阳区", "outside", None),
        ("解放路12号", "none", None),
        ("沐阳县的公交", "none", None),
    ],
)
def test_places_are_found_from_the_citys_file_alone(gazetteer: Gazetteer, text: str, kind: str, code: str | None) -> None:
    assert codes(gazetteer.match(text)) == (kind, code)


def test_its_homonym_is_asked_without_being_listed(gazetteer: Gazetteer) -> None:
    found = gazetteer.match("春风里停电")

    assert [one.code for one in found.candidates] == ["77010101", "77020101"]


def test_a_city_without_any_place_finds_none() -> None:
    empty: dict[str, Any] = {"townships": []}

    assert Gazetteer.from_places(places_from_city(empty)).match("解放路12号，东津街道").kind == "none"
