"""How many text messages a text is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.services.messages.segments import Coding, count


@pytest.mark.parametrize(
    ("text", "in_china", "coding", "parts", "left"),
    [
        ("", True, Coding.UCS2, 0, 70),
        ("路" * 70, True, Coding.UCS2, 1, 0),
        ("路" * 71, True, Coding.UCS2, 2, 63),
        ("路" * 134, True, Coding.UCS2, 2, 0),
        ("路" * 135, False, Coding.UCS2, 3, 66),
        ("a" * 71, True, Coding.UCS2, 2, 63),
        ("a" * 160, False, Coding.GSM7, 1, 0),
        ("a" * 161, False, Coding.GSM7, 2, 145),
        ("€" * 80, False, Coding.GSM7, 1, 0),
        # 76 of them fill 152 of 153: the next does not fit the one that is left.
        ("€" * 81, False, Coding.GSM7, 2, 143),
        ("a" * 159 + "路", False, Coding.UCS2, 3, 41),
        ("🚰" * 35, False, Coding.UCS2, 1, 0),
        ("🚰" * 36, False, Coding.UCS2, 2, 61),
    ],
)
def test_texts_are_counted_as_operators_bill_them(text: str, in_china: bool, coding: Coding, parts: int, left: int) -> None:
    found = count(text, in_china=in_china)

    assert (found.coding, found.parts, found.left) == (coding, parts, left)


@given(st.text(max_size=700), st.booleans())
def test_every_text_fits_its_parts_and_no_fewer(text: str, in_china: bool) -> None:
    found = count(text, in_china=in_china)
    single, many = (160, 153) if found.coding == Coding.GSM7 else (70, 67)

    assert (found.parts <= 1) == (found.units <= single)
    if found.parts > 1:
        assert found.units <= found.parts * many
        assert found.units > (found.parts - 1) * (many - 1)
    assert 0 <= found.left <= single


@given(st.text(max_size=300), st.text(max_size=20), st.booleans())
def test_more_text_never_costs_less(text: str, more: str, in_china: bool) -> None:
    assert count(text + more, in_china=in_china).parts >= count(text, in_china=in_china).parts
