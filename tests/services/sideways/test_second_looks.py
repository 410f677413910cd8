"""A second look at what ended without an answer: appeals, withdrawn cases that are drawn, wishes to reopen."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NoteRequired, RuleBroken, WrongState
from hotline.services import cases, reading_progress, surveys
from hotline.services.messages import notices
from hotline.services.profiles import profiles
from hotline.services.sideways import doors, second_look, withdrawing
from models import Action, Case, CaseStatus, OutgoingMessage, Request, RequestKind, RequestState, Role
from tests.factories_cases import an_actor, fresh_key, make_case


def turned_away(session: Session, door: str = "court") -> Case:
    case = make_case(session)
    doors.turn_away(session, case, door, explanation="", by=an_actor(session, Role.DISPATCHER), key=fresh_key())
    return case


def appealed(session: Session, case: Case) -> Request:
    return second_look.appeal(session, case, text="法院没有立案，请受理。", key=fresh_key())


def decided(session: Session, request: Request, role: Role = Role.SHIFT_LEADER, **values: Any) -> Request:
    by = an_actor(session, role)
    return second_look.decide(session, request, **{"note": "已核对", "by": by, "key": fresh_key(), **values})


def sampling(share: float) -> dict[str, Any]:
    return profiles.shipped() | {"withdrawal": {"sample": share}}


def test_a_matter_that_is_not_ours_keeps_its_door_and_is_counted(session: Session) -> None:
    case = turned_away(session)

    assert (case.status, case.door) == (CaseStatus.REDIRECTED, "court")
    assert "12348" in case.public_answer
    counted = {each.door: (each.shown, each.appealed) for each in doors.counts(session, since=case.created_at)}
    assert counted["court"] == (1, 0)


def test_a_granted_appeal_brings_the_case_to_the_dispatcher(session: Session) -> None:
    case = turned_away(session)

    request = decided(session, appealed(session, case), grant=True)

    assert (case.status, case.door, case.public_answer) == (CaseStatus.TO_DISPATCH, "", "")
    assert (request.kind, request.state) == (RequestKind.SECOND_LOOK, RequestState.GRANTED)
    assert case.due_at is not None
    told = notices.tell_citizen(session, case)
    assert told is None or told.purpose == "reopened"
    counted = {each.door: (each.shown, each.appealed, each.granted) for each in doors.counts(session, since=case.created_at)}
    assert counted["court"] == (1, 1, 1)


def test_who_appealed_and_rated_nothing_reads_of_no_rating(session: Session) -> None:
    case = turned_away(session)

    decided(session, appealed(session, case), grant=True)

    (matter,) = reading_progress.progress(session, case.contact_id).matters
    texts = [step.text for step in matter.steps]
    assert {"您的申诉已复核，重新受理", "中心决定重新办理"} <= set(texts)
    assert not any("评价" in text for text in texts)


def test_a_refused_appeal_stays_ended_and_says_why(session: Session) -> None:
    case = turned_away(session)

    request = decided(session, appealed(session, case), grant=False, note="法院已受理，案号在案。")

    assert case.status == CaseStatus.REDIRECTED
    told = notices.tell_decision(session, request)
    assert told is not None
    assert "法院已受理" in told.text


def test_only_the_shift_leader_looks_at_an_appeal_and_gives_a_reason(session: Session) -> None:
    request = appealed(session, turned_away(session))

    with pytest.raises(NotAllowed):
        decided(session, request, Role.DISPATCHER, grant=True)
    with pytest.raises(NoteRequired):
        decided(session, request, grant=True, note=" ")


def test_one_appeal_for_each_decision(session: Session) -> None:
    case = turned_away(session)
    decided(session, appealed(session, case), grant=False)

    with pytest.raises(RuleBroken):
        appealed(session, case)


def test_nobody_appeals_against_what_is_at_work(session: Session) -> None:
    with pytest.raises(WrongState):
        appealed(session, make_case(session))


def withdrawn(session: Session, share: float, status: CaseStatus = CaseStatus.IN_PROGRESS) -> Case:
    case = make_case(session, status=status, profile=sampling(share))
    withdrawing.withdraw(session, case, reason="已经解决了", key=fresh_key())
    return case


def test_a_withdrawn_case_that_was_with_a_unit_is_drawn(session: Session) -> None:
    case = withdrawn(session, 1.0)

    request = second_look.draw(session, case)

    assert request is not None
    assert (request.kind, request.basis) == (RequestKind.WITHDRAWAL, "已经解决了")
    assert request.assignment_id is not None
    assert second_look.draw(session, case) is None


@pytest.mark.parametrize(("share", "status"), [(0.0, CaseStatus.IN_PROGRESS), (1.0, CaseStatus.TO_DISPATCH)])
def test_outside_the_share_or_before_any_unit_had_it_none_is_drawn(session: Session, share: float, status: CaseStatus) -> None:
    assert second_look.draw(session, withdrawn(session, share, status)) is None


def test_whoever_was_pressed_to_withdraw_gets_the_matter_dispatched_again(session: Session) -> None:
    case = withdrawn(session, 1.0)
    request = second_look.draw(session, case)
    assert request is not None

    decided(session, request, Role.CALLBACK_AGENT, grant=True, pressed=True, note="单位打了三次电话要求撤诉")

    assert case.status == CaseStatus.TO_DISPATCH
    assert (request.reason_code, request.state) == (second_look.PRESSED, RequestState.GRANTED)


def test_whoever_did_not_want_a_withdrawal_says_so_and_is_heard(session: Session) -> None:
    case = withdrawn(session, 0.0)

    decided(session, appealed(session, case), grant=True)

    assert case.status == CaseStatus.TO_DISPATCH


def test_whoever_wanted_it_stays_withdrawn(session: Session) -> None:
    case = withdrawn(session, 1.0)
    request = second_look.draw(session, case)
    assert request is not None

    decided(session, request, Role.CALLBACK_AGENT, grant=False)

    assert (case.status, request.state) == (CaseStatus.WITHDRAWN, RequestState.REFUSED)


def test_a_citizen_asks_to_reopen_a_closed_case_and_the_centre_grants_it(session: Session) -> None:
    case = make_case(session, status=CaseStatus.CLOSED)

    request = second_look.ask_reopening(session, case, text="又堆起来了", key=fresh_key())
    surveys.decide_reopening(session, request, grant=True, note="属实", by=an_actor(session, Role.VERIFIER), key=fresh_key())

    assert case.status == CaseStatus.REOPENED


def test_a_withdrawn_case_draws_by_itself_and_is_confirmed(database: Any, drain: Callable[[], int]) -> None:
    with database.unit_of_work() as session:
        case = withdrawn(session, 1.0)
        case_id = case.id

    drain()

    with database.reading() as session:
        drawn = session.scalars(select(Request).where(Request.case_id == case_id)).one()
        told = session.scalars(select(OutgoingMessage).where(OutgoingMessage.case_id == case_id)).all()
    assert drawn.kind == RequestKind.WITHDRAWAL
    assert "withdrawn" in {row.purpose for row in told}


def test_the_same_key_again_decides_nothing(session: Session) -> None:
    case, key = turned_away(session), fresh_key()
    request, leader = appealed(session, case), an_actor(session, Role.SHIFT_LEADER)
    second_look.decide(session, request, grant=True, note="受理", by=leader, key=key)
    version = case.version

    second_look.decide(session, request, grant=True, note="受理", by=leader, key=key)

    assert case.version == version
    assert cases.advance(session, case, Action.DISMISS, by=leader, key=fresh_key(), note="空单").to_status == CaseStatus.VOID
