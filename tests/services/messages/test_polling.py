"""What is fetched from a provider: stored first, told afterwards, and nothing stands in the way of the next."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from sqlalchemy import select

from hotline.db import Database
from hotline.errors import Invalid, Unavailable
from hotline.ports import File, Inbound, Receipt
from hotline.services import intake
from hotline.services.files.files import MOST_FILES
from hotline.services.messages import polling
from models import Message, now


@dataclass
class Box:
    """A provider that keeps letters until it hears that they are stored."""

    letters: list[Inbound]
    told: list[str] = field(default_factory=list)
    kind: str = "email"

    def collect(self) -> Sequence[Inbound | Receipt]:
        return [letter for letter in self.letters if letter.external_id not in self.told]

    def stored(self, found: Sequence[Inbound | Receipt]) -> None:
        self.told += [each.external_id for each in found if isinstance(each, Inbound)]


def letter(name: str, *files: File) -> Inbound:
    return Inbound("email", name, "citizen@example.com", f"来信 {name}", now(), files=files)


def test_each_letter_is_stored_once_and_then_told(database: Database) -> None:
    box = Box([letter("1"), letter("2")])

    assert (polling.take_in(database, box), polling.take_in(database, box)) == (2, 0)

    with database.reading() as session:
        assert sorted(session.scalars(select(Message.external_id))) == ["1", "2"]
    assert box.told == ["1", "2"]


def test_nothing_is_told_while_the_database_is_away(sqlite_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box([letter("1")])

    def away() -> None:
        raise Unavailable()

    monkeypatch.setattr(sqlite_database, "unit_of_work", away)

    with pytest.raises(Unavailable):
        polling.take_in(sqlite_database, box)
    assert box.told == []


def test_a_letter_that_is_always_refused_does_not_stand_before_the_others(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box([letter("1"), letter("2")])
    receive = intake.receive

    def choosy(session, inbound):
        if inbound.external_id == "1":
            raise Invalid()
        return receive(session, inbound)

    monkeypatch.setattr(intake, "receive", choosy)
    polling.take_in(sqlite_database, box)

    with sqlite_database.reading() as session:
        assert session.scalars(select(Message.external_id)).all() == ["2"]
    assert box.told == ["1", "2"]


def test_files_that_cannot_be_kept_are_named_in_the_text() -> None:
    pdf = File("a.pdf", b"%PDF-1.4 broken")
    several = [File(f"{n}.docx", b"PK") for n in range(MOST_FILES + 1)]

    found = polling.with_good_files(letter("1", pdf, *several))

    assert found.files == ()
    assert found.text.startswith("来信 1\n\n（附件未收取：a.pdf、0.docx、")
