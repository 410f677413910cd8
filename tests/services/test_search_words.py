"""Texts as sets of words, and the likeness of two."""

from hypothesis import given
from hypothesis import strategies as st

from hotline.services.search_words import in_common, likeness, restored, stored, weights, words_of

texts = st.text(alphabet="路灯坏了小区门口18号abc，。 \n\t的ＡＢ１２", max_size=200) | st.text(max_size=80)


@given(texts, st.lists(texts, max_size=8))
def test_a_text_is_wholly_like_itself(text: str, others: list[str]) -> None:
    words = words_of(text)

    assert likeness(words, words, weights([words, *map(words_of, others)])) == (1.0 if words else 0.0)


@given(texts, texts, st.lists(texts, max_size=8))
def test_likeness_is_a_share_and_the_same_both_ways(one: str, other: str, more: list[str]) -> None:
    first, second = words_of(one), words_of(other)
    weight = weights([first, second, *map(words_of, more)])

    found = likeness(first, second, weight)

    assert 0 <= found <= 1
    assert found == likeness(second, first, weight)
    assert (found > 0) == bool(first & second)


@given(texts, texts)
def test_words_survive_being_stored(title: str, content: str) -> None:
    words = words_of(title, content)

    assert restored(stored(words)) == words
    assert len(stored(words)) < 2000


@given(texts, texts)
def test_what_is_said_to_be_in_common_stands_in_the_text(one: str, other: str) -> None:
    words = words_of(one) & words_of(other)

    found = in_common("路灯坏了", words)

    assert all(part in "路灯坏了" for part in found)


def test_words_that_everybody_uses_say_little() -> None:
    asked, rare, usual = (words_of(text) for text in ("小区门口井盖丢失", "井盖丢失", "小区门口"))
    weight = weights([asked, rare, *[usual] * 50])

    assert likeness(asked, rare, weight) > 1.5 * likeness(asked, usual, weight)


def test_long_numbers_are_never_kept() -> None:
    assert words_of("电话13800138000，身份证11010119900307123X，18号楼") >= {"18号"}
    assert not any(len(word) > 6 for word in words_of("13800138000 110101199003071234"))
