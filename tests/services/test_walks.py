"""Random walks: whatever people try, in whatever order, a case never leaves the tables and never lies idle."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import HotlineError
from hotline.services import answers, cases, checks, dispatching, history, joint, levels, profiles, surveys
from hotline.services.cases import Actor
from hotline.services.dispatching import ReturnReason
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
    Unit,
    Verdict,
)
from models.workflow import ASSIGNMENT, ASSIGNMENT_OPEN, CASE, CASE_OPEN, NOTED
from tests.factories import make_staff, unit_of
from tests.factories_cases import asks_before_closing, fresh_key, make_case, with_reviews

LEAD_STATES: dict[str, set[AssignmentStatus]] = {
    CaseStatus.DISPATCHED: {AssignmentStatus.DISPATCHED},
    CaseStatus.IN_PROGRESS: {AssignmentStatus.IN_PROGRESS},
    CaseStatus.ANSWERED: {AssignmentStatus.ANSWERED, AssignmentStatus.DONE},
    CaseStatus.VERIFYING: {AssignmentStatus.ANSWERED, AssignmentStatus.DONE},
    CaseStatus.CALLBACK: {AssignmentStatus.DONE},
}


class Crowd:
    """Everybody at once, trying anything."""

    def __init__(self, session: Session, case: Case, chance: random.Random) -> None:
        self.session, self.case, self.chance = session, case, chance
        roles = frozenset(set(Role) - {Role.SERVICE})
        self.by = Actor(make_staff(session).id, roles, unit_path="/")

    def attempts(self) -> list[Callable[[], object]]:
        return [
            self.advance_case,
            self.advance_assignment,
            self.advance_assignment,
            self.dispatch,
            self.answer,
            self.check,
            self.ask_return,
            self.decide,
            self.ask_citizen,
        ]

    def try_something(self) -> None:
        with suppress(HotlineError), self.session.begin_nested():
            self.chance.choice(self.attempts())()

    def acting(self, **values: Any) -> dict[str, Any]:
        return {"by": self.by, "key": fresh_key(), **values}

    def an_assignment(self) -> Assignment:
        if not (rows := self.rows()):
            raise HotlineError()
        return self.chance.choice(rows)

    def rows(self) -> list[Assignment]:
        return list(self.session.scalars(select(Assignment).where(Assignment.case_id == self.case.id)))

    def advance_case(self) -> None:
        likely = set(Action) - {Action.WITHDRAW, Action.DISMISS, Action.REDIRECT, Action.ARCHIVE, Action.ANSWER_DIRECTLY}
        action = self.chance.choice(sorted(likely if self.chance.random() < 0.95 else set(Action)))
        cases.advance(self.session, self.case, action, **self.acting(note="理由"))

    def advance_assignment(self) -> None:
        action = self.chance.choice([Action.SIGN, Action.REWORK, Action.ACCEPT, Action.RETURN, *Action])
        cases.advance(self.session, self.an_assignment(), action, **self.acting(note="理由"))

    def dispatch(self) -> None:
        lead, *assists = [unit_of(self.session, code) for code in self.chance.sample(["CGJ", "ZJJ", "T002", "T001"], 2)]
        dispatching.dispatch(self.session, self.case, lead, assists=assists, **self.acting())

    def answer(self) -> None:
        values = self.acting(public_text="已处理", closure=ClosureKind.SOLVED)
        answers.submit_answer(self.session, self.an_assignment(), **values)

    def check(self) -> None:
        verdict = self.chance.choice(list(Verdict))
        checks.record_verdict(self.session, self.case, verdict, **self.acting(remark="看过"))

    def ask_return(self) -> None:
        values = self.acting(reason_code=ReturnReason.DUPLICATE, basis="与前单重复")
        dispatching.ask_return(self.session, self.an_assignment(), **values)

    def decide(self) -> None:
        request = self.chance.choice([*self.session.scalars(select(Request).where(Request.case_id == self.case.id)), None])
        if request is None:
            return
        decision = surveys.decide_reopening if request.kind == "reopening" else dispatching.decide_return
        decision(self.session, request, grant=self.chance.random() < 0.5, **self.acting(note="决定"))

    def ask_citizen(self) -> None:
        survey = surveys.invite(self.session, self.case)
        if survey is not None:
            grade = self.chance.choice(list(Grade))
            solved = self.chance.random() < 0.5
            surveys.record_answers(self.session, survey, way="web", solved=solved, result=grade, unit=grade)
            surveys.follow_up(self.session, survey)


class Tree(Crowd):
    """The same people, most of them busy between the levels."""

    def attempts(self) -> list[Callable[[], object]]:
        between = [self.send_down, self.send_down, self.sign, self.sign, self.answer_below, self.send_up, self.send_back]
        return [*(5 * between), *(2 * [self.call_in]), *super().attempts()]

    def one_in(self, status: AssignmentStatus) -> Assignment:
        if not (rows := [row for row in self.rows() if row.status == status]):
            raise HotlineError()
        return self.chance.choice(rows)

    def sign(self) -> None:
        dispatching.sign(self.session, self.one_in(AssignmentStatus.DISPATCHED), **self.acting())

    def send_down(self) -> None:
        above = self.one_in(AssignmentStatus.IN_PROGRESS)
        units = self.session.scalars(select(Unit).where(Unit.parent_id == above.unit_id).order_by(Unit.code).limit(3)).all()
        levels.send_down(self.session, above, self.chance.choice([*units, unit_of(self.session, "CGJ")]), **self.acting())

    def answer_below(self) -> None:
        row = self.one_in(AssignmentStatus.IN_PROGRESS)
        if not row.lead:
            values = self.acting(public_text="已处理", closure=ClosureKind.SOLVED)
            answers.submit_answer(self.session, row, **values)

    def send_up(self) -> None:
        row = self.one_in(self.chance.choice([AssignmentStatus.DISPATCHED, AssignmentStatus.IN_PROGRESS]))
        levels.send_up(self.session, row, **self.acting(reason="办不了"))

    def send_back(self) -> None:
        levels.send_back(self.session, self.one_in(AssignmentStatus.ANSWERED), **self.acting(reason="没有照片"))

    def call_in(self) -> None:
        units = [unit_of(self.session, self.chance.choice(["GAJ", "SCJ"]))]
        joint.call_in(self.session, self.one_in(AssignmentStatus.IN_PROGRESS), units, **self.acting(note="到现场"))


def events_of(session: Session, case: Case) -> list[CaseEvent]:
    return list(session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id).order_by(CaseEvent.serial)))


def replayed(events: list[CaseEvent]) -> dict[Any, str]:
    """The state of the case (under None) and of each assignment as the history tells it; fails on a step outside the tables."""
    state: dict[Any, str] = {}
    for event in events:
        if event.action in NOTED:
            continue
        table: Any = ASSIGNMENT if event.assignment_id else CASE
        origin = type(next(iter(table.values())).to)(event.from_status) if event.from_status else None
        assert state.get(event.assignment_id) == event.from_status, f"event {event.serial} does not go on from where it was"
        assert table[origin, Action(event.action)].to == event.to_status, f"event {event.serial} is in no table"
        state[event.assignment_id] = event.to_status
    return state


def assert_sound(session: Session, case: Case, profile: profiles.Profile) -> None:
    rows = session.scalars(select(Assignment).where(Assignment.case_id == case.id)).all()
    open_rows = [row for row in rows if row.status in ASSIGNMENT_OPEN]
    told = replayed(events_of(session, case))
    now_stored: dict[Any, str] = {row.id: row.status for row in rows}
    assert told == now_stored | {None: case.status}
    assert all(row.due_at is not None for row in open_rows)
    assert_tree_is_sound(rows, open_rows)
    if case.status in CASE_OPEN:
        assert case.due_at is not None
        assert profile.ways_out(CaseStatus(case.status)) != {}
    if case.status in LEAD_STATES:
        newest = max((row for row in rows if row.lead), key=lambda row: (row.dispatched_at, row.id))
        assert newest.status in LEAD_STATES[case.status]
        assert case.lead_unit_id == newest.unit_id
    else:
        assert open_rows == []


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


@pytest.mark.parametrize("body", [profiles.shipped, asks_before_closing, with_reviews])
@pytest.mark.parametrize("seed", range(3))
def test_a_walk_never_leaves_the_tables(session: Session, body: Callable[[], dict[str, Any]], seed: int) -> None:
    case = make_case(session, profile=body() | {"designate_after": 9})
    crowd, profile = Crowd(session, case, random.Random(seed)), profiles.of(session, case)

    for _ in range(50):
        crowd.try_something()
        session.refresh(case)
        assert_sound(session, case, profile)

    assert history.verify(session, case) is None
    assert len(events_of(session, case)) > 3


def test_walks_up_and_down_the_levels_leave_nothing_at_work_below_nobody(session: Session) -> None:
    body = with_reviews() | {"designate_after": 9, "may_call": ["area"]}
    taken, deepest = set[Action](), 0

    for seed in range(4):
        case = make_case(session, status=CaseStatus.IN_PROGRESS, unit="T001", profile=body)
        crowd, profile = Tree(session, case, random.Random(seed)), profiles.of(session, case)
        for _ in range(50):
            crowd.try_something()
            session.refresh(case)
            assert_sound(session, case, profile)
        taken |= {event.action for event in events_of(session, case)}
        deepest = max(deepest, *(row.level for row in crowd.rows()))
        assert history.verify(session, case) is None

    between = {Action.SEND_DOWN, Action.SEND_UP, Action.SEND_BACK, Action.CALL_IN}
    assert taken >= between | {Action.SIGN, Action.ANSWER, Action.WITHDRAW}
    assert deepest == 3
