"""Signs of pressure on citizens: found, shown, looked into, and forgotten where they came from."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import NotAllowed, NoteRequired
from hotline.services import surveys
from hotline.services.survey_plans import pressure
from hotline.services.survey_plans.traces import Origin
from models import AnswerTrace, CaseStatus, Grade, PressureKind, PressureSign, Role
from tests.factories_cases import an_actor, make_case
from tests.services.survey_plans.surveying import CALLS, ask_by

OFFICE = Origin(address="10.1.2.3", agent="Mozilla/5.0 办公室")


def answered(session: Session, origin: Origin, *, number: str = "13800000172", unit: str = "CGJ") -> None:
    survey = surveys.invite(session, make_case(session, status=CaseStatus.CLOSED, number=number, unit=unit))
    assert survey is not None
    grade = Grade.VERY_SATISFIED
    surveys.record_answers(session, survey, way="web", solved=True, result=grade, unit=grade, origin=origin)


def found(session: Session) -> list[tuple[str, int]]:
    pressure.look(session)
    return [(shown.sign.kind, len(shown.numbers)) for shown in pressure.signs(session)]


def test_many_answers_about_a_unit_from_one_place_are_a_sign(session: Session, clock: Traveller) -> None:
    for _ in range(4):
        answered(session, OFFICE)
        answered(session, Origin(address="10.1.2.3", agent="别的手机"))
    assert found(session) == []

    answered(session, OFFICE)
    assert found(session) == [("in_a_row", 5)]
    answered(session, OFFICE)
    assert found(session) == [("in_a_row", 6)]


def test_an_opinion_from_the_units_own_number_is_a_sign(session: Session, clock: Traveller) -> None:
    ask_by(session, CALLS, own_numbers={"CGJ": ["0571-88886666"]})
    answered(session, Origin(), number="057188886666", unit="ZJJ")
    assert found(session) == []

    answered(session, Origin(), number="057188886666")

    assert found(session) == [("own_number", 1)]


def test_where_answers_came_from_is_forgotten_and_the_sign_stays(session: Session, clock: Traveller) -> None:
    for _ in range(5):
        answered(session, OFFICE)
    pressure.look(session)
    clock.shift(timedelta(days=31))

    assert found(session) == [("in_a_row", 5)]
    assert session.scalars(select(AnswerTrace)).all() == []


def test_neither_address_nor_program_is_stored(session: Session, clock: Traveller) -> None:
    answered(session, OFFICE)

    trace = session.scalars(select(AnswerTrace)).one()
    assert trace.origin_hash is not None
    assert len(trace.origin_hash) == 32
    assert b"10.1.2.3" not in bytes(trace.origin_hash)


def test_a_sign_that_was_looked_into_and_grows_is_new_again(session: Session, clock: Traveller) -> None:
    for _ in range(5):
        answered(session, OFFICE)
    pressure.look(session)
    (shown,) = pressure.signs(session)
    with pytest.raises(NotAllowed):
        pressure.see(session, shown.sign.id, note="看过", by=an_actor(session, Role.VERIFIER))
    with pytest.raises(NoteRequired):
        pressure.see(session, shown.sign.id, note=" ", by=an_actor(session, Role.SUPERVISOR))
    pressure.see(session, shown.sign.id, note="社区电脑", by=an_actor(session, Role.SUPERVISOR))

    answered(session, OFFICE)
    pressure.look(session)

    sign = session.scalars(select(PressureSign).where(PressureSign.kind == PressureKind.IN_A_ROW)).one()
    assert (sign.note, sign.seen_at) == ("社区电脑", None)
