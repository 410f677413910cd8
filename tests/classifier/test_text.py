"""One form for all texts, and words that carry meaning."""

from collections.abc import Callable

import pytest

from classifier.cutting import Dictionary
from classifier.features import Reader
from classifier.numbers import house_numbers, read_number
from classifier.text import compact, lexicon, normalise, shorten

Cut = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def cut() -> Cut:
    reader = Reader(Dictionary.of_chinese(["拖欠工资", "银杏大道"]), ["银杏大道"], longest=4)
    return lambda text: [word for word, _ in reader.read([text])[0].of(0)]


def test_full_width_and_spaces_become_one_form() -> None:
    assert normalise(" １５号　Ａ座\n\t在漏水 ") == "15号 a座 在漏水"
    assert compact("银杏路 １５ 号") == "银杏路15号"


def test_traditional_writing_becomes_simplified_sign_by_sign() -> None:
    assert normalise("路燈壞了，沒人來修；電線著火") == "路灯坏了,没人来修;电线著火"


def test_no_sign_that_simplified_texts_use_is_changed() -> None:
    pairs = [pair for line in lexicon("traditional.txt") for pair in line.split()]
    also_simplified = {pair for pair in pairs if _is_in_the_simplified_set(pair[0])}

    assert all(len(pair) == 2 for pair in pairs)
    assert len({pair[0] for pair in pairs}) == len(pairs)
    assert also_simplified == {"後后", "於于", "摺折", "徵征"}  # names apart, nobody writes these in simplified texts


def _is_in_the_simplified_set(sign: str) -> bool:
    try:
        return bool(sign.encode("gb2312"))
    except UnicodeEncodeError:
        return False


def test_cutting_keeps_words_of_the_city_whole(cut: Cut) -> None:
    assert "拖欠工资" in cut("老板拖欠工资三个月")


def test_latin_words_stay_whole_and_numbers_lose_their_value(cut: Cut) -> None:
    words = cut("在Meituan订的，订单20231145")

    assert "meituan" in words
    assert "0" in words


def test_a_place_is_read_as_any_other_place() -> None:
    reader = Reader(Dictionary.of_chinese(["银杏大道", "青石巷"]), ["银杏大道", "青石巷"], longest=4)

    _, signs, words = reader.read(["银杏大道路灯坏了", "青石巷路灯坏了"])

    for owners, keys in (signs, words):
        assert sorted(keys[owners == 0]) == sorted(keys[owners == 1])


def test_how_a_long_text_begins_is_read_once_more_apart_and_a_short_text_is_not() -> None:
    reader = Reader(Dictionary.of_chinese([]), longest=2)
    texts = ["路灯不亮，晚上看不见路", "路灯不亮了", "晚上看见，路灯不亮的路"]

    _, *rest = reader.read(texts)
    owners, keys = reader.openings(texts, 4)

    assert set(owners) == {0, 2}
    assert not set(keys[owners == 0]) & set(keys[owners == 2])
    assert not set(keys) & {key for _, others in rest for key in others}


def test_many_texts_are_cut_like_each_alone(cut: Cut) -> None:
    reader = Reader(Dictionary.of_chinese([]), longest=4)
    texts = ["路灯不亮", "", "小区停水三天了", "x", "噪音扰民"]

    words = reader.read(texts)[0]

    assert ["".join(word for word, _ in words.of(at)) for at in range(len(texts))] == ["\x02" + text for text in texts[:-1]] + [
        "\x02噪音扰民"
    ]


def test_a_long_text_is_judged_by_its_beginning_and_end() -> None:
    text = "开头" + "中" * 5000 + "结尾"

    short, cut = shorten(text)

    assert cut
    assert (short[:2], short[-2:], len(short)) == ("开头", "结尾", 4001)
    assert shorten("路灯不亮") == ("路灯不亮", False)


def test_a_sign_that_stands_for_a_sentence_is_as_long_as_that() -> None:
    short, cut = shorten("开头" + "\ufdfa" * 3990 + "结尾")

    assert cut
    assert (short[:2], short[-2:], len(normalise(short)) <= 4001) == ("开头", "结尾", True)


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
    found = house_numbers(after_the_road, 0)

    assert (found.numbers if found else ()) == (() if number is None else (number,))
