"""The survey's page: opening consumes nothing, corrections for a day, clear sentences for links that lead nowhere."""

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services import numbering, surveys
from models import Case, CaseStatus, Contact, Request, RequestKind, Survey, SurveyAnswer
from tests.conftest import Drain
from tests.factories_cases import answer, check, dispatch, make_case, reopen, sign
from tests.web.forms import form

GIVEN = {"solved": "yes", "result": "satisfied", "unit": "very_satisfied"}


@pytest.fixture
def link(client: TestClient, pages: Database, drain: Drain, clock: time_machine.Traveller) -> str:
    with pages.unit_of_work() as session:
        make_case(session, status=CaseStatus.CLOSED)
    drain()
    with pages.reading() as session:
        return f"/survey/{surveys.token_of(session.scalars(select(Survey)).one())}"


def given(pages: Database) -> list[tuple[bool, str, str]]:
    with pages.reading() as session:
        rows = session.scalars(select(SurveyAnswer).order_by(SurveyAnswer.created_at, SurveyAnswer.id))
        return [(row.solved, row.result, row.remark) for row in rows]


def test_opening_the_link_consumes_nothing(client: TestClient, pages: Database, link: str) -> None:
    for _ in range(3):
        assert client.get(link).status_code == 200

    assert given(pages) == []
    assert client.post(link, data=form(client.get(link).text, "survey").filled(**GIVEN)).status_code == 303


def test_an_answer_can_be_corrected_within_a_day(
    client: TestClient, pages: Database, link: str, clock: time_machine.Traveller
) -> None:
    client.post(link, data=GIVEN)
    clock.shift(23 * 3600)
    client.post(link, data={**GIVEN, "result": "dissatisfied", "remark": "又坏了"})
    clock.shift(2 * 3600)
    late = client.post(link, data=GIVEN)

    assert given(pages) == [(True, "satisfied", ""), (True, "dissatisfied", "又坏了")]
    assert late.status_code == 409
    assert "评价已不能再修改" in late.text
    shown = client.get(link).text
    assert "又坏了" in shown
    assert 'data-form="survey"' not in shown


def test_progress_offers_to_change_an_answer_as_long_as_it_may_be_changed(
    clock: time_machine.Traveller, client: TestClient, pages: Database, link: str
) -> None:
    client.post(link, data=GIVEN)
    with pages.unit_of_work() as session:
        contact = session.scalars(select(Contact)).one()
        number = contact.reference
        contact.code_hash = numbering.code_hash(number, "12345678")
    unlocked = client.post("/track", data={"number": number, "code": "12345678"})
    assert unlocked.status_code == 303, unlocked.text
    assert "改评价" in client.get(f"/track/{number}").text

    clock.shift(25 * 3600)
    client.post("/track", data={"number": number, "code": "12345678"})

    page = client.get(f"/track/{number}").text
    assert "改评价" not in page
    assert "看评价" in page


def test_the_same_answer_twice_is_one(client: TestClient, pages: Database, link: str) -> None:
    client.post(link, data=GIVEN)
    client.post(link, data=GIVEN)

    assert len(given(pages)) == 1
    assert "您的评价已收到" in client.get(link).text


def test_an_earlier_link_leads_to_what_is_asked_since_the_case_was_done_again(
    client: TestClient, pages: Database, drain: Drain, link: str, clock: time_machine.Traveller
) -> None:
    client.post(link, data={**GIVEN, "solved": "no"})
    clock.shift(60)
    with pages.unit_of_work() as session:
        case = session.scalars(select(Case)).one()
        reopen(session, case)
        for step in (dispatch, sign, answer, check):
            step(session, case)
    drain()
    with pages.reading() as session:
        again = f"/survey/{surveys.token_of(session.scalars(select(Survey).where(Survey.round == 2)).one())}"

    assert client.get(link).headers["location"] == again
    client.post(link, data=GIVEN)

    assert [solved for solved, *_ in given(pages)] == [False]
    assert "您的评价已收到" not in client.get(again).text


@pytest.mark.parametrize("missing", ["solved", "result", "unit"])
def test_what_is_missing_is_said_and_the_rest_stays(client: TestClient, pages: Database, link: str, missing: str) -> None:
    answer = client.post(link, data={**GIVEN, missing: "", "remark": "谢谢"})

    assert answer.status_code == 422
    assert f'href="#{missing}"' in answer.text
    assert "谢谢" in answer.text
    assert given(pages) == []


def test_dissatisfaction_asks_the_centre_to_reopen(client: TestClient, pages: Database, link: str, drain: Drain) -> None:
    client.post(link, data={**GIVEN, "solved": "no", "result": "very_dissatisfied"})
    drain()

    with pages.reading() as session:
        asked = session.scalars(select(Request)).one()
        assert (asked.kind, asked.case_id) == (RequestKind.REOPENING, session.scalars(select(Case.id)).one())


def test_an_unknown_link_and_a_lapsed_one_are_told_apart(client: TestClient, link: str, clock: time_machine.Traveller) -> None:
    clock.shift(8 * 24 * 3600)

    assert client.get("/survey/nothing").status_code == 404
    assert "这个链接无效" in client.get("/survey/nothing").text
    lapsed = client.get(link)
    assert lapsed.status_code == 409
    assert "评价已截止" in lapsed.text
    assert client.post(link, data=GIVEN).status_code == 409
