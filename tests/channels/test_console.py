"""Printing instead of sending."""

import pytest

from hotline.channels.console import Console
from hotline.channels.mailbox import Mailbox
from hotline.ports import Outbound

MESSAGE = Outbound(key="1", recipient="+8613800138000", text="请评价 http://127.0.0.1:8000/survey/abc")


def test_what_would_be_sent_is_printed_without_the_whole_number(capsys: pytest.CaptureFixture[str]) -> None:
    Console().send(MESSAGE)

    printed = capsys.readouterr().out
    assert "http://127.0.0.1:8000/survey/abc" in printed
    assert "138001" not in printed


def test_a_letters_answer_is_printed_in_a_demo_only(capsys: pytest.CaptureFixture[str]) -> None:
    Mailbox().send(MESSAGE)
    assert capsys.readouterr().out == ""

    Mailbox(echo=Console()).send(MESSAGE)
    assert "请评价" in capsys.readouterr().out
