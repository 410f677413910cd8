"""What units' systems are told: of their own cases only, of what they chose, and nothing of a person."""

import json
from collections.abc import Sequence

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline import events
from hotline.events import AssignmentAdvanced, CaseNoted, CaseSupervised, ClockRang, RequestDecided
from hotline.services import cases, dispatching
from hotline.services.systems import accounts, telling
from hotline.services.units import levels
from models import (
    Action,
    CaseStatus,
    Measure,
    OutboxMessage,
    Role,
    Scope,
    Topic,
    WebhookDelivery,
)
from tests.factories import unit_of
from tests.factories_cases import an_actor, dispatch, fresh_key, lead_of, liaison_of, make_case, send_back, sign
from tests.factories_systems import an_administrator, make_system, make_webhook

TELLING = (AssignmentAdvanced, CaseNoted, ClockRang, CaseSupervised, RequestDecided)


def told_by(session: Session) -> list[str]:
    """What follows from the events that wait, as the relay would run them; the types in their order."""
    rows = session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None)).order_by(OutboxMessage.id)).all()
    for row in rows:
        kind = events.ALL[row.event]
        if kind in TELLING:
            telling.tell(session, kind.from_body(row.body))
        session.delete(row)
    session.flush()
    found = session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.created_at, WebhookDelivery.id)).all()
    types = [row.kind for row in found]
    for each in found:
        session.delete(each)
    session.flush()
    return types


def a_hook(session: Session, unit: str = "CGJ", topics: Sequence[Topic] = tuple(Topic)) -> None:
    make_webhook(session, make_system(session, unit=unit), topics=topics)


def test_a_case_is_told_at_each_step_of_the_unit(session: Session) -> None:
    a_hook(session)
    case = make_case(session)

    dispatch(session, case)
    dispatched = told_by(session)
    sign(session, case)
    signed = told_by(session)
    by = liaison_of(session, lead_of(session, case))
    cases.note(session, case, Action.REMARK, by=by, key=fresh_key(), text="已联系市民", assignment=lead_of(session, case))
    remarked = told_by(session)

    assert (dispatched, signed, remarked) == (["case.dispatched"], ["case.changed"], ["case.changed"])


def test_rework_is_told_as_such(session: Session) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)
    told_by(session)
    a_hook(session)

    send_back(session, case)

    assert "case.rework" in told_by(session)


def test_what_is_taken_back_is_told_to_whom_it_leaves(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    told_by(session)
    a_hook(session)

    cases.advance(session, case, Action.WITHDRAW, by=an_actor(session, Role.DISPATCHER), key=fresh_key(), note="市民撤回")

    assert told_by(session) == ["case.withdrawn"]


def test_a_granted_return_is_told_as_decided_and_returned(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    lead = lead_of(session, case)
    request = dispatching.ask_return(
        session,
        lead,
        reason_code=dispatching.ReturnReason.NOT_MY_DUTY,
        basis="职责清单",
        proposed_unit=unit_of(session, "ZJJ"),
        by=liaison_of(session, lead),
        key=fresh_key(),
    )
    told_by(session)
    a_hook(session)

    dispatching.decide_return(session, request, grant=True, note="同意", by=an_actor(session, Role.DISPATCHER), key=fresh_key())

    assert set(told_by(session)) == {"case.returned", "case.decided"}


def test_clocks_and_supervision_are_told(session: Session) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    lead = lead_of(session, case)
    told_by(session)
    a_hook(session)
    for stage in ("due_soon", "overdue", Measure.REMINDER.value):
        telling.tell(session, ClockRang(case.id, lead.id, stage))
    telling.tell(session, ClockRang(case.id, None, "overdue"))

    assert told_by(session) == ["case.due_soon", "case.overdue"]


def test_a_unit_above_is_told_of_those_below_and_nobody_else(session: Session) -> None:
    a_hook(session, unit="T001")
    case = make_case(session, status=CaseStatus.IN_PROGRESS, unit="T001")
    make_case(session, status=CaseStatus.DISPATCHED, unit="SCJ")
    told_by(session)

    lead = lead_of(session, case)
    community = unit_of(session, "990181001001")
    levels.send_down(session, lead, community, by=liaison_of(session, lead), key=fresh_key())

    assert sorted(told_by(session)) == ["case.changed", "case.dispatched"]


def test_only_what_was_chosen_is_told(session: Session) -> None:
    a_hook(session, topics=[Topic.OVERDUE])

    make_case(session, status=CaseStatus.ANSWERED)

    assert told_by(session) == []


def test_a_closed_system_is_told_nothing(session: Session) -> None:
    system, by = make_system(session), an_administrator(session)
    make_webhook(session, system)
    accounts.change(session, system.id, accounts.Form("x", [Scope.READ], active=False), by=by)

    make_case(session, status=CaseStatus.DISPATCHED)

    assert told_by(session) == []


@pytest.mark.parametrize("confidential", [False, True])
def test_nothing_of_a_person_or_of_the_matter_is_told(session: Session, confidential: bool) -> None:
    a_hook(session)
    case = make_case(session, status=CaseStatus.DISPATCHED, confidential=confidential, unit_summary="某处垃圾堆放")
    for row in session.scalars(select(OutboxMessage).where(OutboxMessage.event == "AssignmentAdvanced")).all():
        telling.tell(session, AssignmentAdvanced.from_body(row.body))

    body = session.scalars(select(WebhookDelivery)).one().body

    assert set(body) == {"id", "type", "at", "case"}
    assert set(body["case"]) == {"id", "number", "status", "version", "due_at"}
    assert (body["case"]["number"], body["case"]["version"]) == (case.number, 1)
    assert all(word not in json.dumps(body, ensure_ascii=False) for word in ("王", "垃圾", "滨江", "0172"))
