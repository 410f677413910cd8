"""Which settings lead the demo to the stand-ins, and when they stay off."""

from pathlib import Path

import pytest

from hotline.sandbox import wiring
from hotline.services.alerts.telling import ALERT, REPORT
from hotline.services.conversations.automatic import GREETING
from hotline.services.conversations.exchanges import ASK
from hotline.services.conversations.identities import BIND
from hotline.services.messages.outgoing import NOTICES, REPLY
from hotline.services.rosters import wording
from hotline.services.survey_plans import replies, talks
from hotline.settings import Settings

SECRET = bytes(32)
CHANNELS = Path(__file__).parents[2] / "docs" / "channels.md"


@pytest.fixture
def demo(settings: Settings) -> Settings:
    """Of nobody's environment but the tests' own."""
    return settings.model_copy(update={"demo": True})


def started_with(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings(demo=True)


def test_a_service_without_a_provider_is_led_to_all_of_them(demo: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    led = started_with(wiring.environment(demo, SECRET), monkeypatch)

    assert led.sms.gateway == "twilio"
    assert list(wiring.played(led)) == ["twilio", "aliyun", "tencent", "generic", "wechat", "mail", "police"]
    assert led.mail.address == wiring.ADDRESS
    assert wiring.mail_account(led)[0] == wiring.ADDRESS


def test_the_command_by_itself_has_the_settings_of_that_service(demo: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    alone = wiring.completed(demo, SECRET)
    led = started_with(wiring.environment(demo, SECRET), monkeypatch)

    assert (alone.sms, alone.wechat, alone.mail, alone.police) == (led.sms, led.wechat, led.mail, led.police)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("HOTLINE_SMS__TWILIO_AUTH_TOKEN", "SMS"),
        ("HOTLINE_SMS__GATEWAY", "SMS"),
        ("HOTLINE_WECHAT__TOKEN", "WECHAT"),
        ("HOTLINE_MAIL__ADDRESS", "MAIL"),
        ("HOTLINE_POLICE__SECRET", "POLICE"),
    ],
)
def test_a_group_of_which_the_operator_has_set_anything_is_left_alone(
    demo: Settings, monkeypatch: pytest.MonkeyPatch, name: str, group: str
) -> None:
    given = started_with({name: "" if name.endswith("GATEWAY") else "of the operator"}, monkeypatch)

    led = {each.split("__")[0].removeprefix("HOTLINE_") for each in wiring.environment(given, SECRET)}

    assert led == {"SMS", "WECHAT", "MAIL", "CHAT", "POLICE", "SYSTEMS"} - {group}
    names = {"SMS": {"twilio", "aliyun", "tencent", "generic"}, "WECHAT": {"wechat"}, "MAIL": {"mail"}, "POLICE": {"police"}}
    assert not names[group] & set(wiring.played(given))


def test_it_belongs_to_the_demo(demo: Settings) -> None:
    assert wiring.why_not(demo) == ""
    assert "HOTLINE_DEMO" in wiring.why_not(demo.model_copy(update={"demo": False}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HOTLINE_WEB__PUBLIC_URL", "https://12345.example.gov.cn"),
        ("HOTLINE_SMS__TWILIO_BASE_URL", "https://api.twilio.com"),
        ("HOTLINE_SMS__GENERIC_URL", "https://gateway.example.gov.cn/send"),
        ("HOTLINE_WECHAT__BASE_URL", "https://api.weixin.qq.com"),
        ("HOTLINE_MAIL__SMTP_URL", "smtps://a:b@smtp.example.gov.cn"),
    ],
)
def test_an_address_beyond_loopback_is_named_as_the_reason(
    demo: Settings, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    assert wiring.why_not(started_with({name: value}, monkeypatch)) == f"{name} is not on loopback"


def test_its_secrets_differ_from_folder_to_folder(demo: Settings) -> None:
    one, other = wiring.environment(demo, SECRET), wiring.environment(demo, bytes([1]) * 32)

    same = {name for name in one if one[name] == other[name]}
    assert not [name for name in same if "TOKEN" in name or name.endswith(("SECRET", "_KEY", "IMAP_URL", "SMTP_URL"))]


def test_every_text_that_is_told_has_a_template_and_an_operator_knows_its_purpose() -> None:
    told = {*NOTICES, GREETING, ASK, BIND, REPLY, replies.THANKS, talks.THANKS, wording.PURPOSE, ALERT, REPORT}

    assert set(wiring.PURPOSES) >= told
    assert not [purpose for purpose in wiring.PURPOSES if f"`{purpose}`" not in CHANNELS.read_text()]
