"""What every process of the service does first: settings, logs, keys, folders."""

import asyncio
import base64
import contextlib
import os
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from hotline import channels, logs
from hotline.demo import demo_secret
from hotline.errors import HotlineError
from hotline.live import Pusher
from hotline.services.messages.provider_tokens import ProviderTokens
from hotline.settings import Settings, get_settings
from models import privacy

LONGEST_SOCKET_PATH = 100  # the kernel takes 107 bytes


class NotConfigured(HotlineError):
    """A setting that this process cannot do without is missing or contradicts another; the text says which."""

    code = "not_configured"


def prepare() -> Settings:
    """Read the settings, make the data folder, install keys and the store of tokens; refuse a demo that others could reach."""
    settings = get_settings()
    logs.set_up(settings.log_level)
    refuse_open_demo(settings)
    _make_data_folder(settings.data_dir)
    privacy.install(privacy.KeyRing(master_keys(settings)))
    channels.install(ProviderTokens())
    return settings


def _make_data_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise NotConfigured(
            "HOTLINE_DATA_DIR is {folder}, which cannot be made: {why}.", folder=folder, why=error.strerror
        ) from error


def refuse_open_demo(settings: Settings) -> None:
    """Demo accounts and a generated key must not be reachable from other machines."""
    if not settings.demo:
        return
    host = settings.web.host
    try:
        answers_here_only = host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        answers_here_only = False  # a name may lead anywhere
    if not answers_here_only:
        raise NotConfigured("HOTLINE_DEMO is on and HOTLINE_WEB__HOST is {host}: the demo answers on loopback only.", host=host)


def master_keys(settings: Settings) -> Sequence[bytes]:
    if settings.privacy.key is not None:
        encoded = [settings.privacy.key, *settings.privacy.old_keys]
        return [base64.b64decode(key.get_secret_value()) for key in encoded]
    if not settings.demo:
        raise NotConfigured("HOTLINE_PRIVACY__KEY is not set: personal data is never stored in the clear.")
    return [demo_secret(settings.data_dir / "demo-privacy.key")]


async def beat(descriptor: int | None) -> None:
    """Tell the supervisor twice a second that this process is not frozen, until cancelled."""
    while descriptor is not None:
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(descriptor, b".")
        await asyncio.sleep(0.5)


def live_socket(settings: Settings) -> Path:
    path = settings.data_dir.resolve() / "live.sock"
    if len(str(path)) > LONGEST_SOCKET_PATH:
        raise NotConfigured("HOTLINE_DATA_DIR is too long a path for a socket in it (100 characters at most).")
    return path


def pusher(settings: Settings) -> Pusher:
    return Pusher(redis_url=settings.redis.url, socket_path=live_socket(settings))
