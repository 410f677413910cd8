"""Places: as exact as the text allows, asked where two are possible, never guessed."""

from typing import Any

import pytest

from classifier import Gazetteer, Place, PlaceEntry, places_from_city

GINKGO = "990181003004"  # 河西街道银杏社区


def codes(place: Place) -> tuple[str, str | None]:
    return str(place.kind), place.grid or place.community or place.township


@pytest.mark.parametrize(
    "text",
    [
        "银杏路15号路灯不亮",
        "银杏大道１５号",
        "银杏路十五号楼下",
        "银杏路 15 号",
        "银杏路No.15",
        "银杏路15-3号",
        "银杏路15号之2",
        "银杏路15号3栋",
    ],
)
def test_a_number_on_a_road_or_its_alias_is_a_grid(gazetteer: Gazetteer, text: str) -> None:
    assert codes(gazetteer.match(text)) == ("grid", f"{GINKGO}001")


def test_the_two_sides_of_a_street_are_two_grids(gazetteer: Gazetteer) -> None:
    odd, even = gazetteer.match("文庙巷15号"), gazetteer.match("文庙巷16号")

    assert codes(odd) == ("grid", "990181001002003")
    assert codes(even) == ("grid", "990181001002006")


def test_the_number_decides_the_community_of_a_shared_road(gazetteer: Gazetteer) -> None:
    assert gazetteer.match("解放大街十号").community == "990181002002"
    assert gazetteer.match("解放路200号").community == "990181002003"


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("莲塘路有人摆摊", "community", "990181001005"),
        ("建设路停电了", "township", "990181001"),
        ("莲塘路999号", "community", "990181001005"),
        ("建设路和东门大街交叉口堵车", "community", "990181001004"),
        ("建设路，东门社区这一段", "community", "990181001004"),
        ("翠湖苑没有暖气", "community", "990181003002"),
        ("我住莲塘社区", "community", "990181001005"),
        ("莲塘居委会不开门", "community", "990181001005"),
        ("青石镇的路灯", "township", "990181100"),
        ("南屏这边停水", "township", "990181200"),
    ],
)
def test_what_the_text_does_not_determine_stays_open(gazetteer: Gazetteer, text: str, kind: str, code: str) -> None:
    assert codes(gazetteer.match(text)) == (kind, code)


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("书香佳苑没水", "990181001001001"),
        ("老县衙博物馆", "990181001002003"),
        ("市一医院急诊", "990181001001009"),
        ("周家咀路断了", "990181200200"),
    ],
)
def test_compounds_landmarks_aliases_and_hamlets_are_found(gazetteer: Gazetteer, text: str, grid: str) -> None:
    found = gazetteer.match(text)

    assert found.kind == "grid"
    assert (found.grid or "").startswith(grid)


@pytest.mark.parametrize("name", ["阳光花园", "幸福小区"])
def test_two_places_of_one_name_are_asked(gazetteer: Gazetteer, city: Any, name: str) -> None:
    found = gazetteer.match(f"{name}停水两天了")

    assert found.kind == "ask"
    assert (found.township, found.community, found.grid) == (None, None, None)
    assert [one.name.replace(" / ", "") for one in found.candidates] == [home + name for home in city["ambiguous_names"][name]]


@pytest.mark.parametrize("text", ["河西街道阳光花园", "阳光花园，银杏社区", "河西的阳光花园", "金穗路边上的阳光花园"])
def test_other_words_decide_between_two_places_of_one_name(gazetteer: Gazetteer, text: str) -> None:
    assert codes(gazetteer.match(text)) == ("grid", f"{GINKGO}006")


def test_the_chosen_area_decides_between_two_places_of_one_name(gazetteer: Gazetteer) -> None:
    assert codes(gazetteer.match("阳光花园停水", within="990181003")) == ("grid", f"{GINKGO}006")
    assert codes(gazetteer.match("停水了", within=GINKGO)) == ("community", GINKGO)


def test_an_area_that_contradicts_the_name_is_asked(gazetteer: Gazetteer) -> None:
    assert gazetteer.match("文渡街道阳光花园").kind == "ask"


def test_two_distant_places_are_asked(gazetteer: Gazetteer) -> None:
    found = gazetteer.match("从翠湖公园到白鹭渔港的公交太少")

    assert found.kind == "ask"
    assert len(found.candidates) == 2


def test_a_new_homonym_is_asked_without_being_listed() -> None:
    places = [
        PlaceEntry("township", "甲街道", "01"),
        PlaceEntry("community", "甲一社区", "0101"),
        PlaceEntry("compound", "春风里小区", "010101"),
        PlaceEntry("compound", "春风里小区", "010102"),
    ]

    assert Gazetteer.from_places(places).match("春风里小区停电").kind == "ask"


@pytest.mark.parametrize(
    "text", ["北京市朝阳区有人摆摊", "北京市朝阳区解放路12号", "明川市江北区的事", "隔壁是临江县的垃圾场", "湖北省武汉市停水"]
)
def test_another_city_is_outside(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).kind == "outside"


@pytest.mark.parametrize("text", ["我从长沙市来，现在住解放路12号", "明川市青渡市解放路12号", "青渡市解放路12号"])
def test_our_own_place_counts_beside_another_city(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).community == "990181002002"


@pytest.mark.parametrize(
    "text",
    ["", "公积金怎么提取", "吵了一中午没法睡", "一群白鹭飞走了", "夜市太吵", "我市新区规划", "超市卖过期面包", "整个县城都堵"],
)
def test_a_text_without_a_place_has_none(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).kind == "none"


def test_every_name_of_the_city_is_found_where_it_lies(city: Any, gazetteer: Gazetteer) -> None:
    homonyms = set(city["ambiguous_names"])
    entries = [entry for entry in places_from_city(city) if entry.kind in ("compound", "hamlet") and entry.name not in homonyms]

    wrong = [
        entry.name for entry in entries if entry.place_name == entry.name and gazetteer.match(entry.name).grid != entry.area_code
    ]

    assert wrong == []
