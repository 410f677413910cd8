"""The SMS channel with every gateway set up, behind the public door."""

from collections.abc import Callable

import pytest

from hotline import channels
from hotline.channels.console import Console
from hotline.channels.sms import Sms
from hotline.settings import Settings
from tests.channels.providers import sms_settings

Install = Callable[..., Sms]


@pytest.fixture
def install(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put an SMS channel with these settings into the register: install(gateway="twilio")."""

    def put(**values: object) -> Sms:
        channel = Sms(settings.model_copy(update={"sms": sms_settings(**values)}), otherwise=Console())
        monkeypatch.setitem(channels.register(), "sms", channel)
        return channel

    return put


@pytest.fixture
def sms(install: Install) -> Sms:
    return install()
