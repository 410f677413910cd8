"""Review of a filing before it goes out: the shift leader reads what the agent filed and proposed, and lets it pass."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hotline.services import cases
from hotline.services.actors import Actor
from hotline.services.draft_form import DraftForm
from hotline.services.holding import hold
from models import Action, Case, Draft, Unit


@dataclass(frozen=True)
class Proposal:
    """What the agent wrote into the filing form for whoever dispatches."""

    unit: str = ""
    assists: Sequence[str] = ()
    note: str = ""


def proposal(session: Session, case: Case) -> Proposal:
    body = session.scalar(select(Draft.body).where(Draft.case_id == case.id))
    if body is None:
        return Proposal()
    form = DraftForm.model_validate_json(body)
    return Proposal(form.unit, form.assist_units, form.dispatch_note)


def approve(
    session: Session,
    case: Case,
    *,
    units: Sequence[Unit] = (),
    note: str = "",
    by: Actor,
    key: str,
    seen: int | None = None,
) -> None:
    """Let it pass, and dispatch it at once if units are named, the lead first. The same key again does nothing."""
    case, done = hold(session, case, key=key, seen=seen)
    if done is not None:
        return
    cases.move(session, case, case, Action.APPROVE, by=by, key=key)
    if units:
        cases.give(session, case, units, by=by, key=f"{key}:units", note=note)
