"""The same matter at the desk: linked or urged with one key, parted again on the case's page."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.incidents import linking, telling
from models import (
    Action,
    Case,
    CaseEvent,
    CaseLink,
    CaseStatus,
    Conclusion,
    Incident,
    LinkKind,
    Mark,
    MarkKind,
    OutgoingMessage,
    Repeat,
    Role,
    now,
)
from tests.conftest import Drain, SignIn
from tests.factories_cases import an_actor, make_case
from tests.web.desk import NUMBER, contact_of, drafted, follow, looked_up, send, take, the_case
from tests.web.forms import form

ONE_DATABASE = True
Arrive = Callable[..., UUID]
FIELDS = {
    "request_type": "help",
    "category": "0102",
    "unit": "CGJ",
    "title": "路灯不亮",
    "content": "望江路18号门口的路灯坏了一个星期，晚上看不见路。",
    "community_code": "990181001001",
}
EARLIER: dict[str, Any] = {
    "title": "没有路灯",
    "content": "望江路18号门口路灯坏了好几天，晚上看不见路。",
    "community_code": "990181001001",
}


@pytest.fixture
def contact_id(database: Database, agent: TestClient, arrive: Arrive) -> UUID:
    """A contact in the agent's hands, on each of the two databases, its draft kept."""
    found = arrive(text=FIELDS["content"])
    send(agent, drafted(take(agent), found, **FIELDS))
    return found


def earlier(pages: Database, **values: Any) -> str:
    with pages.unit_of_work() as session:
        given = {"status": CaseStatus.DISPATCHED, **EARLIER, "number": "13900000199", **values}
        return make_case(session, **given).number


def list_of(agent: TestClient, contact_id: UUID) -> str:
    answer = agent.get(f"/desk/contact/{contact_id}/same?m=1")
    assert answer.status_code == 200
    return answer.text


def story(pages: Database, number: str) -> list[Action]:
    query = select(CaseEvent.action).join(Case, Case.id == CaseEvent.case_id).where(Case.number == number)
    found: list[Action] = looked_up(pages, lambda session: list(session.scalars(query.order_by(CaseEvent.serial))))
    return found


def test_the_desk_loads_the_list_after_the_page(agent: TestClient, contact_id: UUID) -> None:
    assert f'hx-get="/desk/contact/{contact_id}/same?m=1"' in agent.get(f"/desk?c={contact_id}").text


def test_a_strangers_case_of_the_same_event_is_linked_when_the_matter_is_filed(
    agent: TestClient, pages: Database, drain: Drain, contact_id: UUID
) -> None:
    number = earlier(pages)
    found = list_of(agent, contact_id)
    assert "同一社区" in found
    assert "路灯坏" in found

    page = follow(agent, form(found, "tie"))
    assert f"立案时关联 {number}" in list_of(agent, contact_id)
    follow(agent, form(page, "file"), **FIELDS)
    drain()

    (link,) = looked_up(pages, lambda session: session.scalars(select(CaseLink)).all())
    assert (link.case_id, link.kind) == (the_case(pages, contact_id).id, LinkKind.RELATED)
    assert story(pages, number)[-1] == Action.REMARK


def test_ones_own_case_becomes_a_repeat_and_can_be_parted_with_a_reason(
    agent: TestClient, pages: Database, drain: Drain, contact_id: UUID
) -> None:
    number = earlier(pages, number=NUMBER)
    page = follow(agent, form(list_of(agent, contact_id), "tie"))
    follow(agent, form(page, "file"), **FIELDS)
    drain()
    case = the_case(pages, contact_id)
    unlink = form(agent.get(f"/case/{number}").text, "unlink")

    refused = send(agent, unlink, reason=" ")
    page = follow(agent, unlink, reason="两盏不同的灯")
    again = send(agent, unlink, reason="两盏不同的灯")

    assert (refused.status_code, again.status_code) == (422, 303)
    assert f"不再是重复件：{case.number} 两盏不同的灯" in page
    assert "不再是重复件" in agent.get(f"/case/{case.number}").text
    mark = looked_up(pages, lambda session: session.scalars(select(Mark).where(Mark.kind == MarkKind.REPEAT)).one())
    assert (mark.case_id, mark.cleared_reason) == (case.id, "两盏不同的灯")
    assert looked_up(pages, lambda session: session.scalars(select(CaseLink)).all()) == []


def test_a_pick_can_be_dropped_before_filing(agent: TestClient, pages: Database, drain: Drain, contact_id: UUID) -> None:
    earlier(pages)
    follow(agent, form(list_of(agent, contact_id), "tie"))

    page = follow(agent, form(list_of(agent, contact_id), "loosen-tie"))
    follow(agent, form(page, "file"), **FIELDS)
    drain()

    assert looked_up(pages, lambda session: session.scalars(select(CaseLink)).all()) == []


def test_ones_own_case_is_urged_with_one_key_and_that_may_be_all(agent: TestClient, pages: Database, contact_id: UUID) -> None:
    number = earlier(pages, number=NUMBER)
    urge = form(list_of(agent, contact_id), "urge")

    for _ in range(2):
        assert send(agent, urge, end="yes").status_code == 303

    assert story(pages, number).count(Action.URGE) == 1
    contact = contact_of(pages, contact_id)
    assert (contact.conclusion, contact.conclusion_note) == (Conclusion.ANSWERED, f"催办 {number}")


def test_a_strangers_case_is_not_urged(agent: TestClient, pages: Database, contact_id: UUID) -> None:
    number = earlier(pages)
    found = list_of(agent, contact_id)
    assert "/urge" not in found

    tie = form(found, "tie")
    answer = agent.post(f"/desk/contact/{contact_id}/urge", data={**tie.fields, "number": number, "key": "a-key-for-this-one"})

    assert answer.status_code == 404


@pytest.mark.parametrize("shielded", [{"confidential": "true"}, {"request_type": "report"}])
def test_a_shielded_matter_is_linked_with_nothing(
    agent: TestClient, pages: Database, drain: Drain, contact_id: UUID, shielded: dict[str, str]
) -> None:
    earlier(pages)
    page = follow(agent, form(list_of(agent, contact_id), "tie"))
    follow(agent, form(page, "file"), **{**FIELDS, **shielded, "unit_summary": "路灯问题"})
    drain()

    assert looked_up(pages, lambda session: session.scalars(select(CaseLink)).all()) == []


@pytest.mark.parametrize("values", [{"confidential": True}, {"request_type": "report"}])
def test_a_shielded_case_cannot_be_picked(agent: TestClient, pages: Database, contact_id: UUID, values: dict[str, Any]) -> None:
    number = earlier(pages, **values, unit_summary="路灯")
    csrf = form(agent.get(f"/desk?c={contact_id}").text, "file").fields["csrf"]

    answer = agent.post(f"/desk/contact/{contact_id}/same", data={"csrf": csrf, "m": "1", "number": number})

    assert number not in list_of(agent, contact_id)
    assert answer.status_code == 404


def test_only_whoever_has_the_contact_sees_and_picks(as_role: SignIn, contact_id: UUID) -> None:
    assert as_role(Role.AGENT).get(f"/desk/contact/{contact_id}/same").status_code == 404


def test_a_repeat_is_counted_with_the_old_case_and_the_citizen_told_its_number(
    agent: TestClient, pages: Database, contact_id: UUID
) -> None:
    number = earlier(pages, number=NUMBER)
    with pages.reading() as session:
        before = session.scalars(select(Case).where(Case.number == number)).one()
    urge = form(list_of(agent, contact_id), "urge")

    for _ in range(2):
        send(agent, urge, end="yes")

    case = looked_up(pages, lambda session: session.scalars(select(Case).where(Case.number == number)).one())
    assert (case.repeat_count, case.due_at, case.status) == (1, before.due_at, before.status)
    assert looked_up(pages, lambda session: session.scalars(select(Repeat.contact_id)).all()) == [contact_id]
    told = looked_up(
        pages, lambda session: session.scalars(select(OutgoingMessage).where(OutgoingMessage.case_id == case.id)).all()
    )
    assert [number in row.text for row in told if row.purpose == "repeat"] == [True]


def test_what_is_known_of_an_incident_is_answer_enough(agent: TestClient, pages: Database, contact_id: UUID) -> None:
    with pages.unit_of_work() as session:
        found = [make_case(session, **EARLIER, number=f"1390000{n:04}", status=CaseStatus.DISPATCHED) for n in range(2)]
        by = an_actor(session, Role.DISPATCHER)
        incident = linking.open_incident(session, found, title="路灯停电", by=by, key="a-key-for-this-one")
        telling.set_known(session, incident, text="线路抢修，今晚恢复", until=now() + timedelta(hours=5), by=by)
    page = list_of(agent, contact_id)
    assert "线路抢修，今晚恢复" in page

    assert send(agent, form(page, "tell-known")).status_code == 303

    contact = contact_of(pages, contact_id)
    assert (contact.conclusion, contact.conclusion_note) == (Conclusion.ANSWERED, "线路抢修，今晚恢复")
    assert looked_up(pages, lambda session: session.scalars(select(Incident.told_count)).one()) == 1
