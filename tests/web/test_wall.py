"""The wall's pages: drawn once for everybody, alarms with who takes them on, lists behind numbers."""

from collections.abc import Callable

import pytest
import time_machine
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.alerts.watching import sweep
from hotline.settings import Settings
from models import CaseStatus, Role, Subscriber
from tests.factories_calls import make_call, make_line
from tests.factories_cases import make_case
from tests.factories_contacts import make_contact
from tests.web.forms import form

SignIn = Callable[..., TestClient]


def test_all_walls_show_one_drawing_until_it_is_no_longer_fresh(
    as_role: SignIn, pages: Database, clock: time_machine.Traveller
) -> None:
    one, other = as_role(Role.SUPERVISOR), as_role(Role.SHIFT_LEADER)
    first = one.get("/wall/now").text
    with pages.unit_of_work() as session:
        make_contact(session)

    meanwhile = other.get("/wall/now").text
    clock.shift(1.5)
    later = other.get("/wall/now").text

    assert first == meanwhile != later
    assert "今日 0</span>" in meanwhile
    assert "今日 1</span>" in later


def test_with_a_telephone_the_wall_shows_its_rates(
    as_role: SignIn, pages: Database, settings: Settings, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "telephony", "on")
    with pages.unit_of_work() as session:
        line = make_line(session)
        make_call(session, facts=("queued", "rang", "answered", "ended"), line=line)
        make_call(session, facts=("queued", "ended"))
    clock.shift(600)

    wall = as_role(Role.SUPERVISOR).get("/wall/now").text

    assert "15 秒接听率（今日）" in wall
    assert "50.0<small>%</small>" in wall
    assert "电话未连接" in wall


def test_behind_the_rates_of_the_telephone_are_their_calls(
    as_role: SignIn, pages: Database, clock: time_machine.Traveller
) -> None:
    with pages.unit_of_work() as session:
        make_call(session, facts=("queued", "rang", "answered"), line=make_line(session), seconds=20)
        make_call(session, facts=("queued", "ended"), number="13900139000")
    clock.shift(600)
    leader = as_role(Role.SHIFT_LEADER)

    rate, lost = (leader.get(f"/wall/calls?of={of}").text for of in ("asked", "lost_24h"))

    assert "2 通" in rate
    assert "15 秒后接听" in rate
    assert "138****8000" in rate
    assert "13800138000" not in rate
    assert "规则：过去 24 小时内" in lost
    assert "138****8000" not in lost
    assert "139****9000" in lost
    assert as_role(Role.ADMINISTRATOR).get("/wall/calls").status_code == 403


def test_behind_the_rates_of_what_is_written_are_its_contacts(
    as_role: SignIn, pages: Database, clock: time_machine.Traveller
) -> None:
    with pages.unit_of_work() as session:
        make_contact(session, channel="sms", number="13900139000")
    clock.shift(600)
    leader = as_role(Role.SHIFT_LEADER)

    wall, late = leader.get("/wall/now").text, leader.get("/wall/letters?of=texts_late").text

    assert "/wall/letters?of=texts" in wall
    assert "超时，还没有人受理" in late
    assert "139****9000" in late
    assert "13900139000" not in late
    assert as_role(Role.ADMINISTRATOR).get("/wall/letters").status_code == 403


def test_an_alarm_stands_on_the_wall_and_somebody_takes_it_on(
    as_role: SignIn, pages: Database, clock: time_machine.Traveller
) -> None:
    with pages.unit_of_work() as session:
        for _ in range(5):
            make_case(session, township_code="990181003")
    sweep(pages)
    leader = as_role(Role.SHIFT_LEADER)

    wall = leader.get("/wall").text
    known = form(leader.get("/wall/alerts").text, "alert-known")
    answer = leader.post(known.action, data=known.filled())

    assert "突发　河西街道　垃圾清运" in wall
    assert "/wall/list?of=area&amp;area=990181003&amp;category=0102" in wall
    assert answer.status_code == 303
    assert "由我处理" not in leader.get("/wall/alerts").text


def test_people_are_named_for_messages_and_left_out_again(as_role: SignIn, pages: Database) -> None:
    supervisor = as_role(Role.SUPERVISOR)
    add = form(supervisor.get("/wall/alerts").text, "subscriber-add")

    refused = supervisor.post(add.action, data=add.filled(name="周主任", address="123", wants="cluster"))
    supervisor.post(add.action, data=add.filled(name="周主任", address="13900001234", wants="cluster"))
    page = supervisor.get("/wall/alerts").text
    leave = form(page, "subscriber-leave-out")
    supervisor.post(leave.action, data=leave.filled())

    assert refused.status_code == 422
    assert "周主任" in page
    assert "13900001234" not in page
    assert "周主任" not in supervisor.get("/wall/alerts").text
    with pages.reading() as session:
        assert session.scalars(select(Subscriber.address)).all() == ["+8613900001234"]


def test_a_leader_may_look_but_not_name_people(as_role: SignIn) -> None:
    leader = as_role(Role.SHIFT_LEADER)
    token = form(leader.get("/wall/alerts").text, "sign-out").fields["csrf"]

    answer = leader.post("/wall/people", data={"csrf": token, "name": "某", "address": "13900001234", "wants": "cluster"})

    assert answer.status_code == 403


def test_the_list_behind_a_number_hides_what_is_sealed(as_role: SignIn, pages: Database, clock: time_machine.Traveller) -> None:
    with pages.unit_of_work() as session:
        open_one = make_case(session, status=CaseStatus.DISPATCHED, title="路灯不亮").number
        sealed = make_case(
            session, status=CaseStatus.DISPATCHED, title="不能说的事", confidential=True, unit_summary="已脱敏"
        ).number
        make_contact(session)
    supervisor = as_role(Role.SUPERVISOR)

    page = supervisor.get("/wall/list?of=open&unit=CGJ").text
    arrivals = [supervisor.get(f"/wall/arrivals{slot}").text for slot in ("", "?slot=20")]

    assert all(number in page for number in (open_one, sealed))
    assert "路灯不亮" in page
    assert "不能说的事" not in page
    assert all("信箱" in each for each in arrivals)


@pytest.mark.parametrize(
    "path", ["/wall/list?of=everything", "/wall/arrivals?slot=48", "/wall/calls?of=all", "/wall/letters?of=all"]
)
def test_there_is_no_list_of_what_is_not_counted(as_role: SignIn, path: str) -> None:
    assert as_role(Role.SUPERVISOR).get(path).status_code == 422


def test_administrators_see_the_wall_and_no_cases(as_role: SignIn) -> None:
    administrator = as_role(Role.ADMINISTRATOR)

    assert [administrator.get(path).status_code for path in ("/wall", "/wall/alerts", "/wall/list")] == [200, 200, 403]
