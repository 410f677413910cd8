"""The list of calls that we owe: who sees it, who rings from it, who takes something off."""

from uuid import UUID

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.telephone import callbacks, lines, switching
from models import Callback, CallbackReason, CallbackState, Role, Staff, SwitchboardAction, SwitchboardCommand, TryOutcome, now
from tests.conftest import SignIn
from tests.factories import signed_in
from tests.factories_calls import make_call
from tests.services.telephone.test_callbacks import NIGHT, try_once
from tests.web.forms import form, forms

NUMBER = "13800138000"


@pytest.fixture
def caller(clock: time_machine.Traveller, as_role: SignIn, pages: Database) -> TestClient:
    """Somebody with a telephone, on a Monday morning."""
    browser = as_role(Role.CALLBACK_AGENT, username="caller")
    with pages.unit_of_work() as session:
        lines.sign_in(session, signed_in(session, session.scalars(select(Staff).where(Staff.username == "caller")).one()))
    return browser


@pytest.fixture
def owed(caller: TestClient, pages: Database) -> UUID:
    """Somebody hung up waiting."""
    with pages.unit_of_work() as session:
        make_call(session, number=NUMBER, facts=("queued", "ended"))
    with pages.reading() as session:
        return session.scalars(select(Callback.id)).one()


def state_of(pages: Database, callback_id: UUID) -> CallbackState:
    with pages.reading() as session:
        return CallbackState(session.get_one(Callback, callback_id).state)


def test_an_empty_list_says_so(caller: TestClient) -> None:
    assert "没有该回的电话" in caller.get("/callbacks").text


def test_who_hung_up_waiting_is_on_the_list_with_the_number_masked(caller: TestClient, owed: UUID) -> None:
    for path in ("/callbacks", "/callbacks/list"):
        text = caller.get(path).text
        assert "138****8000" in text
        assert "放弃等候" in text
        assert NUMBER not in text


def test_what_came_of_the_last_try_is_told(caller: TestClient, owed: UUID, pages: Database) -> None:
    with pages.unit_of_work() as session:
        try_once(session, session.get_one(Callback, owed), TryOutcome.BUSY)

    assert "占线" in caller.get("/callbacks/list").text


def test_ringing_takes_the_own_telephone_first(caller: TestClient, owed: UUID, pages: Database) -> None:
    sent = form(caller.get("/callbacks").text, "ring")

    answer = caller.post(sent.action, data=sent.filled())

    assert answer.headers["location"] == "/callbacks"
    with pages.reading() as session:
        command = session.scalars(
            select(SwitchboardCommand).where(SwitchboardCommand.action == SwitchboardAction.PLACE_CALL)
        ).one()
        assert switching.arguments_of(command)["number"] == NUMBER
    assert state_of(pages, owed) == CallbackState.DIALLING
    assert "正在拨打" in caller.get("/callbacks").text
    again = caller.post(sent.action, data=sent.filled())
    assert again.status_code == 409


def test_at_night_nobody_is_rung(caller: TestClient, owed: UUID, pages: Database, clock: time_machine.Traveller) -> None:
    sent = form(caller.get("/callbacks").text, "ring")
    with pages.unit_of_work() as session:
        session.get_one(Callback, owed).due_at = now()
    clock.move_to(NIGHT.replace(day=22))  # the night before: the session still lasts

    answer = caller.post(sent.action, data=sent.filled())

    assert (answer.status_code, "不是可以回电市民的时段" in answer.text) == (409, True)
    assert state_of(pages, owed) == CallbackState.WAITING


def test_without_a_telephone_it_stays_on_the_list(as_role: SignIn, owed: UUID, pages: Database) -> None:
    agent = as_role(Role.AGENT)
    sent = form(agent.get("/callbacks").text, "ring")

    answer = agent.post(sent.action, data=sent.filled())

    assert (answer.status_code, "请先打开软电话" in answer.text) == (409, True)
    assert state_of(pages, owed) == CallbackState.WAITING


def test_what_is_taken_off_the_list_is_not_rung_any_more(caller: TestClient, owed: UUID, pages: Database) -> None:
    page = caller.get("/callbacks").text
    sent, ring = form(page, "remove"), form(page, "ring")

    assert caller.post(sent.action, data=sent.filled()).headers["location"] == "/callbacks"

    assert state_of(pages, owed) == CallbackState.DROPPED
    late = caller.post(ring.action, data=ring.filled())
    assert (late.status_code, "已不用再回" in late.text) == (409, True)


def test_every_reason_has_a_word(caller: TestClient, pages: Database) -> None:
    with pages.unit_of_work() as session:
        for serial, reason in enumerate(CallbackReason):
            callbacks.owe(session, reason=reason, number=f"1380013900{serial}", due_at=now())

    text = caller.get("/callbacks/list").text

    expected = ("放弃等候", "要求回电", "留言", "通话中断", "工单回访")
    assert [word for word in expected if word not in text] == []


@pytest.mark.parametrize(("role", "unit"), [(Role.LIAISON, "CGJ"), (Role.SUPERVISOR, "")])
def test_who_calls_no_citizens_does_not_see_the_list(as_role: SignIn, owed: UUID, role: Role, unit: str) -> None:
    browser = as_role(role, unit=unit)
    front = next(answer for path in ("/desk", "/unit", "/floor") if (answer := browser.get(path)).status_code == 200)
    token = {"X-CSRF-Token": form(front.text, "sign-out").fields["csrf"]}

    assert [browser.get(path).status_code for path in ("/callbacks", "/callbacks/list")] == [403, 403]
    assert [browser.post(f"/callbacks/{owed}/{act}", headers=token).status_code for act in ("ring", "remove")] == [403, 403]


@pytest.mark.parametrize("act", ["ring", "remove"])
def test_nothing_is_done_without_the_token_of_the_session(caller: TestClient, owed: UUID, pages: Database, act: str) -> None:
    assert caller.post(f"/callbacks/{owed}/{act}").status_code == 403
    assert state_of(pages, owed) == CallbackState.WAITING


def test_what_is_not_owed_does_not_exist(caller: TestClient, owed: UUID) -> None:
    token = {"X-CSRF-Token": forms(caller.get("/callbacks").text)[0].fields["csrf"]}

    assert caller.post("/callbacks/00000000-0000-4000-8000-000000000000/ring", headers=token).status_code == 404
