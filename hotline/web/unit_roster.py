"""At the unit's desk: the team and how each is reached, leave, the roster of nights, weekends and holidays."""

from datetime import date, time
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, File, Form, Request, UploadFile
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import access
from hotline.services.rosters import roster, team, view
from hotline.services.rosters.roster import Wanted
from hotline.web import render
from hotline.web.deps import Db, Look, Me, UnitCode
from hotline.web.letters import clean
from models import Role, Unit
from models.workflow import UNIT_ROLES

router = APIRouter(prefix="/roster")

MOST_BYTES = 256 * 1024
SEEN_BY = (*UNIT_ROLES, Role.ADMINISTRATOR)

Id = Annotated[UUID, Form()]


@router.get("")
def show(request: Request, look: Look, me: Me, unit: str = "") -> Response:
    access.require(me, *SEEN_BY)
    return _page(request, look, me, team.unit_of(look, me, unit[:32]))


@router.post("/reach")
def set_reach(
    request: Request,
    me: Me,
    db: Db,
    unit: UnitCode,
    staff_id: Id,
    place: Annotated[int, Form()],
    number: Annotated[str, Form(max_length=32)] = "",
    email: Annotated[str, Form(max_length=254)] = "",
) -> Response:
    mine = team.unit_of(db, me, unit)
    team.set_reach(db, mine, staff_id, number=clean(number), email=clean(email), place=place, by=me)
    return _back(request, mine, "联系方式已保存。")


@router.post("/code")
def set_code(request: Request, me: Me, db: Db, unit: UnitCode, code: Annotated[str, Form(max_length=8)] = "") -> Response:
    mine = team.unit_of(db, me, unit)
    team.set_code(db, mine, code, by=me)
    return _back(request, mine, "电话签收的个人码已设置，请记住，不会再显示。")


@router.post("/leave")
def take_leave(
    request: Request,
    me: Me,
    db: Db,
    unit: UnitCode,
    staff_id: Id,
    begins_on: Annotated[date, Form()],
    ends_on: Annotated[date, Form()],
    deputy: Annotated[str, Form(max_length=36)] = "",
) -> Response:
    mine = team.unit_of(db, me, unit)
    team.take_leave(db, mine, staff_id, begins_on=begins_on, ends_on=ends_on, deputy_id=_id(deputy), by=me)
    return _back(request, mine, "请假已登记，其间由替班人接收。")


@router.post("/leave/{leave_id}/end")
def end_leave(request: Request, me: Me, db: Db, leave_id: UUID, unit: UnitCode) -> Response:
    mine = team.unit_of(db, me, unit)
    team.end_leave(db, mine, leave_id, by=me)
    return _back(request, mine, "请假已取消。")


@router.post("/shift")
def add_shift(
    request: Request,
    me: Me,
    db: Db,
    unit: UnitCode,
    staff_id: Id,
    begins: Annotated[time, Form()],
    ends: Annotated[time, Form()],
    weekday: Annotated[str, Form(max_length=1)] = "",
    day: Annotated[str, Form(max_length=10)] = "",
    deputy: Annotated[str, Form(max_length=36)] = "",
) -> Response:
    mine = team.unit_of(db, me, unit)
    on = int(weekday) if weekday.isascii() and weekday.isdigit() and not day else None
    wanted = Wanted(on, _day(day), begins.replace(tzinfo=None), ends.replace(tzinfo=None), staff_id, _id(deputy))
    roster.add_shift(db, mine, wanted, by=me)
    return _back(request, mine, "已排班。")


@router.post("/shift/{shift_id}/remove")
def remove_shift(request: Request, me: Me, db: Db, shift_id: UUID, unit: UnitCode) -> Response:
    mine = team.unit_of(db, me, unit)
    roster.remove_shift(db, mine, shift_id, by=me)
    return _back(request, mine, "已取消这一班。")


@router.post("/load")
def load(request: Request, me: Me, db: Db, unit: UnitCode, file: Annotated[UploadFile, File()]) -> Response:
    mine = team.unit_of(db, me, unit)
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Invalid("The file is too large.", field="file")
    count, problems = roster.load(db, mine, content, by=me)
    if problems or not count:
        return _page(request, db, me, mine, problems=problems or ["文件里没有一行值班"], status=422)
    return _back(request, mine, f"已导入 {count} 班。")


def _id(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError as error:
        raise Invalid() from error


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Invalid(field="day") from error


def _back(request: Request, unit: Unit, notice: str) -> Response:
    return render.redirect(request, f"/unit/roster?unit={unit.code}", notice=notice)


def _page(request: Request, session: Session, me: access.Me, unit: Unit, *, status: int = 200, **values: Any) -> Response:
    shown = {"problems": (), **values, "view": view.of_unit(session, me, unit)}
    return render.page(request, "unit/roster.html", status=status, me=me, **shown)
