"""The SMS channel with every gateway set up, behind the public door; a mail server, and the channel that is led to it."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from hotline import channels
from hotline.channels.console import Console
from hotline.channels.email import Email
from hotline.channels.sms import Sms
from hotline.sandbox.mail import Mail
from hotline.services.files import files
from hotline.settings import Settings
from tests.channels.mail import OWN, mail_settings
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


@pytest.fixture
def mail_server() -> Iterator[Mail]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    mail = Mail(user=OWN, password="p:/@ word", address=OWN)
    asyncio.run_coroutine_threadsafe(mail.start(), loop).result()
    yield mail
    asyncio.run_coroutine_threadsafe(mail.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def mail_channel(mail_server: Mail, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Email:
    files.make_folder(settings)
    made = Email(mail_settings(mail_server.imap_port, mail_server.smtp_port), otherwise=Console())
    monkeypatch.setitem(channels.register(), "email", made)
    return made
