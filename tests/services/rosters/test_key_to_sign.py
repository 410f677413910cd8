"""Signing by a key: whoever was rung, with the right code, in the unit's name; once, and only what is still unsigned."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.services import history
from hotline.services.rosters import key_to_sign, telling
from hotline.services.telephone import callbacks
from hotline.services.telephone.flow_calls import Outcome
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Callback,
    CallbackState,
    CallbackTry,
    Case,
    CaseEvent,
    CommandState,
    NoticeDelivery,
    NoticeWay,
    Role,
    Staff,
    SwitchboardCommand,
    now,
)
from tests.factories_cases import lead_of, sign
from tests.services.rosters.making import make_member
from tests.services.rosters.test_telling import given

pytestmark = pytest.mark.parametrize("session", ["sqlite"], indirect=True)
CODE = "271828"


def rung(session: Session, clock: Traveller) -> str:
    """The id of the call to the person on duty, three quarters of the time to sign being over."""
    for length in (timedelta(seconds=30), timedelta(hours=1), timedelta(minutes=31)):
        clock.shift(length)
        telling.tell_due(session)
    (callback,) = callbacks.due(session, now())
    return str(callbacks.dial(session, callback, at=now()).id)


def two_cases(session: Session) -> list[Case]:
    return [given(session), given(session)]


def test_one_key_signs_all_cases_in_the_units_name(session: Session, clock: Traveller) -> None:
    person = make_member(session, code=CODE)
    cases = two_cases(session)
    call = rung(session, clock)
    assert key_to_sign.given(session, call) == {"cases": "2"}
    assert key_to_sign.look_up(session, "duty_code", {"code": CODE}, call) == Outcome("right")

    assert key_to_sign.look_up(session, "duty_sign", {"code": CODE}, call) == Outcome("signed", {"signed": "2"})

    assert set(session.scalars(select(Assignment.status))) == {AssignmentStatus.IN_PROGRESS}
    signed = session.scalars(select(CaseEvent).where(CaseEvent.action == Action.SIGN, CaseEvent.assignment_id.is_not(None))).all()
    assert {(event.by_id, event.by_role) for event in signed} == {(person.id, Role.LIAISON)}
    assert all(history.verify(session, case) is None for case in cases)
    by_call = session.scalars(select(NoticeDelivery.signed_at).where(NoticeDelivery.way == NoticeWay.CALL)).all()
    assert len(by_call) == 2
    assert all(by_call)
    assert key_to_sign.look_up(session, "duty_sign", {"code": CODE}, call) == Outcome("seen_to")


def test_without_the_right_code_nothing_is_signed_and_five_wrong_ones_lock_it(session: Session, clock: Traveller) -> None:
    make_member(session, code=CODE)
    given(session)
    call = rung(session, clock)

    said = [key_to_sign.look_up(session, "duty_sign", {"code": "111222"}, call).name for _ in range(5)]

    assert said == ["wrong", "wrong", "wrong", "wrong", "locked"]
    assert key_to_sign.look_up(session, "duty_sign", {"code": CODE}, call).name == "locked"
    assert set(session.scalars(select(Assignment.status))) == {AssignmentStatus.DISPATCHED}


def test_what_was_signed_meanwhile_is_not_signed_again(session: Session, clock: Traveller) -> None:
    make_member(session, code=CODE)
    first, second = two_cases(session)
    call = rung(session, clock)
    sign(session, first)

    assert key_to_sign.look_up(session, "duty_sign", {"code": CODE}, call) == Outcome("signed", {"signed": "1"})
    assert lead_of(session, second).status == AssignmentStatus.IN_PROGRESS


def test_a_call_that_was_not_placed_for_this_and_a_closed_account_sign_nothing(session: Session, clock: Traveller) -> None:
    person = make_member(session, code=CODE)
    given(session)
    call = rung(session, clock)
    assert key_to_sign.look_up(session, "duty_sign", {"code": CODE}, "hotline-1795289344.6").name == "unknown"

    session.get_one(Staff, person.id).active = False

    assert key_to_sign.look_up(session, "duty_sign", {"code": CODE}, call).name == "unknown"


def test_who_is_not_reached_is_not_rung_again_by_the_same_step(session: Session, clock: Traveller) -> None:
    make_member(session, code=CODE)
    given(session)
    call = rung(session, clock)
    attempt = session.scalars(select(CallbackTry)).one()
    session.get_one(SwitchboardCommand, attempt.command_id).state = CommandState.FAILED
    assert str(attempt.command_id) == call

    callbacks.sweep(session, now())

    assert callbacks.due(session, now() + timedelta(hours=1)) == []
    assert CallbackState.GIVEN_UP in set(session.scalars(select(Callback.state)))
