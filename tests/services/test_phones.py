"""Numbers in one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.services import phones


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("13800138000", "+8613800138000"),
        ("138 0013 8000", "+8613800138000"),
        ("+86-138-0013-8000", "+8613800138000"),
        ("0086 13800138000", "+8613800138000"),
        ("１３８００１３８０００", "+8613800138000"),
        ("0900-6212345", "+869006212345"),
        ("(0900) 6212345", "+869006212345"),
        ("010-62345678", "+861062345678"),
        ("010-62345678转801", "+861062345678"),
        ("400-800-1234", "+864008001234"),
        ("+852 2345 6789", "+85223456789"),
    ],
)
def test_one_number_has_one_spelling_however_it_was_typed(typed: str, stored: str) -> None:
    assert phones.normalise(typed) == stored


@pytest.mark.parametrize("typed", ["", "我的电话", "12345", "110", "62345678", "1380013800", "3800138000", "+86", "1" * 40])
def test_what_is_no_full_number_is_refused(typed: str) -> None:
    assert phones.normalise(typed) is None


@given(st.text(max_size=40))
def test_normalising_never_fails_and_is_stable(typed: str) -> None:
    number = phones.normalise(typed)

    assert number is None or phones.normalise(number) == number


def test_a_number_is_found_by_its_hash_which_does_not_show_it() -> None:
    hashed = phones.number_hash("+8613800138000")

    assert hashed == phones.number_hash("+8613800138000")
    assert hashed != phones.number_hash("+8613800138001")
    assert b"138" not in hashed
