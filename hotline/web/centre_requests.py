"""What the centre decides of what units ask for beside giving a case back."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services import access, filing
from hotline.services.profiles import profiles
from hotline.services.reading_centre import Tab
from hotline.services.units import arbitration, extensions, ledger
from hotline.web import render
from hotline.web.deps import Db, Key, Me, Note
from models import Case
from models import Request as Asked
from models.base import CITY_TIME

router = APIRouter(prefix="/verify", include_in_schema=False)


@router.post("/{number}/extension")
def decide_extension(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    request_id: Annotated[UUID, Form()],
    grant: Annotated[bool, Form()],
    note: Note = "",
) -> Response:
    asked = asked_of(db, me, number, request_id)
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
    there = at if at.tzinfo else at.replace(tzinfo=CITY_TIME)  # a browser sends the clock on the wall
    invited = filing.units_of(db, units)
    arbitration.call_meeting(db, case, at=there, units=invited, basis=note, by=me.actor, key=key)
    return done(request, Tab.MEETINGS, "已召集会商，到会单位在工作台上看得到。")


@router.post("/{number}/arbitration-decision")
def decide_meeting(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    request_id: Annotated[UUID, Form()],
    unit: Annotated[str, Form(max_length=32)] = "",
    record: Note = "",
) -> Response:
    asked = asked_of(db, me, number, request_id)
    named = filing.units_of(db, [unit])[0] if unit else None
    arbitration.decide(db, asked, unit=named, record=record, by=me.actor, key=key)
    return done(request, Tab.MEETINGS, f"已指定{named.name}承办。" if named else "已记下，维持现状。")


@router.post("/{number}/ledger")
def decide_ledger(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    request_id: Annotated[UUID, Form()],
    grant: Annotated[bool, Form()],
    note: Note = "",
) -> Response:
    asked = asked_of(db, me, number, request_id)
    ledger.decide(db, asked, grant=grant, note=note, by=me.actor, key=key)
    return done(request, Tab.LEDGER, "已同意挂账，到期自动回到办理。" if grant else "不同意挂账，时限照走。")


def asked_of(session: Session, me: access.Me, number: str, request_id: UUID) -> Asked:
    case = access.see_case(session, me, number).case
    asked = session.get(Asked, request_id)
    if asked is None or asked.case_id != case.id:
        raise NotFound()
    return asked


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
