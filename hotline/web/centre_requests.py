"""What units and citizens ask the centre for: granted or not, each with a form of its own."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services import access, dispatching, filing
from hotline.services.profiles import profiles
from hotline.services.reading_centre import Tab
from hotline.services.sideways import second_look
from hotline.services.survey_plans import rulings
from hotline.services.units import arbitration, extensions, joint, ledger
from hotline.web import render, times
from hotline.web.deps import Db, Key, Me, Note, UnitCode, Words
from models import Case, RequestKind, Ruling
from models import Request as Asked

router = APIRouter(prefix="/verify", include_in_schema=False)


RULED = {
    Ruling.REWORK: "同意重新办理，计一次二次办理；已办结的请到“待派单”派出。",
    Ruling.EXPLAINED: "已解释，维持办结，理由已记下。",
    Ruling.UNREASONABLE: "认定为不合理诉求，维持办结，理由和依据已记下。",
}


def _asked(me: Me, db: Db, number: str, request_id: Annotated[UUID, Form()]) -> Asked:
    """What is to be decided, of the case that the page shows."""
    case = access.see_case(db, me, number).case
    asked = db.get(Asked, request_id)
    if asked is None or asked.case_id != case.id:
        raise NotFound()
    return asked


ToDecide = Annotated[Asked, Depends(_asked)]
Grant = Annotated[bool, Form()]


@router.post("/{number}/return")
def decide_return(
    request: Request,
    me: Me,
    db: Db,
    key: Key,
    asked: ToDecide,
    grant: Grant,
    unit: UnitCode = "",
    note: Note = "",
) -> Response:
    again = filing.units_of(db, [unit])[0] if grant and unit else None
    dispatching.decide_return(db, asked, grant=grant, unit=again, note=note, by=me.actor, key=key)
    told = (
        f"同意退单，已改派{again.name}。" if again else "同意退单，工单回到待派单。" if grant else "不同意退单，原单位继续办理。"
    )
    return done(request, Tab.RETURNS, told)


@router.post("/{number}/extension")
def decide_extension(request: Request, me: Me, db: Db, key: Key, asked: ToDecide, grant: Grant, note: Note = "") -> Response:
    extensions.decide(db, asked, grant=grant, note=note, by=me.actor, key=key)
    return done(request, Tab.EXTENSIONS, "已同意延期，市民会收到通知。" if grant else "不同意延期，原时限不变。")


@router.post("/{number}/arbitration")
def call_meeting(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    at: Annotated[datetime, Form()],
    units: Annotated[list[str], Form()],
    note: Note = "",
) -> Response:
    case = access.see_case(db, me, number).case
    invited = filing.units_of(db, units)
    arbitration.call_meeting(db, case, at=times.in_city(at), units=invited, basis=note, by=me.actor, key=key)
    return done(request, Tab.MEETINGS, "已召集会商，到会单位在工作台上看得到。")


@router.post("/{number}/arbitration-decision")
def decide_meeting(
    request: Request, me: Me, db: Db, key: Key, asked: ToDecide, unit: UnitCode = "", record: Note = ""
) -> Response:
    named = filing.units_of(db, [unit])[0] if unit else None
    arbitration.decide(db, asked, unit=named, record=record, by=me.actor, key=key)
    return done(request, Tab.MEETINGS, f"已指定{named.name}承办。" if named else "已记下，维持现状。")


@router.post("/{number}/ledger")
def decide_ledger(request: Request, me: Me, db: Db, key: Key, asked: ToDecide, grant: Grant, note: Note = "") -> Response:
    ledger.decide(db, asked, grant=grant, note=note, by=me.actor, key=key)
    return done(request, Tab.LEDGER, "已同意挂账，到期自动回到办理。" if grant else "不同意挂账，时限照走。")


@router.post("/{number}/assists")
def decide_assists(request: Request, me: Me, db: Db, key: Key, asked: ToDecide, grant: Grant, note: Note = "") -> Response:
    joint.decide_change(db, asked, grant=grant, note=note, by=me.actor, key=key)
    return done(request, Tab.ASSISTS, "协办单位已变更。" if grant else "不同意变更，已记下理由。")


@router.post("/{number}/reopening")
def decide_reopening(
    request: Request,
    me: Me,
    db: Db,
    key: Key,
    asked: ToDecide,
    ruling: Annotated[Ruling, Form()],
    note: Note = "",
    evidence: Note = "",
) -> Response:
    rulings.rule(db, asked, ruling, note=note, evidence=evidence, by=me.actor, key=key)
    return done(request, Tab.REOPENING, RULED[ruling])


@router.post("/{number}/second-look")
def look_again(
    request: Request, me: Me, db: Db, key: Key, asked: ToDecide, verdict: Annotated[str, Form(max_length=16)], note: Words = ""
) -> Response:
    grant, pressed = verdict in ("grant", "pressed"), verdict == "pressed"
    second_look.decide(db, asked, grant=grant, pressed=pressed, note=note, by=me.actor, key=key)
    tab = Tab.APPEALS if asked.kind == RequestKind.SECOND_LOOK else Tab.WITHDRAWALS
    return done(request, tab, "已重新受理，请到“待派单”派出。" if grant else "维持原处理，理由已记下。")


def done(request: Request, tab: Tab, told: str) -> Response:
    return render.redirect(request, f"/verify?tab={tab}", notice=told)


def decides(session: Session, me: access.Me, case: Case, tab: Tab) -> dict[str, Any]:
    """Which of these decisions are this person's."""
    profile = profiles.of(session, case)
    return {
        "extension": bool(me.roles & profile.extension.decided_by),
        "ledger": bool(me.roles & profile.ledger.decided_by),
        "meeting": bool(me.roles & arbitration.DECIDED_BY),
        "call_meeting": tab == Tab.MEETINGS
        and bool(me.roles & arbitration.CALLED_BY)
        and arbitration.is_contested(session, case),
    }
