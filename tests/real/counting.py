"""Counts in a database that has come to rest: each fact is there once, and what followed from it happened once."""

from collections import Counter
from collections.abc import Iterator
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from hotline.services import history
from hotline.services.messages import notices
from models import (
    Action,
    Answer,
    Case,
    CaseEvent,
    Contact,
    Message,
    OutboxMessage,
    OutgoingMessage,
    Suggestion,
    Survey,
)

Ids = Counter[UUID]


def troubles(session: Session) -> list[str]:
    """What does not add up; empty if everything took effect exactly once."""
    return [*_unfinished(session), *_miscounted(session), *_broken(session)]


def _unfinished(session: Session) -> Iterator[str]:
    for row in session.scalars(select(OutboxMessage).where(OutboxMessage.done_at.is_(None))):
        yield f"{row.event} did not take effect in {row.attempts} tries: {row.last_error}"


def _miscounted(session: Session) -> Iterator[str]:
    letters = _count(session, select(Message.contact_id).where(Message.channel == "mailbox", Message.case_id.is_(None)))
    contacts = _count(session, select(Contact.id).where(Contact.channel == "mailbox"))
    yield from _unequal("letters of a contact", letters, contacts)
    suggestions = _count(session, select(Suggestion.contact_id))
    yield from _unequal("suggestions for a contact beyond its letters", suggestions - letters, Counter())
    yield from _unequal("answers of an assignment", _count(session, select(Answer.assignment_id)), _answerings(session))
    yield from _unequal("messages that tell an answer", _told(session, "answered"), _tellings(session))
    surveys = _count(session, select(Survey.case_id))
    yield from _unequal("invitations to a survey", _told(session, "survey"), surveys)
    yield from _unequal("surveys beyond the closings of a case", surveys - _closings(session), Counter())


def _answerings(session: Session) -> Ids:
    of_assignments = select(CaseEvent.assignment_id).where(
        CaseEvent.action == Action.ANSWER, CaseEvent.assignment_id.is_not(None)
    )
    return _count(session, of_assignments)


def _tellings(session: Session) -> Ids:
    """How often a case came to a state in which its citizen is told."""
    moved = CaseEvent.from_status.is_distinct_from(CaseEvent.to_status)
    of_cases = select(CaseEvent.case_id).where(CaseEvent.assignment_id.is_(None), moved)
    return _count(session, of_cases.where(CaseEvent.to_status.in_(notices.TELLING)))


def _closings(session: Session) -> Ids:
    return _count(session, select(CaseEvent.case_id).where(CaseEvent.action == Action.CLOSE))


def _told(session: Session, purpose: str) -> Ids:
    return _count(session, select(OutgoingMessage.case_id).where(OutgoingMessage.purpose == purpose))


def _count(session: Session, ids: Select) -> Ids:
    return Counter(session.scalars(ids).all())


def _unequal(what: str, found: Ids, wanted: Ids) -> Iterator[str]:
    for id in found.keys() | wanted.keys():
        if found[id] != wanted[id]:
            yield f"{what}: {found[id]} instead of {wanted[id]} ({id})"


def _broken(session: Session) -> Iterator[str]:
    for case in session.scalars(select(Case)):
        if (serial := history.verify(session, case)) is not None:
            yield f"the history of {case.number} breaks at {serial}"
        if case.status != _last_state(session, case):
            yield f"{case.number} is {case.status}, which its history does not say"


def _last_state(session: Session, case: Case) -> str | None:
    return session.scalar(
        select(CaseEvent.to_status)
        .where(CaseEvent.case_id == case.id, CaseEvent.assignment_id.is_(None))
        .order_by(CaseEvent.serial.desc())
        .limit(1)
    )
