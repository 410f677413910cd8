"""What people enter on the reports: appeals and their ruling, the closing of a month, corrections, marks, figures of others."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.services import access
from hotline.services.profiles.profiles import Indicator
from hotline.services.scores import appeals, corrections, entries, periods, screens
from hotline.web import render
from hotline.web.deps import Db, Key, Me, UnitCode, Words
from hotline.web.letters import clean
from models import Role

# Part of the reports.
router = APIRouter()

Number = Annotated[str, Form(max_length=40)]
Percent = Annotated[float, Form(ge=0, le=100)]


@router.post("/appeals")
def contest(
    request: Request, me: Me, db: Db, key: Key, number: Number, indicator: Annotated[str, Form()], basis: Words = ""
) -> Response:
    case = appeals.contestable(db, me, number.strip(), indicator)
    appeals.contest(db, case, indicator, basis=basis, by=me.actor, key=key)
    return render.redirect(request, "/reports/appeals", notice="申诉已提交，等裁定。")


@router.post("/appeals/{request_id}")
def rule_on(
    request: Request, me: Me, db: Db, request_id: UUID, key: Key, grant: Annotated[bool, Form()], note: Words = ""
) -> Response:
    asked = appeals.of_id(db, request_id)
    appeals.rule_on(db, asked, grant=grant, note=note, by=me.actor, key=key)
    return render.redirect(request, "/reports/appeals", notice="申诉成立，该件不再计入。" if grant else "申诉不成立，计分不变。")


@router.post("/periods")
def close(request: Request, me: Me, db: Db, month: Annotated[date, Form()], note: Words = "") -> Response:
    access.require(me, Role.SUPERVISOR)
    periods.close(db, month, note=note, by=me.actor)
    return render.redirect(request, f"/reports/periods?month={month}", notice=f"{month:%Y年%m月}已结账，数字不再变动。")


@router.post("/corrections")
def correct(
    request: Request,
    me: Me,
    db: Db,
    number: Number,
    indicator: Annotated[Indicator, Form()],
    value: Annotated[str, Form(pattern="^(0|100|out)$")],
    month: Annotated[date, Form()],
    unit: UnitCode = "",
    reason: Words = "",
) -> Response:
    access.require(me, Role.SUPERVISOR)
    case = access.see_case(db, me, number.strip()).case
    worth = None if value == "out" else float(value) / 100
    of = screens.unit(db, me, unit) if unit else None
    corrections.enter(db, case, indicator, worth, month=month, unit=of, reason=reason, by=me.actor)
    return render.redirect(request, f"/reports/periods?month={month}", notice="更正已记下，原数字不动。")


@router.post("/marks")
def mark(
    request: Request, me: Me, db: Db, key: Key, number: Number, points: Annotated[int, Form(ge=0, le=100)], remark: Words = ""
) -> Response:
    access.require(me, Role.QUALITY_JUDGE)
    case = access.see_case(db, me, number.strip()).case
    entries.mark_answer(db, case, points, remark=remark, by=me.actor, key=key)
    return render.redirect(request, f"/case/{case.number}", notice="打分已记下。")


@router.post("/outside")
def enter_outside(
    request: Request,
    me: Me,
    db: Db,
    unit: UnitCode,
    month: Annotated[date, Form()],
    indicator: Annotated[Indicator, Form()],
    value: Percent,
    source: Annotated[str, Form(max_length=128)],
    sample: Annotated[str, Form(pattern=r"^\d{0,7}$")] = "",
) -> Response:
    access.require(me, Role.SUPERVISOR)
    found = screens.unit(db, me, unit)
    size = int(sample) if sample else None
    entries.enter_outside(db, found, month, indicator, value / 100, sample=size, source=clean(source), by=me.actor)
    return render.redirect(
        request, f"/reports/unit/{unit}?span=month&on={month}", notice="第三方数字已记下，与本系统的数字并列。"
    )
