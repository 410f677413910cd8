"""The citizen's word before the closing, as a person hears it on the telephone: written down like the citizen's own answer."""

from sqlalchemy.orm import Session

from hotline.errors import NotAllowed, NoteRequired, WrongState
from hotline.services import cases, surveys
from hotline.services.actors import Actor
from hotline.services.holding import hold
from models import Action, Case, CaseEvent, CaseStatus, Grade, Role, SurveyAnswer

MAY_ASK = frozenset({Role.VERIFIER, Role.CALLBACK_AGENT})


def note_answer(
    session: Session, case: Case, *, solved: bool, result: Grade, unit: Grade, remark: str = "", by: Actor
) -> SurveyAnswer:
    """What follows from it is the same as after an answer on the web; the same words again are the same answer."""
    _require_asker(by)
    survey = surveys.invite(session, case)
    if case.status != CaseStatus.CALLBACK or survey is None:
        raise WrongState()
    return surveys.record_answers(session, survey, way="person", solved=solved, result=result, unit=unit, remark=remark, by=by)


def note_unreached(session: Session, case: Case, *, text: str, by: Actor, key: str) -> CaseEvent:
    """A try that found nobody; the case goes on waiting."""
    _require_asker(by)
    if not text.strip():
        raise NoteRequired(field="text")
    case, done = hold(session, case, key=key)
    if done is None and case.status != CaseStatus.CALLBACK:
        raise WrongState()
    return done or cases.note(session, case, Action.REMARK, by=by, key=key, text=text)


def close_unasked(session: Session, case: Case, *, reason: str, by: Actor, key: str, seen: int | None = None) -> CaseEvent:
    """The citizen cannot be asked; why is part of the history."""
    if not reason.strip():
        raise NoteRequired(field="text")
    case, done = hold(session, case, key=key, seen=seen)
    if done is None and case.status != CaseStatus.CALLBACK:
        raise WrongState()
    return done or cases.move(session, case, case, Action.CLOSE, by=by, key=key, note=reason)


def _require_asker(by: Actor) -> None:
    if not by.roles & MAY_ASK:
        raise NotAllowed()
