"""Which texts are only a wish to get no more, or some again."""

import pytest

from hotline.channels.opt_out import kind_of
from hotline.ports import SignalKind


@pytest.mark.parametrize(
    "text", ["TD", "td", "T", "Ｔ", " 退订 ", "退订。", "【退订】", "STOP", "Stop!", "unsubscribe", "R", "拒收"]
)
def test_a_word_of_refusal_alone_opts_out(text: str) -> None:
    assert kind_of(text) == SignalKind.OPTED_OUT


@pytest.mark.parametrize("text", ["START", "start.", "恢复", "恢复订阅", "UNSTOP"])
def test_a_word_of_return_alone_opts_in(text: str) -> None:
    assert kind_of(text) == SignalKind.OPTED_IN


@pytest.mark.parametrize(
    "text", ["", "  ", "路灯坏了", "退订，路灯还没修", "please stop the noise", "恢复供水了吗", "TD路", "1", "ＴＤ１"]
)
def test_more_than_the_word_is_a_message(text: str) -> None:
    assert kind_of(text) is None
