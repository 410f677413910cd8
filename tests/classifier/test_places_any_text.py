"""Whatever is written: no text fails, a number leads to the grid whose range holds it, a homonym is asked."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from classifier import Gazetteer, PlaceEntry, places_from_city
from classifier.place_check import read_examples
from classifier.types import EntryKind

FIXED = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = [
    "建设路",
    "解放路",
    "阳光花园",
    "书香佳苑",
    "青石镇",
    "我家在",
    "但是",
    "不是",
    "是",
    "号",
    "到",
    "对面",
    "单号",
    "长沙市",
    "的",
]
DIGITS = "零一二三四五六七八九"


@pytest.fixture(scope="module")
def roads(city: Any) -> list[PlaceEntry]:
    return [entry for entry in places_from_city(city) if entry.kind == EntryKind.ROAD]


@FIXED
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(PIECES) | st.text(max_size=3) | st.integers().map(str), max_size=20).map("".join)
)
def test_no_text_fails(gazetteer: Gazetteer, text: str) -> None:
    found = gazetteer.match(text)

    assert (found.kind == "ask") == bool(found.candidates)
    levels = [code for code in (found.township, found.community, found.grid) if code]
    assert all(finer.startswith(coarser) for coarser, finer in pairwise(levels))
    assert len(levels) == {"township": 1, "community": 2, "grid": 3}.get(found.kind, 0)


@FIXED
@given(st.data())
def test_a_number_leads_to_the_grid_whose_range_and_side_hold_it(
    gazetteer: Gazetteer, roads: list[PlaceEntry], data: st.DataObject
) -> None:
    road = data.draw(st.sampled_from(roads))
    number = data.draw(st.integers(road.from_no or 1, road.to_no or 1))
    assume(road.parity == "all" or (road.parity == "odd") == bool(number % 2))
    written = data.draw(
        st.sampled_from([str(number), _full_width(number), _chinese(number), _digit_by_digit(number), _apart(number)])
    )
    around = data.draw(st.sampled_from(["{}路灯不亮", "住{}，停水", "{}3栋2单元", "请派人到{}看看", "{}"]))

    assert gazetteer.match(around.format(f"{road.name}{written}号")).grid == road.area_code


@FIXED
@given(st.sampled_from(["阳光花园", "幸福小区"]), st.sampled_from([one.text for one in read_examples() if one.kind == "none"]))
def test_a_homonym_is_asked_in_whatever_sentence(gazetteer: Gazetteer, name: str, sentence: str) -> None:
    assert gazetteer.match(f"{name}，{sentence}").kind == "ask"


def _full_width(number: int) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) for sign in str(number))


def _apart(number: int) -> str:
    return "".join(f"{sign} " for sign in str(number))


def _digit_by_digit(number: int) -> str:
    return "".join(DIGITS[int(sign)] for sign in str(number)) if number > 9 else DIGITS[number]


def _chinese(number: int) -> str:
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    written = f"{DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        written += "十" if tens == 1 and not hundreds else f"{DIGITS[tens]}十"
    elif hundreds and ones:
        written += "零"
    return written + (DIGITS[ones] if ones or not written else "")
