"""Two people at once, a double click, a retry, and nothing running behind the doors: each seen and done from outside."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import httpx2
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from hotline.db import Database
from hotline.errors import AlreadyTaken, Outdated
from hotline.words import say
from models import Action, Answer, Assignment, Case, CaseEvent, CaseStatus, Check, Contact, Message, Role
from tests.conftest import SignIn
from tests.factories_cases import lead_of, make_case
from tests.factories_contacts import make_contact
from tests.web.forms import PageForm, form

SOMEBODY_WAS_FASTER = say(Outdated.sentence)
COLLEAGUE_HAS_IT = say(AlreadyTaken.sentence)
Press = Callable[[], httpx2.Response]


def at_once(*presses: Press) -> list[httpx2.Response]:
    """Everybody presses at the same moment; the answers in the order of the presses."""
    ready = Barrier(len(presses))

    def press(one: Press) -> httpx2.Response:
        ready.wait()
        return one()

    with ThreadPoolExecutor(len(presses)) as people:
        return list(people.map(press, presses))


def sending(browser: TestClient, filled: PageForm, **typed: str) -> Press:
    return lambda: browser.post(filled.action, data=filled.filled(**typed))


def loser_of(answers: list[httpx2.Response]) -> httpx2.Response:
    """Of two, one went through and one was refused."""
    assert sorted(answer.status_code for answer in answers) == [303, 409], [answer.text for answer in answers]
    return next(answer for answer in answers if answer.status_code == 409)


def available(agent: TestClient) -> TestClient:
    sending(agent, form(agent.get("/desk").text, "presence", state="available"))()
    return agent


def make_assignment(database: Database, status: CaseStatus) -> Assignment:
    with database.unit_of_work() as session:
        return lead_of(session, make_case(session, status=status))


def actions_of(database: Database, assignment: Assignment, action: Action) -> int:
    with database.reading() as session:
        done = select(func.count()).where(CaseEvent.assignment_id == assignment.id, CaseEvent.action == action)
        return session.scalar(done) or 0


def count(database: Database, table: type) -> int:
    with database.reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_of_two_liaisons_who_sign_at_once_one_wins_and_the_other_is_told(database: Database, as_role: SignIn) -> None:
    assignment = make_assignment(database, CaseStatus.DISPATCHED)
    people = [as_role(Role.LIAISON, unit="CGJ"), as_role(Role.LIAISON, unit="CGJ")]
    pages = [form(one.get(f"/unit/{assignment.id}").text, "sign") for one in people]

    answers = at_once(*(sending(one, page) for one, page in zip(people, pages, strict=True)))

    assert SOMEBODY_WAS_FASTER in loser_of(answers).text
    assert actions_of(database, assignment, Action.SIGN) == 1


def test_of_two_verifiers_who_judge_one_answer_at_once_one_wins_and_the_other_is_told(
    database: Database, as_role: SignIn
) -> None:
    assignment = make_assignment(database, CaseStatus.ANSWERED)
    with database.reading() as session:
        number = session.get_one(Case, assignment.case_id).number
    people = [as_role(Role.VERIFIER), as_role(Role.VERIFIER)]
    pages = [form(one.get(f"/verify/to_check/{number}").text, "verdict") for one in people]

    answers = at_once(
        sending(people[0], pages[0], verdict="passed"),
        sending(people[1], pages[1], verdict="sent_back", remark="没有写明处理结果。"),
    )

    assert SOMEBODY_WAS_FASTER in loser_of(answers).text
    assert count(database, Check) == 1


def test_of_two_agents_who_take_one_contact_at_once_one_has_it_and_the_other_is_told(database: Database, as_role: SignIn) -> None:
    with database.unit_of_work() as session:
        make_contact(session)
    people = [available(as_role(Role.AGENT)), available(as_role(Role.AGENT))]
    pages = [form(one.get("/desk").text, "take") for one in people]

    answers = at_once(*(sending(one, page) for one, page in zip(people, pages, strict=True)))

    assert COLLEAGUE_HAS_IT in loser_of(answers).text


def test_a_double_click_signs_once_and_both_clicks_are_answered_alike(database: Database, as_role: SignIn) -> None:
    assignment = make_assignment(database, CaseStatus.DISPATCHED)
    liaison = as_role(Role.LIAISON, unit="CGJ")
    page = form(liaison.get(f"/unit/{assignment.id}").text, "sign")

    first, second = at_once(sending(liaison, page), sending(liaison, page))

    assert (first.status_code, first.headers["Location"]) == (second.status_code, second.headers["Location"])
    assert first.status_code == 303
    assert actions_of(database, assignment, Action.SIGN) == 1


def test_an_answer_sent_again_because_the_first_reply_got_lost_is_kept_once(database: Database, as_role: SignIn) -> None:
    assignment = make_assignment(database, CaseStatus.IN_PROGRESS)
    liaison = as_role(Role.LIAISON, unit="CGJ")
    page = form(liaison.get(f"/unit/{assignment.id}").text, "answer")
    send = sending(liaison, page, public_text="垃圾已清运。", closure="solved")

    assert [send().status_code, send().status_code] == [303, 303]

    assert actions_of(database, assignment, Action.ANSWER) == 1
    assert count(database, Answer) == 1


def test_a_letter_sent_twice_at_once_is_one_letter_with_one_number(database: Database, client: TestClient) -> None:
    send = sending_a_letter(client)

    first, second = at_once(send, send)

    assert number_on(first) == number_on(second)
    assert (count(database, Message), count(database, Contact)) == (1, 1)


def test_with_nothing_running_behind_the_doors_work_goes_on_and_what_follows_comes_later(
    database: Database, client: TestClient, as_role: SignIn, drain: Callable[[], int]
) -> None:
    reference = number_on(sending_a_letter(client)())
    agent = available(as_role(Role.AGENT))
    opened = sending(agent, form(agent.get("/desk").text, "take-next"))().headers["Location"]

    filing = form(agent.get(opened).text, "file")
    filed = sending(agent, filing, request_type="help", category="1901", unit="CGJ", title="路灯不亮", place_text="银杏路15号")()

    assert filed.status_code == 303, filed.text
    with database.reading() as session:
        assert session.scalars(select(Case).where(Case.number == reference)).one().status == CaseStatus.DISPATCHED
    assert drain() > 0
    assert drain() == 0


def sending_a_letter(browser: TestClient) -> Press:
    page = form(browser.get("/").text, "letter")
    typed = {"kind": "complaint", "text": "银杏路15号门口的路灯不亮。", "number": "13900000172", "consent": "yes"}
    return lambda: browser.post("/", data=page.filled(**typed), files={"files": ("", b"")})


def number_on(received: httpx2.Response) -> str:
    assert received.status_code == 200, received.text
    found = re.search(r"data-reference>([\d-]+)<", received.text)
    assert found, received.text
    return found[1]
