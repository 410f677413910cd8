"""Messages while the process that takes and sends them is killed: none is lost, none is there or goes out twice."""

import base64
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from bench import minute
from bench.callbacks import SETTINGS
from hotline.db import Database
from hotline.sandbox.stand_in import ENDINGS, Fate
from hotline.sandbox.twilio import Twilio
from hotline.services import reading_threads
from models import Contact, Delivery, Direction, Message, OutgoingMessage, now
from tests.channels.providers import TOKEN, address_of, bound, serving
from tests.cli.running import Service, running
from tests.components import wait_until
from tests.conftest import KEY

pytestmark = pytest.mark.timeout(300)

# `python -m bench minute` plays the whole minute.
SECONDS = 20
SILENT = next(ending for ending, fate in ENDINGS.items() if fate == Fate.SILENT)
NUMBERS = [f"+861380{serial:03}0009" for serial in range(12)]
KILLS = 3
ARRIVED = {Delivery.ACCEPTED, Delivery.DELIVERED}
# A try and its lookup are given up later than this.
LONG = timedelta(minutes=10)
BARE = {"HOTLINE_DEMO": "false", "HOTLINE_PRIVACY__KEY": base64.b64encode(KEY).decode()}


def database_of(service: Service) -> Database:
    return Database(f"sqlite:///{service.env['HOTLINE_DATA_DIR']}/hotline.db")


def written(database: Database) -> list[list[str]]:
    """What each citizen wrote, as the desk shows it."""
    with database.reading() as session:
        contacts = session.scalars(select(Contact)).all()
        shown = [[line.message.text for line in reading_threads.lines(session, each) if not line.is_ours] for each in contacts]
    return shown


def test_fifty_messages_a_second_are_all_there_in_their_order_though_the_web_process_is_killed(tmp_path: Path) -> None:
    due = minute.deliveries(SECONDS)

    with running(tmp_path, **BARE, **SETTINGS) as service:
        minute.play(service.port, due, lambda: minute.kill_web(service.process.pid))
        database = database_of(service)
        shown = written(database)
        database.dispose()

    assert "ended (signal 9)" in service.process.log.read_text()
    assert len(shown) == minute.SENDERS, "each sender has one contact"
    assert Counter(text for texts in shown for text in texts) == Counter({each.text for each in due})
    # Twilio does not say when a message was written, so that its texts stand as they came.
    by_wechat = [texts for texts in shown if int(texts[0].partition("号")[0]) % 2 == 0]
    assert len(by_wechat) == minute.SENDERS / 2
    assert [texts for texts in by_wechat if texts != sorted(texts)] == []


@pytest.fixture
def twilio(tmp_path: Path) -> Iterator[tuple[Twilio, Service]]:
    """The stand-in, and the whole service that sends through it."""
    held = bound()
    address = address_of(held)
    settings = {
        "HOTLINE_SMS__GATEWAY": "twilio",
        "HOTLINE_SMS__TWILIO_ACCOUNT_SID": "AC1",
        "HOTLINE_SMS__TWILIO_AUTH_TOKEN": TOKEN,
        "HOTLINE_SMS__TWILIO_FROM": "+8612345",
        "HOTLINE_SMS__TWILIO_BASE_URL": address,
        # Longer than it takes to be killed.
        "HOTLINE_SMS__TIMEOUT_SECONDS": "30",
    }
    service = Service(tmp_path, **BARE, **settings)
    callback = f"{service.url}/api/channels/sms/twilio"
    provider = Twilio(account_sid="AC1", auth_token=TOKEN, address=address, callback=callback)
    service.env["HOTLINE_WEB__PUBLIC_URL"] = service.url
    with serving(provider.app, held):
        service.start()
        yield provider, service
        service.process.stop(seconds=20)


def test_what_was_being_sent_when_the_process_died_is_asked_for_and_goes_out_once(twilio: tuple[Twilio, Service]) -> None:
    provider, service = twilio
    database = database_of(service)
    silent = [f"+86138000{serial}{SILENT}" for serial in range(KILLS)]

    for serial, number in enumerate(silent):
        for each in [number, *NUMBERS[serial::KILLS]]:
            assert provider.inject(each, "银杏路的路灯坏了") == 200
        wait_until(lambda number=number: number in taken(provider), "the provider to have it")  # type: ignore[misc]
        minute.kill_web(service.process.pid)  # the provider has it, and the service does not know
        wait_until(service.answers, "the web process to be back", seconds=60)
        assert state_of(database, number) == Delivery.SENDING
    lose_patience(database)
    wait_until(lambda: states(database) <= ARRIVED, "every answer to have arrived", seconds=150)

    sent = Counter(taken(provider))
    assert sent == Counter([*silent, *NUMBERS]), "each has gone out once"
    with database.reading() as session:
        assert session.scalar(select(func.count()).where(OutgoingMessage.provider_id == "")) == 0
    database.dispose()


def taken(provider: Twilio) -> list[str]:
    return [each.recipient for each in provider.received]


def state_of(database: Database, number: str) -> Delivery:
    with database.reading() as session:
        rows = session.scalars(select(OutgoingMessage)).all()
    return next(row.delivery for row in rows if row.recipient == number)


def states(database: Database) -> set[Delivery]:
    lose_patience(database)
    with database.reading() as session:
        found = session.scalars(select(OutgoingMessage)).all()
        incoming = session.scalar(select(func.count()).where(Message.direction == Direction.IN))
    return {row.delivery for row in found} if len(found) == incoming else {Delivery.WAITING}


def lose_patience(database: Database) -> None:
    """Minutes go by for what hangs between a try and its outcome."""
    hanging = OutgoingMessage.delivery.in_([Delivery.SENDING, Delivery.UNKNOWN])
    earlier = now() - LONG
    with database.unit_of_work() as session:
        recent = hanging & (OutgoingMessage.tried_at > earlier + LONG / 2)
        session.execute(update(OutgoingMessage).where(recent).values(tried_at=earlier, next_try_at=now()))
