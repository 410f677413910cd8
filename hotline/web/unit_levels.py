"""At the unit's desk, between units: down a level and back up; others called in or asked for; what a meeting came to."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.errors import Invalid
from hotline.services import access, filing
from hotline.services.units import joint, levels
from hotline.services.units.joint import Change
from hotline.web import render
from hotline.web.deps import Db, Key, Me, Note, Seen, UnitCode, Words

router = APIRouter()


@router.post("/{assignment_id}/send-down")
def send_down(
    request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, unit: UnitCode, note: Words = "", seen: Seen = None
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    below = filing.units_of(db, [unit])[0]
    levels.send_down(db, held.assignment, below, note=note, by=me.actor, key=key, seen=seen)
    return render.redirect(request, f"/unit/{assignment_id}", notice=f"已下派{below.short}，本单位仍对答复负责。")


@router.post("/{assignment_id}/send-up")
def send_up(request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, note: Words = "", seen: Seen = None) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    levels.send_up(db, held.assignment, reason=note, by=me.actor, key=key, seen=seen)
    return render.redirect(request, "/unit", notice="已退回上级，理由一并送到。", kind="warn")


@router.post("/{assignment_id}/send-back")
def send_back(request: Request, me: Me, db: Db, assignment_id: UUID, key: Key, note: Words = "", seen: Seen = None) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    levels.send_back(db, held.assignment, reason=note, by=me.actor, key=key, seen=seen)
    above = held.assignment.parent_id or assignment_id
    return render.redirect(request, f"/unit/{above}", notice="已退回下级重办。")


@router.post("/{assignment_id}/call-in")
def call_in(
    request: Request,
    me: Me,
    db: Db,
    assignment_id: UUID,
    key: Key,
    units: Annotated[list[str], Form()] = [],  # noqa: B006 -- FastAPI copies it
    note: Words = "",
    seen: Seen = None,
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    called = filing.units_of(db, [code for code in units if code])
    joint.call_in(db, held.assignment, called, note=note, by=me.actor, key=key, seen=seen)
    names = "、".join(unit.short for unit in called)
    return render.redirect(request, f"/unit/{assignment_id}", notice=f"已吹哨：{names}。")


@router.post("/{assignment_id}/ask-assists")
def ask_assists(
    request: Request,
    me: Me,
    db: Db,
    assignment_id: UUID,
    key: Key,
    change: Annotated[Change, Form()],
    unit: UnitCode = "",
    basis: Words = "",
) -> Response:
    _, held = access.see_assignment(db, me, assignment_id)
    if not unit:
        raise Invalid("Please choose a unit.", field="unit")
    other = filing.units_of(db, [unit])[0]
    joint.ask_change(db, held.assignment, change, other, basis=basis, by=me.actor, key=key)
    return render.redirect(request, f"/unit/{assignment_id}", notice="协办变更申请已提交，等派单员决定。", kind="warn")


@router.post("/{assignment_id}/meeting")
def meeting(
    request: Request,
    me: Me,
    db: Db,
    assignment_id: UUID,
    key: Key,
    held_on: Annotated[date, Form()],
    present: Words = "",
    result: Note = "",
) -> Response:
    view, held = access.see_assignment(db, me, assignment_id)
    joint.record_meeting(
        db,
        view.case,
        held_on=held_on,
        present=present,
        result=result,
        assignment=held.assignment,
        by=me.actor,
        key=key,
    )
    return render.redirect(request, f"/unit/{assignment_id}", notice="会议记录已存。")
