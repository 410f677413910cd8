"""The centre's desk: send cases out, check answers, ask citizens. What it is asked for is decided in `centre_requests`."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid, NotFound
from hotline.services import access, cases, checks, dispatching, filing, reading_cases, reading_centre, reading_units, reviewing
from hotline.services.files.files import CheckedFile
from hotline.services.profiles import profiles
from hotline.services.reading_centre import Tab
from hotline.services.sideways import doors
from hotline.services.sideways.dismissing import VoidReason
from hotline.services.survey_plans import rulings
from hotline.services.units import asking, joint
from hotline.web import centre_requests, render
from hotline.web.centre_requests import done
from hotline.web.deps import Db, Key, Look, Me, Note, Remark, Seen, UnitCode
from hotline.web.letters import uploads
from hotline.web.photographs import SentForm, checked
from models import Action, Case, CaseStatus, Grade, Role, Verdict

router = APIRouter(prefix="/verify", include_in_schema=False)

STAFFED_BY = (Role.DISPATCHER, Role.VERIFIER, Role.SHIFT_LEADER, Role.CALLBACK_AGENT, Role.SUPERVISOR)
# Acts on a case that have routes of their own or are taken on its assignment.
ELSEWHERE = frozenset(
    {
        Action.DISPATCH,
        Action.SIGN,
        Action.RETURN,
        Action.ANSWER,
        Action.REWORK,
        Action.CLOSE,
        Action.ASK_CITIZEN,
        Action.APPROVE,
        Action.REDIRECT,
        Action.WITHDRAW,
        Action.REOPEN,
        Action.DISMISS,
    }
)
# Acts that have forms of their own beside the list of the rarer ones.
SHOWN_APART = ELSEWHERE | {Action.VERIFY}
SENDS_OUT = frozenset({Action.DISPATCH, Action.APPROVE})


def _named(
    unit: UnitCode = "",
    assists: Annotated[list[str], Form()] = [],  # noqa: B006 -- FastAPI copies it
) -> list[str]:
    """The unit that leads, then those that assist; nothing where none was chosen."""
    return [unit, *(code for code in assists if code and code != unit)] if unit else []


Named = Annotated[list[str], Depends(_named)]


@router.get("")
def page(request: Request, look: Look, me: Me, tab: Tab | None = None) -> Response:
    access.require(me, *STAFFED_BY)
    return _page(request, look, me, tab)


@router.get("/list")
def rows(request: Request, look: Look, me: Me, tab: Tab, open: str = "") -> Response:
    access.require(me, *STAFFED_BY)
    return render.fragment(request, "verify/_list.html", me=me, open_number=open, **_listed(look, tab, me.roles))


@router.get("/{tab}/next")
def most_urgent(request: Request, look: Look, me: Me, tab: Tab) -> Response:
    """For a run of them: the one with the least time left, or the list when all are done."""
    access.require(me, *STAFFED_BY)
    number = reading_centre.most_urgent(look, tab)
    return render.redirect(request, f"/verify/{tab}/{number}" if number else f"/verify?tab={tab}")


@router.get("/{tab}/{number}")
def show(request: Request, look: Look, me: Me, tab: Tab, number: str) -> Response:
    access.require(me, *STAFFED_BY)
    return _page(request, look, me, tab, number)


@router.post("/{number}/approve")
def approve(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    named: Named,
    note: Note = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    units = filing.units_of(db, named) if named else []
    reviewing.approve(db, case, units=units, note=note, by=me.actor, key=key, seen=seen)
    told = f"审核通过，已派给{units[0].name}。" if units else "审核通过，转派单员。"
    return render.redirect(request, f"/verify/{Tab.REVIEW}/next", notice=told)


@router.post("/{number}/dispatch")
def dispatch(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    named: Named,
    note: Note = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    if not named:
        raise Invalid("Please choose a unit.", field="unit")
    lead, *others = filing.units_of(db, named)
    dispatching.dispatch(db, case, lead, assists=others, by=me.actor, key=key, seen=seen, note=note)
    return done(request, Tab.TO_DISPATCH, f"已派给{lead.name}。")


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
    checks.record_verdict(db, case, verdict, remark=remark, by=me.actor, key=key, seen=seen)
    return done(request, Tab.TO_CHECK, _after_check(case))


def _photographs(form: SentForm) -> tuple[CheckedFile, ...]:
    return checked(uploads(form, "photographs", prefix="现场 "), field="photographs")


@router.post("/{number}/site")
def on_site(
    request: Request,
    me: Me,
    photographs: Annotated[tuple[CheckedFile, ...], Depends(_photographs)],
    db: Db,
    number: str,
    key: Key,
    verdict: Annotated[Verdict, Form()],
    remark: Note = "",
    seen: Seen = None,
) -> Response:
    """What was seen on the spot, with photographs."""
    case = access.see_case(db, me, number).case
    checks.record_verdict(db, case, verdict, remark=remark, files=photographs, by=me.actor, key=key, seen=seen)
    return done(request, Tab.ON_SITE, _after_check(case))


def _after_check(case: Case) -> str:
    told = {CaseStatus.CLOSED: "核查通过，已办结。", CaseStatus.CALLBACK: "核查通过，等市民的意见。"}
    return told.get(CaseStatus(case.status), "已退回承办单位重办。")


@router.post("/{number}/asked")
def asked_citizen(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    solved: Annotated[bool, Form()],
    result: Annotated[Grade, Form()],
    unit: Annotated[Grade, Form()],
    remark: Remark = "",
) -> Response:
    """What the citizen said on the telephone."""
    case = access.see_case(db, me, number).case
    asking.note_answer(db, case, solved=solved, result=result, unit=unit, remark=remark, by=me.actor)
    content = solved and result.is_satisfied
    return done(request, Tab.CALLBACK, "市民认可，即办结。" if content else "市民不认可，请到“不满意待处理”决定。")


@router.post("/{number}/unreached")
def unreached(
    request: Request, me: Me, db: Db, number: str, key: Key, over: Annotated[bool, Form()], text: Note = "", seen: Seen = None
) -> Response:
    """Nobody answered: to be tried again, or over with the reason."""
    case = access.see_case(db, me, number).case
    if over:
        asking.close_unasked(db, case, reason=text, by=me.actor, key=key, seen=seen)
    else:
        asking.note_unreached(db, case, text=text, by=me.actor, key=key)
    return done(request, Tab.CALLBACK, "已按联系不上办结。" if over else "已记下，稍后再打。")


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
    joint.record_meeting(db, case, held_on=held_on, present=present, result=result, by=me.actor, key=key)
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
    """The rarer steps of a case: answer directly, send somebody to the spot."""
    if action in ELSEWHERE:
        raise NotFound()
    case = access.see_case(db, me, number).case
    cases.advance(db, case, action, by=me.actor, key=key, seen=seen, note=note)
    return done(request, tab, "已处理。")


def _page(request: Request, session: Session, me: access.Me, tab: Tab | None, number: str = "") -> Response:
    values = _listed(session, tab, me.roles)
    if number:
        values |= _opened(session, me, number, values["tab"])
    else:
        values |= {"opened": None}
    return render.page(request, "verify/page.html", me=me, open_number=number, **values)


def _opened(session: Session, me: access.Me, number: str, tab: Tab) -> dict[str, Any]:
    opened = reading_cases.panel(session, access.see_case(session, me, number))
    actions = opened.may(me, opened.case)
    return {
        "opened": opened,
        "actions": actions,
        "passes": checks.way_on(opened.profile) in actions,
        "others": [action for action in actions if action not in SHOWN_APART],
        "decides": centre_requests.decides(session, me, opened.case, tab),
        "units": reading_units.choices(session),
        "proposed": reading_centre.proposed(session, opened.case) if SENDS_OUT.intersection(actions) else None,
        "grades": tuple(Grade),
        "doors": doors.of_edition(session, opened.doors_edition) if Action.REDIRECT in actions else (),
        "void_reasons": tuple(VoidReason),
        "basis": rulings.basis(session, opened.case) if tab == Tab.REOPENING else None,
    }


def _listed(session: Session, tab: Tab | None, roles: frozenset[Role]) -> dict[str, Any]:
    """A tab's list; of none in particular, where these roles begin."""
    profile = profiles.in_force(session)
    counted = reading_centre.counts(session, profile)
    tabs = reading_centre.shown_tabs(profile, counted)
    chosen = tab or reading_centre.home(roles, tabs)
    return {"tab": chosen, "tabs": tabs, "counted": counted, "rows": reading_centre.rows(session, chosen, profile)}
