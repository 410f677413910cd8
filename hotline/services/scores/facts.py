"""What a closed case is worth, from what is stored of it and nothing else: the same facts give the same values."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import surveys
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores.rule import ScoringRule, Unanswered
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
    SurveyRuling,
)

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


@dataclass
class _Found:
    """What of a case's history the indicators ask for."""

    case: Case
    lead: Assignment
    leads: Sequence[Assignment]
    events: Sequence[tuple[CaseEvent, DueChange | None]]
    values: dict[Indicator, float] = field(default_factory=dict)
    omissions: dict[Indicator, Omission] = field(default_factory=dict)
    assumed: set[Indicator] = field(default_factory=set)


def of_case(session: Session, case: Case, rule: ScoringRule) -> Facts | None:
    """None of a case that is not closed, or that no unit had."""
    leads = session.scalars(
        select(Assignment)
        .where(Assignment.case_id == case.id, Assignment.lead, Assignment.parent_id.is_(None))
        .order_by(Assignment.dispatched_at, Assignment.id)
    ).all()
    lead = next((each for each in reversed(leads) if each.status == AssignmentStatus.DONE), None)
    if case.status not in SCORED or lead is None or case.closed_at is None:
        return None
    found = _Found(case, lead, leads, _events(session, case))
    found.values = {
        Indicator.CONTACT: float(lead.contacted_at is not None and lead.contacted_at <= lead.contact_due_at),
        Indicator.ON_TIME: float(_was_on_time(found)),
        Indicator.FIRST_DISPATCH: float(not any(each.status == AssignmentStatus.RETURNED for each in leads)),
        Indicator.REPEAT: float(_is_repeat(session, case)),
        Indicator.REWORK: float(any(event.action in DONE_AGAIN for event, _ in found.events)),
        **_fit(session, case),
    }
    _hear_citizen(session, found, rule)
    _leave_out(session, found, rule)
    return Facts(case.closed_at, case.filed_by_id, lead.unit_id, [*_of_lead(found), *_returns(found)])


def _events(session: Session, case: Case) -> Sequence[tuple[CaseEvent, DueChange | None]]:
    rows = session.execute(
        select(CaseEvent, DueChange)
        .outerjoin(DueChange, DueChange.event_id == CaseEvent.id)
        .where(CaseEvent.case_id == case.id)
        .order_by(CaseEvent.serial)
    )
    return [(event, moved) for event, moved in rows]


def _was_on_time(found: _Found) -> bool:
    """Every answer, the first one and those after rework, came within the clock that ran then."""
    told = [each for each in found.events if each[0].assignment_id == found.lead.id]
    due = next((moved.was_at for _, moved in told if moved is not None), found.lead.answer_due_at)
    for event, moved in told:
        due = moved.due_at if moved is not None else due
        if event.action == Action.ANSWER and event.at > due:
            return False
    return True


def _is_repeat(session: Session, case: Case) -> bool:
    tied = select(CaseLink.id).where(CaseLink.case_id == case.id, CaseLink.kind == LinkKind.REPEAT)
    return session.scalar(tied.limit(1)) is not None


def _fit(session: Session, case: Case) -> Mapping[Indicator, float]:
    latest = select(AnswerMark.mark).where(AnswerMark.case_id == case.id)
    mark = session.scalar(latest.order_by(AnswerMark.created_at.desc(), AnswerMark.id.desc()).limit(1))
    return {} if mark is None else {Indicator.FIT: mark / 100}


def _hear_citizen(session: Session, found: _Found, rule: ScoringRule) -> None:
    """What the citizen said in the latest round that was answered; else what the rule makes of the silence."""
    rounds = session.scalars(select(Survey).where(Survey.case_id == found.case.id).order_by(Survey.round.desc())).all()
    answered = next((survey for survey in rounds if survey.answered_at is not None), None)
    answer = surveys.latest_answer(session, answered) if answered else None
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


def _leave_out(session: Session, found: _Found, rule: ScoringRule) -> None:
    if rule.left_out.get(Omission.LEDGER) and found.case.closure != ClosureKind.SOLVED and _is_on_ledger(session, found.case):
        _omit(found, rule.left_out[Omission.LEDGER], Omission.LEDGER)
    if (said := rule.left_out.get(Omission.UNREASONABLE)) and _is_unreasonable(session, found.case):
        _omit(found, said, Omission.UNREASONABLE)
    granted = session.scalars(
        select(Request.reason_code).where(
            Request.case_id == found.case.id, Request.kind == RequestKind.APPEAL, Request.state == RequestState.GRANTED
        )
    )
    for contested in granted:
        _omit(found, Indicator if contested == WHOLE_CASE else [Indicator(contested)], Omission.APPEAL)


def _omit(found: _Found, indicators: Iterable[Indicator], reason: Omission) -> None:
    for indicator in indicators:
        if indicator in found.values or indicator in found.omissions or indicator == Indicator.RETURN:
            found.values.pop(indicator, None)
            found.assumed.discard(indicator)
            found.omissions[indicator] = reason


def _is_on_ledger(session: Session, case: Case) -> bool:
    """Acknowledged as not to be solved now: it does not count among the cases to be solved."""
    stands = select(Mark.id).where(Mark.case_id == case.id, Mark.kind == MarkKind.LEDGER, Mark.cleared_at.is_(None))
    return session.scalar(stands.limit(1)) is not None


def _is_unreasonable(session: Session, case: Case) -> bool:
    """How the centre ruled on what the citizen said last."""
    latest = (
        select(SurveyRuling.ruling)
        .join(Request, Request.id == SurveyRuling.request_id)
        .where(Request.case_id == case.id)
        .order_by(SurveyRuling.ruled_at.desc(), SurveyRuling.request_id.desc())
    )
    return session.scalar(latest.limit(1)) == Ruling.UNREASONABLE


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
    reason = found.omissions.get(Indicator.RETURN)
    return [Worth(Indicator.RETURN, unit, float(back) if reason is None else None, reason) for unit, back in gave_back.items()]
