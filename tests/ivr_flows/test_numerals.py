"""Numbers as Chinese says them."""

import pytest

from ivr_flows.numerals import DIGITS, LARGEST, as_number, digit_by_digit, is_number

WORDS = dict(zip(DIGITS, "零一二三四五六七八九", strict=True)) | {
    "ten": "十",
    "hundred": "百",
    "thousand": "千",
    "ten_thousand": "万",
}


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, "零"),
        (7, "七"),
        (10, "十"),
        (12, "十二"),
        (20, "二十"),
        (21, "二十一"),
        (100, "一百"),
        (105, "一百零五"),
        (110, "一百一十"),
        (1005, "一千零五"),
        (1050, "一千零五十"),
        (1205, "一千二百零五"),
        (10_000, "一万"),
        (10_500, "一万零五百"),
        (100_000, "十万"),
        (120_003, "十二万零三"),
        (LARGEST, "九千九百九十九万九千九百九十九"),
    ],
)
def test_a_number_is_said_as_people_say_it(number: int, said: str) -> None:
    assert "".join(WORDS[key] for key in as_number(number)) == said


def test_digits_are_said_one_by_one() -> None:
    assert "".join(WORDS[key] for key in digit_by_digit("990-181")) == "九九零一八一"


@pytest.mark.parametrize("text", ["", "1.5", "-1", "１２", "一", "100000000"])
def test_only_plain_numbers_count_as_numbers(text: str) -> None:
    assert not is_number(text)
