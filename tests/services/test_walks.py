"""Walks through every profile: whatever people try, in whatever order, nothing leaves the tables, lies idle or is lost."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select
from sqlalchemy.orm import Session
from time_machine import Traveller

from hotline.errors import HotlineError
from hotline.services import answers, archiving, cases, checks, dispatching, history, reading_progress, reviewing, surveys
from hotline.services.actors import Actor
from hotline.services.clocks import alarms
from hotline.services.dispatching import ReturnReason
from hotline.services.profiles import profiles
from hotline.services.units import asking, joint, levels
from models import (
    Action,
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    Grade,
    Request,
    Role,
    Survey,
    Unit,
    Verdict,
    now,
)
from models.workflow import ASSIGNMENT, ASSIGNMENT_OPEN, CASE, CASE_OPEN, NOTED
from tests.factories import make_staff, unit_of
from tests.factories_cases import a_form, events_of, fresh_key, with_reviews
from tests.factories_contacts import make_contact

EVERY_ROW = "every row on"
LEAD_STATES: dict[str, set[AssignmentStatus]] = {
    CaseStatus.DISPATCHED: {AssignmentStatus.DISPATCHED},
    CaseStatus.IN_PROGRESS: {AssignmentStatus.IN_PROGRESS},
    CaseStatus.ANSWERED: {AssignmentStatus.ANSWERED, AssignmentStatus.DONE},
    CaseStatus.VERIFYING: {AssignmentStatus.ANSWERED, AssignmentStatus.DONE},
    CaseStatus.CALLBACK: {AssignmentStatus.DONE},
}
CLOSED = frozenset({CaseStatus.CLOSED, CaseStatus.ARCHIVED})
START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
PEOPLE = sorted(set(Role) - {Role.SERVICE})
# What people mostly do; the rest is tried as well, but a walk that ends at once shows little.
ENDS = frozenset({Action.WITHDRAW, Action.DISMISS, Action.REDIRECT, Action.ANSWER_DIRECTLY})
LIKELY = [action for action in Action if action not in ENDS]
roles = st.one_of(st.just(frozenset(PEOPLE)), st.sets(st.sampled_from(PEOPLE), min_size=1).map(frozenset))
numbers = st.integers(0, 7)
grades = st.sampled_from(Grade)


class Walk(RuleBasedStateMachine):
    """One case of one profile and everybody around it, trying anything; each attempt is one transaction, or none."""

    session: Session
    clock: Traveller
    body: dict[str, Any]

    def __init__(self) -> None:
        super().__init__()
        self.clock.move_to(START)
        self.whole = self.session.begin_nested()
        rule_ = profiles.install(self.session, "walk", self.body)
        self.profile = profiles.of_rule(rule_)
        self.staff_id = make_staff(self.session).id
        self.case: Case

    @initialize(asked=st.booleans(), direct=st.integers(0, 9))
    def file(self, asked: bool, direct: int) -> None:
        reviewed = self.profile.case_step(None, Action.FILE) is None
        how: cases.How = "answer" if direct == 9 else "review" if reviewed else "dispatch"
        self.case = cases.file_case(
            self.session,
            make_contact(self.session),
            a_form(wants_callback=asked),
            matter=1,
            by=self.actor(frozenset(PEOPLE)),
            key=fresh_key(),
            how=how,
            answer="请拨打供水热线。" if how == "answer" else "",
        )

    def actor(self, of: frozenset[Role]) -> Actor:
        return Actor(self.staff_id, of, unit_path="/")

    def acting(self, of: frozenset[Role], **values: Any) -> dict[str, Any]:
        return {"by": self.actor(of), "key": fresh_key(), **values}

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """What is refused leaves nothing behind. No two acts fall into one moment: what follows what is told by its time."""
        self.clock.shift(timedelta(seconds=1))
        before = self.events()
        try:
            with self.session.begin_nested():
                yield
        except HotlineError:
            self.session.expire_all()
            assert self.events() == before
        self.session.flush()
        self.session.refresh(self.case)

    def events(self) -> int:
        return len(events_of(self.session, self.case))

    def one_of(self, entity: Any, number: int) -> Any:
        rows = self.session.scalars(select(entity).where(entity.case_id == self.case.id).order_by(entity.id)).all()
        if not rows:
            raise HotlineError()
        return rows[number % len(rows)]

    @rule(verdict=st.sampled_from([Verdict.PASSED, *Verdict]))
    def the_work_goes_on(self, verdict: Verdict) -> None:
        """The next step of the practice, by whoever may take it; without this a walk would seldom get far."""
        everybody, status = frozenset(PEOPLE), CaseStatus(self.case.status)
        with self.attempt():
            lead = self.session.scalars(
                select(Assignment).where(Assignment.case_id == self.case.id, Assignment.lead).order_by(Assignment.id.desc())
            ).first()
            match status:
                case CaseStatus.UNDER_REVIEW:
                    reviewing.approve(self.session, self.case, **self.acting(everybody))
                case CaseStatus.TO_DISPATCH | CaseStatus.REOPENED:
                    dispatching.dispatch(self.session, self.case, unit_of(self.session, "CGJ"), **self.acting(everybody))
                case CaseStatus.DISPATCHED if lead:
                    dispatching.sign(self.session, lead, **self.acting(everybody))
                case CaseStatus.IN_PROGRESS if lead:
                    said = self.acting(everybody, public_text="已处理。", closure=ClosureKind.SOLVED)
                    answers.submit_answer(self.session, lead, **said)
                case CaseStatus.ANSWERED if self.profile.case_step(status, checks.way_on(self.profile)) is None:
                    cases.advance(self.session, self.case, Action.VERIFY, **self.acting(everybody))
                case CaseStatus.ANSWERED | CaseStatus.VERIFYING:
                    checks.record_verdict(self.session, self.case, verdict, **self.acting(everybody, remark="看过"))

    @rule(of=roles, action=st.one_of(st.sampled_from(LIKELY), st.sampled_from(Action)))
    def act_on_the_case(self, of: frozenset[Role], action: Action) -> None:
        origin = CaseStatus(self.case.status)
        with self.attempt():
            event = cases.advance(self.session, self.case, action, **self.acting(of, note="理由"))
            step = self.profile.case_step(origin, action)
            assert step is not None, f"{origin} {action} is switched off"
            assert event.by_role in step.by & of

    @rule(of=roles, action=st.sampled_from([Action.SIGN, Action.REWORK, Action.ACCEPT, Action.RETURN, *Action]), number=numbers)
    def act_on_an_assignment(self, of: frozenset[Role], action: Action, number: int) -> None:
        with self.attempt():
            row = self.one_of(Assignment, number)
            step = self.profile.assignment_step(row.status, action)
            cases.advance(self.session, row, action, **self.acting(of, note="理由"))
            assert step is not None
            assert step.by & of

    @rule(of=roles, number=numbers, which=numbers)
    def send_down(self, of: frozenset[Role], number: int, which: int) -> None:
        with self.attempt():
            above = self.one_of(Assignment, number)
            below = select(Unit).where(Unit.parent_id == above.unit_id).order_by(Unit.code).limit(3)
            units = [*self.session.scalars(below), unit_of(self.session, "CGJ")]
            levels.send_down(self.session, above, units[which % len(units)], **self.acting(of))

    @rule(of=roles, number=numbers, unit=st.sampled_from(["GAJ", "SCJ"]))
    def call_in(self, of: frozenset[Role], number: int, unit: str) -> None:
        with self.attempt():
            row = self.one_of(Assignment, number)
            joint.call_in(self.session, row, [unit_of(self.session, unit)], **self.acting(of, note="到现场"))

    @rule(of=roles, number=numbers, action=st.sampled_from([Action.SIGN, Action.ANSWER, Action.SEND_BACK, Action.SEND_UP]))
    def act_below(self, of: frozenset[Role], number: int, action: Action) -> None:
        below = select(Assignment).where(Assignment.case_id == self.case.id, Assignment.parent_id.is_not(None))
        rows = self.session.scalars(below.order_by(Assignment.id)).all()
        if rows:
            with self.attempt():
                cases.advance(self.session, rows[number % len(rows)], action, **self.acting(of, note="理由"))

    @rule(of=roles, units=st.permutations(["CGJ", "ZJJ", "T002", "T001"]))
    def dispatch(self, of: frozenset[Role], units: list[str]) -> None:
        lead, assist = (unit_of(self.session, code) for code in units[:2])
        with self.attempt():
            dispatching.dispatch(self.session, self.case, lead, assists=[assist], **self.acting(of))

    @rule(of=roles, at_once=st.booleans())
    def approve(self, of: frozenset[Role], at_once: bool) -> None:
        units = [unit_of(self.session, "CGJ")] if at_once else []
        with self.attempt():
            reviewing.approve(self.session, self.case, units=units, **self.acting(of))

    @rule(of=roles, number=numbers)
    def sign(self, of: frozenset[Role], number: int) -> None:
        with self.attempt():
            dispatching.sign(self.session, self.one_of(Assignment, number), **self.acting(of))

    @rule(of=roles, number=numbers)
    def answer(self, of: frozenset[Role], number: int) -> None:
        with self.attempt():
            row = self.one_of(Assignment, number)
            values = self.acting(of, public_text="已处理。", closure=ClosureKind.SOLVED)
            answers.submit_answer(self.session, row, **values)

    @rule(of=roles, verdict=st.sampled_from(Verdict))
    def check(self, of: frozenset[Role], verdict: Verdict) -> None:
        with self.attempt():
            checks.record_verdict(self.session, self.case, verdict, **self.acting(of, remark="看过"))

    @rule(of=roles, number=numbers)
    def ask_return(self, of: frozenset[Role], number: int) -> None:
        values = self.acting(of, reason_code=ReturnReason.DUPLICATE, basis="与前单重复")
        with self.attempt():
            dispatching.ask_return(self.session, self.one_of(Assignment, number), **values)

    @rule(of=roles, number=numbers, grant=st.booleans())
    def decide(self, of: frozenset[Role], number: int, grant: bool) -> None:
        with self.attempt():
            request = self.one_of(Request, number)
            decision = surveys.decide_reopening if request.kind == "reopening" else dispatching.decide_return
            decision(self.session, request, grant=grant, **self.acting(of, note="决定"))

    @rule(solved=st.booleans(), grade=grades)
    def the_citizen_answers(self, solved: bool, grade: Grade) -> None:
        with self.attempt():
            survey = surveys.invite(self.session, self.case)
            if survey is not None:
                surveys.record_answers(self.session, survey, way="web", solved=solved, result=grade, unit=grade)
                surveys.follow_up(self.session, survey)

    @rule(of=roles, solved=st.booleans(), grade=grades)
    def the_citizen_is_rung(self, of: frozenset[Role], solved: bool, grade: Grade) -> None:
        with self.attempt():
            said = asking.note_answer(self.session, self.case, solved=solved, result=grade, unit=grade, by=self.actor(of))
            surveys.follow_up(self.session, self.session.get_one(Survey, said.survey_id))

    @rule(of=roles, over=st.booleans())
    def nobody_answers_the_telephone(self, of: frozenset[Role], over: bool) -> None:
        with self.attempt():
            if over:
                asking.close_unasked(self.session, self.case, reason="三次无人接听", **self.acting(of))
            else:
                asking.note_unreached(self.session, self.case, text="无人接听", **self.acting(of))

    @rule(hours=st.sampled_from([1, 5, 30, 24 * 9, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        self.clock.shift(timedelta(hours=hours))
        with self.attempt():
            alarms.ring(self.session)
            archiving.archive_closed(self.session)
            surveys.lapse(self.session)
            for survey in self.session.scalars(select(Survey).where(Survey.case_id == self.case.id)).all():
                surveys.follow_up(self.session, survey)

    @invariant()
    def holds(self) -> None:
        assert_sound(self.session, self.case, self.profile)

    def teardown(self) -> None:
        try:
            assert history.verify(self.session, self.case) is None
        finally:
            self.whole.rollback()
            self.session.expunge_all()


def replayed(events: list[CaseEvent]) -> dict[Any, CaseEvent]:
    """The last step of the case (under None) and of each assignment as the history tells it; fails on a step in no table."""
    state: dict[Any, CaseEvent] = {}
    for event in events:
        if event.action in NOTED:
            continue
        table: Any = ASSIGNMENT if event.assignment_id else CASE
        origin = type(next(iter(table.values())).to)(event.from_status) if event.from_status else None
        former = state.get(event.assignment_id)
        assert (former.to_status if former else None) == event.from_status, f"event {event.serial} does not go on from there"
        assert table[origin, Action(event.action)].to == event.to_status, f"event {event.serial} is in no table"
        state[event.assignment_id] = event
    return state


def assert_sound(session: Session, case: Case, profile: profiles.Profile) -> None:
    rows = session.scalars(select(Assignment).where(Assignment.case_id == case.id)).all()
    open_rows = [row for row in rows if row.status in ASSIGNMENT_OPEN]
    told = replayed(events_of(session, case))
    stored: dict[Any, str] = {row.id: row.status for row in rows}
    assert {key: event.to_status for key, event in told.items()} == stored | {None: case.status}
    for row in open_rows:
        assert row.due_at is not None
        if row.parent_id is None:  # what is sent down too late has no more time than there is above
            assert min(row.due_at, row.sign_due_at, row.contact_due_at, row.answer_due_at) > row.dispatched_at
    if case.status in CASE_OPEN:
        assert_owned_and_timed(case, profile, told[None].at)
    else:
        assert case.due_at is None
    if case.status in CLOSED:
        assert_readable(session, case)
    assert_led(case, rows, open_rows)
    assert_tree_is_sound(rows, open_rows)


def assert_owned_and_timed(case: Case, profile: profiles.Profile, since: datetime) -> None:
    assert [row for row in profile.ways_out(CaseStatus(case.status)).values() if row.by] != []
    assert case.due_at is not None
    # The clock for the answer has run since the dispatch; every other one starts with the state.
    assert case.due_at > (case.created_at if case.status == CaseStatus.IN_PROGRESS else since)
    assert since <= now()


def assert_readable(session: Session, case: Case) -> None:
    (matter,) = reading_progress.progress(session, case.contact_id).matters
    assert case.public_answer
    assert matter.answer == case.public_answer


def assert_led(case: Case, rows: Any, open_rows: list[Assignment]) -> None:
    """While units have a case, its lead is where the case is; otherwise nothing is left in their hands."""
    if case.status not in LEAD_STATES:
        assert open_rows == []
        return
    newest = max((row for row in rows if row.lead), key=lambda row: (row.dispatched_at, row.id))
    assert newest.status in LEAD_STATES[case.status]
    assert case.lead_unit_id == newest.unit_id


def assert_tree_is_sound(rows: Sequence[Assignment], open_rows: Sequence[Assignment]) -> None:
    """Nothing is at work below a unit that is not, and no clock runs longer than the one above it."""
    by_id = {row.id: row for row in rows}
    for row in open_rows:
        above = by_id.get(row.parent_id) if row.parent_id else None
        if above is not None:
            assert above.status == AssignmentStatus.IN_PROGRESS
            assert row.level == above.level + 1
            assert row.due_at is not None
            assert above.due_at is not None
            assert row.due_at <= above.due_at
    assert [row for row in rows if row.parent_id and row.lead] == []


@pytest.mark.parametrize("name", [*profiles.SHIPPED, EVERY_ROW])
def test_a_walk_never_leaves_the_tables(session: Session, clock: Traveller, name: str) -> None:
    body = with_reviews() if name == EVERY_ROW else profiles.shipped(name)
    machine = type(
        "WalkOfOneProfile",
        (Walk,),
        {"session": session, "clock": clock, "body": body | {"designate_after": 9, "may_call": ["area"]}},
    )

    # The rules are the same on both; PostgreSQL takes three times as long.
    walks = 6 if session.get_bind().dialect.name == "sqlite" else 2
    run_state_machine_as_test(
        machine,
        settings=hypothesis_settings(
            max_examples=walks, stateful_step_count=35, deadline=None, suppress_health_check=list(HealthCheck), database=None
        ),
    )
