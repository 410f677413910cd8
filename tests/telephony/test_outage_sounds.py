"""What was announced once and is not any more leaves no file behind."""

import asyncio

import pytest

from hotline.db import Database
from hotline.services.telephone import floor
from hotline.settings import Settings
from hotline.telephony.configuration import folder_of
from models import Role
from tests.factories import signed_in
from tests.factories_contacts import make_agent
from tests.telephony.test_announcer import Exchange, Voice, announce, announcer


def test_only_what_is_announced_has_a_file(
    sqlite_database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    Voice(monkeypatch)
    sounds = folder_of(settings) / "data" / "sounds" / "zh" / "hotline"
    sounds.mkdir(parents=True)
    (sounds / "outage-of-a-former-run.wav").write_bytes(b"RIFF")
    (sounds / "welcome.wav").write_bytes(b"RIFF")
    telling = announcer(Exchange())

    first = announce(sqlite_database, "城北停水")
    asyncio.run(telling.tick())
    assert {path.name for path in sounds.iterdir()} == {"welcome.wav", f"outage-{first.id}.wav"}

    with sqlite_database.unit_of_work() as session:
        floor.end_announcement(session, signed_in(session, make_agent(session, roles=(Role.SHIFT_LEADER,))))
    asyncio.run(telling.tick())
    assert {path.name for path in sounds.iterdir()} == {"welcome.wav"}
