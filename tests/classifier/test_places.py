"""How places are said: beside, across, between, corrected, at home, elsewhere; each bar of the committed sentences."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from classifier import Gazetteer, Place, places_from_city
from classifier.place_check import check, is_right, read_examples

MOST_CHARACTERS = 1_000_000


def codes(place: Place) -> tuple[str, str | None]:
    return str(place.kind), place.grid or place.community or place.township


@pytest.mark.parametrize("half", ["mending", "held_out"])
def test_the_citys_sentences_are_understood(gazetteer: Gazetteer, half: str) -> None:
    measured = check(gazetteer, [one for one in read_examples() if one.half == half])

    assert measured["n"] >= 500
    assert measured["community"] >= 0.97
    assert measured["grid"] >= 0.97
    assert measured["guessed"] == 0


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("金穗路140号，康乐小区不是这里", "990181003005001"),
        ("康乐小区除外，金穗路140号停水", "990181003005001"),
        ("一中放学堵得走不动", "990181002001009"),
    ],
)
def test_what_is_denied_behind_its_name_is_no_place_and_a_school_lets_out(gazetteer: Gazetteer, text: str, grid: str) -> None:
    assert codes(gazetteer.match(text)) == ("grid", grid)


def test_the_sentences_are_many_and_of_many_forms() -> None:
    examples = read_examples()

    assert len(examples) >= 1000
    assert len({one.text for one in examples}) == len(examples)
    assert len({one.frame for one in examples}) >= 250
    assert {one.kind for one in examples} == {"grid", "community", "township", "ask", "none", "outside"}
    assert not {one.frame for one in examples if one.half == "mending"} & {
        one.frame for one in examples if one.half == "held_out"
    }


def test_a_wrong_answer_is_counted_as_wrong(gazetteer: Gazetteer) -> None:
    homonym = next(one for one in read_examples() if one.kind == "ask")

    assert not is_right(homonym, gazetteer.match("书香佳苑"))


@pytest.mark.parametrize(
    ("text", "grid"),
    [
        ("文庙巷单号那一侧停电", "990181001002003"),
        ("文庙巷双数那边停电", "990181001002006"),
        ("建设路（靠里）120号", "990181001003008"),
        ("朝阳路这边，门牌是168号", "990181002005002"),
        ("迎宾路70多号那一片", "990181003001004"),
        ("建设路一百二号", "990181001003008"),
        ("銀杏大道15號", "990181003004001"),
        ("青桥路No.114 3楼漏水", "990181100200005"),
        ("学府路20号到40号都停水", "990181002001002"),
        ("建设路9 9 号停水", "990181001003005"),
        ("建设路９ ９ 号门口", "990181001003005"),
        ("解 放 路 1 8 9 号 停 水", "990181002003001"),
        ("建设路 1 2 号", "990181001003002"),
        ("建设路9 9号线坏了", "990181001003002"),
        ("建设路 9 9 号线坏了", "990181001003002"),
        ("建设路 9 9 号楼", "990181001003002"),
        ("建设路 9 9 楼漏水", "990181001003002"),
        ("翠湖苑1期停水", "990181003002001"),
        ("水泥厂社区6网格", "990181002005006"),
        ("市第一中学门口", "990181002001009"),
        ("青石卫生院", "990181100001001"),
        ("去妇幼生孩子", "990181002004008"),
    ],
)
def test_other_spellings_lead_to_the_grid(gazetteer: Gazetteer, text: str, grid: str) -> None:
    assert codes(gazetteer.match(text)) == ("grid", grid)


@pytest.mark.parametrize(
    ("text", "community"),
    [
        ("文庙巷15号对面", "990181001002"),
        ("衙前街119号到122号积水", "990181001002"),
        ("莲塘路30米处", "990181001005"),
        ("莲塘路12:30还在施工", "990181001005"),
        ("莲塘路，15号停的水", "990181001005"),
        ("桥头村3组12号", "990181100200"),
        ("莲塘路120急救车进不来", "990181001005"),
        ("建设路9 9号停水", "990181001003"),
        ("建设路 9 9 号晚上停水", "990181001003"),
    ],
)
def test_what_is_no_single_house_stays_a_community(gazetteer: Gazetteer, text: str, community: str) -> None:
    assert codes(gazetteer.match(text)) == ("community", community)


@pytest.mark.parametrize(
    "text",
    [
        "我家在书香佳苑，但是解放路200号的工地太吵",
        "我是滨江路29号院的居民，反映解放路200号违建",
        "不是书香佳苑，是解放路200号",
        "书香佳苑，哦不对，是解放路200号",
        "上次写错了，写成书香佳苑了，写错了，其实是解放路200号",
        "书香佳苑旁边的解放路200号",
        "联系地址：书香佳苑2栋；事发地点：解放路200号",
        "我住的小区是书香佳苑，投诉的是解放路200号",
        "我从青石镇坐车到解放路200号，司机多收钱",
    ],
)
def test_the_matters_place_outranks_the_others(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).grid in ("990181002003001",)


@pytest.mark.parametrize("text", ["我家住书香佳苑，停水了", "书香佳苑，对面是滨江公园", "我不是说了吗，不是书香佳苑吗"])
def test_an_only_place_is_the_matters_whatever_stands_around_it(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).grid == "990181001001001"


def test_the_callers_home_decides_a_homonym_unless_the_matter_lies_elsewhere(gazetteer: Gazetteer) -> None:
    assert codes(gazetteer.match("我住河西街道，阳光花园停水")) == ("grid", "990181003004006")
    assert gazetteer.match("我住河西街道，但是阳光花园停水").kind == "ask"


def test_a_neighbouring_community_named_by_mistake_does_not_shake_a_house_number(gazetteer: Gazetteer) -> None:
    assert codes(gazetteer.match("东门社区建设路100号")) == ("grid", "990181001003008")


@pytest.mark.parametrize("text", ["河西街道建设路100号", "书香佳苑，河西街道的", "茶园村茶厂跟河西街道怡景小区之间没有公交"])
def test_another_township_in_the_text_is_asked(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).kind == "ask"


@pytest.mark.parametrize(
    "text",
    ["孙家冲动之下把车砸了", "王家岗位补贴太少", "科创路演大赛的奖金", "建设路桥公司欠薪", "在一中午的时间里", "解放军优待证"],
)
def test_a_name_inside_another_word_is_none(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).kind == "none"


@pytest.mark.parametrize(
    "text", ["长沙解放路12号", "杭州幸福小区停暖", "宁波市火车站退票难", "四川成都的旅行社", "隔壁县的朝阳路", "在上海买的房子"]
)
def test_a_name_of_ours_behind_another_city_is_outside(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).kind == "outside"


@pytest.mark.parametrize("text", ["重庆火锅店在解放路200号", "我从长沙来，现住解放路200号", "解放路200号的车都是北京的牌照"])
def test_another_city_in_passing_does_not_count(gazetteer: Gazetteer, text: str) -> None:
    assert gazetteer.match(text).community == "990181002003"


@pytest.mark.parametrize("text", ["阳光花园停水", "建设路和银杏大道都停水", "从翠湖公园到白鹭渔港的公交太少"])
def test_candidates_come_in_the_order_of_their_codes_whatever_the_order_of_the_rows(city: Any, text: str) -> None:
    entries = places_from_city(city)
    expected = Gazetteer.from_places(entries).match(text).candidates

    for seed in range(3):
        random.Random(seed).shuffle(entries)
        assert Gazetteer.from_places(entries).match(text).candidates == expected
    assert [one.code for one in expected] == sorted(one.code for one in expected)
    assert len(expected) >= 2


@pytest.mark.parametrize(
    "of", [lambda part: "停水了。" * MOST_CHARACTERS + part, lambda part: part + "停水了。" * MOST_CHARACTERS]
)
def test_a_place_at_either_end_of_a_very_long_text_is_found(gazetteer: Gazetteer, of: Callable[[str], str]) -> None:
    assert gazetteer.match(of("解放路200号")).community == "990181002003"
