"""What a citizen is shown of his matters: a plain timeline, without staff or words between offices."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services import surveys
from hotline.services.sideways import wishes
from hotline.services.sideways.wishes import Wish
from hotline.words import say, word
from models import (
    Action,
    Assignment,
    Case,
    CaseEvent,
    CaseStatus,
    Conclusion,
    Contact,
    Direction,
    EventNote,
    Message,
    Request,
    RequestKind,
    RequestState,
    Survey,
    Unit,
    now,
)
from models.workflow import CASE_AT_UNIT, CASE_FINAL

URGE_EVERY = timedelta(hours=24)

# The answer is the citizen's to read once the centre lets it out, not while it is still being checked.
TOLD = frozenset({CaseStatus.CALLBACK, CaseStatus.CLOSED, CaseStatus.ARCHIVED, CaseStatus.REDIRECTED, CaseStatus.REOPENED})
TOLD_OF_CONTACT = frozenset({Conclusion.ANSWERED, Conclusion.REDIRECTED, Conclusion.REFUSED})
NOT_GOOD = frozenset({Conclusion.VOID, Conclusion.REFUSED})
URGEABLE = CASE_AT_UNIT | {CaseStatus.TO_DISPATCH, CaseStatus.REOPENED}
# Steps of a case that a citizen understands; those of its assignments and the rest stay inside. The words are in
# the catalogue under "citizen_step".
SHOWN = frozenset(
    {
        Action.FILE,
        Action.FILE_FOR_REVIEW,
        Action.ANSWER_DIRECTLY,
        Action.REDIRECT,
        Action.DISMISS,
        Action.DISPATCH,
        Action.SIGN,
        Action.RETURN,
        Action.ANSWER,
        Action.REWORK,
        Action.CLOSE,
        Action.REOPEN,
        Action.WITHDRAW,
        Action.URGE,
    }
)
# Of the lead's clock: that it takes longer, or that something is asked. What is asked is told in its words.
CLOCK = frozenset({Action.EXTEND, Action.PAUSE, Action.SHELVE})
GOOD = frozenset({CaseStatus.CLOSED, CaseStatus.ARCHIVED, CaseStatus.REDIRECTED})


Lead = tuple[Assignment, str]


@dataclass(frozen=True)
class Step:
    at: datetime
    text: str
    said: str = ""
    mine: bool = False


@dataclass(frozen=True)
class Matter:
    """One case in the citizen's words; a contact that no agent has filed yet counts as one too."""

    number: str
    title: str
    state: str
    tone: str
    steps: Sequence[Step]
    over: bool = False
    due_at: datetime | None = None
    answer: str = ""
    answer_from: str = ""
    survey: str = ""
    survey_answered: bool = False
    correct_until: datetime | None = None
    may_urge: bool = False
    wishes: frozenset[Wish] = frozenset()


@dataclass(frozen=True)
class Progress:
    reference: str
    matters: Sequence[Matter]
    open_numbers: Sequence[str] = field(default_factory=list)

    @property
    def headline(self) -> str:
        return self.matters[0].state if len(self.matters) == 1 else say("{count} matters", count=len(self.matters))


@dataclass(frozen=True)
class _Kept:
    """What is kept of one case that its citizen may be told of."""

    case: Case
    events: Sequence[CaseEvent]
    leads: Sequence[Lead]
    survey: Survey | None
    correct_until: datetime | None
    said: Sequence[Message]
    redirected: str
    questions: Mapping[UUID, str]
    requests: Sequence[Request]

    @property
    def lead(self) -> Assignment | None:
        return self.leads[-1][0] if self.leads else None

    @property
    def is_asked(self) -> bool:
        return self.survey is not None and self.survey.lapsed_at is None


def progress(session: Session, contact_id: UUID) -> Progress:
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NotFound()
    filed = session.scalars(select(Case).where(Case.contact_id == contact.id).order_by(Case.matter)).all()
    said = _said(session, contact)
    if not filed:
        return Progress(contact.reference, [_unfiled(contact, said)], [] if contact.concluded_at else [contact.reference])
    matters = [_matter(contact, kept) for kept in _kept(session, filed, said)]
    return Progress(contact.reference, matters, [case.number for case in filed if case.status not in CASE_FINAL])


def _kept(session: Session, filed: Sequence[Case], said: Sequence[Message]) -> Iterable[_Kept]:
    ids = [case.id for case in filed]
    events = _grouped(session.scalars(select(CaseEvent).where(CaseEvent.case_id.in_(ids)).order_by(CaseEvent.serial)))
    leads, invited, redirected = _leads(session, ids), _surveys(session, ids), _redirected(session, ids)
    questions, asked = _questions(session, ids), _requests(session, ids)
    for case in filed:
        yield _Kept(
            case=case,
            events=events.get(case.id, []),
            leads=leads.get(case.id, ()),
            survey=invited.get(case.id),
            correct_until=surveys.correct_until(session, invited[case.id]) if case.id in invited else None,
            said=[message for message in said if message.case_id in (case.id, None)],
            redirected=redirected.get(case.id, ""),
            questions=questions,
            requests=asked.get(case.id, ()),
        )


def _grouped(events: Iterable[CaseEvent]) -> dict[UUID, list[CaseEvent]]:
    found: dict[UUID, list[CaseEvent]] = {}
    for event in events:
        found.setdefault(event.case_id, []).append(event)
    return found


def _leads(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[Lead]]:
    """The lead assignments of each case, the latest last, with their units' names."""
    rows = session.execute(
        select(Assignment, Unit.name)
        .join(Unit, Unit.id == Assignment.unit_id)
        .where(Assignment.case_id.in_(case_ids), Assignment.lead)
        .order_by(Assignment.dispatched_at)
    )
    found: dict[UUID, list[Lead]] = {}
    for assignment, name in rows:
        found.setdefault(assignment.case_id, []).append((assignment, name))
    return found


def _surveys(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, Survey]:
    rows = session.scalars(select(Survey).where(Survey.case_id.in_(case_ids)).order_by(Survey.round))
    return {survey.case_id: survey for survey in rows}


def _redirected(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, str]:
    """The right door, as the agent told it; other notes of the history stay inside."""
    rows = session.execute(
        select(CaseEvent.case_id, EventNote.text)
        .join(EventNote, EventNote.event_id == CaseEvent.id)
        .where(CaseEvent.case_id.in_(case_ids), CaseEvent.action == Action.REDIRECT)
    )
    return {case_id: text for case_id, text in rows}


def _questions(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, str]:
    """What citizens were asked for, by its event."""
    rows = session.execute(
        select(CaseEvent.id, EventNote.text)
        .join(EventNote, EventNote.event_id == CaseEvent.id)
        .where(CaseEvent.case_id.in_(case_ids), CaseEvent.action == Action.PAUSE)
    )
    return {event_id: text for event_id, text in rows}


def _requests(session: Session, case_ids: Sequence[UUID]) -> dict[UUID, list[Request]]:
    """Wishes to look again, the citizen's own and those of surveys."""
    found: dict[UUID, list[Request]] = {}
    rows = session.scalars(select(Request).where(Request.case_id.in_(case_ids), Request.kind.in_(wishes.LOOKS)))
    for request in rows:
        found.setdefault(request.case_id, []).append(request)
    return found


def _said(session: Session, contact: Contact) -> Sequence[Message]:
    """What the citizen wrote here, the first letter left out."""
    messages = session.scalars(
        select(Message).where(Message.contact_id == contact.id, Message.direction == Direction.IN).order_by(Message.received_at)
    ).all()
    return messages[1:]


def _unfiled(contact: Contact, said: Sequence[Message]) -> Matter:
    steps = [Step(contact.received_at, word("citizen_step", "received"))]
    if contact.taken_at:
        steps.append(Step(contact.taken_at, word("citizen_step", "taken")))
    steps += [_remark(message) for message in said]
    state, tone, answer = ("taken" if contact.taken_at else "received"), "accent", ""
    if contact.concluded_at and contact.conclusion:
        state, tone = contact.conclusion, "good" if contact.conclusion not in NOT_GOOD else ""
        # Why something is void is a word among colleagues.
        answer = contact.conclusion_note if contact.conclusion in TOLD_OF_CONTACT else ""
        steps.append(Step(contact.concluded_at, word("citizen_status", state)))
    return Matter(
        number=contact.reference,
        title=contact.subject,
        state=word("citizen_status", state),
        tone=tone,
        steps=_latest_first(steps),
        over=contact.concluded_at is not None,
        answer=answer,
        wishes=frozenset({Wish.APPEAL}) if contact.conclusion == Conclusion.REFUSED else frozenset(),
    )


def _matter(contact: Contact, kept: _Kept) -> Matter:
    case, lead, survey = kept.case, kept.lead, kept.survey
    over = case.status in CASE_FINAL or case.status == CaseStatus.CLOSED
    unanswered = kept.is_asked and survey is not None and survey.answered_at is None
    return Matter(
        number=case.number,
        title=case.title,
        state=word("citizen_status", case.status),
        tone="good" if case.status in GOOD else "" if over else "accent",
        steps=_steps(contact, kept),
        over=over,
        due_at=lead.answer_due_at if lead and case.status in CASE_AT_UNIT else None,
        answer=case.public_answer or kept.redirected if case.status in TOLD else "",
        answer_from=kept.leads[-1][1] if kept.leads else "",
        survey=surveys.token_of(survey) if survey and kept.is_asked else "",
        survey_answered=bool(survey and survey.answered_at),
        correct_until=kept.correct_until,
        may_urge=case.status in URGEABLE and next_urge(kept.events) <= now(),
        wishes=wishes.open_to(case, kept.events, kept.requests, is_asked=unanswered),
    )


def _steps(contact: Contact, kept: _Kept) -> Sequence[Step]:
    steps = [Step(contact.received_at, word("citizen_step", "received"))]
    for event in kept.events:
        if event.action in SHOWN and event.assignment_id is None:
            steps.append(_step(event, kept.leads))
        elif event.action in CLOCK and kept.lead and event.assignment_id == kept.lead.id:
            steps.append(replace(_step(event, kept.leads), said=kept.questions.get(event.id, "")))
    steps += [_remark(message) for message in kept.said]
    steps += [_look(request) for request in kept.requests if request.kind == RequestKind.SECOND_LOOK and request.decided_at]
    return _latest_first(steps)


def _step(event: CaseEvent, leads: Sequence[Lead]) -> Step:
    """With the unit that led at that time."""
    unit = next((name for lead, name in reversed(leads) if lead.dispatched_at <= event.at), "")
    text = word("citizen_step", event.action).format(unit=unit or say("the responsible unit"))
    return Step(event.at, text, mine=event.action == Action.URGE)


def _remark(message: Message) -> Step:
    return Step(message.received_at, word("citizen_step", "remark"), message.text, mine=True)


def _look(request: Request) -> Step:
    """What came of an appeal, with the reason."""
    kept = request.state == RequestState.REFUSED
    text = word("citizen_step", "looked_again" if kept else "taken_up")
    return Step(request.decided_at or request.created_at, text, request.decision_note if kept else "")


def _latest_first(steps: Sequence[Step]) -> Sequence[Step]:
    return sorted(steps, key=lambda step: step.at)[::-1]


def next_urge(events: Sequence[CaseEvent]) -> datetime:
    """From when the citizen may remind again."""
    urged = [event.at for event in events if event.action == Action.URGE]
    return max(urged) + URGE_EVERY if urged else now()
