"""A disk that is full, read-only or gone: the sender is told plainly, nothing is half-written, and trying again works, once."""

import io
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing
from itertools import count
from pathlib import Path

import httpx2
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import func, select

from hotline import db
from hotline.cli.drill.pages import Page
from hotline.db import Database
from hotline.errors import Unavailable
from hotline.services.files import files
from hotline.settings import Settings
from hotline.words import say
from models import Attachment, Contact, Message, OutboxMessage
from tests.real.disks import Disk

CANNOT_STORE = say(Unavailable.sentence)


@pytest.fixture
def disk(settings: Settings) -> Iterator[Disk]:
    """Under the data folder."""
    with Disk.under(settings.data_dir) as disk:
        yield disk


@pytest.fixture
def sqlite_database(disk: Disk, settings: Settings, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """In the data folder, as in the embedded shape."""
    shutil.copy(sqlite_template, settings.data_dir / "hotline.db")
    files.make_folder(settings)
    database = Database(settings.database_url)
    monkeypatch.setattr(db, "database", lambda: database)
    yield database
    database.dispose()


# Each from a number of its own: who writes often is asked to wait.
_number = count(1)
Letter = dict[str, list[str]]


@pytest.fixture
def letter(client: TestClient) -> Letter:
    """A letter ready to be sent; sent again it is still the same one."""
    page = client.get("/")
    return (
        Page(page.status_code, "/", page.text)
        .form("letter")
        .filled(
            {"kind": "complaint", "text": "银杏路15号门口的路灯不亮。", "number": f"138{next(_number):08d}", "consent": "yes"}
        )
    )


def picture() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((320, 240), 80).convert("RGB").save(out, "JPEG")
    return out.getvalue()


def send(client: TestClient, letter: Letter, *, with_picture: bool = False) -> httpx2.Response:
    sent = [("files", ("路灯.jpg", picture(), "image/jpeg"))] if with_picture else [("files", ("", b""))]
    return client.post("/", data=letter, files=sent)


def stored(database: Database) -> dict[str, int]:
    """How many rows a letter left behind."""
    with database.reading() as session:
        return {
            table.__tablename__: session.scalar(select(func.count()).select_from(table)) or 0
            for table in (Message, Contact, Attachment, OutboxMessage)
        }


def kept_files(settings: Settings) -> int:
    return len(list((settings.data_dir / "attachments").iterdir()))


def fill_up(settings: Settings, disk: Disk) -> None:
    """Nor is there room left in what SQLite has set aside before."""
    with closing(sqlite3.connect(settings.data_dir / "hotline.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    disk.fill()


def assert_told_plainly(answer: httpx2.Response) -> None:
    assert answer.status_code == 503
    assert CANNOT_STORE in answer.text


def assert_received(answer: httpx2.Response) -> str:
    assert answer.status_code == 200, answer.text
    found = re.search(r"data-reference>([\d-]+)<", answer.text)
    assert found, answer.text
    return found[1]


NOTHING = {"message": 0, "contact": 0, "attachment": 0, "outbox_message": 0}


@pytest.mark.parametrize("with_picture", [False, True], ids=["text", "picture"])
def test_a_letter_to_a_full_disk_is_refused_whole_and_received_once_there_is_room(
    client: TestClient, letter: Letter, sqlite_database: Database, disk: Disk, settings: Settings, with_picture: bool
) -> None:
    fill_up(settings, disk)

    assert_told_plainly(send(client, letter, with_picture=with_picture))
    assert stored(sqlite_database) == NOTHING
    assert kept_files(settings) == 0

    disk.free()
    first = assert_received(send(client, letter, with_picture=with_picture))
    assert assert_received(send(client, letter, with_picture=with_picture)) == first
    assert stored(sqlite_database)["message"] == 1
    assert kept_files(settings) == stored(sqlite_database)["attachment"] == int(with_picture)


def test_a_letter_to_a_read_only_database_is_refused_and_received_once_when_it_can_be_written(
    client: TestClient, letter: Letter, sqlite_database: Database, disk: Disk, settings: Settings
) -> None:
    sqlite_database.dispose()
    disk.make_read_only()

    assert_told_plainly(send(client, letter))
    assert_told_plainly(send(client, letter, with_picture=True))

    sqlite_database.dispose()
    disk.make_writable()
    assert stored(sqlite_database) == NOTHING
    assert kept_files(settings) == 0
    first = assert_received(send(client, letter))
    assert assert_received(send(client, letter)) == first
    assert stored(sqlite_database)["message"] == 1


@pytest.mark.parametrize("fault", ["missing", "read-only", "full"])
def test_a_picture_for_a_folder_that_cannot_take_it_is_refused_whole_and_plain_letters_still_come_in(
    client: TestClient, letter: Letter, sqlite_database: Database, settings: Settings, fault: str
) -> None:
    folder = settings.data_dir / "attachments"
    with ExitStack() as until_mended:
        break_folder(folder, fault, until_mended)

        assert_told_plainly(send(client, letter, with_picture=True))
        assert stored(sqlite_database) == NOTHING
        assert_received(send(client, another(client, letter)))

    assert kept_files(settings) == 0
    first = assert_received(send(client, letter, with_picture=True))
    assert assert_received(send(client, letter, with_picture=True)) == first
    assert stored(sqlite_database)["message"] == 2
    assert kept_files(settings) == stored(sqlite_database)["attachment"] == 1


def another(client: TestClient, letter: Letter) -> Letter:
    page = client.get("/")
    return letter | {"key": Page(200, "/", page.text).form("letter").values["key"]}


def break_folder(folder: Path, fault: str, until_mended: ExitStack) -> None:
    if fault == "missing":
        folder.rename(folder.with_name("elsewhere"))
        until_mended.callback(folder.with_name("elsewhere").rename, folder)
        return
    disk = until_mended.enter_context(Disk.under(folder))
    if fault == "full":
        disk.fill()
        until_mended.callback(disk.free)
    else:
        disk.make_read_only()
