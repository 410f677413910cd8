"""Supervision on the screens: taken on the case, answered at the unit's desk, cleared with a reason."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from time_machine import Traveller

from hotline.db import Database
from models import CaseStatus, Mark, MarkKind, Role
from tests.conftest import SignIn
from tests.web.cases import a_case, lead_url
from tests.web.desk import submit
from tests.web.forms import form, forms


def at_work(pages: Database, **values: Any) -> tuple[str, str]:
    """Its number, and its address at the unit's desk."""
    number = a_case(pages, CaseStatus.IN_PROGRESS, **values)
    return number, lead_url(pages, number)


def test_a_measure_is_taken_answered_and_cleared(as_role: SignIn, pages: Database) -> None:
    supervisor, liaison = as_role(Role.SUPERVISOR), as_role(Role.LIAISON, unit="CGJ")
    number, desk = at_work(pages)

    taken = submit(supervisor, f"/case/{number}", "take-measure", measure="yellow_card", basis="超期三天")
    waiting, listed = liaison.get(desk).text, liaison.get("/unit?tab=supervised").text
    answered = submit(liaison, desk, "answer-measure", text="已约谈责任科室")
    seen = supervisor.get(f"/verify/supervised/{number}").text
    cleared = submit(supervisor, f"/case/{number}", "clear-measure", reason="已整改到位")

    assert [each.status_code for each in (taken, answered, cleared)] == [303, 303, 303]
    assert "黄牌" in waiting
    assert "超期三天" in waiting
    assert number in listed
    assert "已约谈责任科室" in seen
    assert number not in supervisor.get("/verify?tab=supervised").text
    assert "已整改到位" in liaison.get(desk).text
    with pages.reading() as session:
        assert session.scalars(select(Mark.cleared_reason).where(Mark.kind == MarkKind.SUPERVISION)).one() == "已整改到位"


def test_units_neither_take_nor_clear_measures(as_role: SignIn, pages: Database) -> None:
    liaison = as_role(Role.LIAISON, unit="CGJ")
    number, desk = at_work(pages)
    submit(as_role(Role.SUPERVISOR), f"/case/{number}", "take-measure", measure="reminder", basis="请尽快")

    names = {each.name for each in forms(liaison.get(desk).text)}

    assert "answer-measure" in names
    assert {"take-measure", "clear-measure"} & names == set()


def test_another_units_measure_is_not_answered(as_role: SignIn, pages: Database) -> None:
    number, desk = at_work(pages)
    _, other = at_work(pages, unit="ZJJ")
    submit(as_role(Role.SUPERVISOR), f"/case/{number}", "take-measure", measure="reminder", basis="请尽快")
    stranger = as_role(Role.LIAISON, unit="ZJJ")
    with pages.reading() as session:
        mark = session.scalars(select(Mark.id)).one()
    token = form(stranger.get(other).text, "answer").filled(mark_id=str(mark), text="已整改")

    assert stranger.post(f"{desk}/measure", data=token).status_code == 404
    assert stranger.post(f"{other}/measure", data=token).status_code == 404


def test_a_supervisor_begins_with_what_is_late(as_role: SignIn, pages: Database, clock: Traveller) -> None:
    number, _ = at_work(pages)
    clock.shift(timedelta(hours=73))

    assert number in as_role(Role.SUPERVISOR).get("/verify").text
