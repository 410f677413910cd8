"""Reference numbers and query codes."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import time_machine
from sqlalchemy import delete
from sqlalchemy.orm import Session

from hotline.db import Database
from hotline.services import numbering
from models import Area


def test_a_reference_holds_county_day_and_serial(session: Session, clock: time_machine.Traveller) -> None:
    first, second = numbering.next_reference(session), numbering.next_reference(session)

    assert re.fullmatch(r"990181-20261123-\d{6}", first)
    assert int(second[-6:]) == int(first[-6:]) + 1


def test_the_first_number_of_a_day_is_one_and_the_day_is_the_citys(session: Session, clock: time_machine.Traveller) -> None:
    clock.move_to(datetime(2026, 12, 30, 15, 59, tzinfo=UTC))
    numbering.next_reference(session)
    numbering.next_reference(session)

    clock.move_to(datetime(2026, 12, 30, 16, 0, tzinfo=UTC))  # midnight in the city

    assert numbering.next_reference(session) == "990181-20261231-000001"


def test_an_arrival_gets_a_number_before_the_citys_areas_are_loaded(session: Session, clock: time_machine.Traveller) -> None:
    session.execute(delete(Area))

    assert numbering.next_reference(session).startswith("000000-20261123-")


def test_many_at_once_on_a_new_day_get_numbers_of_their_own(database: Database) -> None:
    def draw(_: int) -> str:
        with database.unit_of_work() as session:
            return numbering.next_reference(session)

    with ThreadPoolExecutor(16) as pool:
        drawn = list(pool.map(draw, range(64)))

    assert len(set(drawn)) == 64
    assert all(int(reference[-6:]) > 0 for reference in drawn)


def test_query_codes_are_eight_digits_and_differ() -> None:
    codes = {numbering.new_query_code() for _ in range(200)}

    assert len(codes) > 195
    assert all(re.fullmatch(r"\d{8}", code) for code in codes)


def test_the_same_letter_has_the_same_code_and_another_letter_another() -> None:
    assert numbering.repeatable_query_code("one") == numbering.repeatable_query_code("one")
    assert numbering.repeatable_query_code("one") != numbering.repeatable_query_code("two")
    assert re.fullmatch(r"\d{8}", numbering.repeatable_query_code("one"))


def test_a_code_is_worth_nothing_with_another_number() -> None:
    assert numbering.code_hash("990181-20261123-000001", "12345678") != numbering.code_hash("990181-20261123-000002", "12345678")
