"""Review before dispatch: what the agent proposed is kept, the shift leader lets it pass, once."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, Outdated, WrongState
from hotline.services import reviewing
from hotline.services.profiles import profiles
from models import Assignment, Case, CaseEvent, CaseStatus, Role, Unit
from tests.factories import unit_of
from tests.factories_cases import ASSIST, LEAD, an_actor, file_for_review, fresh_key, make_case


@pytest.fixture
def filed(session: Session) -> Case:
    profiles.install(session, "seven_step", profiles.shipped("seven_step"))
    number = file_for_review(session)
    return session.scalars(select(Case).where(Case.number == number)).one()


def units_of(session: Session, case: Case) -> list[str]:
    rows = select(Unit.code).join(Assignment, Assignment.unit_id == Unit.id).where(Assignment.case_id == case.id)
    return list(session.scalars(rows.order_by(Assignment.lead.desc())))


def test_what_the_agent_proposed_is_kept_though_no_draft_was_saved(session: Session, filed: Case) -> None:
    proposed = reviewing.proposal(session, filed)

    assert (proposed.unit, list(proposed.assists), proposed.note) == (LEAD, [ASSIST], "请优先处理")
    assert filed.status == CaseStatus.UNDER_REVIEW
    assert units_of(session, filed) == []


def test_a_case_that_nobody_had_to_review_has_no_proposal(session: Session) -> None:
    assert reviewing.proposal(session, make_case(session)) == reviewing.Proposal()


def test_it_passes_without_a_unit_to_the_dispatcher(session: Session, filed: Case) -> None:
    reviewing.approve(session, filed, by=an_actor(session, Role.SHIFT_LEADER), key=fresh_key())

    assert filed.status == CaseStatus.TO_DISPATCH


def test_it_passes_with_units_straight_to_them_and_only_once(session: Session, filed: Case) -> None:
    leader, key = an_actor(session, Role.SHIFT_LEADER), fresh_key()
    units = [unit_of(session, "ZJJ"), unit_of(session, "T001")]

    for _ in range(2):
        reviewing.approve(session, filed, units=units, note="先看现场", by=leader, key=key)

    assert filed.status == CaseStatus.DISPATCHED
    assert units_of(session, filed) == ["ZJJ", "T001"]
    told = session.scalars(select(CaseEvent.action).where(CaseEvent.case_id == filed.id).order_by(CaseEvent.serial)).all()
    assert told == ["file_for_review", "approve", "dispatch", "dispatch", "dispatch"]


def test_nobody_lets_a_case_pass_but_the_shift_leader(session: Session, filed: Case) -> None:
    with pytest.raises(NotAllowed):
        reviewing.approve(session, filed, by=an_actor(session, Role.AGENT, Role.DISPATCHER), key=fresh_key())


def test_the_second_of_two_shift_leaders_is_told(session: Session, filed: Case) -> None:
    seen = filed.version
    reviewing.approve(session, filed, by=an_actor(session, Role.SHIFT_LEADER), key=fresh_key(), seen=seen)

    with pytest.raises(Outdated):
        reviewing.approve(session, filed, by=an_actor(session, Role.SHIFT_LEADER), key=fresh_key(), seen=seen)
    with pytest.raises(WrongState):
        reviewing.approve(session, filed, by=an_actor(session, Role.SHIFT_LEADER), key=fresh_key())
