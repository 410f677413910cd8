"""How the cases of an incident follow the leading one: the same steps of the two tables, by whoever took them there.

A follower looks at what is so now and takes the steps that it lacks. So it does not matter in which order the events of the
lead are handled, or how often: a repeat finds nothing left to do. From the common answer on each case goes its own way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.events import FollowerBehind
from hotline.services import answers, cases, checked_answer, checks
from hotline.services.actors import Actor
from hotline.services.acts import SAID_TO_CITIZEN
from hotline.services.checked_answer import LETS_OUT, UNDER_CHECK
from hotline.services.clocks import clocks
from hotline.services.incidents import linking
from hotline.services.messages import notices, outgoing
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from hotline.words import say
from models import (
    Action,
    Assignment,
    Case,
    CaseEvent,
    CaseStatus,
    ClosureKind,
    EventNote,
    Incident,
    IncidentCase,
    Role,
    Unit,
    now,
)
from models.base import CITY_TIME
from models.workflow import ASSIGNMENT_OPEN, AT_UNIT, CASE, CASE_AT_UNIT, CASE_FINAL, CASE_OPEN

MOST_STEPS = 12
# What moves the time by which the lead is to be answered.
MOVES_CLOCK = frozenset({Action.EXTEND, Action.PAUSE, Action.SHELVE, Action.RECOUNT})
GONE = frozenset({CaseStatus.WITHDRAWN, CaseStatus.VOID})


def hear(session: Session, case_id: UUID) -> None:
    """A case or its clock has moved: those that follow it are behind. Over without an answer, it leaves its incident."""
    case = session.get_one(Case, case_id)
    if case.follows_id is not None and case.status not in CASE_OPEN:
        linking.let_go(session, case)
        return
    found = linking.membership_of(session, case)
    if found is None or found[0].lead_case_id != case_id:
        return
    incident, _ = found
    if case.status in GONE:
        linking.let_go(session, case)
        return
    followers = session.scalars(select(Case.id).where(Case.follows_id == case_id)).all()
    emit(session, *map(FollowerBehind, followers))
    if (out := _Course.of(session, case, incident).let_out) is not None:
        _answered(session, incident, case, out)


def _answered(session: Session, incident: Incident, lead: Case, out: CaseEvent) -> None:
    linking.hold_incident(session, incident)
    if incident.lead_case_id != lead.id:  # by now
        return
    incident.answered_at = incident.answered_at or out.at
    for member in linking.current(session, incident):
        if member.case_id == lead.id:
            member.answered_at = out.at
    session.flush()


def follow(session: Session, case_id: UUID) -> None:
    """Take the steps that a case is behind its lead."""
    case = session.get_one(Case, case_id, with_for_update=True, populate_existing=True)
    found = linking.membership_of(session, case)
    if case.follows_id is None or found is None:
        return
    incident, membership = found
    lead = session.get_one(Case, case.follows_id, populate_existing=True)
    follower = _Follower(session, case, membership, lead, _Course.of(session, lead, incident))
    for _ in range(MOST_STEPS):
        if not follower.step():
            break
    follower.keep_time()
    session.flush()


@dataclass(frozen=True)
class _Course:
    """What the lead went through: the latest event of each kind, up to the letting out of its answer."""

    latest: Mapping[Action, CaseEvent]
    let_out: CaseEvent | None

    @classmethod
    def of(cls, session: Session, lead: Case, incident: Incident) -> "_Course":
        rows = session.scalars(select(CaseEvent).where(CaseEvent.case_id == lead.id).order_by(CaseEvent.serial))
        latest: dict[Action, CaseEvent] = {}
        for event in rows:
            action = Action(event.action)
            if event.assignment_id is None or action in MOVES_CLOCK:
                latest[action] = event
            if event.at >= incident.created_at and _lets_out(event):
                return cls(latest, event)
        return cls(latest, None)


def _lets_out(event: CaseEvent) -> bool:
    if event.assignment_id is not None:
        return False
    checked = event.action in LETS_OUT and event.from_status in UNDER_CHECK
    return checked or (event.action in SAID_TO_CITIZEN and event.from_status is not None)


@dataclass
class _Follower:
    session: Session
    case: Case
    membership: IncidentCase
    lead: Case
    course: _Course

    def step(self) -> bool:
        """One step towards where the lead is; False if there is none to take."""
        before = (self.case.status, self.case.version)
        take = self._next()
        if take is None or self.case.follows_id is None:
            return False
        take()
        return (self.case.status, self.case.version) != before

    def _next(self) -> Callable[[], object] | None:
        status = CaseStatus(self.case.status)
        if status in CASE_AT_UNIT and self._is_elsewhere():
            return self._give_back
        ways: dict[CaseStatus, Callable[[], object] | None] = {
            CaseStatus.TO_DISPATCH: self._start(),
            CaseStatus.DISPATCHED: self._sign,
            CaseStatus.IN_PROGRESS: self._answer,
            CaseStatus.ANSWERED: self._be_checked(),
            CaseStatus.VERIFYING: self._be_checked(),
        }
        return ways.get(status)

    def _is_elsewhere(self) -> bool:
        """The lead is at another unit, or at none any more."""
        returned = self.lead.status == CaseStatus.TO_DISPATCH or self._said() is not None
        return returned or self.lead.lead_unit_id != self.case.lead_unit_id

    def _said(self) -> CaseEvent | None:
        """The lead was answered by the centre itself."""
        out = self.course.let_out
        return out if out is not None and out.action in SAID_TO_CITIZEN else None

    def _start(self) -> Callable[[], object] | None:
        if self._said() is not None:
            return self._be_told
        has_unit = self.lead.status not in CASE_FINAL | {CaseStatus.TO_DISPATCH, CaseStatus.REOPENED}
        return self._dispatch if has_unit or self.course.let_out is not None else None

    def _be_told(self) -> None:
        out = self.course.let_out
        assert out is not None  # noqa: S101 -- _start has seen it
        self._advance(self.case, Action(out.action), out, note=self.lead.public_answer)
        self._go_own_way()

    def _dispatch(self) -> None:
        unit = self.session.get_one(Unit, self.lead.lead_unit_id)
        key = f"in:{self.membership.id.hex[-12:]}:{self.case.dispatch_count}"
        by = self._by(self.course.latest.get(Action.DISPATCH), CASE[CaseStatus.TO_DISPATCH, Action.DISPATCH].by)
        cases.assign(self.session, self.case, [unit], by=by, key=key, note=self._words())

    def _give_back(self) -> None:
        key = f"out:{self.membership.id.hex[-12:]}:{self.case.dispatch_count}"
        by = self._by(self.course.latest.get(Action.RETURN), frozenset({Role.DISPATCHER}))
        cases.advance(self.session, self._lead_assignment(), Action.RETURN, by=by, key=key, note=self._words())

    def _sign(self) -> None:
        if self.lead.status != CaseStatus.DISPATCHED and (event := self.course.latest.get(Action.SIGN)):
            self._advance(self._lead_assignment(), Action.SIGN, event)

    def _answer(self) -> None:
        event, found = self.course.latest.get(Action.ANSWER), checked_answer.of_lead(self.session, self.lead)
        if event is None or found is None or not (self.lead.status in UNDER_CHECK or self.course.let_out):
            return
        answers.submit_answer(
            self.session,
            self._lead_assignment(),
            public_text=found[1].public_text,
            closure=ClosureKind(found[1].closure),
            by=self._by(event),
            key=self._key(event),
        )

    def _be_checked(self) -> Callable[[], object] | None:
        if self.course.let_out is not None:
            return self._let_out
        return self._rework if self._has_old_answer() else None

    def _has_old_answer(self) -> bool:
        if Action.REWORK not in self.course.latest:
            return False
        if self.lead.status not in UNDER_CHECK:
            return True
        own, theirs = checked_answer.of_lead(self.session, self.case), checked_answer.of_lead(self.session, self.lead)
        return own is not None and theirs is not None and own[1].public_text != theirs[1].public_text

    def _rework(self) -> None:
        event = self.course.latest[Action.REWORK]
        note = self.session.scalar(select(EventNote.text).where(EventNote.event_id == event.id)) or self._words()
        self._advance(self._lead_assignment(), Action.REWORK, event, note=note)

    def _let_out(self) -> None:
        out = self.course.let_out
        profile = profiles.of(self.session, self.case)
        on = checks.way_on(profile)
        if profile.case_step(self.case.status, on) is None:
            self._advance(self.case, Action.VERIFY, out)
            return
        self._advance(self.case, on, out)
        self._go_own_way()

    def _go_own_way(self) -> None:
        self.case.follows_id, self.membership.answered_at = None, now()

    def _advance(self, subject: Case | Assignment, action: Action, event: CaseEvent | None, *, note: str = "") -> None:
        key = self._key(event) if event else ""
        cases.advance(self.session, subject, action, by=self._by(event), key=f"{key}:{action[:2]}", note=note)

    def _key(self, event: CaseEvent) -> str:
        return f"{self.membership.id.hex[-10:]}:{event.id.hex}"

    def _by(self, event: CaseEvent | None, roles: frozenset[Role] = frozenset(Role)) -> Actor:
        """Whoever did it with the lead; else, in these roles, whoever put the two together."""
        unit = self.session.get(Unit, self.lead.lead_unit_id) if self.lead.lead_unit_id else None
        path = unit.path if unit else ""
        if event is not None and event.by_role in roles:
            return Actor(event.by_id, frozenset({Role(event.by_role)}), path, leads=self.lead.id)
        return Actor(self.membership.by_id, roles & linking.LINKED_BY, path, leads=self.lead.id)

    def _words(self) -> str:
        return say("Handled together with {number}.", number=self.lead.number)

    def _lead_assignment(self) -> Assignment:
        return _lead_assignment(self.session, self.case)

    def keep_time(self) -> None:
        """More time for the lead is more time for what waits for its answer."""
        moved = [event for action, event in self.course.latest.items() if action in MOVES_CLOCK]
        at_units = {self.case.status, self.lead.status} <= CASE_AT_UNIT
        if not moved or not at_units or self.case.follows_id is None:
            return
        own, theirs = self._lead_assignment(), _lead_assignment(self.session, self.lead)
        if theirs.answer_due_at <= own.answer_due_at or own.status not in AT_UNIT:
            return
        event = max(moved, key=lambda each: each.serial)
        due = theirs.answer_due_at
        act: dict[str, Any] = {"by": self._by(event), "key": f"{self._key(event)}:ti", "text": self._words()}
        clocks.move(self.session, self.case, own, due, action=Action.EXTEND, **act)
        values = {**notices.values_of(self.session, self.case), "due": f"{due.astimezone(CITY_TIME):%m月%d日 %H:%M}"}
        outgoing.about_case(self.session, self.case, purpose="extended", values=values, round_=event.id.hex)


def _lead_assignment(session: Session, case: Case) -> Assignment:
    return session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.lead, Assignment.status.in_(ASSIGNMENT_OPEN))
        .order_by(Assignment.dispatched_at.desc())
        .limit(1)
    ).one()
