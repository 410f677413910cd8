"""The register of channels: one file and one line each. They translate; what follows from a message is decided elsewhere."""

from collections.abc import Sequence
from functools import lru_cache

from hotline.channels.chat import Chat
from hotline.channels.console import Console
from hotline.channels.email import Email
from hotline.channels.mailbox import Mailbox
from hotline.channels.sms import Sms
from hotline.channels.wechat import Wechat
from hotline.errors import NotFound
from hotline.ports import Channel, Routing, TokenStore
from hotline.settings import get_settings

_installed: list[TokenStore] = []


def install(store: TokenStore) -> None:
    """Where channels keep providers' tokens, for this process."""
    _installed[:] = [store]


def tokens() -> TokenStore:
    if not _installed:
        raise LookupError("no store for providers' tokens is installed")
    return _installed[0]


@lru_cache(maxsize=1)
def register() -> dict[str, Channel]:
    settings = get_settings()
    channels: tuple[Channel, ...] = (
        Mailbox(echo=Console() if settings.demo else None),
        Sms(settings, otherwise=Console()),
        Email(settings.mail, otherwise=Console()),
        Console(),
        Wechat(settings.wechat, tokens),
        Chat(settings.chat),
    )
    return {channel.kind: channel for channel in channels}


def find(kind: str) -> Channel | None:
    return register().get(kind)


def get(kind: str) -> Channel:
    if kind not in register():
        raise NotFound("There is no channel “{kind}” here.", kind=kind)
    return register()[kind]


def route(kind: str, gateway: str) -> str:
    """The gateway that sends what was given to this one; the same where a channel has no choice."""
    channel = find(kind)
    return channel.route(gateway) if isinstance(channel, Routing) else gateway


def all() -> Sequence[Channel]:
    return tuple(register().values())
