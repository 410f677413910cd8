"""The callback desk: citizens to be asked by a person, and content ones to be asked again as a check."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import access
from hotline.services.access import Me as Person
from hotline.services.survey_plans import control, desk
from hotline.services.telephone import lines
from hotline.settings import get_settings
from hotline.web import render, times
from hotline.web.deps import Db, Look, Me, Remark
from models import AttemptOutcome, ControlFinding, Grade

router = APIRouter(prefix="/asking", include_in_schema=False)

STAFFED_BY = tuple(desk.WORKED_BY)


@router.get("")
def page(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *STAFFED_BY)
    return _page(request, look, me)


@router.get("/list")
def rows(request: Request, look: Look, me: Me, open: str = "") -> Response:
    access.require(me, *STAFFED_BY)
    return render.fragment(request, "asking/_list.html", me=me, open_id=open, **_listed(look))


@router.get("/control/{control_id}")
def show_control(request: Request, look: Look, me: Me, control_id: UUID) -> Response:
    access.require(me, *STAFFED_BY)
    found = control.opened(look, control_id)
    access.see_case(look, me, found.case.number)
    return _page(request, look, me, control=found, open_id=str(control_id))


@router.post("/control/{control_id}")
def note_control(
    request: Request, me: Me, db: Db, control_id: UUID, finding: Annotated[ControlFinding, Form()], note: Remark = ""
) -> Response:
    control.find(db, control_id, finding, note=note, by=me.actor)
    told = {
        ControlFinding.CONFIRMED: "与原评价一致，已记下。",
        ControlFinding.CONTRADICTED: "与原评价不符，已转“不满意待处理”。",
        ControlFinding.UNREACHED: "没有联系上，已记下。",
    }
    return render.redirect(request, "/asking", notice=told[finding])


@router.get("/{attempt_id}")
def show(request: Request, look: Look, me: Me, attempt_id: UUID) -> Response:
    access.require(me, *STAFFED_BY)
    opened = desk.opened(look, attempt_id, by=me.actor)
    access.see_case(look, me, opened.case.number)
    return _page(request, look, me, opened=opened, open_id=str(attempt_id))


@router.post("/{attempt_id}/take")
def take(request: Request, me: Me, db: Db, attempt_id: UUID) -> Response:
    desk.take(db, attempt_id, by=me.actor)
    return render.redirect(request, f"/asking/{attempt_id}")


@router.post("/{attempt_id}/let-go")
def let_go(request: Request, me: Me, db: Db, attempt_id: UUID) -> Response:
    desk.let_go(db, attempt_id, by=me.actor)
    return render.redirect(request, "/asking", notice="已放回列表。")


@router.post("/{attempt_id}/heard")
def heard(
    request: Request,
    me: Me,
    db: Db,
    attempt_id: UUID,
    solved: Annotated[bool, Form()],
    result: Annotated[Grade, Form()],
    unit: Annotated[Grade, Form()],
    remark: Remark = "",
) -> Response:
    desk.hear(db, attempt_id, solved=solved, result=result, unit=unit, remark=remark, by=me.actor)
    content = solved and result.is_satisfied
    return render.redirect(request, "/asking", notice="已记下。" if content else "已记下，转“不满意待处理”。")


@router.post("/{attempt_id}/unreached")
def unreached(
    request: Request,
    me: Me,
    db: Db,
    attempt_id: UUID,
    outcome: Annotated[AttemptOutcome, Form()],
    note: Remark = "",
    again_at: Annotated[str, Form(max_length=32)] = "",
) -> Response:
    desk.note_unreached(db, attempt_id, outcome, note=note, again_at=_moment(again_at), by=me.actor)
    return render.redirect(request, "/asking", notice="已记下原因。")


def _moment(typed: str) -> datetime | None:
    if not typed:
        return None
    try:
        return times.in_city(datetime.fromisoformat(typed))
    except ValueError as error:
        raise Invalid("Please give a time within the next seven days.", field="again_at") from error


def _page(request: Request, session: Session, me: Person, *, open_id: str = "", **shown: Any) -> Response:
    values = {
        "opened": None,
        "control": None,
        "open_id": open_id,
        "grades": tuple(Grade),
        "codes": desk.CODES,
        "findings": tuple(ControlFinding),
        "may_call": get_settings().telephony == "on" and lines.line_of(session, me.staff_id) is not None,
        **shown,
    }
    return render.page(request, "asking/page.html", me=me, **values, **_listed(session))


def _listed(session: Session) -> dict[str, Any]:
    return {"lines": desk.lines(session), "controls": control.lines(session)}
