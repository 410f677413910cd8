"""What a closed case is worth, from what is stored of it and nothing else: the same facts give the same values."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from hotline.services import surveys
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.rule import ScoringRule, Unanswered
from hotline.services.scores.spans import day_of
from models import (
    Action,
    AnswerMark,
    Assignment,
    AssignmentStatus,
    Case,
    CaseEvent,
    CaseLink,
    CaseStatus,
    ClosureKind,
    DueChange,
    Grade,
    LinkKind,
    Mark,
    MarkKind,
    Omission,
    Request,
    RequestKind,
    RequestState,
    Ruling,
    Survey,
    SurveyAnswer,
    SurveyRuling,
)

R = TypeVar("R")
SCORED = frozenset({CaseStatus.CLOSED, CaseStatus.ARCHIVED})
ASKED = (Indicator.RESOLUTION, Indicator.SATISFACTION, Indicator.UNIT_SATISFACTION)
DONE_AGAIN = frozenset({Action.REWORK, Action.REOPEN})
# What an appeal that is about the whole case contests.
WHOLE_CASE = "all"


@dataclass(frozen=True)
class Worth:
    """One indicator for one unit: a value from 0 to 1, or why there is none."""

    indicator: Indicator
    unit_id: UUID
    value: float | None
    omission: Omission | None = None
    assumed: bool = False


@dataclass(frozen=True)
class Facts:
    closed_at: datetime
    agent_id: UUID
    unit_id: UUID  # that led at the end
    worth: Sequence[Worth]

    def values(self) -> dict[Indicator, float]:
        """Of the unit that led at the end."""
        mine = [each for each in self.worth if each.unit_id == self.unit_id]
        return {each.indicator: each.value for each in mine if each.value is not None}


@dataclass(frozen=True)
class _Event:
    assignment_id: UUID | None
    action: str
    at: datetime
    was_due_at: datetime | None  # with `due_at`: where the clock was moved
    due_at: datetime | None


@dataclass(frozen=True)
class _Stored:
    """What is stored of several cases, asked for all of them at once."""

    leads: Mapping[UUID, Sequence[Assignment]]
    events: Mapping[UUID, Sequence[_Event]]
    repeats: frozenset[UUID]
    marks: Mapping[UUID, int]
    rounds: Mapping[UUID, Sequence[Survey]]  # the latest first
    answers: Mapping[UUID, SurveyAnswer]
    on_ledger: frozenset[UUID]
    rulings: Mapping[UUID, Ruling]
    granted: Mapping[UUID, Sequence[tuple[str, UUID]]]  # what was contested, and by which unit


@dataclass
class _Found:
    """What of a case's history the indicators ask for."""

    case: Case
    lead: Assignment
    leads: Sequence[Assignment]
    events: Sequence[_Event]
    values: dict[Indicator, float] = field(default_factory=dict)
    omissions: dict[Indicator, Omission] = field(default_factory=dict)
    assumed: set[Indicator] = field(default_factory=set)
    excused: set[UUID] = field(default_factory=set)  # units of whom it does not count that they gave the case back


def of_cases(session: Session, cases: Sequence[Case], rule_on: Callable[[date], ScoringRule]) -> Mapping[UUID, Facts]:
    """By case; without those that are not closed, and those that no unit had."""
    closed = [case for case in cases if case.status in SCORED and case.closed_at is not None]
    stored = _stored(session, [case.id for case in closed])
    found = {case.id: _of_case(case, stored, rule_on) for case in closed}
    return {case_id: facts for case_id, facts in found.items() if facts is not None}


def _of_case(case: Case, stored: _Stored, rule_on: Callable[[date], ScoringRule]) -> Facts | None:
    leads = stored.leads.get(case.id, ())
    lead = next((each for each in reversed(leads) if each.status == AssignmentStatus.DONE), None)
    if lead is None or case.closed_at is None:
        return None
    rule, found = rule_on(day_of(case.closed_at)), _Found(case, lead, leads, stored.events.get(case.id, ()))
    found.values = {
        Indicator.CONTACT: float(lead.contacted_at is not None and lead.contacted_at <= lead.contact_due_at),
        Indicator.ON_TIME: float(_was_on_time(found)),
        Indicator.FIRST_DISPATCH: float(not any(each.status == AssignmentStatus.RETURNED for each in leads)),
        Indicator.REPEAT: float(case.id in stored.repeats),
        Indicator.REWORK: float(any(event.action in DONE_AGAIN for event in found.events)),
    }
    if (mark := stored.marks.get(case.id)) is not None:
        found.values[Indicator.FIT] = mark / 100
    _hear_citizen(found, stored, rule)
    _leave_out(found, stored, rule)
    return Facts(case.closed_at, case.filed_by_id, lead.unit_id, [*_of_lead(found), *_returns(found)])


def _stored(session: Session, ids: Sequence[UUID]) -> _Stored:
    rounds = _by_case(session, select(Survey.case_id, Survey).where(Survey.case_id.in_(ids)).order_by(Survey.round.desc()))
    return _Stored(
        leads=_leads(session, ids),
        events=_events(session, ids),
        repeats=_which(session, CaseLink.case_id, CaseLink.case_id.in_(ids), CaseLink.kind == LinkKind.REPEAT),
        marks=_marks(session, ids),
        rounds=rounds,
        answers=surveys.latest_answers(session, [each.id for of_case in rounds.values() for each in of_case]),
        on_ledger=_which(session, Mark.case_id, Mark.case_id.in_(ids), Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None)),
        rulings=_rulings(session, ids),
        granted=_granted(session, ids),
    )


def _by_case(session: Session, query: Select[UUID, R]) -> dict[UUID, list[R]]:
    found: dict[UUID, list[R]] = {}
    for case_id, row in session.execute(query):
        found.setdefault(case_id, []).append(row)
    return found


def _which(session: Session, case_id: InstrumentedAttribute[UUID], *holds: ColumnElement[bool]) -> frozenset[UUID]:
    return frozenset(session.scalars(select(case_id).where(*holds)))


def _leads(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[Assignment]]:
    of_centre = (Assignment.case_id.in_(ids), Assignment.lead, Assignment.parent_id.is_(None))
    query = select(Assignment.case_id, Assignment).where(*of_centre)
    return _by_case(session, query.order_by(Assignment.dispatched_at, Assignment.id))


def _events(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[_Event]]:
    told = (CaseEvent.assignment_id, CaseEvent.action, CaseEvent.at, DueChange.was_at, DueChange.due_at)
    rows = session.execute(
        select(CaseEvent.case_id, *told)
        .outerjoin(DueChange, DueChange.event_id == CaseEvent.id)
        .where(CaseEvent.case_id.in_(ids))
        .order_by(CaseEvent.serial)
    )
    found: dict[UUID, list[_Event]] = {}
    for case_id, assignment_id, action, at, was_due_at, due_at in rows:
        found.setdefault(case_id, []).append(_Event(assignment_id, action, at, was_due_at, due_at))
    return found


def _marks(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, int]:
    """Given again, the latest counts."""
    given = select(AnswerMark.case_id, AnswerMark.mark).where(AnswerMark.case_id.in_(ids))
    return {case_id: mark for case_id, mark in session.execute(given.order_by(AnswerMark.created_at, AnswerMark.id))}


def _rulings(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, Ruling]:
    """How the centre ruled on what the citizen said last."""
    rows = session.execute(
        select(Request.case_id, SurveyRuling.ruling)
        .join(Request, Request.id == SurveyRuling.request_id)
        .where(Request.case_id.in_(ids))
        .order_by(SurveyRuling.ruled_at, SurveyRuling.request_id)
    )
    return {case_id: ruling for case_id, ruling in rows}


def _granted(session: Session, ids: Sequence[UUID]) -> Mapping[UUID, Sequence[tuple[str, UUID]]]:
    appeals = (Request.kind == RequestKind.APPEAL, Request.state == RequestState.GRANTED)
    rows = session.execute(
        select(Request.case_id, Request.reason_code, Assignment.unit_id)
        .join(Assignment, Assignment.id == Request.assignment_id)
        .where(Request.case_id.in_(ids), *appeals)
    )
    found: dict[UUID, list[tuple[str, UUID]]] = {}
    for case_id, contested, unit_id in rows:
        found.setdefault(case_id, []).append((contested, unit_id))
    return found


def _was_on_time(found: _Found) -> bool:
    """Every answer, the first one and those after rework, came within the clock that ran then."""
    told = [each for each in found.events if each.assignment_id == found.lead.id]
    due = next((each.was_due_at for each in told if each.was_due_at is not None), found.lead.answer_due_at)
    for event in told:
        due = event.due_at or due
        if event.action == Action.ANSWER and event.at > due:
            return False
    return True


def _hear_citizen(found: _Found, stored: _Stored, rule: ScoringRule) -> None:
    """What the citizen said in the latest round that was answered; else what the rule makes of the silence."""
    rounds = stored.rounds.get(found.case.id, ())
    answered = next((survey for survey in rounds if survey.answered_at is not None), None)
    answer = stored.answers.get(answered.id) if answered else None
    if answer is not None:
        said = (answer.solved, Grade(answer.result).is_satisfied, Grade(answer.unit).is_satisfied)
        found.values |= dict(zip(ASKED, map(float, said), strict=True))
    elif not rounds or rounds[0].lapsed_at is None:
        found.omissions |= dict.fromkeys(ASKED, Omission.NO_ANSWER)
    elif rule.unanswered == Unanswered.LEFT_OUT:
        found.omissions |= dict.fromkeys(ASKED, Omission.UNANSWERED)
    else:
        found.values |= dict.fromkeys(ASKED, float(rule.unanswered == Unanswered.AS_SATISFIED))
        found.assumed |= set(ASKED)


def _leave_out(found: _Found, stored: _Stored, rule: ScoringRule) -> None:
    case = found.case
    # Acknowledged as not to be solved now: it does not count among the cases to be solved.
    if case.closure != ClosureKind.SOLVED and case.id in stored.on_ledger:
        _omit(found, rule.left_out.get(Omission.LEDGER, ()), Omission.LEDGER)
    if stored.rulings.get(case.id) == Ruling.UNREASONABLE:
        _omit(found, rule.left_out.get(Omission.UNREASONABLE, ()), Omission.UNREASONABLE)
    for contested, unit_id in stored.granted.get(case.id, ()):
        if contested in (WHOLE_CASE, Indicator.RETURN):
            found.excused.add(unit_id)
        about = Indicator if contested == WHOLE_CASE else [Indicator(contested)]
        _omit(found, [each for each in about if each != Indicator.RETURN], Omission.APPEAL)


def _omit(found: _Found, indicators: Iterable[Indicator], reason: Omission) -> None:
    for indicator in indicators:
        if indicator in found.values or indicator in found.omissions or indicator == Indicator.RETURN:
            found.values.pop(indicator, None)
            found.assumed.discard(indicator)
            found.omissions[indicator] = reason


def _of_lead(found: _Found) -> list[Worth]:
    unit = found.lead.unit_id
    counted = [Worth(each, unit, value, assumed=each in found.assumed) for each, value in found.values.items()]
    left = [Worth(each, unit, None, reason) for each, reason in found.omissions.items() if each != Indicator.RETURN]
    return counted + left


def _returns(found: _Found) -> list[Worth]:
    """For each unit that ever led it: a unit that gave the case back answers for that, whoever closed it in the end."""
    ended = (AssignmentStatus.DONE, AssignmentStatus.RETURNED)
    gave_back: dict[UUID, bool] = {}
    for each in found.leads:
        if each.status in ended:
            gave_back[each.unit_id] = gave_back.get(each.unit_id, False) or each.status == AssignmentStatus.RETURNED
    for_all = found.omissions.get(Indicator.RETURN)
    reasons = {unit: Omission.APPEAL if unit in found.excused else for_all for unit in gave_back}
    return [
        Worth(Indicator.RETURN, unit, float(back) if reasons[unit] is None else None, reasons[unit])
        for unit, back in gave_back.items()
    ]
