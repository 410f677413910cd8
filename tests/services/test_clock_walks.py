"""Whatever is asked, granted, paused and sent back, in any order: no time is lost, and the history adds up."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import time_machine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import HotlineError
from hotline.services import answers, checks, dispatching, history
from hotline.services.actors import Actor
from hotline.services.clocks import alarms
from hotline.services.units import extensions, ledger, pausing
from hotline.services.units.extensions import ExtensionReason
from hotline.services.units.ledger import LedgerReason
from models import (
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    DueChange,
    Mark,
    MarkKind,
    Request,
    RequestKind,
    RequestState,
    Role,
    Verdict,
    now,
)
from tests.factories import make_staff
from tests.factories_cases import fresh_key, lead_of, make_case

HOUR, DAY, NOTHING = timedelta(hours=1), timedelta(days=1), timedelta()
START = datetime.fromisoformat("2026-11-23T10:00+08:00")
ACTS = ("wait", "extend", "pause", "resume", "answer", "send_back", "shelve", "sweep")
STEPS = st.lists(st.tuples(st.sampled_from(ACTS), st.integers(1, 40)), min_size=4, max_size=14)


@dataclass
class Walk:
    """One case at one unit; everybody at once, trying anything."""

    session: Session
    case: Case
    lead: Assignment
    by: Actor
    clock: time_machine.Traveller

    def left(self) -> timedelta:
        """What is left of the answer's clock, which may stand still."""
        stands = max(filter(None, (self.lead.paused_until, self._looked_at_again(), now())))
        return self.lead.answer_due_at - stands

    def _looked_at_again(self) -> datetime | None:
        mark = ledger.entry(self.session, self.case)
        return mark.due_at if mark else None

    def runs(self) -> bool:
        return self.lead.status == AssignmentStatus.IN_PROGRESS

    def wait(self, hours: int) -> None:
        before, stands = self.left(), self.lead.paused_until or self._looked_at_again()
        started = now()
        self.clock.shift(hours * HOUR)
        pausing.end(self.session)
        ledger.review(self.session)
        ran = max(now() - max(stands or started, started), NOTHING)
        assert self.left() == before - ran

    def extend(self, hours: int) -> None:
        due = self.lead.answer_due_at
        request = extensions.ask(
            self.session,
            self.lead,
            until=due + hours * HOUR,
            reason_code=ExtensionReason.DIFFICULT,
            basis="疑难",
            by=self.by,
            key=fresh_key(),
        )
        self._decide(request)
        assert self.lead.answer_due_at == due + hours * HOUR

    def pause(self, _: int) -> None:
        before = self.left()
        pausing.ask_citizen(self.session, self.lead, question="哪一栋", by=self.by, key=fresh_key())
        assert self.left() == before

    def resume(self, _: int) -> None:
        before = self.left()
        pausing.resume(self.session, self.lead, text="3栋", by=self.by, key=fresh_key())
        assert self.left() == before

    def shelve(self, days: int) -> None:
        before = self.left()
        request = ledger.ask(
            self.session,
            self.lead,
            review=now() + days * DAY,
            reason_code=LedgerReason.MONEY,
            basis="预算",
            plan="明年",
            by=self.by,
            key=fresh_key(),
        )
        self._decide(request)
        assert self.left() == max(before, NOTHING)

    def _decide(self, request: Request) -> None:
        decide = extensions.decide if request.kind == RequestKind.EXTENSION else ledger.decide
        decide(self.session, request, grant=True, by=self.by, key=fresh_key())

    def answer(self, _: int) -> None:
        answers.submit_answer(
            self.session, self.lead, public_text="已处理", closure=ClosureKind.SOLVED, by=self.by, key=fresh_key()
        )
        assert self.lead.paused_until is None

    def send_back(self, _: int) -> None:
        checks.record_verdict(self.session, self.case, Verdict.SENT_BACK, remark="再看", by=self.by, key=fresh_key())
        assert self.lead.answer_due_at == now() + 72 * HOUR

    def sweep(self, _: int) -> None:
        alarms.ring(self.session)
        assert alarms.ring(self.session) == 0


def assert_sound(walk: Walk) -> None:
    if walk.runs():
        assert walk.lead.due_at == walk.lead.answer_due_at == walk.case.due_at
        if walk.lead.paused_until:
            assert walk.left() > NOTHING
    else:
        assert (walk.lead.paused_at, walk.lead.paused_until) == (None, None)


def assert_told(walk: Walk, begun: datetime) -> None:
    """Each change goes on from where the one before it left the due time."""
    changes = walk.session.scalars(
        select(DueChange)
        .join(CaseEvent, CaseEvent.id == DueChange.event_id)
        .where(CaseEvent.assignment_id == walk.lead.id)
        .order_by(CaseEvent.serial)
    )
    due = begun
    for change in changes:
        assert change.was_at == due
        due = change.due_at
    assert due == walk.lead.answer_due_at
    assert history.verify(walk.session, walk.case) is None
    late = walk.session.scalars(select(Mark.created_at).where(Mark.kind == MarkKind.OVERDUE)).all()
    assert len(set(late)) == len(late)
    still_open = (Request.state == RequestState.OPEN, Request.assignment_id == walk.lead.id)
    assert walk.runs() or walk.session.scalars(select(Request).where(*still_open)).all() == []


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_no_time_is_lost_in_any_order(session: Session, steps: list[tuple[str, int]]) -> None:
    with time_machine.travel(START, tick=False) as clock, session.begin_nested() as whole:
        case = make_case(session, status=CaseStatus.DISPATCHED)
        lead = lead_of(session, case)
        by = Actor(make_staff(session).id, frozenset(set(Role) - {Role.SERVICE}), unit_path="/")
        dispatching.sign(session, lead, by=by, key=fresh_key())
        walk, begun = Walk(session, case, lead, by, clock), lead.answer_due_at
        for act, amount in steps:
            with suppress(HotlineError), session.begin_nested():
                getattr(walk, act)(amount)
            session.refresh(case)
            session.refresh(lead)
            assert_sound(walk)
        assert_told(walk, begun)
        whole.rollback()
