"""Cases that came without words get them by and by, each once."""

from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import func, select

from hotline.db import Database
from hotline.services.searching import indexing
from models import Audience, CaseStatus, CaseWords
from tests.factories_cases import make_case


def test_cases_without_words_get_them_once(
    sqlite_database: Database, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "BATCH", 2)
    with sqlite_database.unit_of_work() as session:
        for _ in range(3):
            make_case(session)
    assert indexing.index_missing(sqlite_database) == 0  # just filed: they are about to get theirs

    clock.shift(timedelta(minutes=2))

    assert [indexing.index_missing(sqlite_database) for _ in range(2)] == [3, 0]
    with sqlite_database.reading() as session:
        assert session.scalar(select(func.count()).select_from(CaseWords)) == 3


def test_words_of_an_older_edition_are_written_anew_once(database: Database) -> None:
    with database.unit_of_work() as session:
        case = make_case(session, status=CaseStatus.CLOSED)
        older = {"case_id": case.id, "audience": Audience.EVERYBODY, "filed_at": case.created_at, "words": ["垃圾"], "edition": 1}
        session.add(CaseWords(**older))

    assert [indexing.index_missing(database) for _ in range(2)] == [1, 0]
    with database.reading() as session:
        assert {"垃圾", "两次"} <= set(session.scalars(select(CaseWords.words)).one())


def test_a_case_indexed_again_has_its_words_once(sqlite_database: Database) -> None:
    with sqlite_database.unit_of_work() as session:
        case = make_case(session)
        for _ in range(2):
            indexing.index(session, case)
        words = session.scalars(select(CaseWords.words)).one()

    assert {"垃圾", "area990181001", "frommailbox"} <= set(words)
