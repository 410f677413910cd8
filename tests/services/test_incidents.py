"""Incidents: cases put together and parted by people, handled once, each citizen answered and asked."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NoteRequired, RuleBroken, WrongState
from hotline.events import ALL, CaseAdvanced, CaseNoted, FollowerBehind
from hotline.services import cases, dispatching, history
from hotline.services.clocks import alarms
from hotline.services.incidents import following, linking
from hotline.services.units import extensions
from hotline.services.units.extensions import ExtensionReason
from hotline.tasks import move_incident
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseStatus,
    Incident,
    IncidentCase,
    OutboxMessage,
    OutgoingMessage,
    Role,
    now,
)
from tests.factories import unit_of
from tests.factories_cases import (
    an_actor,
    answer,
    asks_before_closing,
    check,
    dispatch,
    events_of,
    fresh_key,
    lead_of,
    liaison_of,
    make_case,
    send_back,
    sign,
    with_reviews,
)
from tests.factories_contacts import make_contact

PLACE: dict[str, Any] = {"township_code": "990181001", "community_code": "990181001001"}


def make_cases(session: Session, *states: CaseStatus, **values: Any) -> list[Case]:
    """Of different citizens, in the same place."""
    return [
        make_case(session, status=state, number=f"1380000{serial:04}", **{**PLACE, **values})
        for serial, state in enumerate(states)
    ]


def of_these(session: Session, found: list[Case], **values: Any) -> Incident:
    by = values.pop("by", None) or an_actor(session, Role.DISPATCHER)
    return linking.open_incident(session, found, title="停水", by=by, key=values.pop("key", None) or fresh_key())


def settle(session: Session) -> None:
    """What the handlers of an incident do, until nothing is left to do."""
    waiting = select(OutboxMessage).where(OutboxMessage.done_at.is_(None)).order_by(OutboxMessage.id)
    while left := session.scalars(waiting).all():
        for row in left:
            row.done_at = now()
            event = ALL[row.event].from_body(row.body)
            if isinstance(event, FollowerBehind):
                following.follow(session, event.case_id)
            elif isinstance(event, CaseAdvanced | CaseNoted):
                move_incident(session, event)
        session.flush()


def states(found: list[Case]) -> list[str]:
    return [str(case.status) for case in found]


def test_followers_are_dispatched_signed_and_answered_with_the_lead(session: Session) -> None:
    found = make_cases(session, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH)
    lead, *others = found
    of_these(session, found)

    for act in (dispatch, sign, answer):
        act(session, lead)
        settle(session)
        assert states(others) == [lead.status, lead.status]
    check(session, lead)
    settle(session)

    assert states(found) == ["closed"] * 3
    assert {case.public_answer for case in found} == {"垃圾已清运，今后每天清运两次。"}
    assert {case.follows_id for case in found} == {None}
    assert [history.verify(session, case) for case in found] == [None] * 3


def test_whoever_acted_on_the_lead_is_named_in_each_history(session: Session) -> None:
    found = make_cases(session, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH)
    of_these(session, found)
    dispatch(session, found[0])
    signer = liaison_of(session, lead_of(session, found[0]))

    dispatching.sign(session, lead_of(session, found[0]), by=signer, key=fresh_key())
    settle(session)

    by = [event.by_id for event in events_of(session, found[1]) if event.action == Action.SIGN]
    assert set(by) == {signer.staff_id}


def test_a_case_of_another_unit_comes_over_to_the_leads(session: Session) -> None:
    lead, other = (
        make_case(session, status=CaseStatus.IN_PROGRESS, **PLACE),
        make_case(session, status=CaseStatus.IN_PROGRESS, unit="T001", **PLACE),
    )
    with pytest.raises(NotAllowed):
        of_these(session, [lead, other], by=an_actor(session, Role.SHIFT_LEADER))
    of_these(session, [lead, other])
    settle(session)

    assert (other.status, other.lead_unit_id) == (CaseStatus.IN_PROGRESS, lead.lead_unit_id)
    gone = session.scalars(select(Assignment).where(Assignment.case_id == other.id, Assignment.lead)).all()
    assert [row.status for row in gone] == [AssignmentStatus.RETURNED, AssignmentStatus.IN_PROGRESS]


def test_the_case_that_is_at_a_unit_leads(session: Session) -> None:
    found = make_cases(session, CaseStatus.TO_DISPATCH, CaseStatus.IN_PROGRESS)

    incident = of_these(session, found)
    settle(session)

    assert incident.lead_case_id == found[1].id
    assert states(found) == ["in_progress", "in_progress"]


def test_a_case_at_a_unit_takes_over_an_incident_that_nobody_has_sent_out(session: Session) -> None:
    found = make_cases(session, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH)
    incident = of_these(session, found)
    late = make_case(session, status=CaseStatus.DISPATCHED, **PLACE)

    linking.join(session, incident, [late], by=an_actor(session, Role.DISPATCHER), key=fresh_key())
    settle(session)

    assert incident.lead_case_id == late.id
    assert states(found) == ["dispatched", "dispatched"]


def test_who_joins_late_catches_up(session: Session) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.DISPATCHED)
    incident = of_these(session, found)
    answer(session, found[0])
    settle(session)
    late = make_case(session, **PLACE)

    linking.join(session, incident, [late], by=an_actor(session, Role.DISPATCHER), key=fresh_key())
    settle(session)

    assert states([*found, late]) == ["answered"] * 3


def test_an_answer_that_is_sent_back_is_sent_back_everywhere(session: Session) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.IN_PROGRESS)
    of_these(session, found)
    answer(session, found[0])
    settle(session)

    send_back(session, found[0])
    settle(session)
    assert states(found) == ["in_progress", "in_progress"]
    answer(session, found[0])
    settle(session)

    assert states(found) == ["answered", "answered"]
    assert found[1].rework_count == 1


def test_a_returned_lead_takes_the_others_with_it_to_the_next_unit(session: Session) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.IN_PROGRESS)
    of_these(session, found)
    by = an_actor(session, Role.DISPATCHER)

    cases.advance(session, lead_of(session, found[0]), Action.RETURN, by=by, key=fresh_key(), note="不是本单位的")
    settle(session)
    assert states(found) == ["to_dispatch", "to_dispatch"]
    dispatch(session, found[0], "T001")
    settle(session)

    assert found[1].lead_unit_id == unit_of(session, "T001").id
    assert states(found) == ["dispatched", "dispatched"]


@pytest.mark.parametrize("profile", [asks_before_closing, with_reviews])
def test_each_citizen_is_asked_apart(session: Session, profile: Callable[[], dict[str, Any]]) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.IN_PROGRESS, profile=profile())
    incident = of_these(session, found)
    answer(session, found[0])
    check(session, found[0])
    settle(session)
    assert states(found) == ["callback", "callback"]
    assert incident.answered_at is not None

    rework = an_actor(session, Role.VERIFIER)
    cases.advance(session, lead_of(session, found[1]), Action.REWORK, by=rework, key=fresh_key(), note="仍无水")
    settle(session)

    assert states(found) == ["callback", "in_progress"]


def test_the_centres_own_answer_reaches_everybody(session: Session) -> None:
    found = make_cases(session, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH)
    of_these(session, found)
    by = an_actor(session, Role.DISPATCHER)

    cases.advance(session, found[0], Action.ANSWER_DIRECTLY, by=by, key=fresh_key(), note="计划停水，今晚八点恢复")
    settle(session)

    assert [(case.status, case.public_answer) for case in found] == [("closed", "计划停水，今晚八点恢复")] * 2


def test_a_follower_is_not_moved_by_itself(session: Session) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.IN_PROGRESS, CaseStatus.TO_DISPATCH)
    of_these(session, found[:2])
    own = lead_of(session, found[1])
    until = own.answer_due_at + timedelta(hours=8)
    asked: dict[str, Any] = {"until": until, "reason_code": ExtensionReason.WEATHER, "basis": "大雨"}

    for act in (
        lambda: answer(session, found[1]),
        lambda: extensions.ask(session, own, by=liaison_of(session, own), key=fresh_key(), **asked),
        lambda: cases.advance(session, own, Action.RETURN, by=an_actor(session, Role.DISPATCHER), key=fresh_key(), note="不是"),
    ):
        with pytest.raises(RuleBroken, match="follows another"):
            act()


def test_more_time_for_the_lead_is_more_time_for_all(session: Session, clock: time_machine.Traveller) -> None:
    found = [make_case(session, status=CaseStatus.IN_PROGRESS, contact=make_contact(session, channel="voice")) for _ in range(2)]
    of_these(session, found)
    own = lead_of(session, found[0])
    until = own.answer_due_at + timedelta(hours=8)
    request = extensions.ask(
        session,
        own,
        until=until,
        reason_code=ExtensionReason.WEATHER,
        basis="大雨",
        by=liaison_of(session, own),
        key=fresh_key(),
    )
    extensions.decide(session, request, grant=True, by=an_actor(session, Role.DISPATCHER, Role.SHIFT_LEADER), key=fresh_key())
    settle(session)

    assert lead_of(session, found[1]).answer_due_at == until == found[1].due_at
    clock.move_to(until - timedelta(minutes=1))
    alarms.ring(session)
    told = session.scalars(select(OutgoingMessage.purpose).where(OutgoingMessage.case_id == found[1].id)).all()
    assert told.count("extended") == 1


@pytest.mark.parametrize("values", [{"confidential": True}, {"request_type": "report"}])
def test_a_shielded_case_never_joins(session: Session, values: dict[str, Any]) -> None:
    open_one, shielded = make_case(session, **PLACE), make_case(session, **PLACE, **values, unit_summary="停水")

    with pytest.raises(NotAllowed):
        of_these(session, [open_one, shielded])


def test_only_those_who_send_cases_out_put_them_together(session: Session) -> None:
    found = make_cases(session, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH)

    with pytest.raises(NotAllowed):
        of_these(session, found, by=an_actor(session, Role.AGENT))


def test_the_same_form_again_makes_nothing_new(session: Session) -> None:
    found = make_cases(session, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH)
    by, key = an_actor(session, Role.DISPATCHER), fresh_key()

    first, second = (of_these(session, found, by=by, key=key) for _ in range(2))

    assert first is second
    with pytest.raises(RuleBroken, match="belongs to an incident"):
        of_these(session, found)


def test_a_parted_case_keeps_its_state_and_is_its_own_again(session: Session) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.IN_PROGRESS, CaseStatus.IN_PROGRESS)
    incident = of_these(session, found)
    by, key = an_actor(session, Role.SHIFT_LEADER), fresh_key()
    with pytest.raises(NoteRequired):
        linking.part(session, incident, found[1], reason=" ", by=by, key=fresh_key())

    for _ in range(2):
        linking.part(session, incident, found[1], reason="另一处水管", by=by, key=key)
    answer(session, found[1])
    settle(session)

    assert states(found) == ["in_progress", "answered", "in_progress"]
    row = session.scalars(select(IncidentCase).where(IncidentCase.case_id == found[1].id)).one()
    assert (row.left_reason, row.left_by_id) == ("另一处水管", by.staff_id)
    with pytest.raises(WrongState):
        linking.part(session, incident, found[1], reason="再来", by=by, key=fresh_key())


def test_a_parted_case_may_come_back_and_follows_again(session: Session) -> None:
    found = make_cases(session, CaseStatus.DISPATCHED, CaseStatus.TO_DISPATCH, CaseStatus.TO_DISPATCH)
    incident = of_these(session, found)
    by = an_actor(session, Role.DISPATCHER)
    settle(session)
    linking.part(session, incident, found[1], reason="看错", by=by, key=fresh_key())

    linking.join(session, incident, [found[1]], by=by, key=fresh_key())
    sign(session, found[0])
    answer(session, found[0])
    settle(session)

    assert states(found) == ["answered"] * 3


@pytest.mark.parametrize("parted", [True, False])
def test_without_its_lead_the_next_one_leads(session: Session, parted: bool) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS)
    incident = of_these(session, found)
    by = an_actor(session, Role.DISPATCHER)

    if parted:
        linking.part(session, incident, found[0], reason="不是一回事", by=by, key=fresh_key())
    else:
        cases.advance(session, found[0], Action.WITHDRAW, by=by, key=fresh_key(), note="市民撤诉")
    settle(session)
    assert incident.lead_case_id == found[2].id
    answer(session, found[2])
    check(session, found[2])
    settle(session)

    assert states(found[1:]) == ["closed", "closed"]
    assert found[0].status == (CaseStatus.IN_PROGRESS if parted else CaseStatus.WITHDRAWN)


def test_a_citizen_may_withdraw_from_among_the_others(session: Session) -> None:
    found = make_cases(session, CaseStatus.DISPATCHED, CaseStatus.DISPATCHED)
    incident = of_these(session, found)

    by = an_actor(session, Role.DISPATCHER)
    cases.advance(session, found[1], Action.WITHDRAW, by=by, key=fresh_key(), note="市民撤诉")
    settle(session)

    assert (found[1].status, found[1].follows_id) == (CaseStatus.WITHDRAWN, None)
    assert [member.case_id for member in linking.current(session, incident)] == [found[0].id]


def test_an_incident_without_cases_is_over(session: Session) -> None:
    found = make_cases(session, CaseStatus.DISPATCHED, CaseStatus.DISPATCHED)
    incident = of_these(session, found)
    by = an_actor(session, Role.DISPATCHER)

    for case in found:
        linking.part(session, incident, case, reason="误并", by=by, key=fresh_key())

    assert incident.ended_at is not None


def test_an_answered_incident_takes_no_more_cases(session: Session) -> None:
    found = make_cases(session, CaseStatus.IN_PROGRESS, CaseStatus.IN_PROGRESS)
    incident = of_these(session, found)
    answer(session, found[0])
    check(session, found[0])
    settle(session)

    with pytest.raises(WrongState):
        linking.join(session, incident, [make_case(session)], by=an_actor(session, Role.DISPATCHER), key=fresh_key())
