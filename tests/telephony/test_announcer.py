"""What the exchange is told of the city's wishes: once each, again to a new exchange, and never an obstacle to calls."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from hotline.db import Database
from hotline.services.telephone import floor
from hotline.settings import Settings, get_settings
from hotline.telephony import announcer as module
from hotline.telephony import prompts
from hotline.telephony.ami import AmiRefused
from hotline.telephony.announcer import Announcer
from hotline.telephony.configuration import folder_of
from hotline.telephony.kit import Speech
from hotline.telephony.prompts import PromptRefused
from models import Announcement, Role
from tests.factories import signed_in
from tests.factories_contacts import make_agent
from tests.services.telephone.test_telephone_rule import change_rule
from tests.telephony.fakes import FakeAmi


class Exchange(FakeAmi):
    async def setvar(self, channel: str, name: str, value: str) -> None:
        self._do("setvar", channel=channel, name=name, value=value)

    def told(self) -> dict[str, str]:
        """What the exchange knows, and that it was told each once since the last look."""
        puts = [(f"{what['family']}/{what['key']}", what["value"]) for what in self.actions("db_put")]
        sets = [(what["name"], what["value"]) for what in self.actions("setvar")]
        self.said.clear()
        assert len({name for name, _ in puts + sets}) == len(puts + sets)
        return dict(puts + sets)


class Voice:
    """Speaks into the file, or refuses."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spoken: list[str] = []
        self.refuses = False
        monkeypatch.setattr(prompts, "render_text", self._render)

    def _render(self, speech: Speech, text: str, path: Path) -> float:
        self.spoken.append(text)
        if self.refuses:
            raise PromptRefused("nothing can be heard")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"RIFF")
        return 1.0


@pytest.fixture
def voice(monkeypatch: pytest.MonkeyPatch) -> Voice:
    return Voice(monkeypatch)


def announcer(ami: Exchange, *, speaks: bool = True) -> Announcer:
    speech: Any = object() if speaks else None
    return Announcer(ami, get_settings(), speech)  # type: ignore[arg-type]


def announce(database: Database, text: str) -> Announcement:
    with database.unit_of_work() as session:
        return floor.announce(session, signed_in(session, make_agent(session, roles=(Role.SHIFT_LEADER,))), text)


def test_the_exchange_learns_what_holds_for_every_call(database: Database, settings: Settings) -> None:
    settings.asterisk.numbers = ["12345", "12329", "12300"]
    with database.unit_of_work() as session:
        change_rule(session, numbers={"12345": "main", "12329": "english"}, longest_wait=45, flows={"survey": True})
    ami = Exchange()
    telling = announcer(ami)

    asyncio.run(telling.tick())

    assert ami.told() == {
        "hotline/limit": "45",
        "queue/12345": "main",
        "queue/12329": "english",
        "queue/12300": "main",
        "SURVEY": "on",
        "hotline/outage": "",
    }


def test_it_is_told_once_then_only_what_has_changed_and_all_of_it_to_a_new_exchange(database: Database) -> None:
    ami = Exchange()
    telling = announcer(ami)
    asyncio.run(telling.tick())
    everything = ami.told()
    asyncio.run(telling.tick())
    assert ami.told() == {}

    with database.unit_of_work() as session:
        change_rule(session, longest_wait=60)
    asyncio.run(telling.tick())
    assert ami.told() == {"hotline/limit": "60"}

    telling.forget()
    asyncio.run(telling.tick())
    assert ami.told() == {**everything, "hotline/limit": "60"}


def test_an_announcement_is_spoken_once_played_and_ended(database: Database, settings: Settings, voice: Voice) -> None:
    announced = announce(database, "城北停水")
    ami = Exchange()
    telling = announcer(ami)

    asyncio.run(telling.tick())
    name = f"hotline/outage-{announced.id}"
    assert ami.told()["hotline/outage"] == name
    assert (folder_of(settings) / "data" / "sounds" / "zh" / f"{name}.wav").exists()
    telling.forget()
    asyncio.run(telling.tick())
    assert (ami.told()["hotline/outage"], voice.spoken) == (name, ["城北停水"])

    with database.unit_of_work() as session:
        floor.end_announcement(session, signed_in(session, make_agent(session, roles=(Role.SHIFT_LEADER,))))
    asyncio.run(telling.tick())
    assert ami.told() == {"hotline/outage": ""}


@pytest.mark.parametrize("speaks", [True, False])
def test_what_cannot_be_spoken_is_told_once_in_the_log_and_the_rest_goes_on(
    database: Database, voice: Voice, caplog: pytest.LogCaptureFixture, speaks: bool
) -> None:
    voice.refuses = True
    announce(database, "……")
    ami = Exchange()
    telling = announcer(ami, speaks=speaks)

    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            asyncio.run(telling.tick())

    assert len([record for record in caplog.records if record.message == "an announcement cannot be spoken"]) == 1
    told = ami.told()
    assert (told["hotline/outage"], told["hotline/limit"]) == ("", "120")


def test_what_the_exchange_refused_is_told_again(database: Database) -> None:
    ami = Exchange(refusing={"setvar": AmiRefused("no")})
    telling = announcer(ami)
    with pytest.raises(AmiRefused):
        asyncio.run(telling.tick())
    ami.refusing.clear()

    asyncio.run(telling.tick())

    assert "SURVEY" in dict([*ami.told().items()])


def test_it_goes_on_after_a_refusal_and_rests_while_there_is_no_exchange(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "EVERY", 0.01)
    ami = Exchange(connected=False, refusing={"db_put": AmiRefused("no")})

    async def run() -> None:
        working = asyncio.create_task(announcer(ami).run())
        await asyncio.sleep(0.1)
        assert ami.said == []
        ami.connected = True
        while "the exchange was not told" not in caplog.text:
            await asyncio.sleep(0.01)
        ami.refusing.clear()
        while not ami.actions("setvar"):
            await asyncio.sleep(0.01)
        working.cancel()
        await asyncio.wait([working])

    asyncio.run(asyncio.wait_for(run(), 10))
