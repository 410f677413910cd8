"""The telephony program: its parts live and end together, and pages learn whether there is an exchange."""

import asyncio
from typing import Any

import pytest

from hotline.db import Database
from hotline.services import reading_phone
from hotline.settings import Settings
from hotline.telephony import service as module
from hotline.telephony.dialler import Dialler
from hotline.telephony.service import NOT_CONNECTED, Telephony
from models import ExchangeState
from tests.components import free_port
from tests.telephony.fake_peers import FakeAmi, in_loop, until
from tests.telephony.fakes import Pushes


def answering(fake: FakeAmi, action: dict[str, str]) -> None:
    """An exchange without queues, channels or telephones."""
    lists = {
        "CoreShowChannels": "CoreShowChannelsComplete",
        "QueueStatus": "QueueStatusComplete",
        "PJSIPShowContacts": "ContactListComplete",
    }
    fake.answer(action, EventList="start", Message="will follow")
    if name := lists.get(action["Action"]):
        fake.send({"Event": name, "ActionID": action["ActionID"], "EventList": "Complete", "ListItems": "0"})


def state(database: Database) -> tuple[bool, str]:
    with database.reading() as session:
        row = session.get(ExchangeState, 1)
        return (row.connected, row.reason) if row else (False, "")


@in_loop
async def test_pages_learn_of_a_connection_and_of_its_loss(database: Database, settings: Settings) -> None:
    pushes = Pushes()
    async with FakeAmi.running(answering) as fake:
        settings.asterisk.sip_port = fake.port + 22  # AMI's port follows from it
        working = asyncio.create_task(Telephony(settings, pushes).run())  # type: ignore[arg-type]
        await until(lambda: state(database) == (True, ""), "the connection to be noted", seconds=10)
        assert {"wall", "floor", "phone"} <= set(pushes.topics)
        await until(lambda: "limit" in [a.get("Key") for a in fake.actions], "the city's wishes to be told", seconds=10)

        await fake.close()
        await until(lambda: state(database) == (False, NOT_CONNECTED), "the loss to be noted", seconds=10)
        working.cancel()
        await asyncio.wait([working])


@in_loop
async def test_without_a_database_it_keeps_trying(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    from hotline import db

    monkeypatch.setattr(db, "database", lambda: Database("sqlite:////nowhere/hotline.db"))
    settings.asterisk.sip_port = free_port() + 22
    pushes = Pushes()
    working = asyncio.create_task(Telephony(settings, pushes).run())  # type: ignore[arg-type]

    await asyncio.sleep(0.5)

    assert not working.done()
    assert pushes.topics == []
    working.cancel()
    await asyncio.wait([working])


def test_a_part_that_fails_ends_the_program_so_that_it_is_started_again(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any) -> None:
        raise ZeroDivisionError

    settings.asterisk.sip_port = free_port() + 22
    monkeypatch.setattr(Dialler, "run", fail)

    with pytest.raises(ExceptionGroup) as told:
        module.run(settings, beat_on=None)

    assert told.group_contains(ZeroDivisionError)
    with database.reading() as session:
        assert not reading_phone.is_connected(session)
