"""What is added to a case's history beside its states: remarks, reminders, links to other cases."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.errors import NoteRequired, RuleBroken, WrongState
from hotline.events import CaseNoted
from hotline.services import history
from hotline.services.actors import Actor
from hotline.services.holding import hold
from hotline.services.outbox import emit
from models import Action, Assignment, Case, CaseEvent, CaseLink, LinkKind, Mark, MarkKind, now
from models.workflow import NOTED


def note(
    session: Session,
    case: Case,
    action: Action,
    *,
    by: Actor,
    key: str,
    text: str = "",
    assignment: Assignment | None = None,
) -> CaseEvent:
    """Add to the history without a change of state; the same key again adds nothing. A reminder (催单) is a mark as well."""
    if action not in NOTED:
        raise WrongState()
    case, done = hold(session, case, key=key)
    if done is not None:
        return done
    if action == Action.URGE:
        _mark_urged(session, case, by, text)
    event = add(session, case, action, by=by, key=key, text=text, assignment=assignment)
    session.flush()
    return event


def add(
    session: Session, case: Case, action: Action, *, by: Actor, key: str, text: str = "", assignment: Assignment | None = None
) -> CaseEvent:
    """What `note` does, for a service that holds the case already and has found the key new."""
    event = history.note(
        session,
        case,
        action,
        by=by,
        role=min(by.roles, default=None),
        key=key,
        text=text.strip(),
        assignment=assignment,
    )
    emit(session, CaseNoted(case.id, action))
    return event


def link(session: Session, case: Case, other: Case, kind: LinkKind, *, by: Actor, key: str, text: str = "") -> CaseLink:
    """Tie a case to another one. A repeat (重复件) is marked, and the older case learns of it; no deadline moves."""
    if case.id == other.id:
        raise RuleBroken("A case cannot be linked with itself.")
    for each in sorted((case, other), key=lambda one: one.id):
        hold(session, each, key=key)
    tied = session.scalars(
        select(CaseLink).where(CaseLink.case_id == case.id, CaseLink.other_id == other.id, CaseLink.kind == kind)
    ).one_or_none()
    if tied is not None:
        return tied
    tied = CaseLink(case_id=case.id, other_id=other.id, kind=kind, by_id=by.staff_id)
    session.add(tied)
    if kind == LinkKind.REPEAT:
        session.add(Mark(case_id=case.id, kind=MarkKind.REPEAT, basis=other.number, by_id=by.staff_id))
    add(session, case, Action.MARK, by=by, key=key, text=f"{kind}: {other.number} {text}".strip())
    add(session, other, Action.REMARK, by=by, key=key, text=f"{kind}: {case.number} {text}".strip())
    session.flush()
    return tied


def unlink(session: Session, case: Case, other: Case, kind: LinkKind, *, by: Actor, key: str, reason: str) -> None:
    """Take a link back, whichever of the two it began at; both histories say so and why. The same key again does nothing."""
    if not reason.strip():
        raise NoteRequired(field="reason")
    pair = sorted((case, other), key=lambda one: one.id)
    done = [hold(session, each, key=key)[1] for each in pair]
    if any(done):
        return
    ids = [each.id for each in pair]
    ties = select(CaseLink).where(CaseLink.case_id.in_(ids), CaseLink.other_id.in_(ids), CaseLink.kind == kind)
    tied = session.scalars(ties).all()
    if not tied:
        raise WrongState()
    for each in tied:
        session.delete(each)
    marked = (Mark.kind == MarkKind.REPEAT, Mark.basis.in_([each.number for each in pair]), Mark.cleared_at.is_(None))
    if kind == LinkKind.REPEAT:
        for mark in session.scalars(select(Mark).where(Mark.case_id.in_(ids), *marked)):
            mark.cleared_at, mark.cleared_reason = now(), reason.strip()
    for one, its_other in zip(pair, reversed(pair), strict=True):
        add(session, one, Action.MARK, by=by, key=key, text=f"not_{kind}: {its_other.number} {reason.strip()}")
    session.flush()


def _mark_urged(session: Session, case: Case, by: Actor, text: str) -> None:
    case.repeat_count += 1
    mark = session.scalars(
        select(Mark).where(Mark.case_id == case.id, Mark.kind == MarkKind.URGED, Mark.cleared_at.is_(None))
    ).one_or_none()
    if mark is None:
        session.add(Mark(case_id=case.id, kind=MarkKind.URGED, level=1, basis=text, by_id=by.staff_id))
    else:
        mark.level += 1
