"""One form for all texts, and words that carry meaning."""

import pytest

from classifier.numbers import house_number, read_number
from classifier.text import Cutter, compact, normalise


@pytest.fixture(scope="module")
def cutter() -> Cutter:
    return Cutter(words=["拖欠工资"], places=["银杏大道"])


def test_full_width_and_spaces_become_one_form() -> None:
    assert normalise(" １５号　Ａ座\n\t在漏水 ") == "15号 a座 在漏水"
    assert compact("银杏路 １５ 号") == "银杏路15号"


def test_cutting_keeps_words_of_the_city_whole(cutter: Cutter) -> None:
    assert "拖欠工资" in cutter.cut("老板拖欠工资三个月")


def test_cutting_leaves_out_places_courtesy_and_signs(cutter: Cutter) -> None:
    words = cutter.cut("您好，请问银杏大道的路灯怎么不亮？谢谢！")

    assert "路灯" in words
    assert not {"银杏大道", "您好", "请问", "谢谢", "，", "？"} & set(words)


@pytest.mark.parametrize("text", ["", "   ", "？！……", "😀"])
def test_a_text_without_words_cuts_to_nothing(cutter: Cutter, text: str) -> None:
    assert cutter.cut(text) == []


@pytest.mark.parametrize(
    ("written", "value"),
    [("15", 15), ("十五", 15), ("一百二十", 120), ("二〇三", 203), ("一百零五", 105), ("两百", 200), ("二十", 20), ("甲", None)],
)
def test_numbers_are_read_in_both_scripts(written: str, value: int | None) -> None:
    assert read_number(written) == value


@pytest.mark.parametrize(
    ("after_the_road", "number"),
    [
        ("15号", 15),
        ("十五号楼下", 15),
        ("no.15", 15),
        ("15-3号", 15),
        ("15号之2", 15),
        ("15号3栋", 15),
        ("15#", 15),
        ("15，没水", 15),
        ("15路公交", None),
        ("三天没水", None),
        ("第15个路口", None),
        ("口", None),
    ],
)
def test_house_numbers_are_told_from_other_numbers(after_the_road: str, number: int | None) -> None:
    found = house_number(after_the_road, 0)

    assert (found[0] if found else None) == number
