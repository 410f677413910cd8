"""The pages of rosters: a liaison's own, and for the centre who is on duty today."""

from fastapi.testclient import TestClient
from sqlalchemy import select
from time_machine import Traveller

from hotline.db import Database
from models import DutyShift, Role, StaffLeave, TeamMember
from tests.conftest import SignIn
from tests.services.rosters.making import make_member
from tests.web.forms import form, forms


def sent(browser: TestClient, name: str, **values: str) -> TestClient:
    found = form(browser.get("/unit/roster").text, name)
    answer = browser.post(found.action, data=found.filled(**values))
    assert answer.status_code == 303, answer.text
    return browser


def test_a_liaison_writes_team_roster_and_leave(as_role: SignIn, pages: Database, clock: Traveller) -> None:
    liaison = as_role(Role.LIAISON, unit="CGJ", name="周岚")
    assert "收不到提醒" in liaison.get("/unit/roster").text

    sent(liaison, "reach", number="13900001111", email="zhou@example.com", place="1")
    sent(liaison, "code", code="271828")
    sent(liaison, "shift", weekday="1", begins="17:30", ends="08:30")
    sent(liaison, "leave", begins_on="2026-12-01", ends_on="2026-12-03")

    page = liaison.get("/unit/roster").text
    assert "139****1111" in page
    assert "周一" in page
    assert "2026-12-03" in page
    with pages.reading() as session:
        assert session.scalars(select(TeamMember.email)).one() == "zhou@example.com"
        assert session.scalars(select(DutyShift.weekday)).one() == 1
    sent(liaison, "remove-shift")
    sent(liaison, "end-leave")
    with pages.reading() as session:
        assert session.scalars(select(DutyShift)).all() == []
        assert session.scalars(select(StaffLeave)).all() == []


def test_gaps_are_warned_of_on_the_desk(as_role: SignIn, clock: Traveller) -> None:
    assert "段没有排班" in as_role(Role.LIAISON, unit="CGJ").get("/unit").text


def test_a_roster_is_loaded_from_a_file_or_refused_with_the_reasons(as_role: SignIn, pages: Database, clock: Traveller) -> None:
    liaison = as_role(Role.LIAISON, unit="CGJ", name="周岚")
    found = form(liaison.get("/unit/roster").text, "load-roster")

    refused = liaison.post(
        found.action, data=found.filled(), files={"file": ("a.csv", "日期,开始,结束,值班人\n周一,17:30,8:30,无名\n")}
    )
    assert refused.status_code == 422
    assert "本单位没有“无名”这个人" in refused.text
    loaded = liaison.post(
        found.action, data=found.filled(), files={"file": ("a.csv", "日期,开始,结束,值班人\n周一,17:30,8:30,周岚\n")}
    )

    assert loaded.status_code == 303
    with pages.reading() as session:
        assert session.scalars(select(DutyShift.weekday)).all() == [1]


def test_another_units_roster_is_out_of_sight(as_role: SignIn) -> None:
    assert as_role(Role.LIAISON, unit="CGJ").get("/unit/roster?unit=ZJJ").status_code == 404
    assert as_role(Role.AGENT).get("/unit/roster").status_code == 403
    assert as_role(Role.ADMINISTRATOR).get("/unit/roster?unit=CGJ").status_code == 200


def test_a_grid_worker_reads_the_roster_and_writes_none(as_role: SignIn, pages: Database) -> None:
    with pages.unit_of_work() as session:
        make_member(session)
    worker = as_role(Role.GRID_WORKER, unit="CGJ")

    assert {found.name for found in forms(worker.get("/unit/roster").text)} <= {"sign-out", "code"}


def test_the_centre_sees_who_is_on_duty_and_reveals_the_number(as_role: SignIn, pages: Database, clock: Traveller) -> None:
    with pages.unit_of_work() as session:
        make_member(session, name="周岚")
    dispatcher = as_role(Role.DISPATCHER)
    page = dispatcher.get("/duty?q=CGJ").text
    assert "139****1111" in page
    assert "13900001111" not in page

    found = form(page, "reveal-duty")

    assert "+8613900001111" in dispatcher.post(found.action, data=found.filled(reason="联系值班")).text
    assert as_role(Role.LIAISON, unit="CGJ").get("/duty").status_code == 403
