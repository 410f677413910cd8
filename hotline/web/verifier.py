"""The centre's desk: send cases out, decide what units and citizens ask for, check answers."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound
from hotline.services import (
    access,
    cases,
    checks,
    dispatching,
    filing,
    joint,
    reading_cases,
    reading_centre,
    reading_units,
    surveys,
)
from hotline.services.reading_cases import Panel
from hotline.services.reading_centre import Tab
from hotline.web import render
from hotline.web.deps import Db, Key, Look, Me, Seen
from hotline.web.letters import clean
from models import Action, Role, Verdict
from models import Request as Asked

router = APIRouter(prefix="/verify", include_in_schema=False)

STAFFED_BY = (Role.DISPATCHER, Role.VERIFIER, Role.SHIFT_LEADER, Role.CALLBACK_AGENT)
# Acts on a case that have forms of their own or are taken on its assignment.
ELSEWHERE = frozenset(
    {Action.DISPATCH, Action.SIGN, Action.RETURN, Action.ANSWER, Action.REWORK, Action.CLOSE, Action.ASK_CITIZEN}
)
Note = Annotated[str, Form(max_length=5000)]


@router.get("")
def page(request: Request, look: Look, me: Me, tab: Tab | None = None) -> Response:
    access.require(me, *STAFFED_BY)
    return _page(request, look, me, tab or reading_centre.home(me.roles))


@router.get("/list")
def rows(request: Request, look: Look, me: Me, tab: Tab, open: str = "") -> Response:
    access.require(me, *STAFFED_BY)
    return render.fragment(request, "verify/_list.html", me=me, open_number=open, **_listed(look, tab))


@router.get("/{tab}/{number}")
def show(request: Request, look: Look, me: Me, tab: Tab, number: str) -> Response:
    access.require(me, *STAFFED_BY)
    return _page(request, look, me, tab, number)


@router.post("/{number}/dispatch")
def dispatch(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    unit: Annotated[str, Form(max_length=32)] = "",
    assists: Annotated[list[str], Form()] = [],  # noqa: B006 -- FastAPI copies it
    note: Note = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    if not unit:
        raise Invalid("Please choose a unit.", field="unit")
    lead, *others = filing.units_of(db, [unit, *(code for code in assists if code and code != unit)])
    dispatching.dispatch(db, case, lead, assists=others, by=me.actor, key=key, seen=seen, note=clean(note))
    return _done(request, Tab.TO_DISPATCH, f"已派给{lead.name}。")


@router.post("/{number}/return")
def decide_return(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    request_id: Annotated[UUID, Form()],
    grant: Annotated[bool, Form()],
    unit: Annotated[str, Form(max_length=32)] = "",
    note: Note = "",
) -> Response:
    asked = _asked(db, me, number, request_id)
    again = filing.units_of(db, [unit])[0] if grant and unit else None
    dispatching.decide_return(db, asked, grant=grant, unit=again, note=clean(note), by=me.actor, key=key)
    told = (
        f"同意退单，已改派{again.name}。" if again else "同意退单，工单回到待派单。" if grant else "不同意退单，原单位继续办理。"
    )
    return _done(request, Tab.RETURNS, told)


@router.post("/{number}/verdict")
def verdict(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    verdict: Annotated[Verdict, Form()],
    remark: Note = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    checks.record_verdict(db, case, verdict, remark=clean(remark), by=me.actor, key=key, seen=seen)
    return _done(request, Tab.TO_CHECK, "核查通过，已办结。" if verdict == Verdict.PASSED else "已退回承办单位重办。")


@router.post("/{number}/reopening")
def decide_reopening(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    request_id: Annotated[UUID, Form()],
    grant: Annotated[bool, Form()],
    note: Note = "",
) -> Response:
    asked = _asked(db, me, number, request_id)
    surveys.decide_reopening(db, asked, grant=grant, note=clean(note), by=me.actor, key=key)
    return _done(request, Tab.REOPENING, "同意重新办理，请到“待派单”派出。" if grant else "维持办结，已记下理由。")


@router.post("/{number}/assists")
def decide_assists(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    request_id: Annotated[UUID, Form()],
    grant: Annotated[bool, Form()],
    note: Note = "",
) -> Response:
    asked = _asked(db, me, number, request_id)
    joint.decide_change(db, asked, grant=grant, note=clean(note), by=me.actor, key=key)
    return _done(request, Tab.ASSISTS, "协办单位已变更。" if grant else "不同意变更，已记下理由。")


@router.post("/{number}/meeting")
def meeting(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    held_on: Annotated[date, Form()],
    tab: Annotated[Tab, Form()] = Tab.TO_DISPATCH,
    present: Note = "",
    result: Note = "",
) -> Response:
    case = access.see_case(db, me, number).case
    joint.record_meeting(db, case, held_on=held_on, present=clean(present), result=clean(result), by=me.actor, key=key)
    return render.redirect(request, f"/verify/{tab}/{number}", notice="会议记录已存。")


@router.post("/{number}/advance")
def advance(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    action: Annotated[Action, Form()],
    tab: Annotated[Tab, Form()] = Tab.TO_DISPATCH,
    note: Note = "",
    seen: Seen = None,
) -> Response:
    """The rarer steps of a case: approve, answer directly, redirect, dismiss, withdraw, send to the site."""
    if action in ELSEWHERE:
        raise NotFound()
    case = access.see_case(db, me, number).case
    cases.advance(db, case, action, by=me.actor, key=key, seen=seen, note=clean(note))
    return _done(request, tab, "已处理。")


def _asked(session: Session, me: access.Me, number: str, request_id: UUID) -> Asked:
    case = access.see_case(session, me, number).case
    asked = session.get(Asked, request_id)
    if asked is None or asked.case_id != case.id:
        raise NotFound()
    return asked


def _done(request: Request, tab: Tab, told: str) -> Response:
    return render.redirect(request, f"/verify?tab={tab}", notice=told)


def _page(request: Request, session: Session, me: access.Me, tab: Tab, number: str = "") -> Response:
    values = _listed(session, tab)
    opened: Panel | None = None
    actions: tuple[Action, ...] = ()
    if number:
        opened = reading_cases.panel(session, access.see_case(session, me, number))
        actions = opened.may(me, opened.case)
    values |= {
        "opened": opened,
        "open_number": number,
        "actions": actions,
        "others": [action for action in actions if action not in ELSEWHERE],
        "units": reading_units.choices(session) if opened else (),
        "suggested": reading_centre.suggested_unit(session, opened.case) if opened and Action.DISPATCH in actions else "",
    }
    return render.page(request, "verify/page.html", me=me, **values)


def _listed(session: Session, tab: Tab) -> dict[str, Any]:
    return {
        "tab": tab,
        "tabs": reading_centre.shown_tabs(session),
        "counted": reading_centre.counts(session),
        "rows": reading_centre.rows(session, tab),
    }
