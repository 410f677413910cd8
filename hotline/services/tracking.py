"""What a citizen may see and add with a number and its code: a plain timeline, without staff or words between offices."""

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound, RuleBroken, WrongState
from hotline.ports import Inbound
from hotline.services import intake, notes, numbering, surveys
from hotline.services.actors import SERVICE
from hotline.services.patience import Patience
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
FREE_TRIES = 5
OF_NUMBER, OF_ADDRESS = Patience(FREE_TRIES), Patience(FREE_TRIES)

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


def unlock(session: Session, number: str, code: str, *, address: str) -> Contact:
    """The contact of this number if the code is its own. Wrong tries cost time, for the number and for the address alike."""
    wanted, digits = number.strip()[:40], "".join(filter(str.isdigit, code))
    OF_NUMBER.check(wanted)
    OF_ADDRESS.check(address)
    contact = _contact_of(session, wanted)
    if contact is None or not _is_code_of(contact, digits):
        OF_NUMBER.wrong(wanted)
        OF_ADDRESS.wrong(address)
        raise Invalid("Number and code do not belong together. Please check both.", field="code")
    OF_NUMBER.right(wanted)
    return contact


def _contact_of(session: Session, number: str) -> Contact | None:
    """By its own reference, or by the number of any case that came of it."""
    contact = session.scalars(select(Contact).where(Contact.reference == number)).one_or_none()
    if contact is None:
        return session.scalars(
            select(Contact).join(Case, Case.contact_id == Contact.id).where(Case.number == number)
        ).one_or_none()
    return contact


def _is_code_of(contact: Contact, digits: str) -> bool:
    if contact.code_hash is None:
        return False
    return secrets.compare_digest(bytes(contact.code_hash), numbering.code_hash(contact.reference, digits))


def progress(session: Session, contact_id: UUID) -> Progress:
    contact = session.get(Contact, contact_id)
    if contact is None:
        raise NotFound()
    filed = session.scalars(select(Case).where(Case.contact_id == contact.id).order_by(Case.matter)).all()
    said = _said(session, contact)
    if not filed:
        return Progress(contact.reference, [_unfiled(contact, said)], [] if contact.concluded_at else [contact.reference])
    ids = [case.id for case in filed]
    history = _grouped(session.scalars(select(CaseEvent).where(CaseEvent.case_id.in_(ids)).order_by(CaseEvent.serial)))
    leads, invited, redirected = _leads(session, ids), _surveys(session, ids), _redirected(session, ids)
    questions, asked = _questions(session, ids), _requests(session, ids)
    matters = [
        _matter(
            contact,
            case,
            history.get(case.id, []),
            leads.get(case.id, ()),
            invited.get(case.id),
            said,
            redirected,
            questions,
            asked.get(case.id, ()),
        )
        for case in filed
    ]
    return Progress(contact.reference, matters, [case.number for case in filed if case.status not in CASE_FINAL])


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


def _answer(case: Case, redirected: Mapping[UUID, str]) -> str:
    return case.public_answer or redirected.get(case.id, "")


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


def _matter(
    contact: Contact,
    case: Case,
    events: Sequence[CaseEvent],
    leads: Sequence[Lead],
    survey: Survey | None,
    said: Sequence[Message],
    redirected: Mapping[UUID, str],
    questions: Mapping[UUID, str],
    requests: Sequence[Request],
) -> Matter:
    lead, unit = leads[-1] if leads else (None, "")
    steps = [Step(contact.received_at, word("citizen_step", "received"))]
    steps += [_step(event, leads) for event in events if event.action in SHOWN and event.assignment_id is None]
    steps += [
        replace(_step(event, leads), said=questions.get(event.id, ""))
        for event in events
        if lead and event.action in CLOCK and event.assignment_id == lead.id
    ]
    steps += [_remark(message) for message in said if message.case_id in (case.id, None)]
    steps += [_look(request) for request in requests if request.kind == RequestKind.SECOND_LOOK and request.decided_at]
    over = case.status in CASE_FINAL or case.status == CaseStatus.CLOSED
    asked = survey is not None and survey.lapsed_at is None
    return Matter(
        number=case.number,
        title=case.title,
        state=word("citizen_status", case.status),
        tone="good" if case.status in GOOD else "" if over else "accent",
        steps=_latest_first(steps),
        over=over,
        due_at=lead.answer_due_at if lead and case.status in CASE_AT_UNIT else None,
        answer=_answer(case, redirected) if case.status in TOLD else "",
        answer_from=unit,
        survey=surveys.token_of(survey) if survey and asked else "",
        survey_answered=bool(survey and survey.answered_at),
        may_urge=case.status in URGEABLE and _next_urge(events) <= now(),
        wishes=wishes.open_to(case, events, requests, is_asked=asked and survey is not None and survey.answered_at is None),
    )


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


def _next_urge(events: Sequence[CaseEvent]) -> datetime:
    """From when the citizen may remind again."""
    urged = [event.at for event in events if event.action == Action.URGE]
    return max(urged) + URGE_EVERY if urged else now()


def remark(session: Session, contact_id: UUID, *, number: str, text: str, key: str) -> None:
    """Add to a matter; the same key again adds nothing."""
    seen = progress(session, contact_id)
    if number not in seen.open_numbers:
        raise WrongState("This matter is over: please write a new letter.")
    contact = session.get_one(Contact, contact_id)
    intake.receive(
        session,
        Inbound(
            channel="mailbox",
            external_id=key,
            sender=contact.number or contact.reference,
            text=text,
            received_at=now(),
            number=contact.number or "",
            about=number,
        ),
    )


def urge(session: Session, contact_id: UUID, *, number: str, key: str) -> None:
    """Remind the unit, once a day; the same key again does nothing."""
    case = session.scalars(
        select(Case).where(Case.number == number, Case.contact_id == contact_id).with_for_update()
    ).one_or_none()
    if case is None:
        raise NotFound()
    events = session.scalars(select(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.action == Action.URGE)).all()
    if any(event.key == key for event in events):
        return
    if case.status not in URGEABLE:
        raise WrongState()
    if _next_urge(events) > now():
        raise RuleBroken("You have reminded the unit within the last 24 hours. It has been told.")
    notes.note(session, case, Action.URGE, by=SERVICE, key=key, text="")
