"""More time: asked for once and in good time, decided by whom the profile names, told to the citizen."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.errors import HotlineError, Invalid, NotAllowed, RuleBroken
from hotline.services import history, reading_progress, scoring
from hotline.services.clocks import alarms
from hotline.services.messages import notices
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Indicator
from hotline.services.units import extensions, pausing
from hotline.services.units.extensions import ExtensionReason
from models import (
    Action,
    Assignment,
    Case,
    CaseEvent,
    CaseStatus,
    DueChange,
    Mark,
    MarkKind,
    OutgoingMessage,
    Request,
    RequestState,
    Role,
    Urgency,
    now,
)
from tests.factories_cases import an_actor, answer, check, fresh_key, lead_of, liaison_of, make_case
from tests.factories_contacts import make_contact

DAY = timedelta(days=1)

pytestmark = pytest.mark.usefixtures("clock")


def ask(session: Session, case: Case, *, more: timedelta = 2 * DAY, **values: Any) -> Request:
    lead = lead_of(session, case)
    usual: dict[str, Any] = {
        "until": lead.answer_due_at + more,
        "reason_code": ExtensionReason.MATERIAL,
        "basis": "水泵配件三天后到货",
        "by": values.get("by") or liaison_of(session, lead),
        "key": fresh_key(),
    }
    return extensions.ask(session, lead, **usual | values)


def decide(session: Session, request: Request, *, grant: bool, **values: Any) -> Request:
    usual: dict[str, Any] = {"by": values.get("by") or an_actor(session, Role.DISPATCHER), "key": fresh_key(), "note": "情况属实"}
    return extensions.decide(session, request, grant=grant, **usual | values)


def test_a_granted_extension_moves_the_answer_and_keeps_what_it_was(session: Session, at_work: Case) -> None:
    lead = lead_of(session, at_work)
    was = lead.answer_due_at

    request = decide(session, ask(session, at_work), grant=True)

    assert request.state == RequestState.GRANTED
    assert lead.answer_due_at == lead.due_at == at_work.due_at == was + 2 * DAY
    moved = session.scalars(select(DueChange)).one()
    assert (moved.was_at, moved.due_at) == (was, was + 2 * DAY)
    assert session.get_one(CaseEvent, moved.event_id).action == Action.EXTEND
    assert history.verify(session, at_work) is None


def test_a_refused_extension_needs_a_reason_and_moves_nothing(session: Session, at_work: Case) -> None:
    due, request = at_work.due_at, ask(session, at_work)

    with pytest.raises(Invalid):
        decide(session, request, grant=False, note=" ")
    decide(session, request, grant=False, note="配件本地有货")

    assert (request.state, at_work.due_at) == (RequestState.REFUSED, due)
    assert session.scalars(select(DueChange)).all() == []


def test_more_time_is_asked_for_once(session: Session, at_work: Case) -> None:
    decide(session, ask(session, at_work), grant=False)

    with pytest.raises(RuleBroken, match="once"):
        ask(session, at_work)


def test_the_same_form_again_asks_nothing_new(session: Session, at_work: Case) -> None:
    by, key = liaison_of(session, lead_of(session, at_work)), fresh_key()

    first, again = (ask(session, at_work, by=by, key=key) for _ in range(2))

    assert first.id == again.id


@pytest.mark.parametrize("urgency", [Urgency.URGENT, Urgency.EMERGENCY])
def test_what_is_urgent_is_never_extended(session: Session, urgency: Urgency) -> None:
    case = make_case(session, contact=make_contact(session, urgency=urgency), status=CaseStatus.IN_PROGRESS)
    case.urgency = urgency
    session.flush()

    with pytest.raises(RuleBroken, match="urgent"):
        ask(session, case)


def test_it_is_asked_for_in_good_time(session: Session, at_work: Case, clock: Traveller) -> None:
    clock.shift(timedelta(hours=69))

    with pytest.raises(RuleBroken, match="too late"):
        ask(session, at_work)


@pytest.mark.parametrize("more", [-DAY, timedelta(0), 30 * DAY])
def test_the_new_time_is_later_and_within_what_is_allowed(session: Session, at_work: Case, more: timedelta) -> None:
    with pytest.raises(Invalid):
        ask(session, at_work, more=more)


def test_a_profile_names_who_decides(session: Session) -> None:
    profile = profiles.shipped() | {"extension": {"decided_by": ["verifier"]}}
    case = make_case(session, status=CaseStatus.IN_PROGRESS, profile=profile)
    request = ask(session, case)

    with pytest.raises(NotAllowed):
        decide(session, request, grant=True)
    decide(session, request, grant=True, by=an_actor(session, Role.VERIFIER))

    assert request.state == RequestState.GRANTED


def test_only_the_units_own_people_ask(session: Session, at_work: Case) -> None:
    for stranger in (an_actor(session, Role.DISPATCHER), an_actor(session, Role.LIAISON, unit="ZJJ")):
        with pytest.raises(NotAllowed):
            ask(session, at_work, by=stranger)


def test_what_is_decided_is_decided(session: Session, at_work: Case) -> None:
    request, key, by = ask(session, at_work), fresh_key(), an_actor(session, Role.DISPATCHER)
    decide(session, request, grant=True, key=key, by=by)

    assert decide(session, request, grant=True, key=key, by=by) is request
    with pytest.raises(HotlineError):
        decide(session, request, grant=False)


def test_it_is_decided_by_the_clock_as_it_stands_then(postgres_database: Database) -> None:
    with postgres_database.unit_of_work() as session:
        asked = ask(session, make_case(session, status=CaseStatus.IN_PROGRESS))

    with postgres_database.unit_of_work() as deciding:
        request, lead = deciding.get_one(Request, asked.id), deciding.get_one(Assignment, asked.assignment_id)
        with postgres_database.unit_of_work() as unit:
            row = unit.get_one(Assignment, lead.id)
            pausing.ask_citizen(unit, row, question="请补充楼栋", by=liaison_of(unit, row), key=fresh_key())
        decide(deciding, request, grant=True)

    with postgres_database.reading() as session:
        lead = session.get_one(Assignment, asked.assignment_id)
        assert asked.wanted_at is not None
        assert lead.paused_until is not None
        assert lead.answer_due_at == asked.wanted_at + (lead.paused_until - now())


def test_an_answer_overtakes_what_was_asked_for(session: Session, at_work: Case) -> None:
    request = ask(session, at_work)

    answer(session, at_work)
    session.refresh(request)

    assert (request.state, request.decision_note) == (RequestState.REFUSED, "overtaken")


def test_a_late_decision_takes_back_that_the_unit_was_late(session: Session, at_work: Case, clock: Traveller) -> None:
    request = ask(session, at_work)
    clock.shift(timedelta(hours=73))
    assert alarms.ring(session) == 1

    decide(session, request, grant=True)

    mark = session.scalars(select(Mark).where(Mark.kind == MarkKind.OVERDUE)).one()
    session.refresh(mark)
    assert mark.cleared_reason == "extension"
    assert alarms.ring(session) == 0


def test_an_answer_within_the_extension_is_on_time(session: Session, at_work: Case, clock: Traveller) -> None:
    decide(session, ask(session, at_work), grant=True)
    clock.shift(timedelta(hours=80))

    answer(session, at_work)
    check(session, at_work)

    assert scoring.score_case(session, at_work)[Indicator.ON_TIME] == 1.0


def test_the_citizen_is_told_and_reads_the_new_time(session: Session) -> None:
    contact = make_contact(session, channel="sms", number="13800000172", sender="+8613800000172")
    case = make_case(session, contact=contact, status=CaseStatus.IN_PROGRESS)
    request = decide(session, ask(session, case), grant=True)

    told = notices.tell_decision(session, request)

    assert isinstance(told, OutgoingMessage)
    assert told.purpose == "extended"
    assert "11月28日 10:00" in told.text
    assert notices.tell_decision(session, request) is None  # once
    (matter,) = reading_progress.progress(session, contact.id).matters
    assert matter.due_at == lead_of(session, case).answer_due_at
    assert any("时限已延长" in step.text for step in matter.steps)


def test_an_assisting_unit_asks_for_itself(session: Session) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS, assists=("T001",))
    assist = session.scalars(select(Assignment).where(~Assignment.lead)).one()
    due, was = case.due_at, assist.answer_due_at
    values: dict[str, Any] = {"until": was + DAY, "reason_code": ExtensionReason.WEATHER, "basis": "连日暴雨", "key": fresh_key()}

    decide(session, extensions.ask(session, assist, by=liaison_of(session, assist), **values), grant=True)

    assert (assist.answer_due_at, case.due_at) == (was + DAY, due)
    assert assist.due_at == assist.sign_due_at  # it has not signed yet
    assert now() < was
