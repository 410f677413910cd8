"""What follows from a clock that goes on: a warning before it runs out, a mark when it has, measures when nothing is done.

Each clock has the next moment at which something is to be said about it, planned for the due time that it had then. The sweep
looks at the clocks whose moment has come and at those whose due time was set or moved since; who sets one need not know of it.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select, update
from sqlalchemy.orm import Session, load_only

from hotline.db import Database
from hotline.events import CaseSupervised, ClockRang, Event
from hotline.services import history, supervision
from hotline.services.actors import SERVICE
from hotline.services.clocks import deadlines
from hotline.services.clocks.deadlines import Limit
from hotline.services.history import Tail
from hotline.services.outbox import emit
from hotline.services.profiles import profiles
from hotline.services.profiles.profiles import Profile
from models import Action, Assignment, Case, CaseEvent, CaseStatus, Mark, MarkKind, Measure, Role, now
from models.base import CITY_TIME
from models.workflow import ASSIGNMENT, AT_UNIT, CASE, CASE_OPEN, Clock

BATCH = 500
# Of a case; what it is about is encrypted, and nothing to a clock.
NEEDED = (Case.status, Case.urgency, Case.profile_id, Case.due_at, Case.alarm_at, Case.alarm_for)


class Stage(StrEnum):
    DUE_SOON = "due_soon"
    OVERDUE = "overdue"


# While a unit has the case, its assignment carries the clock; otherwise the centre has it and the case does.
CENTRE = CASE_OPEN - {CaseStatus.DISPATCHED, CaseStatus.IN_PROGRESS}
# A state of the same name has the same clock in both tables.
RUNNING: Mapping[str, Clock] = {row.to: row.clock for table in (CASE, ASSIGNMENT) for row in table.values() if row.clock}


@dataclass(frozen=True)
class _Moment:
    at: datetime
    stage: Stage | Measure


@dataclass
class _Batch:
    """What is known of the cases that are looked at together."""

    session: Session
    tails: dict[UUID, Tail] = field(default_factory=dict)
    said: set[tuple[UUID, str]] = field(default_factory=set)
    levels: Mapping[UUID, int] = field(default_factory=dict)  # of supervision, by the assignment that it is about
    told: list[Event] = field(default_factory=list)
    ends: dict[tuple[date, Limit], datetime] = field(default_factory=dict)

    def end_of(self, start: datetime, limit: Limit) -> datetime:
        """Many clocks end on the same day: the calendar is asked once for each. Its days begin and end at midnight."""
        if limit.unit != "wd":
            return start + limit.natural
        day = (start.astimezone(CITY_TIME).date(), limit)
        if day not in self.ends:
            self.ends[day] = deadlines.due_at(self.session, start, limit).at
        return self.ends[day]

    def supervise(self, case: Case, assignment: Assignment, measure: Measure) -> None:
        limit = profiles.of(self.session, case).supervision.answer
        mark = supervision.made(case, assignment, measure, due_at=self.end_of(now(), limit))
        self.session.add(mark)
        self.told.append(CaseSupervised(case.id, mark.id))


def sweep(database: Database) -> int:
    """In short transactions, so that people who act on cases wait for none of it; returns how often something was said."""
    said, looked = 0, BATCH
    while looked >= BATCH:
        with database.repeatable() as session:
            looked, rang = _look(session)
        said += rang
    return said


def ring(session: Session) -> int:
    """The same in the caller's transaction."""
    said, looked = 0, BATCH
    while looked >= BATCH:
        looked, rang = _look(session)
        said += rang
    return said


def _look(session: Session) -> tuple[int, int]:
    """How many clocks were looked at, and how often something was said."""
    mirrors = _pass_over(session)
    waiting = {(assignment or case).id: (case, assignment) for case, assignment in [*_assignments(session), *_cases(session)]}
    found = list(waiting.values())[:BATCH]
    batch, at = _Batch(session), now()
    due = [(case, row, stage) for case, row in found for stage in _attend(batch, case, row, at)]
    rang = _tell(batch, due) if due else 0
    session.flush()
    return max(mirrors, len(found)), rang


def _pass_over(session: Session) -> int:
    """A case at a unit has the due time of its lead, which is looked at there."""
    mirrored = select(Case.id).where(_is_unplanned(Case), Case.status.not_in(CENTRE)).limit(BATCH)
    chosen = mirrored.with_for_update(skip_locked=True)
    done = update(Case).where(Case.id.in_(chosen)).values(alarm_for=Case.due_at, alarm_at=None).returning(Case.id)
    return len(session.scalars(done.execution_options(synchronize_session=False)).all())


def _tell(batch: _Batch, due: Sequence[tuple[Case, Assignment | None, Stage | Measure]]) -> int:
    """Say all of this, except what was said before."""
    session, ids = batch.session, {case.id for case, _, _ in due}
    keys = {_key(stage, assignment or case) for case, assignment, stage in due}
    known = session.execute(select(CaseEvent.case_id, CaseEvent.key).where(CaseEvent.case_id.in_(ids), CaseEvent.key.in_(keys)))
    batch.said = {(case_id, key) for case_id, key in known}
    batch.tails = history.tails(session, ids)
    batch.levels = _levels(session, [assignment.id for _, assignment, _ in due if assignment])
    rang = sum(_say(batch, *each) for each in due)
    emit(session, *batch.told)
    return rang


def _levels(session: Session, assignment_ids: Collection[UUID]) -> dict[UUID, int]:
    """The highest measure that is open against each."""
    rows = session.execute(
        select(Mark.assignment_id, func.max(Mark.level))
        .where(Mark.assignment_id.in_(assignment_ids), Mark.kind == MarkKind.SUPERVISION, Mark.cleared_at.is_(None))
        .group_by(Mark.assignment_id)
    )
    return {assignment_id: level for assignment_id, level in rows if assignment_id}


def _assignments(session: Session) -> Iterator[tuple[Case, Assignment | None]]:
    query = select(Case, Assignment).join(Assignment, Assignment.case_id == Case.id)
    yield from _locked(session, query, Assignment)


def _cases(session: Session) -> Iterator[tuple[Case, Assignment | None]]:
    for (case,) in _locked(session, select(Case).where(Case.status.in_(CENTRE)), Case):
        yield case, None


def _locked(session: Session, query: Any, kind: type[Case] | type[Assignment]) -> Sequence[Any]:
    waits = (kind.alarm_at <= now(), _is_unplanned(kind))
    return [row for waiting in waits for row in _first(session, query, waiting)]


def _is_unplanned(kind: type[Case] | type[Assignment]) -> ColumnElement[bool]:
    """As the index has it."""
    return and_(kind.due_at.is_not(None), or_(kind.alarm_for.is_(None), kind.alarm_for != kind.due_at))


def _first(session: Session, query: Any, waiting: ColumnElement[bool]) -> Sequence[Any]:
    """Query: of cases, alone or with their assignments."""
    return session.execute(
        query.where(waiting)
        .options(load_only(*NEEDED))
        .limit(BATCH)
        .with_for_update(of=Case, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def _attend(batch: _Batch, case: Case, assignment: Assignment | None, at: datetime) -> Sequence[Stage | Measure]:
    """What is to be said of this clock by now; and plan when to look again."""
    subject = assignment or case
    moments = _moments(batch, case, assignment, profiles.of(batch.session, case))
    come = [each for each in moments if each.at <= at]
    since = subject.alarm_at if subject.alarm_for == subject.due_at else None
    due_now = [each for each in come if since is None or each.at >= since]
    subject.alarm_for = subject.due_at
    subject.alarm_at = min((each.at for each in moments if each.at > at), default=None)
    return _worth_saying([each.stage for each in due_now])


def _worth_saying(stages: Sequence[Stage | Measure]) -> Sequence[Stage | Measure]:
    """What has run out needs no warning any more; of several measures the last one is taken."""
    measures = [stage for stage in stages if isinstance(stage, Measure)]
    return [*[stage for stage in stages if isinstance(stage, Stage)][-1:], *measures[-1:]]


def _moments(batch: _Batch, case: Case, assignment: Assignment | None, profile: Profile) -> Sequence[_Moment]:
    """In the order of time; none of a clock that nobody has to keep any more."""
    subject = assignment or case
    runs = subject.status in AT_UNIT if assignment else subject.status in CENTRE
    if not runs or subject.due_at is None:
        return []
    limit = profile.limit(RUNNING[subject.status], case.urgency)
    warned = subject.due_at - (1 - profile.alarm.warn) * limit.natural
    if assignment and assignment.paused_until:  # nobody can hurry while the citizen is asked
        warned = max(warned, assignment.paused_until)
    moments = [_Moment(warned, Stage.DUE_SOON), _Moment(subject.due_at, Stage.OVERDUE)]
    if assignment and subject.due_at <= now():
        ladder = profile.supervision.ladder
        moments += [_Moment(batch.end_of(subject.due_at, late), measure) for measure, late in ladder.items()]
    return sorted(moments, key=lambda moment: moment.at)


def _key(stage: Stage | Measure, subject: Case | Assignment) -> str:
    return f"{stage}:{subject.id.hex}:{subject.due_at:%Y%m%d%H%M%S}" if subject.due_at else ""


def _say(batch: _Batch, case: Case, assignment: Assignment | None, stage: Stage | Measure) -> bool:
    subject = assignment or case
    key = _key(stage, subject)
    if (case.id, key) in batch.said:
        return False
    batch.said.add((case.id, key))
    if stage == Stage.OVERDUE:
        batch.session.add(_overdue(case, assignment))
    elif isinstance(stage, Measure) and assignment:
        if batch.levels.get(assignment.id, 0) >= stage.level:
            return False
        batch.supervise(case, assignment, stage)
    event = history.note(
        batch.session,
        case,
        Action.MARK,
        by=SERVICE,
        role=Role.SERVICE,
        key=key,
        text=f"{stage}: {supervision.BY_RULE if isinstance(stage, Measure) else subject.status}",
        assignment=assignment,
        after=batch.tails[case.id],
    )
    batch.tails[case.id] = (event.serial, event.mac)
    batch.told.append(ClockRang(case.id, assignment.id if assignment else None, stage))
    return True


def _overdue(case: Case, assignment: Assignment | None) -> Mark:
    return Mark(
        case_id=case.id,
        assignment_id=assignment.id if assignment else None,
        kind=MarkKind.OVERDUE,
        basis=str((assignment or case).status),
        created_at=now(),
    )
