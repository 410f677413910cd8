"""Supervision on the screens: measures taken and cleared by the centre, answered by units; leaders' instructions."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services import access, instructions, supervision
from hotline.web import render
from hotline.web.deps import Db, Key, Label, Me, Words
from hotline.words import word
from models import Case, Mark, Measure

router = APIRouter(include_in_schema=False)


@router.post("/case/{number}/measure")
def take(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    measure: Annotated[Measure, Form()],
    party: Label = "",
    basis: Words = "",
) -> Response:
    case = access.see_case(db, me, number).case
    supervision.take(db, case, measure, basis=basis, party=party, by=me.actor, key=key)
    return render.redirect(request, f"/case/{number}", notice=f"{word('measure', measure)}已发出。")


@router.post("/case/{number}/clear-measure")
def clear(
    request: Request, me: Me, db: Db, number: str, key: Key, mark_id: Annotated[UUID, Form()], reason: Words = ""
) -> Response:
    mark = _mark_of(db, access.see_case(db, me, number).case, mark_id)
    supervision.clear(db, mark, reason=reason, by=me.actor, key=key)
    return render.redirect(request, f"/case/{number}", notice="已解除，理由记入经过。")


@router.post("/case/{number}/instruction")
def instruct(request: Request, me: Me, db: Db, number: str, key: Key, who: Words = "", what: Words = "") -> Response:
    case = access.see_case(db, me, number).case
    instructions.enter(db, case, who=who, what=what, by=me.actor, key=key)
    return render.redirect(request, f"/case/{number}", notice="批示已记下，承办单位看得到。")


@router.post("/unit/{assignment_id}/measure")
def answer(
    request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, mark_id: Annotated[UUID, Form()], text: Words = ""
) -> Response:
    view, held = access.see_assignment(db, me, assignment_id)
    mark = _mark_of(db, view.case, mark_id)
    if mark.assignment_id != held.assignment.id:
        raise NotFound()
    supervision.answer(db, mark, text=text, by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="已回复。")


def _mark_of(session: Session, case: Case, mark_id: UUID) -> Mark:
    mark = session.get(Mark, mark_id)
    if mark is None or mark.case_id != case.id:
        raise NotFound()
    return mark
