"""What a command does first that is used beside a running service."""

import logging

from hotline import process
from hotline.settings import Settings, get_settings


def prepare() -> Settings:
    """As every process; and a demo is known by the key in its data folder, where this shell does not say HOTLINE_DEMO."""
    settings = get_settings()
    if settings.privacy.key is None and (settings.data_dir / "demo-privacy.key").exists():
        settings.demo = True
    prepared = process.prepare()
    # The command's own lines are for people; the service's log is elsewhere.
    logging.disable(logging.INFO)
    return prepared
