"""Whatever dies whenever: one plan a close, nobody called twice for the same try, nobody forgotten."""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.db import Database
from hotline.errors import HotlineError
from hotline.services import cases, surveys
from hotline.services.survey_plans import desk, plans
from models import (
    Action,
    AttemptOutcome,
    Callback,
    CallbackState,
    Case,
    CaseEvent,
    CaseStatus,
    Grade,
    OutgoingMessage,
    PlanState,
    Role,
    Survey,
    SurveyAttempt,
    SurveyPlan,
)
from tests.factories_cases import an_actor, fresh_key, make_case
from tests.services.survey_plans.surveying import ask_by


class PowerCut(BaseException):
    """Not caught by anything that goes on after an error."""


@contextmanager
def cut_at(database: Database, statement: int) -> Iterator[list[int]]:
    """The process dies before its nth statement; tells how many it had run."""
    run = [0]

    def count(*_: object) -> None:
        run[0] += 1
        if run[0] == statement:
            raise PowerCut

    event.listen(database.engine, "before_cursor_execute", count)
    try:
        yield run
    finally:
        event.remove(database.engine, "before_cursor_execute", count)


def troubles(session: Session) -> list[str]:
    """What must never be so, whatever happened."""
    found = []
    told = Counter(session.scalars(select(OutgoingMessage.key).where(OutgoingMessage.purpose == "survey")))
    found += [f"told twice: {key}" for key, times in told.items() if times > 1]
    called = Counter(session.execute(select(SurveyAttempt.plan_id, SurveyAttempt.step, SurveyAttempt.way)).all())
    found += [f"called by keys twice: {each}" for each, times in called.items() if each[2] == "call" and times > 1]
    tries = set(session.scalars(select(SurveyAttempt.callback_id).where(SurveyAttempt.callback_id.is_not(None))))
    found += [f"a call of no try: {call}" for call in session.scalars(select(Callback.id)) if call not in tries]
    for plan, survey in session.execute(select(SurveyPlan, Survey).outerjoin(Survey, Survey.id == SurveyPlan.survey_id)):
        running = plans.running(session, plan)
        if plan.state == PlanState.OPEN and not running and plan.next_at is None and survey.lapsed_at is not None:
            found.append(f"forgotten: {plan.id}")
        if plan.state != PlanState.OPEN and running:
            found.append(f"still asked after the end: {plan.id}")
        if survey is not None and survey.answered_at is not None and plan.state == PlanState.OPEN:
            found.append(f"asked though answered: {plan.id}")
    return found


def a_closed_case(session: Session) -> Case:
    ask_by(session)
    return make_case(session, status=CaseStatus.CLOSED)


def plans_of_closings(session: Session, case: Case) -> list[int]:
    """How many plans each closing has; one that follows a callback shares the callback's."""
    came = (CaseEvent.case_id == case.id, CaseEvent.assignment_id.is_(None), CaseEvent.from_status != CaseEvent.to_status)
    plans_of = Counter(session.scalars(select(SurveyPlan.event_id).where(SurveyPlan.case_id == case.id)))
    found, at_callback = [], 0
    for moved in session.scalars(select(CaseEvent).where(*came).order_by(CaseEvent.serial)):
        if moved.to_status == CaseStatus.CLOSED:
            found.append(plans_of[moved.id] + (at_callback if moved.from_status == CaseStatus.CALLBACK else 0))
        at_callback = plans_of[moved.id]
    return found


def until_done(database: Database, act: Callable[[Session], Any]) -> None:
    """Dies before each of its statements in turn, and is begun again, as the outbox and the timetable do."""
    statement = 0
    while True:
        statement += 1
        with cut_at(database, statement) as run:
            try:
                with database.unit_of_work() as session:
                    act(session)
            except PowerCut:
                continue
        if run[0] < statement:
            return


@pytest.mark.parametrize("hours", [0, 12, 60])
def test_a_process_may_die_before_any_statement(sqlite_database: Database, clock: Traveller, hours: int) -> None:
    """At the closing, when the exchange is asked to call, and when that was in vain."""
    with sqlite_database.unit_of_work() as session:
        case_id = a_closed_case(session).id
    if hours:
        with sqlite_database.unit_of_work() as session:
            surveys.invite(session, session.get_one(Case, case_id))
    if hours > 12:
        clock.shift(timedelta(hours=12))
        with sqlite_database.unit_of_work() as session:
            plans.run_due(session)
            session.scalars(select(Callback)).one().state = CallbackState.GIVEN_UP
    clock.shift(timedelta(hours=hours))

    def act(session: Session) -> None:
        surveys.invite(session, session.get_one(Case, case_id))
        plans.run_due(session)

    until_done(sqlite_database, act)

    with sqlite_database.reading() as session:
        assert troubles(session) == []
        ways = [each.way for each in session.scalars(select(SurveyAttempt).order_by(SurveyAttempt.number))]
    assert ways == {0: ["message"], 12: ["message", "call"], 60: ["message", "call"]}[hours]


def killed_at(database: Database, statement: int, act: Callable[[Session], Any]) -> bool:
    """A process of its own is killed before its nth statement, and can tidy up nothing; false if it came to its end before."""

    def count(*_: object) -> None:
        nonlocal statement
        statement -= 1
        if statement == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    database.dispose()
    if (child := os.fork()) == 0:
        try:
            event.listen(database.engine, "before_cursor_execute", count)
            with database.unit_of_work() as session:
                act(session)
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_killed_process_leaves_no_citizen_called_twice(database: Database, clock: Traveller) -> None:
    with database.unit_of_work() as session:
        surveys.invite(session, a_closed_case(session))
    clock.shift(timedelta(hours=12))

    statement = 1
    while killed_at(database, statement, plans.run_due):
        statement += 1
    with database.unit_of_work() as session:
        plans.run_due(session)

    assert statement > 5
    with database.reading() as session:
        assert troubles(session) == []
        assert len(session.scalars(select(Callback)).all()) == 1
        tries = session.scalars(select(SurveyAttempt).order_by(SurveyAttempt.number)).all()
        assert [each.way for each in tries] == ["message", "call"]


ACTS = st.lists(
    st.tuples(
        st.sampled_from(["invite", "sweep", "wait", "answer", "worse", "unreached", "call ends", "reopen", "lapse", "power cut"]),
        st.integers(1, 40),
    ),
    max_size=14,
)


def lapse(session: Session) -> None:
    """And what follows from it."""
    surveys.lapse(session)
    for survey in session.scalars(select(Survey).where(Survey.lapsed_at.is_not(None))).all():
        surveys.follow_up(session, survey)


class City:
    """One case, whose citizen is asked while anything may happen."""

    def __init__(self, session: Session, clock: Traveller) -> None:
        self.session, self.clock = session, clock
        self.case = a_closed_case(session)
        self.by = an_actor(session, Role.CALLBACK_AGENT, Role.VERIFIER)

    def act(self, what: str, number: int) -> None:
        try:
            with self.session.begin_nested():
                getattr(self, what.replace(" ", "_"))(number)
        except HotlineError:
            self.session.expire_all()

    def invite(self, _: int) -> None:
        surveys.invite(self.session, self.case)

    def sweep(self, _: int) -> None:
        plans.run_due(self.session)

    def wait(self, hours: int) -> None:
        self.clock.shift(timedelta(hours=hours))

    def answer(self, _: int, grade: Grade = Grade.SATISFIED) -> None:
        survey = surveys.invite(self.session, self.case)
        if survey is not None:
            solved = grade.is_satisfied
            surveys.record_answers(self.session, survey, way="web", solved=solved, result=grade, unit=grade)
            surveys.follow_up(self.session, survey)

    def worse(self, number: int) -> None:
        self.answer(number, Grade.DISSATISFIED)

    def unreached(self, number: int) -> None:
        outcome = desk.CODES[number % 4]
        for line in desk.lines(self.session):
            desk.note_unreached(self.session, line.attempt.id, AttemptOutcome(outcome), by=self.by)

    def call_ends(self, number: int) -> None:
        for call in self.session.scalars(select(Callback).where(Callback.state == CallbackState.WAITING)):
            call.state = CallbackState.REACHED if number % 2 else CallbackState.GIVEN_UP

    def reopen(self, _: int) -> None:
        cases.advance(self.session, self.case, Action.REOPEN, by=self.by, key=fresh_key(), note="再办")
        plans.end_moved_on(self.session, self.case)
        cases.advance(self.session, self.case, Action.CLOSE, by=self.by, key=fresh_key(), note="核实已办好")

    def lapse(self, _: int) -> None:
        lapse(self.session)

    def power_cut(self, number: int) -> None:
        """What was done in one transaction is undone as a whole, and done again."""
        whole = self.session.begin_nested()
        self.invite(number)
        self.sweep(number)
        whole.rollback()
        self.session.expire_all()


@contextmanager
def rolled_back(database: Database) -> Iterator[Session]:
    with database.engine.connect() as connection:
        whole = connection.begin()
        with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
            yield session
        whole.rollback()


@given(acts=ACTS)
@settings(max_examples=20, deadline=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_each_close_has_one_plan_and_nobody_is_forgotten(
    sqlite_database: Database, clock: Traveller, acts: list[tuple[str, int]]
) -> None:
    with rolled_back(sqlite_database) as session:
        city = City(session, clock)
        for what, number in acts:
            city.act(what, number)
            assert troubles(session) == []
        city.invite(0)
        closings = plans_of_closings(session, city.case)
        assert closings == [1] * len(closings)
        assert closings
        clock.shift(timedelta(days=30))
        for _ in range(8):
            lapse(session)
            plans.run_due(session)
            clock.shift(timedelta(days=1))
        assert [plan.state for plan in session.scalars(select(SurveyPlan)) if plan.state == PlanState.OPEN] == []
