"""A letter from arrival to score, every step through a public door, read as a browser without script reads it."""

import re
from collections.abc import Callable

import pytest
from fastapi.testclient import TestClient

from hotline.cli import export
from hotline.db import Database
from models import Role
from tests.conftest import SignIn
from tests.journeys.doors import ANSWER, TEXT, answer, case_row, get, open_at_unit, send, take_and_file, track, write


@pytest.fixture
def citizen(client: TestClient) -> TestClient:
    return client


def test_a_letter_becomes_a_case_an_answer_and_a_score(
    citizen: TestClient, as_role: SignIn, drain: Callable[[], int], pages: Database
) -> None:
    number, code = write(citizen)
    drain()
    take_and_file(as_role(Role.AGENT))
    drain()
    answer(as_role(Role.LIAISON, unit="ZJJ"), number)
    verifier = as_role(Role.VERIFIER)
    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="passed")
    drain()

    progress = track(citizen, number, code)
    link = progress.link(r"/survey/[\w-]+")
    assert ANSWER in progress.html
    assert link is not None
    send(citizen, get(citizen, link), "survey", solved="yes", result="very_satisfied", unit="satisfied")
    drain()

    assert case_row(pages, number)["status"] == "closed"
    with pages.reading() as session:
        (survey,) = export.surveys(session)
    assert (survey["case"], survey["solved"], survey["scores"]["satisfaction"]) == (number, True, 1.0)


def test_the_unit_note_stays_inside(citizen: TestClient, as_role: SignIn, drain: Callable[[], int]) -> None:
    number, code = write(citizen)
    take_and_file(as_role(Role.AGENT))
    answer(as_role(Role.LIAISON, unit="ZJJ"), number)
    drain()

    assert "已换镇流器" not in track(citizen, number, code).html


def test_a_returned_case_goes_to_the_unit_that_was_proposed(citizen: TestClient, as_role: SignIn, pages: Database) -> None:
    number, _ = write(citizen)
    take_and_file(as_role(Role.AGENT), unit="CGJ")
    wrong, right, dispatcher = as_role(Role.LIAISON, unit="CGJ"), as_role(Role.LIAISON, unit="ZJJ"), as_role(Role.DISPATCHER)

    asked = {"reason": "not_my_duty", "basis": "路灯由住建局管理", "proposed_unit": "ZJJ"}
    send(wrong, open_at_unit(wrong, number), "ask-return", **asked)
    send(dispatcher, get(dispatcher, f"/verify/returns/{number}"), "decide-return", grant="true", unit="ZJJ", note="同意")
    answer(right, number)

    row = case_row(pages, number)
    assert (row["status"], row["unit"], row["dispatched"]) == ("answered", "ZJJ", 2)


def test_an_answer_that_is_sent_back_is_given_again(citizen: TestClient, as_role: SignIn, pages: Database) -> None:
    number, _ = write(citizen)
    take_and_file(as_role(Role.AGENT))
    liaison, verifier = as_role(Role.LIAISON, unit="ZJJ"), as_role(Role.VERIFIER)
    answer(liaison, number)

    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="sent_back", remark="何时修好？")
    send(liaison, open_at_unit(liaison, number), "answer", public_text=ANSWER, closure="solved")
    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="passed")

    row = case_row(pages, number)
    assert (row["status"], row["answers"], row["checks"]) == ("closed", 2, ["sent_back", "passed"])


def test_a_dissatisfied_citizen_is_heard_by_the_centre(
    citizen: TestClient, as_role: SignIn, drain: Callable[[], int], pages: Database
) -> None:
    number, code = write(citizen)
    take_and_file(as_role(Role.AGENT))
    verifier = as_role(Role.VERIFIER)
    answer(as_role(Role.LIAISON, unit="ZJJ"), number)
    send(verifier, get(verifier, f"/verify/to_check/{number}"), "verdict", verdict="passed")
    drain()
    link = track(citizen, number, code).link(r"/survey/[\w-]+")
    assert link is not None

    send(citizen, get(citizen, link), "survey", solved="no", result="dissatisfied", unit="dissatisfied", remark="又灭了")
    drain()
    send(verifier, get(verifier, f"/verify/reopening/{number}"), "decide-reopening", ruling="rework", note="再次派修")

    assert case_row(pages, number)["status"] == "reopened"


def test_a_remark_of_the_citizen_reaches_the_unit(citizen: TestClient, as_role: SignIn) -> None:
    number, code = write(citizen)
    take_and_file(as_role(Role.AGENT))

    send(citizen, track(citizen, number, code), "remark", text="隔壁那盏也不亮了")

    assert "隔壁那盏也不亮了" in open_at_unit(as_role(Role.LIAISON, unit="ZJJ"), number).html


def test_the_same_letter_sent_twice_is_one_contact(citizen: TestClient, pages: Database) -> None:
    form = get(citizen, "/").form("letter")
    filled = form.filled({"kind": "help", "text": TEXT, "number": "13809001234", "consent": "yes"})

    first, second = (citizen.post("/", data=filled).text for _ in range(2))

    assert re.findall(r"data-reference>([^<]+)", first) == re.findall(r"data-reference>([^<]+)", second)
    with pages.reading() as session:
        assert len(list(export.contacts(session))) == 1
