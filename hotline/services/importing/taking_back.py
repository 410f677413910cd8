"""An import taken back as a whole, while nobody has touched what it brought.

Histories are never removed: of each case its number and its chain stay, and the last event says why. All words, persons and
recordings go.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from sqlalchemy import delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired, NotFound, RuleBroken, WrongState
from hotline.services import history
from hotline.services.actors import SERVICE
from hotline.services.importing.passing import BATCH
from hotline.services.searching import indexing
from hotline.services.telephone import recording_store
from hotline.words import word
from models import (
    Action,
    Call,
    Case,
    CaseEvent,
    CaseLink,
    Contact,
    EventNote,
    Import,
    ImportedCase,
    Mark,
    Message,
    Recording,
    Role,
    now,
)


def every(session: Session) -> Sequence[Import]:
    return session.scalars(select(Import).order_by(Import.created_at)).all()


def take_back(session: Session, import_id: UUID, *, reason: str, by_id: UUID) -> list[str]:
    """Refused if anybody has added to one of its cases. Returns the recordings to remove once this is stored."""
    made = session.scalars(select(Import).where(Import.id == import_id).with_for_update()).one_or_none()
    if made is None:
        raise NotFound()
    if not reason.strip():
        raise NoteRequired(field="reason")
    if made.taken_back_at is not None:
        raise WrongState()
    if touched := _touched(session, made):
        raise RuleBroken(
            "Somebody has worked on {count} of its cases, {number} first: it cannot be taken back.",
            count=touched[0],
            number=touched[1],
        )
    made.taken_back_at, made.taken_back_by_id = now(), by_id
    session.flush()
    files: list[str] = []
    for cases in _cases(session, import_id):
        files += _empty(session, cases, key=f"taken-back:{import_id}", note=f"taken_back: {reason.strip()}")
    return files


def remove(files: Sequence[str]) -> None:
    for stored_as in files:
        recording_store.remove(stored_as)


def _touched(session: Session, made: Import) -> tuple[int, str] | None:
    """How many, and the number of one of them."""
    added = exists().where(CaseEvent.case_id == Case.id, CaseEvent.action != Action.IMPORT)
    linked = exists().where(or_(CaseLink.case_id == Case.id, CaseLink.other_id == Case.id))
    marked = exists().where(Mark.case_id == Case.id)
    written = exists().where(or_(Message.case_id == Case.id, Message.contact_id == Case.contact_id))
    filed = exists().where(Contact.id == Case.contact_id, Contact.version > 1)
    mine = select(func.count(), func.min(Case.number)).join(ImportedCase, ImportedCase.case_id == Case.id)
    by_anybody = or_(added, linked, marked, written, filed, Case.version > 1, Case.follows_id.is_not(None))
    count, number = session.execute(mine.where(ImportedCase.import_id == made.id, by_anybody)).one()
    return (count, number) if count else None


def _cases(session: Session, import_id: UUID) -> Iterator[Sequence[Case]]:
    """A batch loses its rows in the table of old numbers, so the next one is the first again."""
    mine = select(Case).join(ImportedCase, ImportedCase.case_id == Case.id).where(ImportedCase.import_id == import_id)
    while cases := session.scalars(mine.order_by(Case.number).limit(BATCH)).all():
        yield cases
        session.flush()
        session.expunge_all()


def _empty(session: Session, cases: Sequence[Case], *, key: str, note: str) -> list[str]:
    ids, contacts = [case.id for case in cases], [case.contact_id for case in cases]
    events = select(CaseEvent.id).where(CaseEvent.case_id.in_(ids))
    session.execute(delete(EventNote).where(EventNote.event_id.in_(events)))
    session.execute(delete(ImportedCase).where(ImportedCase.case_id.in_(ids)))
    indexing.forget(session, ids)
    tails = history.tails(session, ids)
    for case in cases:
        history.note(
            session,
            case,
            Action.IMPORT,
            by=SERVICE,
            role=Role.SERVICE,
            key=key,
            text=note,
            after=tails[case.id],
        )
    said = word("imported", "taken_back")
    nobody = {"number_hash": None, "confidential": False}
    session.execute(
        update(Case)
        .where(Case.id.in_(ids))
        .values(
            **nobody, title=said, content=said, place_text=None, requester_name=None, number_of_requester=None, public_answer=""
        )
    )
    emptied = update(Contact).where(Contact.id.in_(contacts))
    session.execute(emptied.values(**nobody, subject=said, sender_name=None, number=None))
    return _erase_sounds(session, contacts)


def _erase_sounds(session: Session, contacts: Sequence[UUID]) -> list[str]:
    calls = select(Call.id).where(Call.contact_id.in_(contacts))
    files = session.scalars(select(Recording.stored_as).where(Recording.call_id.in_(calls), Recording.erased_at.is_(None))).all()
    session.execute(update(Recording).where(Recording.call_id.in_(calls)).values(erased_at=now()))
    return list(files)
