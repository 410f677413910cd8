"""Several cases of one kind, dispatched in one action and told apart."""

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from models import Assignment, Case, CaseStatus, Role, Unit
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.forms import form


@pytest.fixture
def dispatcher(as_role: SignIn) -> TestClient:
    return as_role(Role.DISPATCHER)


def waiting(pages: Database, count: int, **values: Any) -> list[str]:
    with pages.unit_of_work() as session:
        return [make_case(session, **values).number for _ in range(count)]


def picks(browser: TestClient, number: str) -> dict[str, str]:
    """By the number of each case offered, what its box sends."""
    page = browser.get(f"/verify/alike/{number}").text
    return {value.split()[0]: value for value in re.findall(r'name="pick" value="([^"]+)"', page)}


def send(browser: TestClient, number: str, chosen: list[str], **values: str) -> dict[str, str]:
    """The outcome of each case."""
    found = form(browser.get(f"/verify/alike/{number}").text, "dispatch-alike")
    answer = browser.post(found.action, data={**found.filled(**values), "pick": chosen})
    assert answer.status_code == 200, answer.text
    return {
        number: outcome
        for outcome, number in re.findall(r'data-outcome="(\w+)"><td class="num"><a href="/case/([^"]+)"', answer.text)
    }


def states(pages: Database) -> dict[str, str]:
    with pages.reading() as session:
        return {number: status for number, status in session.execute(select(Case.number, Case.status))}


def test_cases_of_the_same_category_and_suggested_unit_are_offered(dispatcher: TestClient, pages: Database) -> None:
    alike = waiting(pages, 2) + waiting(pages, 1, community_code="990181001001")
    waiting(pages, 1, category="0101")
    with pages.unit_of_work() as session:
        make_case(session, status=CaseStatus.DISPATCHED)

    assert list(picks(dispatcher, alike[1])) == [alike[1], alike[0], alike[2]]
    assert f"/verify/alike/{alike[0]}" in dispatcher.get(f"/verify/to_dispatch/{alike[0]}").text


def test_those_that_are_marked_go_to_one_unit_with_one_note(dispatcher: TestClient, pages: Database) -> None:
    first, second, left = waiting(pages, 3)
    boxes = picks(dispatcher, first)

    outcomes = send(dispatcher, first, [boxes[first], boxes[second]], unit="ZJJ", note="请一并处理")

    assert outcomes == {first: "dispatched", second: "dispatched"}
    assert states(pages)[left] == CaseStatus.TO_DISPATCH
    with pages.reading() as session:
        found = session.execute(select(Unit.code, Assignment.note).join(Unit, Unit.id == Assignment.unit_id))
        assert [tuple(each) for each in found] == [("ZJJ", "请一并处理")] * 2


def test_each_case_is_told_apart(dispatcher: TestClient, pages: Database) -> None:
    """Sent, quicker, of another category, without the summary that a unit would see."""
    sent, quicker = waiting(pages, 2)
    (hidden,) = waiting(pages, 1, request_type="report")
    (other,) = waiting(pages, 1, category="0101")
    boxes = picks(dispatcher, sent)
    mine = form(dispatcher.get(f"/verify/to_dispatch/{quicker}").text, "dispatch")
    dispatcher.post(mine.action, data=mine.filled())

    outcomes = send(dispatcher, sent, [*boxes.values(), f"{other} 1 other-key-1"])

    assert outcomes == {sent: "dispatched", quicker: "quicker", hidden: "refused", other: "refused"}
    found = states(pages)
    assert [found[number] for number in (sent, hidden, other)] == [
        CaseStatus.DISPATCHED,
        CaseStatus.TO_DISPATCH,
        CaseStatus.TO_DISPATCH,
    ]


def test_the_same_action_again_dispatches_nothing_twice(dispatcher: TestClient, pages: Database) -> None:
    numbers = waiting(pages, 2)
    boxes = list(picks(dispatcher, numbers[0]).values())

    told = [send(dispatcher, numbers[0], boxes, unit="CGJ") for _ in range(2)]

    assert told[0] == told[1] == dict.fromkeys(numbers, "dispatched")
    with pages.reading() as session:
        assert len(session.scalars(select(Assignment)).all()) == 2


def test_only_dispatchers_do_it(as_role: SignIn, pages: Database) -> None:
    (number,) = waiting(pages, 1)

    assert as_role(Role.VERIFIER).get(f"/verify/alike/{number}").status_code == 403
