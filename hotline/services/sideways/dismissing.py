"""Filed cases that are none (作废): why, by its code, and in words."""

from enum import StrEnum

from sqlalchemy.orm import Session

from hotline.errors import NoteRequired
from hotline.services import cases
from hotline.services.actors import Actor
from models import Action, Case, CaseEvent


class VoidReason(StrEnum):
    TWICE = "twice"
    MISFILED = "misfiled"
    EMPTY = "empty"
    TEST = "test"
    NUISANCE = "nuisance"


def dismiss(
    session: Session, case: Case, reason: VoidReason, *, note: str, by: Actor, key: str, seen: int | None = None
) -> CaseEvent:
    if not note.strip():
        raise NoteRequired(field="note")
    return cases.advance(session, case, Action.DISMISS, by=by, key=key, seen=seen, note=f"{reason}: {note.strip()}")
