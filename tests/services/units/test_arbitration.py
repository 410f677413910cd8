"""What units keep giving back goes to a meeting, and the unit that it names keeps it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import Invalid, NotAllowed, RuleBroken, WrongState
from hotline.services import dispatching, history, reading_centre
from hotline.services.dispatching import ReturnReason
from hotline.services.profiles import profiles
from hotline.services.reading_centre import Tab
from hotline.services.units import arbitration
from models import Action, Case, CaseEvent, CaseStatus, Request, RequestKind, RequestState, Role, now
from tests.factories import unit_of
from tests.factories_cases import an_actor, answer, dispatch, fresh_key, lead_of, liaison_of, make_case

pytestmark = pytest.mark.usefixtures("clock")


def ask_return(session: Session, case: Case) -> Request:
    lead = lead_of(session, case)
    return dispatching.ask_return(
        session,
        lead,
        reason_code=ReturnReason.NOT_MY_DUTY,
        basis="职责清单第12项",
        proposed_unit=unit_of(session, "ZJJ"),
        by=liaison_of(session, lead),
        key=fresh_key(),
    )


def refuse(session: Session, request: Request) -> None:
    by = an_actor(session, Role.DISPATCHER)
    dispatching.decide_return(session, request, grant=False, note="职责清单第5项", by=by, key=fresh_key())


def call(session: Session, case: Case, **values: Any) -> Request:
    usual: dict[str, Any] = {
        "at": now() + timedelta(days=1),
        "units": [unit_of(session, code) for code in ("CGJ", "ZJJ")],
        "basis": "小区围墙外的垃圾归谁清运",
        "by": values.get("by") or an_actor(session, Role.DISPATCHER),
        "key": fresh_key(),
    }
    return arbitration.call_meeting(session, case, **usual | values)


def decide(session: Session, request: Request, code: str = "ZJJ", **values: Any) -> Request:
    usual: dict[str, Any] = {
        "unit": unit_of(session, code) if code else None,
        "record": "两局到会，围墙外归住建局",
        "by": values.get("by") or an_actor(session, Role.DISPATCHER),
        "key": fresh_key(),
    }
    return arbitration.decide(session, request, **usual | values)


@pytest.fixture
def contested(session: Session) -> Case:
    """At a unit, whose returns were refused twice."""
    case = make_case(session, status=CaseStatus.DISPATCHED)
    for _ in range(2):
        refuse(session, ask_return(session, case))
    return case


def test_a_case_is_contested_after_refused_returns(session: Session, contested: Case) -> None:
    assert arbitration.is_contested(session, contested)
    assert not arbitration.is_contested(session, make_case(session, status=CaseStatus.DISPATCHED))


def test_a_case_is_contested_after_many_dispatches(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    for _ in range(2):
        clock.shift(timedelta(minutes=5))
        by = an_actor(session, Role.DISPATCHER)
        dispatching.decide_return(session, ask_return(session, case), grant=True, note="改派", by=by, key=fresh_key())
        dispatch(session, case)

    assert arbitration.is_contested(session, case)


def test_what_is_not_contested_a_dispatcher_decides(session: Session) -> None:
    with pytest.raises(RuleBroken, match="not contested"):
        call(session, make_case(session, status=CaseStatus.DISPATCHED))


def test_the_named_unit_gets_the_case_and_keeps_it(session: Session, contested: Case, clock: Traveller) -> None:
    clock.shift(timedelta(minutes=5))
    request = decide(session, call(session, contested))

    lead = lead_of(session, contested)
    assert (contested.status, lead.unit_id) == (CaseStatus.DISPATCHED, unit_of(session, "ZJJ").id)
    assert request.decided_unit_id == lead.unit_id
    told = [event.action for event in session.scalars(select(CaseEvent).order_by(CaseEvent.serial))]
    assert Action.ARBITRATE in told
    assert history.verify(session, contested) is None
    with pytest.raises(RuleBroken, match="meeting"):
        ask_return(session, contested)


def test_a_unit_that_has_the_case_keeps_its_clock(session: Session, contested: Case) -> None:
    lead, version = lead_of(session, contested), contested.version
    due = lead.answer_due_at

    decide(session, call(session, contested), "CGJ")

    assert (lead_of(session, contested).id, lead.answer_due_at, contested.version) == (lead.id, due, version)


def test_a_case_that_nobody_has_goes_to_the_named_unit(session: Session, contested: Case) -> None:
    request = call(session, contested)
    wish = ask_return(session, contested)
    by = an_actor(session, Role.DISPATCHER)
    dispatching.decide_return(session, wish, grant=True, note="先收回", by=by, key=fresh_key())

    decide(session, request)

    assert contested.status == CaseStatus.DISPATCHED


def test_what_the_holder_asked_for_is_decided_with_it(session: Session, contested: Case) -> None:
    request, wish = call(session, contested), ask_return(session, contested)

    decide(session, request)

    assert wish.state == RequestState.GRANTED


def test_a_meeting_may_leave_things_as_they_are(session: Session, contested: Case) -> None:
    lead = lead_of(session, contested)

    request = decide(session, call(session, contested), "", record="两局同意由城管局继续办理")

    assert request.state == RequestState.REFUSED
    assert lead_of(session, contested).id == lead.id
    assert call(session, contested).state == RequestState.OPEN


def test_the_answer_stays_possible_while_units_are_to_meet(session: Session, contested: Case) -> None:
    request = call(session, contested)
    lead = lead_of(session, contested)
    dispatching.sign(session, lead, by=liaison_of(session, lead), key=fresh_key())

    answer(session, contested)

    with pytest.raises(WrongState):
        decide(session, request)
    assert decide(session, request, "", record="单位已答复，会商取消").state == RequestState.REFUSED


@pytest.mark.parametrize(
    "wrong", [{"at": timedelta(hours=-1)}, {"units": ["CGJ"]}, {"units": ["CGJ", "CGJ"]}, {"basis": " "}], ids=str
)
def test_a_meeting_has_a_time_two_units_and_a_question(session: Session, contested: Case, wrong: dict[str, Any]) -> None:
    if "at" in wrong:
        wrong = {"at": now() + wrong["at"]}
    if "units" in wrong:
        wrong = {"units": [unit_of(session, code) for code in wrong["units"]]}

    with pytest.raises(Invalid):
        call(session, contested, **wrong)


def test_who_may_call_and_who_may_decide(session: Session, contested: Case) -> None:
    with pytest.raises(NotAllowed):
        call(session, contested, by=liaison_of(session, lead_of(session, contested)))
    request = call(session, contested, by=an_actor(session, Role.SUPERVISOR))

    with pytest.raises(NotAllowed):
        decide(session, request, by=an_actor(session, Role.SUPERVISOR))


def test_the_same_form_again_does_nothing(session: Session, contested: Case) -> None:
    by, key, other = an_actor(session, Role.DISPATCHER), fresh_key(), fresh_key()
    first, again = (call(session, contested, by=by, key=key) for _ in range(2))
    decided = [decide(session, first, by=by, key=other) for _ in range(2)]

    assert first.id == again.id == decided[1].id
    assert contested.dispatch_count == 2


def test_units_that_are_invited_see_it_and_others_do_not(session: Session, contested: Case) -> None:
    call(session, contested)

    invited, other = (arbitration.meetings_of(session, unit_of(session, code)) for code in ("ZJJ", "GAJ"))

    assert [meeting.number for meeting in invited] == [contested.number]
    assert other == []


def test_the_centre_lists_what_is_contested_and_what_is_to_be_met_about(session: Session, contested: Case) -> None:
    profile = profiles.of(session, contested)
    before = [row.reason for row in reading_centre.rows(session, Tab.MEETINGS, profile)]
    call(session, contested)
    after = [row.reason for row in reading_centre.rows(session, Tab.MEETINGS, profile)]

    assert (before, after) == ([""], ["contested"])
    assert reading_centre.counts(session, profile)[Tab.MEETINGS] == 1
    assert session.scalars(select(Request).where(Request.kind == RequestKind.ARBITRATION)).one().due_at is not None
