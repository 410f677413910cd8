"""Why a message did not go out, as staff read it."""

import pytest

from hotline.services.messages.reasons import in_words


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("Twilio 21610", "对方已退订（Twilio 21610）"),
        ("isv.MOBILE_IN_BLACK", "对方已退订（isv.MOBILE_IN_BLACK）"),
        ("45015 response out of time limit", "对方超过48小时没有说话（45015 response out of time limit）"),
        ("-1 system error", "微信系统繁忙（-1 system error）"),
        ("status 429", "服务商太忙（status 429）"),
    ],
)
def test_what_providers_say_in_codes_is_told_in_words_with_the_code_behind(said: str, words: str) -> None:
    assert in_words(said) == words


@pytest.mark.parametrize("said", ["", "status 422", "短信内容为空", "no template for “survey”"])
def test_what_nobody_knows_stands_as_the_provider_said_it(said: str) -> None:
    assert in_words(said) == said
