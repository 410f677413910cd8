"""What a unit asks for at its desk beside its work: more time, an answer of the citizen, a place on the ledger."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import WrongState
from hotline.services import access
from hotline.services.profiles import profiles
from hotline.services.reading_cases import Panel
from hotline.services.units import extensions, ledger, pausing
from hotline.services.units.extensions import ExtensionReason
from hotline.services.units.ledger import LedgerReason
from hotline.web import render
from hotline.web.deps import Db, Key, Me, Remark, Words
from hotline.web.letters import clean
from models import Action, AssignmentStatus, RequestKind, RequestState
from models.base import CITY_TIME

router = APIRouter(prefix="/unit", include_in_schema=False)


@router.post("/{assignment_id}/ask-extension")
def ask_extension(
    request: Request,
    me: Me,
    db: Db,
    assignment_id: UUID,
    key: Key,
    until: Annotated[date, Form()],
    reason: Annotated[ExtensionReason, Form()],
    basis: Words = "",
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    extensions.ask(db, held.assignment, until=end_of(until), reason_code=reason, basis=basis, by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="延期申请已提交。批准前原时限照走。", kind="warn")


@router.post("/{assignment_id}/ask-citizen")
def ask_citizen(
    request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, question: Annotated[str, Form(max_length=1000)] = ""
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    pausing.ask_citizen(db, held.assignment, question=clean(question), by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="已请市民补充，答复时限停走。")


@router.post("/{assignment_id}/resume")
def resume(request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, text: Remark = "") -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    pausing.resume(db, held.assignment, text=text, by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="已恢复计时。")


@router.post("/{assignment_id}/ask-ledger")
def ask_ledger(
    request: Request,
    me: Me,
    db: Db,
    assignment_id: UUID,
    key: Key,
    review: Annotated[date, Form()],
    reason: Annotated[LedgerReason, Form()],
    basis: Words = "",
    plan: Words = "",
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    ledger.ask(
        db,
        held.assignment,
        review=datetime.combine(review, time(), CITY_TIME),
        reason_code=reason,
        basis=basis,
        plan=plan,
        by=me.actor,
        key=key,
    )
    return render.redirect(request, f"/unit/{assignment_id}", notice="挂账申请已提交。批准前时限照走。", kind="warn")


@router.post("/{assignment_id}/ledger-note")
def ledger_note(request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, text: Words = "") -> Response:
    view, _ = access.see_assignment(db, me, assignment_id)
    mark = ledger.entry(db, view.case)
    if mark is None:
        raise WrongState()
    ledger.tell(db, mark, text=text, by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="进展已记下。")


def end_of(day: date) -> datetime:
    """A day that is named counts to its end."""
    return datetime.combine(day + timedelta(days=1), time(), CITY_TIME)


def offered(session: Session, opened: Panel, held: access.Held) -> dict[str, Any]:
    """Which of these forms the panel draws, by what it has read already."""
    case, assignment = opened.case, held.assignment
    open_to_unit = opened.view.whole or not case.is_shielded
    own = [each.request for each in opened.requests if each.request.assignment_id == assignment.id]
    extended = any(request.kind == RequestKind.EXTENSION for request in own)
    extendable = extensions.why_not(session, case, assignment, asked_before=extended) is None
    times = sum(step.action == Action.PAUSE and step.assignment_id == assignment.id for step in opened.story)
    refused = pausing.why_not(session, case, assignment, times=times, on_ledger=bool(opened.ledger))
    asked = any(request.kind == RequestKind.LEDGER and request.state == RequestState.OPEN for request in own)
    at_work = assignment.lead and assignment.status == AssignmentStatus.IN_PROGRESS
    return {
        "may_ask_citizen": open_to_unit and refused is None,
        "may_resume": open_to_unit,
        "extendable_by": profiles.of(session, case).extension.longest if extendable else None,
        "extension_reasons": tuple(ExtensionReason),
        "may_shelve": at_work and not asked and not opened.ledger,
        "ledger_reasons": tuple(LedgerReason),
    }
