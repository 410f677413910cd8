"""Units that work on one case together: called in by a street, asked for by the lead, met around a table."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import answers, dispatching, history
from hotline.services.access import CaseView, Held
from hotline.services.profiles import profiles
from hotline.services.reading_story import story_of
from hotline.services.units import joint
from hotline.services.units.joint import Change
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    Meeting,
    RequestState,
    Role,
    Standing,
    Unit,
    today,
)
from tests.factories import unit_of
from tests.factories_cases import an_actor, answer, assists_of, check, fresh_key, lead_of, liaison_of, make_case

STREET = "T001"


def whistling() -> dict[str, Any]:
    """Streets call others in by themselves, as where the street comes first."""
    return profiles.shipped() | {"may_call": ["area"]}


def at_work(session: Session, *, unit: str = STREET, **values: Any) -> tuple[Case, Assignment]:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, unit=unit, **values)
    return case, lead_of(session, case)


def call(session: Session, lead: Assignment, *codes: str, key: str = "") -> Assignment:
    units = [unit_of(session, code) for code in codes]
    by = liaison_of(session, lead)
    return joint.call_in(session, lead, units, note="下午三点到现场", by=by, key=key or fresh_key())


def ask(session: Session, lead: Assignment, change: Change, code: str, basis: str = "须一并执法") -> Any:
    by = liaison_of(session, lead)
    return joint.ask_change(session, lead, change, unit_of(session, code), basis=basis, by=by, key=fresh_key())


def decide(session: Session, request: Any, *, grant: bool, note: str = "同意") -> None:
    joint.decide_change(session, request, grant=grant, note=note, by=an_actor(session, Role.DISPATCHER), key=fresh_key())


def test_the_story_tells_the_street_whom_it_called_and_not_one_bureau_of_another(session: Session) -> None:
    case, lead = at_work(session, profile=whistling())
    call(session, lead, "CGJ", "ZJJ")

    told = {}
    for row in (lead, *assists_of(session, case)):
        view = CaseView(case=case, held=[Held(row, session.get_one(Unit, row.unit_id))], whole=False)
        told[view.held[0].unit.code] = [
            (step.unit, step.note) for step in story_of(session, view, closed=False) if step.action == Action.CALL_IN
        ]

    assert sorted(told.pop(STREET)) == [("住建", ""), ("城管", "下午三点到现场")]
    assert {code: [unit for unit, _ in steps] for code, steps in told.items()} == {"CGJ": ["城管"], "ZJJ": ["住建"]}


def test_a_street_calls_bureaus_to_a_joint_job_and_both_answer_for_it(session: Session) -> None:
    case, lead = at_work(session, profile=whistling())

    call(session, lead, "CGJ", "ZJJ")

    called = assists_of(session, case)
    assert [(row.standing, row.status) for row in called] == [(Standing.ASSIST, AssignmentStatus.DISPATCHED)] * 2
    assert all(row.answer_due_at <= lead.answer_due_at for row in called)
    for row in called:
        by = liaison_of(session, row)
        dispatching.sign(session, row, by=by, key=fresh_key())
        answers.submit_answer(session, row, public_text="已到场", closure=ClosureKind.SOLVED, by=by, key=fresh_key())
    states = [case.status]
    answer(session, case)
    check(session, case)
    assert [*states, case.status] == [CaseStatus.IN_PROGRESS, CaseStatus.CLOSED]
    assert {row.status for row in called} == {AssignmentStatus.DONE}
    assert history.verify(session, case) is None


def test_the_history_says_who_called_whom(session: Session) -> None:
    case, lead = at_work(session, profile=whistling())

    called = call(session, lead, "CGJ")

    events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == Action.CALL_IN)).all()
    assert {(event.assignment_id, event.by_role) for event in events} == {
        (called.id, Role.LIAISON),
        (lead.id, Role.LIAISON),
    }


def test_the_same_whistle_twice_calls_once(session: Session) -> None:
    case, lead = at_work(session, profile=whistling())

    first, again = (call(session, lead, "CGJ", key="the-same-whistle") for _ in range(2))

    assert first.id == again.id
    assert len(assists_of(session, case)) == 1


def test_where_the_profile_does_not_let_it_a_street_asks_the_centre(session: Session) -> None:
    _, lead = at_work(session)

    with pytest.raises(RuleBroken):
        call(session, lead, "CGJ")


def test_a_bureau_does_not_whistle_where_streets_do(session: Session) -> None:
    _, lead = at_work(session, unit="CGJ", profile=whistling())

    with pytest.raises(RuleBroken):
        call(session, lead, "ZJJ")


def test_nobody_is_called_twice_and_no_grid_is_called(session: Session) -> None:
    _, lead = at_work(session, profile=whistling())
    call(session, lead, "CGJ")

    with pytest.raises(RuleBroken):
        call(session, lead, "CGJ")
    with pytest.raises(Invalid):
        call(session, lead, "990181001001001")
    with pytest.raises(Invalid):
        call(session, lead)


def test_the_lead_asks_for_another_unit_and_the_dispatcher_brings_it_in(session: Session) -> None:
    case, lead = at_work(session)

    request = ask(session, lead, Change.ADD, "ZJJ")
    with pytest.raises(RuleBroken):
        ask(session, lead, Change.ADD, "GAJ")
    decide(session, request, grant=True)

    assert request.state == RequestState.GRANTED
    (assist,) = assists_of(session, case)
    assert assist.unit_id == unit_of(session, "ZJJ").id
    assert (assist.standing, assist.note) == (Standing.ASSIST, "同意")


def test_the_lead_asks_for_one_unit_less(session: Session) -> None:
    case, lead = at_work(session, assists=("ZJJ",))

    decide(session, ask(session, lead, Change.DROP, "ZJJ"), grant=True)

    assert [row.status for row in assists_of(session, case)] == [AssignmentStatus.WITHDRAWN]
    with pytest.raises(RuleBroken):
        ask(session, lead, Change.DROP, "ZJJ")


def test_a_refusal_says_why_and_changes_nothing(session: Session) -> None:
    case, lead = at_work(session)
    request = ask(session, lead, Change.ADD, "ZJJ")

    with pytest.raises(Invalid):
        decide(session, request, grant=False, note=" ")
    decide(session, request, grant=False, note="本单位可以独立办理")

    assert request.state == RequestState.REFUSED
    assert assists_of(session, case) == []
    with pytest.raises(WrongState):
        decide(session, request, grant=True)


def test_only_the_lead_asks_and_only_the_dispatcher_decides(session: Session) -> None:
    case, lead = at_work(session, assists=("ZJJ",))
    (assist,) = assists_of(session, case)

    with pytest.raises(WrongState):
        ask(session, assist, Change.ADD, "GAJ")
    request = ask(session, lead, Change.ADD, "GAJ")
    with pytest.raises(NotAllowed):
        joint.decide_change(session, request, grant=True, note="", by=an_actor(session, Role.VERIFIER), key=fresh_key())


def test_an_answer_overtakes_what_the_lead_still_asked_for(session: Session) -> None:
    case, lead = at_work(session)
    request = ask(session, lead, Change.ADD, "ZJJ")

    answer(session, case)

    session.refresh(request)
    assert (request.state, request.decision_note) == (RequestState.REFUSED, "overtaken")


def hold_meeting(session: Session, case: Case, held_on: date, **values: Any) -> None:
    given = {"present": "城管局、住建局", "result": "住建局三日内修复", "key": fresh_key(), **values}
    joint.record_meeting(session, case, held_on=held_on, **given)


def test_a_meeting_is_written_down_once_with_who_was_there_and_what_it_came_to(session: Session) -> None:
    case, lead = at_work(session)
    day, by = today(), liaison_of(session, lead)

    for _ in range(2):
        hold_meeting(session, case, day, assignment=lead, by=by, key="the-same-meeting")

    meeting = session.scalars(select(Meeting).where(Meeting.case_id == case.id)).one()
    assert (meeting.held_on, meeting.present, meeting.result) == (day, "城管局、住建局", "住建局三日内修复")


def test_who_may_write_a_meeting_down_and_what_it_needs(session: Session) -> None:
    case, lead = at_work(session, assists=("ZJJ",))
    (assist,) = assists_of(session, case)
    day, centre = today(), an_actor(session, Role.DISPATCHER)

    with pytest.raises(NotAllowed):
        hold_meeting(session, case, day, assignment=assist, by=liaison_of(session, assist))
    with pytest.raises(NotAllowed):
        hold_meeting(session, case, day, by=an_actor(session, Role.AGENT))
    with pytest.raises(Invalid):
        hold_meeting(session, case, day + timedelta(days=1), by=centre)
    with pytest.raises(Invalid):
        hold_meeting(session, case, day, by=centre, result=" ")
    hold_meeting(session, case, day, by=centre)
    assert lead.status == AssignmentStatus.IN_PROGRESS
