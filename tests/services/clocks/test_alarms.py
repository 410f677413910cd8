"""Warnings before a clock runs out and marks after: once for each clock, whoever sweeps and how often."""

from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.services import history
from hotline.services.clocks import alarms
from hotline.services.profiles import profiles
from models import Action, Assignment, CaseEvent, CaseStatus, EventNote, Mark, MarkKind, OutboxMessage
from tests.factories_cases import assists_of, lead_of, make_case, send_back, sign
from tests.statements import counted


def overdue_marks(session: Session) -> list[Mark]:
    return list(session.scalars(select(Mark).where(Mark.kind == MarkKind.OVERDUE).order_by(Mark.created_at)))


def test_a_unit_that_does_not_sign_in_time_is_marked_once(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    assert alarms.ring(session) == 0

    clock.shift(timedelta(hours=2, seconds=1))

    assert [alarms.ring(session), alarms.ring(session)] == [1, 0]
    mark = overdue_marks(session)[0]
    assert (mark.case_id, mark.assignment_id, mark.basis) == (case.id, lead_of(session, case).id, "dispatched")
    assert session.scalars(select(CaseEvent).where(CaseEvent.action == Action.MARK)).one().case_id == case.id
    assert history.verify(session, case) is None


def test_each_clock_that_runs_out_is_marked_of_its_own(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.ANSWERED)
    clock.shift(timedelta(hours=25))
    late_check = alarms.ring(session)
    send_back(session, case)
    clock.shift(timedelta(hours=73))
    late_rework = alarms.ring(session)

    assert (late_check, late_rework) == (1, 1)
    assert [mark.basis for mark in overdue_marks(session)] == ["answered", "in_progress"]


def test_a_closed_case_is_never_overdue(session: Session, clock: Traveller) -> None:
    make_case(session, status=CaseStatus.CLOSED, assists=("T001",))

    clock.shift(timedelta(days=300))

    assert alarms.ring(session) == 0


def test_an_assisting_unit_has_its_own_clock(session: Session, clock: Traveller) -> None:
    make_case(session, status=CaseStatus.IN_PROGRESS, assists=("T001",))

    clock.shift(timedelta(hours=3))

    assert alarms.ring(session) == 1
    assert overdue_marks(session)[0].basis == "dispatched"


def said(session: Session) -> list[str]:
    notes = select(EventNote.text).join(CaseEvent, CaseEvent.id == EventNote.event_id).where(CaseEvent.action == Action.MARK)
    return list(session.scalars(notes.order_by(CaseEvent.at, CaseEvent.serial)))


def test_a_unit_is_warned_once_before_the_time_is_over(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.IN_PROGRESS)
    clock.shift(timedelta(hours=54))

    assert [alarms.ring(session), alarms.ring(session)] == [1, 0]

    assert said(session) == ["due_soon: in_progress"]
    assert overdue_marks(session) == []
    rang = session.scalars(select(OutboxMessage.body).where(OutboxMessage.event == "ClockRang")).one()
    assert (rang["assignment_id"], rang["stage"]) == (str(lead_of(session, case).id), "due_soon")


def test_a_warning_is_followed_by_a_mark(session: Session, clock: Traveller) -> None:
    make_case(session, status=CaseStatus.IN_PROGRESS)
    for hours in (55, 18):
        clock.shift(timedelta(hours=hours))
        alarms.ring(session)

    assert said(session) == ["due_soon: in_progress", "overdue: in_progress"]


def test_what_ran_out_between_two_sweeps_is_not_warned_of(session: Session, clock: Traveller) -> None:
    make_case(session, status=CaseStatus.IN_PROGRESS)
    clock.shift(timedelta(hours=80))

    alarms.ring(session)

    assert said(session) == ["overdue: in_progress"]


def test_a_profile_says_when_units_are_warned(session: Session, clock: Traveller) -> None:
    make_case(session, status=CaseStatus.IN_PROGRESS, profile=profiles.shipped() | {"alarm": {"warn": 0.5}})
    clock.shift(timedelta(hours=37))

    assert alarms.ring(session) == 1


def test_a_clock_that_is_set_anew_is_planned_anew(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED)
    alarms.ring(session)
    sign(session, case)
    clock.shift(timedelta(hours=3))  # past the clock for signing, which has stopped

    assert alarms.ring(session) == 0

    lead = lead_of(session, case)
    assert lead.alarm_for == lead.answer_due_at


def test_what_was_marked_before_the_sweep_kept_a_plan_is_not_marked_again(session: Session, clock: Traveller) -> None:
    make_case(session, status=CaseStatus.DISPATCHED)
    clock.shift(timedelta(hours=3))
    alarms.ring(session)
    session.execute(update(Assignment).values(alarm_at=None, alarm_for=None))

    assert alarms.ring(session) == 0
    assert len(overdue_marks(session)) == 1


def test_the_sweep_reads_many_cases_in_few_statements(session: Session, clock: Traveller) -> None:
    for _ in range(12):
        make_case(session, status=CaseStatus.DISPATCHED, assists=("T001",))
    clock.shift(timedelta(hours=3))

    with counted(session) as statements:
        assert alarms.ring(session) == 24

    assert len(statements) <= 20


def test_two_units_of_one_case_stand_in_one_chain(session: Session, clock: Traveller) -> None:
    case = make_case(session, status=CaseStatus.DISPATCHED, assists=("T001",))
    clock.shift(timedelta(hours=3))

    alarms.ring(session)

    assert {mark.assignment_id for mark in overdue_marks(session)} == {lead_of(session, case).id, assists_of(session, case)[0].id}
    assert history.verify(session, case) is None


def test_the_timetable_sweeps_in_transactions_of_its_own(database: Database, clock: Traveller) -> None:
    with database.unit_of_work() as session:
        make_case(session, status=CaseStatus.DISPATCHED)
    clock.shift(timedelta(hours=3))

    assert [alarms.sweep(database), alarms.sweep(database)] == [1, 0]
