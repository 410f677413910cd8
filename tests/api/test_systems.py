"""/api/v1: what a unit's own system sees and does, and what is kept from it."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services import cases, history
from models import (
    AccessLog,
    Action,
    Answer,
    Attachment,
    Case,
    CaseEvent,
    CaseStatus,
    RequestType,
    Role,
    Scope,
    Staff,
    now,
)
from models.base import as_if
from tests.api.cases import CASES, a_case
from tests.factories_cases import an_actor, fresh_key
from tests.factories_systems import Made, make_system, once, with_key
from tests.pictures import picture


def listed(program: TestClient, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = program.get(CASES, params=query).raise_for_status().json()
    return found


def numbers(page: dict[str, Any]) -> list[str]:
    return [item["number"] for item in page["items"]]


def test_a_system_sees_its_units_cases_and_nobody_elses(program: TestClient, pages: Database) -> None:
    (_, mine), (other_id, others) = a_case(pages), a_case(pages, unit="SCJ")

    found = listed(program)

    assert numbers(found) == [mine]
    assert others not in str(found)
    assert program.get(f"{CASES}/{other_id}").status_code == 404
    assert program.post(f"{CASES}/{other_id}/sign", json={}, headers=once()).status_code == 404


def test_a_list_tells_nothing_of_the_matter_or_of_who_asked(program: TestClient, pages: Database) -> None:
    a_case(pages)

    text = program.get(CASES).text

    assert all(word not in text for word in ("垃圾", "王", "138"))


def test_a_case_is_told_as_at_the_units_desk_and_the_reading_noted(program: TestClient, pages: Database, system: Made) -> None:
    case_id, number = a_case(pages)

    found = program.get(f"{CASES}/{case_id}").json()

    assert (found["number"], found["title"], found["place"]) == (number, "垃圾没人清", "滨江路12号")
    assert found["requester"] == {"name": "王某", "number": "138****0172", "wants_callback": True}
    with pages.reading() as session:
        assert session.scalars(select(AccessLog.what).where(AccessLog.staff_id == system.staff_id)).all() == ["opened"]


@pytest.mark.parametrize("closed", [{"confidential": True}, {"request_type": RequestType.REPORT}])
def test_of_a_confidential_case_a_system_gets_the_summary(program: TestClient, pages: Database, closed: dict[str, Any]) -> None:
    case_id, number = a_case(pages, unit_summary="某小区垃圾堆放，请核实。", **closed)

    answer = program.get(f"{CASES}/{case_id}")

    found = answer.json()
    assert (found["title"], found["content"], found["shielded"]) == (number, "某小区垃圾堆放，请核实。", True)
    assert (found["requester"], found["place"], found["occurred"]) == (None, "", "")
    assert all(word not in answer.text for word in ("王某", "滨江路12号", "0172"))
    assert program.post(f"{CASES}/{case_id}/number", json={"reason": "联系"}).status_code == 403


def test_the_whole_number_needs_its_scope_and_a_reason(client: TestClient, pages: Database, program: TestClient) -> None:
    case_id, _ = a_case(pages)
    with pages.unit_of_work() as session:
        reader = with_key(client, make_system(session, scopes=[Scope.READ]).key)

    assert reader.post(f"{CASES}/{case_id}/number", json={"reason": "联系"}).status_code == 403
    assert program.post(f"{CASES}/{case_id}/number", json={"reason": " "}).status_code == 422
    assert program.post(f"{CASES}/{case_id}/number", json={"reason": "先行联系"}).json() == {"number": "+8613800000172"}
    with pages.reading() as session:
        noted = session.scalars(select(AccessLog).where(AccessLog.what == "number")).one()
    assert noted.reason == "先行联系"


def test_a_system_signs_and_the_history_names_it(program: TestClient, pages: Database) -> None:
    case_id, number = a_case(pages)

    answer = program.post(f"{CASES}/{case_id}/sign", json={"seen": 1}, headers=once())

    assert (answer.status_code, answer.json()["status"], answer.json()["version"]) == (200, "in_progress", 2)
    with pages.reading() as session:
        case = session.scalars(select(Case).where(Case.number == number)).one()
        by = session.scalars(
            select(Staff.name).join(CaseEvent, CaseEvent.by_id == Staff.id).where(CaseEvent.action == "sign")
        ).all()
        assert set(by) == {"城管综合平台"}
        assert history.verify(session, case) is None


def test_whoever_has_seen_an_older_version_loses(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)
    program.post(f"{CASES}/{case_id}/sign", json={"seen": 1}, headers=once()).raise_for_status()

    answer = program.post(
        f"{CASES}/{case_id}/answer", data={"public_text": "已清运。", "closure": "solved", "seen": "1"}, headers=once()
    )

    assert (answer.status_code, answer.json()["code"]) == (409, "outdated")
    assert answer.headers["content-type"] == "application/problem+json"


def test_an_answer_comes_with_pictures_and_is_answered_once(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages, CaseStatus.IN_PROGRESS)
    key, sent = once(), {"public_text": "已清运。", "closure": "solved", "internal_note": "费用自理", "seen": "2"}

    told = [
        program.post(
            f"{CASES}/{case_id}/answer", data=sent, files=[("files", ("现场.jpg", picture(), "image/jpeg"))], headers=key
        )
        for _ in range(2)
    ]

    assert [(each.status_code, each.json()["status"]) for each in told] == [(200, "answered")] * 2
    with pages.reading() as session:
        assert session.scalars(select(Answer.public_text)).all() == ["已清运。"]
        assert session.scalars(select(Attachment.media_type)).all() == ["image/jpeg"]
    file = program.get(f"{CASES}/{case_id}").json()["files"][0]
    fetched = program.get(f"{CASES}/{case_id}/files/{file['id']}")
    assert (file["of"], fetched.status_code, fetched.headers["content-type"]) == ("answer", 200, "image/jpeg")


@pytest.mark.parametrize(("content", "code"), [(b"MZ" + b"x" * 100, "file_refused"), (b"%PDF-1.7 nonsense", "file_refused")])
def test_a_file_is_looked_at_whatever_its_name_says(program: TestClient, pages: Database, content: bytes, code: str) -> None:
    case_id, _ = a_case(pages, CaseStatus.IN_PROGRESS)
    sent = {"public_text": "已清运。", "closure": "solved"}

    answer = program.post(f"{CASES}/{case_id}/answer", data=sent, files=[("files", ("a.jpg", content))], headers=once())

    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_a_return_names_a_unit_that_there_is(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)
    asked = {"reason": "not_my_duty", "basis": "职责清单"}

    unknown = program.post(f"{CASES}/{case_id}/ask-return", json={**asked, "proposed_unit": "XXX"}, headers=once())
    known = program.post(f"{CASES}/{case_id}/ask-return", json={**asked, "proposed_unit": "ZJJ"}, headers=once())

    assert (unknown.status_code, known.status_code) == (422, 200)
    assert program.get(f"{CASES}/{case_id}").json()["requests"][0]["state"] == "open"


def test_work_goes_down_a_level_and_comes_back_up(client: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages, CaseStatus.IN_PROGRESS, unit="T001")
    with pages.unit_of_work() as session:
        street = with_key(client, make_system(session, unit="T001").key)
        community = with_key(client, make_system(session, unit="990181001001").key)

    sent = street.post(f"{CASES}/{case_id}/send-down", json={"unit": "990181001001", "seen": 2}, headers=once())
    below = listed(community)["items"][0]
    back = community.post(f"{CASES}/{below['id']}/send-up", json={"reason": "超出权限"}, headers=once())

    assert (sent.status_code, below["standing"], back.json()["status"]) == (200, "below", "returned")
    assert {item["unit"] for item in listed(street)["items"]} == {"T001", "990181001001"}
    assert listed(community)["items"][0]["status"] == "returned"
    assert community.get(f"{CASES}/{below['id']}").status_code == 404


def test_pages_leave_nothing_out_while_cases_change(program: TestClient, pages: Database, clock: time_machine.Traveller) -> None:
    made = []
    for _ in range(5):
        clock.shift(timedelta(minutes=5))
        made.append(a_case(pages))
    clock.shift(timedelta(minutes=5))
    first = listed(program, limit=2)
    # One that was shown and one that was not yet change; a new one comes.
    program.post(f"{CASES}/{made[0][0]}/sign", json={}, headers=once()).raise_for_status()
    program.post(f"{CASES}/{made[3][0]}/sign", json={}, headers=once()).raise_for_status()
    made.append(a_case(pages))

    page, seen = first, numbers(first)
    while page["more"]:
        page = listed(program, limit=2, cursor=page["next"])
        seen += numbers(page)

    assert set(seen) == {number for _, number in made}
    assert len(seen) == len(made) + 1
    clock.shift(timedelta(minutes=5))
    after = listed(program, cursor=page["next"])
    late = listed(program, cursor=after["next"])
    assert (set(numbers(after)) <= set(seen), late["items"], late["more"]) == (True, [], False)
    program.post(f"{CASES}/{made[1][0]}/sign", json={}, headers=once()).raise_for_status()
    assert numbers(listed(program, cursor=late["next"])) == [made[1][1]]


def test_what_was_written_meanwhile_with_an_earlier_time_is_not_missed(
    program: TestClient, pages: Database, clock: time_machine.Traveller
) -> None:
    a_case(pages)
    page = listed(program)
    with as_if(now() - timedelta(seconds=20)):
        _, late = a_case(pages)

    assert late in numbers(listed(program, cursor=page["next"]))


def test_a_list_is_narrowed_by_state_and_time(program: TestClient, pages: Database, clock: time_machine.Traveller) -> None:
    _, old = a_case(pages)
    clock.shift(timedelta(hours=1))
    _, signed = a_case(pages, CaseStatus.IN_PROGRESS)

    assert numbers(listed(program, changed_since=(now() - timedelta(minutes=1)).isoformat())) == [signed]
    assert numbers(listed(program, status="dispatched")) == [old]
    assert numbers(listed(program, status=["dispatched", "in_progress"])) == [old, signed]


@pytest.mark.parametrize(
    "query", [{"cursor": "nonsense"}, {"cursor": "W10"}, {"changed_since": "2026-11-21T00:00:00"}, {"limit": 0}]
)
def test_a_list_that_is_asked_for_in_nonsense_is_refused(program: TestClient, query: dict[str, Any]) -> None:
    answer = program.get(CASES, params=query)

    assert (answer.status_code, answer.json()["status"]) == (422, 422)


def test_a_case_that_was_taken_back_says_so_in_the_list_only(program: TestClient, pages: Database) -> None:
    case_id, number = a_case(pages)
    with pages.unit_of_work() as session:
        case = session.scalars(select(Case).where(Case.number == number)).one()
        by = an_actor(session, Role.DISPATCHER)
        cases.advance(session, case, Action.WITHDRAW, by=by, key=fresh_key(), note="市民撤回")

    assert listed(program)["items"][0]["status"] == "withdrawn"
    assert program.get(f"{CASES}/{case_id}").status_code == 404


def test_an_unchanged_case_is_not_sent_again(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)
    tag = program.get(f"{CASES}/{case_id}").headers["etag"]

    same = program.get(f"{CASES}/{case_id}", headers={"If-None-Match": tag})
    program.post(f"{CASES}/{case_id}/sign", json={}, headers=once()).raise_for_status()
    changed = program.get(f"{CASES}/{case_id}", headers={"If-None-Match": tag})

    assert (same.status_code, same.content, changed.status_code) == (304, b"", 200)


def test_reference_data_is_told_by_code(program: TestClient) -> None:
    categories = program.get("/api/v1/categories").json()["items"]
    units = program.get("/api/v1/units").json()["items"]
    first = program.get("/api/v1/areas", params={"limit": 2}).json()
    second = program.get("/api/v1/areas", params={"limit": 2, "after": first["next"]}).json()

    assert {"0102", "01"} <= {each["code"] for each in categories}
    assert next(each for each in units if each["code"] == "990181001001")["parent"] == "T001"
    assert len({each["code"] for each in (*first["items"], *second["items"])}) == 4
