"""Five cities at work, each by the steps of the practice that its profile is drawn from; every step through a public door."""

from dataclasses import dataclass
from typing import Any

import pytest
from fastapi.testclient import TestClient

from hotline.cli import export
from hotline.db import Database
from models import Role
from tests.conftest import Drain, SignIn
from tests.journeys.doors import (
    ANSWER,
    RIVERSIDE,
    answer,
    case_row,
    evaluate,
    get,
    on_desk,
    open_at_unit,
    see_on_site,
    send,
    send_down,
    take_and_file,
    track,
    write,
)

ONE_DATABASE = True


@pytest.fixture
def citizen(client: TestClient) -> TestClient:
    return client


@dataclass(frozen=True)
class City:
    """The people of a city that works by one of the profiles."""

    database: Database
    citizen: TestClient
    as_role: SignIn
    drain: Drain

    def works_by(self, code: str) -> None:
        administrator = self.as_role(Role.ADMINISTRATOR)
        page = get(administrator, f"/admin/profiles/{code}")
        if page.has("profile-in-force"):
            send(administrator, page, "profile-in-force", reason="市政府会议纪要第 12 号")

    def row(self, number: str) -> dict[str, Any]:
        self.drain()
        return dict(case_row(self.database, number))

    def status(self, number: str) -> object:
        return self.row(number)["status"]

    def survey(self) -> dict[str, Any]:
        self.drain()
        with self.database.reading() as session:
            *_, last = export.surveys(session)
        return dict(last)


@pytest.fixture
def city(database: Database, citizen: TestClient, as_role: SignIn, drain: Drain) -> City:
    return City(database, citizen, as_role, drain)


def test_seven_steps_with_a_review_before_and_a_look_on_the_spot_after(city: City) -> None:
    city.works_by("seven_step")
    leader, dispatcher, verifier = (city.as_role(role) for role in (Role.SHIFT_LEADER, Role.DISPATCHER, Role.VERIFIER))
    liaison = city.as_role(Role.LIAISON, unit="ZJJ")

    # 1 信息收集, 2 案卷建立: the agent files, and proposes the unit; nothing goes out yet.
    number, code = write(city.citizen)
    take_and_file(city.as_role(Role.AGENT), dispatch_note="晚上看不清台阶，请优先")
    assert city.status(number) == "under_review"
    assert not on_desk(dispatcher, "review", number).has("approve")
    assert get(leader, "/verify").html.count(number) > 0

    # 3 任务派遣: the shift leader reads it with what the agent proposed, and lets it out.
    review = on_desk(leader, "review", number).form("approve")
    assert (review.first("unit"), review.first("note")) == ("ZJJ", "晚上看不清台阶，请优先")
    assert "assists" not in review.values
    send(leader, on_desk(leader, "review", number), "approve")
    assert city.row(number)["unit"] == "ZJJ"

    # 4 任务处理, 5 结果反馈.
    answer(liaison, number)
    assert city.status(number) == "answered"

    # 6 核查结案: not from the desk; what was not done goes back, what was done is closed.
    assert "通过 <kbd" not in on_desk(verifier, "to_check", number).html
    send(verifier, on_desk(verifier, "to_check", number), "to-site", note="看灯亮不亮")
    see_on_site(verifier, number, "sent_back", "到场时灯仍不亮")
    assert city.status(number) == "in_progress"
    send(liaison, open_at_unit(liaison, number), "answer", public_text=ANSWER, closure="solved")
    send(verifier, on_desk(verifier, "to_check", number), "to-site")
    see_on_site(verifier, number, "passed", "三盏灯都亮")
    assert city.status(number) == "closed"
    seen = get(verifier, f"/case/{number}").html
    assert "现场核查：通过" in seen
    assert "现场 IMG_1.jpg" in seen
    assert ANSWER in track(city.citizen, number, code).html

    # 7 综合评价: by the service, from what happened and what the citizen says.
    evaluate(city.citizen, number, code)
    scores = city.survey()["scores"]
    opinions = dict.fromkeys(("resolution", "satisfaction", "unit_satisfaction"), 1.0)
    assert scores == {**scores, **opinions, "contact": 0.0, "on_time": 1.0, "rework": 1.0}


def test_a_shift_leader_turns_away_what_belongs_elsewhere(city: City) -> None:
    city.works_by("seven_step")
    leader = city.as_role(Role.SHIFT_LEADER)
    number, code = write(city.citizen)
    take_and_file(city.as_role(Role.AGENT))

    send(leader, on_desk(leader, "review", number), "redirect", door="other", reason="小区内部路灯由物业管理，请先联系物业。")

    assert city.status(number) == "redirected"
    assert "请先联系物业" in track(city.citizen, number, code).html


def test_quick_response_goes_straight_out_and_asks_after_the_closing(city: City) -> None:
    city.works_by("quick_response")
    dispatcher, verifier = city.as_role(Role.DISPATCHER), city.as_role(Role.VERIFIER)
    liaison = city.as_role(Role.LIAISON, unit="ZJJ")
    number, code = write(city.citizen)
    take_and_file(city.as_role(Role.AGENT))

    # 2 小时回应: the unit speaks with the citizen first.
    send(liaison, open_at_unit(liaison, number), "sign")
    send(liaison, open_at_unit(liaison, number), "contacted", text="已约今晚到场")
    send(liaison, open_at_unit(liaison, number), "answer", public_text=ANSWER, closure="solved")
    send(verifier, on_desk(verifier, "to_check", number), "verdict", verdict="passed")
    assert city.status(number) == "closed"
    evaluate(city.citizen, number, code, solved="no", result="dissatisfied", remark="又灭了")
    city.drain()
    send(verifier, on_desk(verifier, "reopening", number), "decide-reopening", ruling="rework", note="换供电公司看线路")
    send(dispatcher, on_desk(dispatcher, "to_dispatch", number), "dispatch", unit="GDG")
    answer(city.as_role(Role.LIAISON, unit="GDG"), number)
    send(verifier, on_desk(verifier, "to_check", number), "verdict", verdict="passed")
    evaluate(city.citizen, number, code)

    assert (city.status(number), city.row(number)["dispatched"]) == ("closed", 2)
    told = track(city.citizen, number, code).html
    assert [told.count(f"已派给{unit}") for unit in ("供电公司", "住房和城乡建设局")] == [1, 1]
    assert city.survey()["scores"]["contact"] == 0.0  # the second unit did not ring


def test_one_desk_takes_sends_out_and_closes_from_the_desk_or_from_the_spot(city: City) -> None:
    city.works_by("one_desk")
    agent, verifier = city.as_role(Role.AGENT), city.as_role(Role.VERIFIER)
    lead = city.as_role(Role.LIAISON, unit="T001")

    # 一台受理、二级分拨: whoever takes it sends it out.
    number, code = write(city.citizen, text=RIVERSIDE)
    take_and_file(agent, unit="T001", place_text="滨江路75号")
    assert city.row(number)["status"] == "dispatched"

    # 处置, 核查 from the desk first, then on the spot.
    answer(lead, number)
    page = on_desk(verifier, "to_check", number)
    assert "通过 <kbd" in page.html
    send(verifier, page, "to-site", note="照片看不出")
    see_on_site(verifier, number, "passed", "灯亮")

    # 结案, 考核.
    assert city.status(number) == "closed"
    evaluate(city.citizen, number, code, result="very_satisfied")
    assert city.survey()["scores"]["satisfaction"] == 1.0


def test_the_centre_closes_only_what_it_has_seen_and_the_citizen_accepts(city: City) -> None:
    city.works_by("centre_verified")
    verifier, caller = city.as_role(Role.VERIFIER), city.as_role(Role.CALLBACK_AGENT)
    liaison = city.as_role(Role.LIAISON, unit="ZJJ")
    number, code = write(city.citizen)
    take_and_file(city.as_role(Role.AGENT))
    answer(liaison, number)

    # 监督员现场核实, then the citizen is asked; nothing is closed yet, and the answer can be read.
    send(verifier, on_desk(verifier, "to_check", number), "to-site")
    see_on_site(verifier, number, "passed", "灯亮")
    assert city.status(number) == "callback"
    evaluate(city.citizen, number, code, solved="no", result="dissatisfied", remark="只亮了一盏")
    assert city.status(number) == "callback"

    # Not accepted: the unit does it over.
    assert "只亮了一盏" in on_desk(caller, "reopening", number).html
    send(caller, on_desk(caller, "reopening", number), "decide-reopening", ruling="rework", note="其余两盏也要修")
    assert city.status(number) == "in_progress"
    send(liaison, open_at_unit(liaison, number), "answer", public_text="三盏灯都已修好。", closure="solved")
    send(verifier, on_desk(verifier, "to_check", number), "to-site")
    see_on_site(verifier, number, "passed", "三盏都亮")

    # 回访 by telephone: nobody at first, then content.
    city.drain()
    send(caller, on_desk(caller, "callback", number), "unreached", over="false", text="下午三点无人接听")
    assert city.status(number) == "callback"
    said = {"solved": "true", "result": "satisfied", "unit": "very_satisfied", "remark": "都亮了"}
    send(caller, on_desk(caller, "callback", number), "asked", **said)

    # 区级平台核实通过后予以结案.
    assert city.status(number) == "closed"
    assert "三盏灯都已修好。" in track(city.citizen, number, code).html
    assert city.survey()["scores"]["satisfaction"] == 1.0


def test_a_citizen_who_does_not_want_to_be_asked_holds_nothing_up(city: City) -> None:
    city.works_by("centre_verified")
    verifier = city.as_role(Role.VERIFIER)
    number, _ = write(city.citizen)
    take_and_file(city.as_role(Role.AGENT), wants_callback="false")
    answer(city.as_role(Role.LIAISON, unit="ZJJ"), number)

    send(verifier, on_desk(verifier, "to_check", number), "to-site")
    see_on_site(verifier, number, "passed", "灯亮")

    assert city.status(number) == "closed"


def test_the_street_comes_first_and_has_the_bureau_at_its_side(city: City) -> None:
    city.works_by("street_first")
    verifier = city.as_role(Role.VERIFIER)
    street, bureau = city.as_role(Role.LIAISON, unit="T001"), city.as_role(Role.LIAISON, unit="ZJJ")
    community = city.as_role(Role.LIAISON, unit="990181001001")
    worker = city.as_role(Role.GRID_WORKER, unit="990181001001004")

    # Whatever has a place goes to the street that it lies in; nobody has to choose it.
    number, code = write(city.citizen, text=RIVERSIDE, place="滨江路75号")
    place = {"place_text": "滨江路75号", "place_choice": "990181001001"}
    take_and_file(city.as_role(Role.AGENT), unit="", category_pick="0203 路灯", **place)
    row = city.row(number)
    assert (row["status"], row["unit"]) == ("dispatched", "T001")

    # 小事一格解决: down to the community and its grid, and up again.
    at_street = send_down(street, number, "990181001001")
    at_community = send_down(community, number, "990181001001004")
    answer(worker, number)
    send(community, get(community, at_community), "answer", public_text="社区到场看过，灯亮。", closure="solved")
    assert city.status(number) == "in_progress"

    # The bureau answers to the street's call, the street answers for all.
    answer(bureau, number)
    assert city.status(number) == "in_progress"
    send(street, get(street, at_street), "answer", public_text=ANSWER, closure="solved")
    send(verifier, on_desk(verifier, "to_check", number), "verdict", verdict="passed")

    assert city.status(number) == "closed"
    evaluate(city.citizen, number, code)
    assert city.survey()["scores"]["resolution"] == 1.0


def test_running_cases_stay_on_the_profile_that_they_were_filed_under(city: City) -> None:
    city.works_by("seven_step")
    leader = city.as_role(Role.SHIFT_LEADER)
    number, _ = write(city.citizen)
    take_and_file(city.as_role(Role.AGENT))

    city.works_by("quick_response")
    later, _ = write(city.citizen, text="银杏路3号门口井盖松动。")
    take_and_file(city.as_role(Role.AGENT))

    assert (city.status(number), city.status(later)) == ("under_review", "dispatched")
    send(leader, on_desk(leader, "review", number), "approve")
    assert city.status(number) == "dispatched"
