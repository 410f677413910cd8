"""Down to the grid and back on the pages: what each level sees, sends and composes; who is called in; what a meeting came to."""

from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from hotline.db import Database
from hotline.services.profiles import profiles
from models import Assignment, Case, CaseStatus, Meeting, Role, Unit
from tests.conftest import SignIn
from tests.factories_cases import make_case
from tests.web.cases import lead_url, state
from tests.web.desk import offered, submit
from tests.web.forms import form

STREET, COMMUNITY, GRID = "T001", "990181001001", "990181001001001"


@pytest.fixture
def street(as_role: SignIn) -> TestClient:
    return as_role(Role.LIAISON, unit=STREET)


@pytest.fixture
def community(as_role: SignIn) -> TestClient:
    return as_role(Role.LIAISON, unit=COMMUNITY)


@pytest.fixture
def worker(as_role: SignIn) -> TestClient:
    return as_role(Role.GRID_WORKER, unit=GRID)


def at_work(pages: Database, **values: Any) -> str:
    with pages.unit_of_work() as session:
        values = {"unit": STREET, "community_code": COMMUNITY, "grid_code": GRID} | values
        return make_case(session, status=CaseStatus.IN_PROGRESS, **values).number


def url_at(pages: Database, number: str, unit: str) -> str:
    with pages.reading() as session:
        found: UUID | None = session.scalars(
            select(Assignment.id)
            .join(Case, Case.id == Assignment.case_id)
            .join(Unit, Unit.id == Assignment.unit_id)
            .where(Case.number == number, Unit.code == unit)
            .order_by(Assignment.dispatched_at.desc())
        ).first()
    return f"/unit/{found}"


def sent_down(street: TestClient, pages: Database) -> str:
    """Its number; the community has it, and has signed."""
    number = at_work(pages)
    assert submit(street, lead_url(pages, number), "send-down", note="请先看现场").status_code == 303
    return number


def test_a_case_goes_down_two_levels_and_its_answers_come_up(
    street: TestClient, community: TestClient, worker: TestClient, pages: Database
) -> None:
    number = sent_down(street, pages)
    middle = url_at(pages, number, COMMUNITY)
    assert "请先看现场" in community.get(middle).text
    submit(community, middle, "sign")
    submit(community, middle, "send-down")
    grid = url_at(pages, number, GRID)
    assert number in worker.get("/unit").text
    submit(worker, grid, "sign")
    submit(worker, grid, "answer", public_text="垃圾已运走。")

    assert community.get(middle).text.count('<p class="pre">垃圾已运走。</p>') == 1
    assert 'data-insert="public_text"' in community.get(middle).text
    submit(community, middle, "answer", public_text="社区核实，垃圾已运走。")
    assert "社区核实" in street.get(lead_url(pages, number)).text
    submit(street, lead_url(pages, number), "answer", public_text="已清运。")
    assert state(pages, number) == CaseStatus.ANSWERED


def test_the_case_page_draws_the_tree(street: TestClient, pages: Database) -> None:
    number = sent_down(street, pages)

    page = street.get(f"/case/{number}").text

    assert "└ " in page
    assert "下派" in page


def test_a_grid_worker_is_offered_what_a_grid_worker_may_do(
    street: TestClient, community: TestClient, worker: TestClient, pages: Database
) -> None:
    number = sent_down(street, pages)
    middle = url_at(pages, number, COMMUNITY)
    submit(community, middle, "sign")
    submit(community, middle, "send-down")
    grid = url_at(pages, number, GRID)

    before = offered(worker, grid)
    submit(worker, grid, "sign")
    after = offered(worker, grid)

    assert before & {"sign", "send-up", "ask-return", "send-down", "answer"} == {"sign", "send-up"}
    assert after & {"sign", "send-up", "ask-return", "send-down", "answer", "call-in", "ask-assists"} == {"send-up", "answer"}


def test_what_comes_back_up_is_seen_above_with_its_reason_and_gone_below(
    street: TestClient, community: TestClient, pages: Database
) -> None:
    number = sent_down(street, pages)
    middle = url_at(pages, number, COMMUNITY)

    assert submit(community, middle, "send-up", note="需要专业队伍").status_code == 303

    assert community.get(middle).status_code == 404
    page = street.get(lead_url(pages, number)).text
    assert "需要专业队伍" in page
    assert "退回上级" in page


def test_a_poor_answer_goes_back_down(street: TestClient, community: TestClient, pages: Database) -> None:
    number = sent_down(street, pages)
    middle = url_at(pages, number, COMMUNITY)
    submit(community, middle, "sign")
    submit(community, middle, "answer", public_text="看过了")

    assert submit(street, lead_url(pages, number), "send-back", note="请附照片").status_code == 303

    assert "请附照片" in community.get(middle).text
    assert "answer" in offered(community, middle)


def test_levels_see_nothing_beside_them(street: TestClient, as_role: SignIn, pages: Database) -> None:
    number = sent_down(street, pages)

    for unit in ("T002", "990181001002", "990181001001002"):
        assert as_role(Role.LIAISON, unit=unit).get(url_at(pages, number, COMMUNITY)).status_code == 404


def test_a_street_whistles_where_the_profile_lets_it(street: TestClient, as_role: SignIn, pages: Database) -> None:
    number = at_work(pages, profile=profiles.shipped() | {"may_call": ["area"]})

    answer = submit(street, lead_url(pages, number), "call-in", units="CGJ", note="三点到场")

    assert answer.status_code == 303
    assert "三点到场" in as_role(Role.LIAISON, unit="CGJ").get(url_at(pages, number, "CGJ")).text
    assert "call-in" not in offered(street, lead_url(pages, at_work(pages, profile=profiles.shipped())))


def test_a_change_of_the_assisting_units_is_decided_at_the_centre(street: TestClient, as_role: SignIn, pages: Database) -> None:
    number = at_work(pages)
    submit(street, lead_url(pages, number), "ask-assists", unit="ZJJ", basis="涉及房屋结构")
    dispatcher = as_role(Role.DISPATCHER)

    listed = dispatcher.get("/verify?tab=assists").text
    decided = submit(dispatcher, f"/verify/assists/{number}", "decide-assists", grant="true")

    assert number in listed
    assert "增加协办单位" in listed
    assert decided.status_code == 303
    assert number in as_role(Role.LIAISON, unit="ZJJ").get("/unit").text


def test_the_lead_reads_what_assisting_units_answered(street: TestClient, as_role: SignIn, pages: Database) -> None:
    number = at_work(pages, assists=("CGJ",))
    assisting = as_role(Role.LIAISON, unit="CGJ")
    url = url_at(pages, number, "CGJ")
    submit(assisting, url, "sign")
    submit(assisting, url, "answer", public_text="违停车辆已拖离。", internal_note="罚款两百")

    page = street.get(lead_url(pages, number)).text

    assert "违停车辆已拖离。" in page
    assert "罚款两百" not in page


def test_a_meeting_stands_on_the_case(street: TestClient, as_role: SignIn, pages: Database) -> None:
    number = at_work(pages)

    submit(street, lead_url(pages, number), "meeting", held_on="2026-01-05", present="街道、城管局", result="每周清运三次")
    dispatcher = as_role(Role.DISPATCHER)
    submit(dispatcher, f"/verify/to_check/{number}", "meeting", held_on="2026-01-06", present="中心、街道", result="下周复查")

    with pages.reading() as session:
        assert len(session.scalars(select(Meeting)).all()) == 2
    for page in (dispatcher.get(f"/case/{number}").text, street.get(lead_url(pages, number)).text):
        assert "每周清运三次" in page
        assert "下周复查" in page


def test_a_designated_unit_reads_so_and_is_not_offered_a_return(street: TestClient, pages: Database) -> None:
    once = lead_url(pages, at_work(pages, profile=profiles.shipped()))
    kept = lead_url(pages, at_work(pages, profile=profiles.shipped() | {"designate_after": 1}))

    assert "中心指定承办" not in street.get(once).text
    assert "ask-return" in offered(street, once)
    assert "中心指定承办" in street.get(kept).text
    assert "ask-return" not in offered(street, kept)


def test_the_dispatcher_reads_before_the_dispatch_that_designates(as_role: SignIn, pages: Database) -> None:
    with pages.unit_of_work() as session:
        number = make_case(session, profile=profiles.shipped() | {"designate_after": 1}).number

    assert "派出即由中心指定承办" in as_role(Role.DISPATCHER).get(f"/verify/to_dispatch/{number}").text


def test_the_form_to_send_down_offers_the_community_of_the_place(street: TestClient, pages: Database) -> None:
    found = form(street.get(lead_url(pages, at_work(pages))).text, "send-down")

    assert found.fields["unit"] == COMMUNITY


def test_who_has_it_already_is_not_offered_again(street: TestClient, community: TestClient, pages: Database) -> None:
    number = sent_down(street, pages)

    again = form(street.get(lead_url(pages, number)).text, "send-down")
    submit(community, url_at(pages, number, COMMUNITY), "send-up", note="不在本社区")

    assert again.fields["unit"] != COMMUNITY
    assert form(street.get(lead_url(pages, number)).text, "send-down").fields["unit"] == COMMUNITY


def test_where_the_profile_sends_nothing_down_no_form_is_drawn(street: TestClient, pages: Database) -> None:
    number = at_work(pages, profile=profiles.shipped() | {"levels": 2})

    assert "send-down" not in offered(street, lead_url(pages, number))
