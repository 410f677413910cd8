"""Keys of units' systems: whose they are, what they open, how fast; and each writing call done once."""

from datetime import timedelta

import pytest
import time_machine
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from hotline.app import forget
from hotline.db import Database
from hotline.services.systems import accounts, calls
from hotline.settings import Settings
from models import CaseEvent, CaseStatus, Scope, Staff, SystemCall
from tests.api.cases import CASES, a_case
from tests.factories_systems import Made, an_administrator, make_system, once, with_key
from tests.pictures import picture


def test_the_same_call_again_is_answered_the_same_and_does_nothing(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)
    key = once()
    first = program.post(f"{CASES}/{case_id}/contacted", json={"text": "已联系"}, headers=key)

    again = program.post(f"{CASES}/{case_id}/contacted", json={"text": "已联系"}, headers=key)

    assert (again.status_code, again.json()) == (200, first.json())
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    with pages.reading() as session:
        assert session.scalar(select(func.count()).where(CaseEvent.action == "remark")) == 1


def test_another_call_with_the_same_key_is_refused(program: TestClient, pages: Database) -> None:
    (one, _), (other, _) = a_case(pages), a_case(pages)
    key = once()
    program.post(f"{CASES}/{one}/sign", json={"seen": 1}, headers=key).raise_for_status()

    for call in ((one, {"seen": 2}), (other, {"seen": 1})):
        answer = program.post(f"{CASES}/{call[0]}/sign", json=call[1], headers=key)
        assert (answer.status_code, answer.json()["code"]) == (422, "key_reused")


def test_a_refused_call_may_come_again_with_its_key(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)
    key, text = once(), {"public_text": "已清运。", "closure": "solved"}
    assert program.post(f"{CASES}/{case_id}/answer", data=text, headers=key).json()["code"] == "wrong_state"
    program.post(f"{CASES}/{case_id}/sign", json={}, headers=once()).raise_for_status()

    assert program.post(f"{CASES}/{case_id}/answer", data=text, headers=key).json()["status"] == "answered"


def test_two_systems_may_use_the_same_key(client: TestClient, program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)
    with pages.unit_of_work() as session:
        other = with_key(client, make_system(session).key)
    key = once()

    told = [each.post(f"{CASES}/{case_id}/contacted", json={}, headers=key) for each in (program, other)]

    assert [answer.status_code for answer in told] == [200, 200]
    assert "idempotent-replayed" not in told[1].headers


def test_a_write_without_a_key_is_refused(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)

    answer = program.post(f"{CASES}/{case_id}/sign", json={})

    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_another_picture_under_the_same_key_is_another_call(program: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages, CaseStatus.IN_PROGRESS)
    key, sent = once(), {"public_text": "已清运。", "closure": "solved"}
    program.post(f"{CASES}/{case_id}/answer", data=sent, headers=key).raise_for_status()

    answer = program.post(f"{CASES}/{case_id}/answer", data=sent, files=[("files", ("a.jpg", picture()))], headers=key)

    assert answer.json()["code"] == "key_reused"


def test_a_key_says_whose_it_is(program: TestClient) -> None:
    own = program.get("/api/v1/me").json()

    assert own == {"name": "城管综合平台", "unit": "CGJ", "scopes": ["act", "numbers", "read"]}


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer hk_wrong"}, {"Authorization": "Basic eDp5"}])
def test_without_a_key_nothing_is_told(client: TestClient, header: dict[str, str]) -> None:
    answer = client.get("/api/v1/cases", headers=header)

    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_revoked_key_and_a_closed_systems_key_open_nothing(client: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        by, one, other = an_administrator(session), make_system(session), make_system(session)
        accounts.revoke_key(session, accounts.live_keys(session, one.id)[0].id, by=by)
        accounts.change(session, other.id, accounts.Form("x", [Scope.READ], active=False), by=by)

    assert [with_key(client, each.key).get("/api/v1/me").status_code for each in (one, other)] == [401, 401]


def test_a_former_key_goes_on_for_a_week(
    client: TestClient, pages: Database, system: Made, clock: time_machine.Traveller
) -> None:
    with pages.unit_of_work() as session:
        new = accounts.new_key(session, system.id, by=an_administrator(session))
    programs = [with_key(client, key) for key in (system.key, new)]

    clock.shift(timedelta(days=6))
    within = [each.get("/api/v1/me").status_code for each in programs]
    clock.shift(timedelta(days=2))

    assert within == [200, 200]
    assert [each.get("/api/v1/me").status_code for each in programs] == [401, 200]


def test_a_key_is_kept_as_a_hash_only(pages: Database, system: Made) -> None:
    with pages.reading() as session:
        row = accounts.live_keys(session, system.id)[0]

    assert system.key not in str(vars(row))
    assert system.key.startswith(row.hint)


def test_a_key_counts_from_its_networks_only(pages: Database, app: FastAPI) -> None:
    with pages.unit_of_work() as session:
        key = make_system(session, addresses=["10.1.0.0/16"]).key

    header = {"Authorization": f"Bearer {key}"}
    inside, outside = (TestClient(app, client=(each, 50000), headers=header) for each in ("10.1.2.3", "10.2.0.1"))
    assert (inside.get("/api/v1/me").status_code, outside.get("/api/v1/me").status_code) == (200, 403)


def test_a_key_has_its_pace(program: TestClient, app: FastAPI, settings: Settings) -> None:
    settings.systems.calls_per_minute = 3
    forget(app, settings)

    statuses = [program.get("/api/v1/me").status_code for _ in range(4)]
    refused = program.get("/api/v1/me")

    assert statuses == [200, 200, 200, 429]
    assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_many", "60")


def test_whoever_guesses_at_keys_is_held_up_and_nobody_beside_him(client: TestClient, program: TestClient) -> None:
    guesser = with_key(client, "hk_guess")

    assert [guesser.get("/api/v1/me").status_code for _ in range(61)][-2:] == [401, 429]
    assert program.get("/api/v1/me").status_code == 200


def test_a_reading_key_does_nothing(client: TestClient, pages: Database) -> None:
    case_id, _ = a_case(pages)
    with pages.unit_of_work() as session:
        reader = with_key(client, make_system(session, scopes=[Scope.READ]).key)

    assert reader.get(f"{CASES}/{case_id}").status_code == 200
    assert reader.post(f"{CASES}/{case_id}/sign", json={}, headers=once()).status_code == 403


def test_nobody_signs_in_as_a_system(client: TestClient, pages: Database, system: Made) -> None:
    with pages.reading() as session:
        username = session.get_one(Staff, system.staff_id).username

    answer = client.post("/login", data={"username": username, "password": "-"})

    assert answer.status_code == 422


def test_calls_are_forgotten_after_two_days(program: TestClient, pages: Database, clock: time_machine.Traveller) -> None:
    case_id, _ = a_case(pages)
    program.post(f"{CASES}/{case_id}/sign", json={}, headers=once()).raise_for_status()

    clock.shift(timedelta(hours=25))
    with pages.unit_of_work() as session:
        assert calls.forget(session) == 0
    clock.shift(timedelta(hours=24))
    with pages.unit_of_work() as session:
        assert calls.forget(session) == 1
        assert session.scalars(select(SystemCall)).all() == []
