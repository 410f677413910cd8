"""Routing by category and place; signing, returning, dispatching again; two people at once; random walks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.errors import Invalid, NotAllowed, Outdated, RuleBroken, WrongState
from hotline.services import cases, dispatching, history
from hotline.services.actors import Actor
from hotline.services.dispatching import ReturnReason
from hotline.services.profiles.profiles import FirstUnit
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseStatus,
    Category,
    Request,
    RequestState,
    Role,
    RoutingRule,
)
from tests.factories import make_staff, unit_of
from tests.factories_cases import (
    an_actor,
    assists_of,
    dispatch,
    fresh_key,
    lead_of,
    liaison_of,
    make_case,
    reopen,
    sign,
    with_reviews,
)

GRID = "990181001001001"  # 东津街道滨江社区第一网格


def codes(chosen: tuple[Any, list[Any]]) -> tuple[str, list[str]]:
    return chosen[0].code, [unit.code for unit in chosen[1]]


def category_with(session: Session, territorial: str) -> RoutingRule:
    return session.scalars(select(RoutingRule).where(RoutingRule.territorial == territorial).limit(1)).one()


def test_a_matter_goes_to_the_unit_of_its_category(session: Session) -> None:
    rule = category_with(session, "none")

    assert codes(dispatching.choose_unit(session, rule.category_code, GRID))[0] == rule.lead_unit_code


def test_where_the_township_leads_the_bureau_assists(session: Session) -> None:
    rule = category_with(session, "area_leads")

    lead, assists = codes(dispatching.choose_unit(session, rule.category_code, GRID))

    assert lead == "T001"
    assert rule.lead_unit_code in assists


def test_where_the_bureau_leads_the_township_assists(session: Session) -> None:
    rule = category_with(session, "area_assists")

    lead, assists = codes(dispatching.choose_unit(session, rule.category_code, GRID))

    assert (lead, assists[-1]) == (rule.lead_unit_code, "T001")


@pytest.mark.parametrize("area", ["", "000000000"])
def test_without_a_known_place_the_bureau_is_alone(session: Session, area: str) -> None:
    rule = category_with(session, "area_leads")

    assert codes(dispatching.choose_unit(session, rule.category_code, area))[0] == rule.lead_unit_code


def test_where_the_street_comes_first_it_leads_whatever_the_category_and_the_bureau_assists(session: Session) -> None:
    rule = category_with(session, "area_assists")

    lead, assists = codes(dispatching.choose_unit(session, rule.category_code, GRID, first=FirstUnit.AREA))

    assert (lead, assists[0]) == ("T001", rule.lead_unit_code)


def test_where_the_street_comes_first_a_matter_without_a_place_goes_by_duty(session: Session) -> None:
    rule = category_with(session, "area_assists")

    lead, _ = codes(dispatching.choose_unit(session, rule.category_code, first=FirstUnit.AREA))

    assert lead == rule.lead_unit_code


def test_a_third_level_category_follows_its_parent(session: Session) -> None:
    third = session.scalars(select(Category).where(Category.level == 3).limit(1)).one()

    assert dispatching.choose_unit(session, third.code) == dispatching.choose_unit(session, third.parent_code or "")


def test_a_rule_for_a_smaller_area_wins(session: Session) -> None:
    rule = category_with(session, "none")
    for area, unit in (("990181001", "GAJ"), ("990181001001", "SLJ")):
        session.add(
            RoutingRule(
                taxonomy_id=rule.taxonomy_id,
                category_code=rule.category_code,
                area_code=area,
                lead_unit_code=unit,
                assist_unit_codes=[],
                territorial="none",
            )
        )
    session.flush()

    assert codes(dispatching.choose_unit(session, rule.category_code, GRID)) == ("SLJ", [])


def test_a_category_without_a_rule_asks_for_a_person(session: Session) -> None:
    with pytest.raises(RuleBroken, match="choose one"):
        dispatching.choose_unit(session, "99")


def test_the_case_follows_its_lead_through_signing_and_answering(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, assists=("T001",))
    lead = lead_of(session, case)

    sign(session, case)

    assert (case.status, lead.status) == (CaseStatus.IN_PROGRESS, AssignmentStatus.IN_PROGRESS)
    assert case.due_at == lead.due_at == lead.answer_due_at
    assert lead.signed_at is not None


def test_an_assistant_that_signs_does_not_move_the_case(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, assists=("T001",))
    (assist,), version = assists_of(session, case), case.version

    dispatching.sign(session, assist, by=liaison_of(session, assist), key=fresh_key())

    assert (case.status, case.version) == (CaseStatus.DISPATCHED, version)
    assert assist.status == AssignmentStatus.IN_PROGRESS


def test_the_same_dispatch_again_is_the_same_assignment(session: Session) -> None:
    case, unit, by, key = make_case(session), unit_of(session, "CGJ"), an_actor(session, Role.DISPATCHER), fresh_key()

    first, again = (dispatching.dispatch(session, case, unit, by=by, key=key, note="尽快") for _ in range(2))

    assert first.id == again.id
    assert case.dispatch_count == 1


def test_signing_late_gains_no_time_to_answer(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    due = lead_of(session, case).answer_due_at

    clock.shift(timedelta(hours=5))
    sign(session, case)

    assert case.due_at == due


def ask(session: Session, assignment: Assignment, **values: Any) -> Request:
    usual: dict[str, Any] = {
        "reason_code": ReturnReason.NOT_MY_DUTY,
        "basis": "职责清单第12项",
        "proposed_unit": unit_of(session, "ZJJ"),
        "by": values.get("by") or liaison_of(session, assignment),
        "key": fresh_key(),
    }
    return dispatching.ask_return(session, assignment, **usual | values)


def decide(session: Session, request: Request, *, grant: bool, **values: Any) -> Request:
    by = values.pop("by", None) or an_actor(session, Role.DISPATCHER)
    return dispatching.decide_return(session, request, grant=grant, by=by, **{"note": "同意", "key": fresh_key()} | values)


@pytest.fixture
def dispatched(session: Session) -> Case:
    return make_case(session, status=CaseStatus.DISPATCHED, assists=("T001",))


def test_a_granted_return_brings_the_case_back_to_the_dispatcher(session: Session, dispatched: Case) -> None:
    lead, (assist,) = lead_of(session, dispatched), assists_of(session, dispatched)
    request = ask(session, lead)
    assert dispatched.status == CaseStatus.DISPATCHED

    decide(session, request, grant=True)

    assert (dispatched.status, lead.status, request.state) == (
        CaseStatus.TO_DISPATCH,
        AssignmentStatus.RETURNED,
        RequestState.GRANTED,
    )
    assert assist.status == AssignmentStatus.WITHDRAWN
    assert dispatched.due_at is not None


def test_a_granted_return_may_go_on_at_once(session: Session, dispatched: Case) -> None:
    request = ask(session, lead_of(session, dispatched))

    decide(session, request, grant=True, unit=unit_of(session, "ZJJ"))

    assert dispatched.status == CaseStatus.DISPATCHED
    assert (dispatched.lead_unit_id, dispatched.dispatch_count) == (unit_of(session, "ZJJ").id, 2)
    assert history.verify(session, dispatched) is None


def test_a_refused_return_leaves_the_case_with_the_unit_and_says_why(session: Session, dispatched: Case) -> None:
    request = ask(session, lead_of(session, dispatched))

    with pytest.raises(Invalid):
        decide(session, request, grant=False, note=" ")
    decide(session, request, grant=False, note="属贵单位职责")

    assert (dispatched.status, request.state, request.decision_note) == (
        CaseStatus.DISPATCHED,
        RequestState.REFUSED,
        "属贵单位职责",
    )
    with pytest.raises(WrongState):
        decide(session, request, grant=True)


def test_asking_and_deciding_twice_by_one_click_counts_once(session: Session, dispatched: Case) -> None:
    lead, asked, decided = lead_of(session, dispatched), fresh_key(), fresh_key()
    by = liaison_of(session, lead)

    assert ask(session, lead, by=by, key=asked).id == ask(session, lead, by=by, key=asked).id
    request = ask(session, lead, by=by, key=asked)
    for _ in range(2):
        decide(session, request, grant=True, key=decided, unit=unit_of(session, "ZJJ"))

    assert dispatched.dispatch_count == 2


@pytest.mark.parametrize(("change", "field"), [({"basis": " "}, "basis"), ({"proposed_unit": None}, "proposed_unit")])
def test_a_return_needs_basis_and_proposal(session: Session, dispatched: Case, change: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        ask(session, lead_of(session, dispatched), **change)

    assert refusal.value.field == field


def test_an_unclear_place_needs_no_proposal(session: Session, dispatched: Case) -> None:
    request = ask(session, lead_of(session, dispatched), reason_code=ReturnReason.UNCLEAR_PLACE, proposed_unit=None)

    assert request.state == RequestState.OPEN


def test_only_one_return_is_decided_at_a_time(session: Session, dispatched: Case) -> None:
    ask(session, lead_of(session, dispatched))

    with pytest.raises(RuleBroken, match="being decided"):
        ask(session, assists_of(session, dispatched)[0])


def test_after_the_window_the_unit_keeps_the_case(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)  # Monday 10:00
    clock.shift(timedelta(hours=37))  # Tuesday 23:00
    decide(session, ask(session, lead_of(session, case)), grant=False)

    clock.shift(timedelta(hours=2))

    with pytest.raises(RuleBroken, match="over"):
        ask(session, lead_of(session, case))


def test_after_three_dispatches_the_unit_is_designated(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    for unit in ("ZJJ", "CGJ"):
        decide(session, ask(session, lead_of(session, case)), grant=True, unit=unit_of(session, unit))

    with pytest.raises(RuleBroken, match="designated"):
        ask(session, lead_of(session, case))


def test_others_may_neither_ask_nor_decide(session: Session, dispatched: Case) -> None:
    lead = lead_of(session, dispatched)

    for stranger in (an_actor(session, Role.LIAISON, unit="GAJ"), an_actor(session, Role.DISPATCHER)):
        with pytest.raises(NotAllowed):
            ask(session, lead, by=stranger)
    with pytest.raises(NotAllowed):
        decide(session, ask(session, lead), grant=True, by=liaison_of(session, lead))


def test_an_answer_overtakes_the_request_to_return(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    lead = lead_of(session, case)
    request = ask(session, lead)

    cases.advance(session, lead, Action.ANSWER, by=liaison_of(session, lead), key=fresh_key())

    session.refresh(request)
    assert request.state == RequestState.REFUSED
    with pytest.raises(WrongState):
        ask(session, lead)


def test_a_lead_from_before_a_reopening_cannot_be_reworked(session: Session) -> None:
    make_case(session, profile=with_reviews())
    case = make_case(session, status=CaseStatus.ANSWERED, unit="CGJ")
    verifier, former = an_actor(session, Role.VERIFIER), lead_of(session, case)
    cases.advance(session, case, Action.CLOSE, by=verifier, key=fresh_key())
    reopen(session, case)
    dispatch(session, case, "ZJJ")
    sign(session, case)
    newer = lead_of(session, case)
    cases.advance(session, newer, Action.ANSWER, by=liaison_of(session, newer), key=fresh_key())

    with pytest.raises(WrongState):
        cases.advance(session, former, Action.REWORK, by=verifier, key=fresh_key(), note="重办")
    cases.advance(session, newer, Action.REWORK, by=verifier, key=fresh_key(), note="重办")

    assert (case.status, case.rework_count) == (CaseStatus.IN_PROGRESS, 1)


def test_of_two_people_who_act_on_what_they_see_one_wins_and_the_other_is_told(database: Database) -> None:
    with database.unit_of_work() as session:
        case = make_case(session)
        dispatchers = [Actor(make_staff(session).id, frozenset({Role.DISPATCHER})) for _ in range(6)]
        case_id, seen = case.id, case.version
    together = Barrier(len(dispatchers))

    def act(by: Actor) -> str:
        together.wait()
        try:
            with database.unit_of_work() as session:
                case = session.get_one(Case, case_id)
                dispatching.dispatch(session, case, unit_of(session, "CGJ"), by=by, key=fresh_key(), seen=seen)
        except Outdated:
            return "told"
        return "won"

    with ThreadPoolExecutor(len(dispatchers)) as pool:
        outcomes = sorted(pool.map(act, dispatchers))

    assert outcomes == ["told"] * 5 + ["won"]
    with database.reading() as session:
        case = session.get_one(Case, case_id)
        assert (case.status, case.dispatch_count) == (CaseStatus.DISPATCHED, 1)
        assert len(session.scalars(select(Assignment).where(Assignment.case_id == case_id)).all()) == 1
        assert history.verify(session, case) is None


def test_one_click_that_arrives_many_times_at_once_counts_once(database: Database) -> None:
    with database.unit_of_work() as session:
        case_id, by = make_case(session).id, an_actor(session, Role.DISPATCHER)
    together, key = Barrier(6), fresh_key()

    def act(_: int) -> Any:
        together.wait()
        with database.unit_of_work() as session:
            case = session.get_one(Case, case_id)
            return dispatching.dispatch(session, case, unit_of(session, "CGJ"), by=by, key=key).id

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(act, range(6)))) == 1
