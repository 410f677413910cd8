"""Beside the main line, on the screens: not ours, withdrawn, put right; orders for 110, numbers that are refused."""

from datetime import timedelta
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from hotline.errors import Invalid, NotFound
from hotline.services import access, cases, filing
from hotline.services.dispatching import ReturnReason
from hotline.services.reading_centre import Tab
from hotline.services.sideways import correcting, dismissing, doors, police, refusals, refused_calls, withdrawing
from hotline.web import render
from hotline.web.centre_requests import done
from hotline.web.deps import Db, Key, Line, Look, Me, Seen, Words
from hotline.words import word
from models import Action, CaseStatus, NumberRefusal, PolicePush, Role, now

router = APIRouter(include_in_schema=False)

Code = Annotated[str, Form(max_length=32)]
KEPT_BY = (Role.SHIFT_LEADER, Role.SUPERVISOR)
COUNTED = timedelta(days=30)
# How it was made sure that it was the citizen.
CHECKED = ("same_number", "called_back", "in_person", "thread")


@router.post("/verify/{number}/redirect")
def redirect(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    door: Code,
    tab: Annotated[Tab, Form()] = Tab.TO_DISPATCH,
    reason: Words = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    pushed = doors.turn_away(db, case, door, explanation=reason, by=me.actor, key=key, seen=seen)
    return done(request, tab, f"已引导告知，原因和去处已告诉市民。{pushed_in_words(pushed)}")


@router.post("/verify/{number}/dismiss")
def dismiss(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    reason: Annotated[dismissing.VoidReason, Form()],
    tab: Annotated[Tab, Form()] = Tab.TO_DISPATCH,
    note: Words = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    dismissing.dismiss(db, case, reason, note=note, by=me.actor, key=key, seen=seen)
    return done(request, tab, "已作废，原因记入经过。")


@router.post("/case/{number}/withdraw")
def withdraw(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    checked: Annotated[str, Form(max_length=16)],
    reason: Words = "",
    seen: Seen = None,
) -> Response:
    """What the citizen said to a person of the centre."""
    if checked not in CHECKED:
        raise Invalid(field="checked")
    view = access.see_case(db, me, number)
    if not view.whole:
        raise NotFound()
    note = f"{reason}（{word('identity_check', checked)}）" if reason else ""
    withdrawing.withdraw(db, view.case, reason=note, by=me.actor, key=key, seen=seen)
    return render.redirect(request, f"/case/{number}", notice="已按市民要求撤回，市民会收到确认。")


@router.post("/case/{number}/correct-category")
def correct_category(
    request: Request, me: Me, db: Db, number: str, key: Key, category: Code, reason: Words = "", seen: Seen = None
) -> Response:
    case = access.see_case(db, me, number).case
    correcting.category(db, case, category.split(" ")[0], reason=reason, by=me.actor, key=key, seen=seen)
    return render.redirect(request, f"/case/{number}", notice="分类已更正，原分类留在经过里。")


@router.post("/case/{number}/correct-place")
def correct_place(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    place: Line,
    area: Code = "",
    reason: Words = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    text, picked = place, area.split(" ")[0]
    correcting.place(db, case, text, area=picked, reason=reason, by=me.actor, key=key, seen=seen)
    return render.redirect(request, f"/case/{number}", notice="地点已更正，原地点留在经过里。")


@router.post("/case/{number}/reassign")
def reassign(
    request: Request,
    me: Me,
    db: Db,
    number: str,
    key: Key,
    unit: Code,
    why: Annotated[ReturnReason, Form()],
    reason: Words = "",
    seen: Seen = None,
) -> Response:
    case = access.see_case(db, me, number).case
    to = filing.units_of(db, [unit])[0]
    correcting.unit(db, case, to, reason_code=why, reason=reason, by=me.actor, key=key, seen=seen)
    return render.redirect(request, f"/case/{number}", notice=f"已改派{to.name}，时限重新起算。")


@router.post("/case/{number}/reopen")
def reopen(request: Request, me: Me, db: Db, number: str, key: Key, reason: Words = "", seen: Seen = None) -> Response:
    """The centre itself finds that a closed case is not over."""
    case = access.see_case(db, me, number).case
    if case.status != CaseStatus.CLOSED:
        # What ended otherwise is looked at again where the citizen asks for it.
        raise NotFound()
    cases.advance(db, case, Action.REOPEN, by=me.actor, key=key, seen=seen, note=reason)
    return render.redirect(request, f"/case/{number}", notice="已重新办理，请到“待派单”派出。")


@router.post("/case/{number}/push")
def replay(request: Request, me: Me, db: Db, number: str, key: Key, push_id: Annotated[UUID, Form()]) -> Response:
    """An order that is stuck is sent to 110 once more."""
    case = access.see_case(db, me, number).case
    row = db.get(PolicePush, push_id)
    if row is None or row.case_id != case.id:
        raise NotFound()
    police.replay(db, row, by=me.actor, key=key)
    return render.redirect(request, f"/case/{number}", notice="已重新推送。")


@router.get("/aside")
def page(request: Request, look: Look, me: Me) -> Response:
    """What the shift leader keeps an eye on beside the main line."""
    access.require(me, *KEPT_BY)
    listed = refusals.listed(look)
    values: dict[str, Any] = {
        "listed": listed,
        "spoken": refused_calls.spoken_appeals(look, listed.appeals),
        "rule": refusals.rule(look),
        "counts": doors.counts(look, since=now() - COUNTED),
        "days": COUNTED.days,
        "pushes": police.recent(look),
        "police_wired": police.is_wired(),
    }
    return render.page(request, "aside/page.html", me=me, **values)


@router.post("/aside/refusal/{refusal_id}/{act}")
def decide_refusal(
    request: Request, me: Me, db: Db, refusal_id: UUID, act: Literal["grant", "decline", "lift", "keep"], note: Words = ""
) -> Response:
    row = db.get(NumberRefusal, refusal_id)
    if row is None:
        raise NotFound()
    if act in ("grant", "decline"):
        refusals.decide(db, row, grant=act == "grant", note=note, by=me.actor)
    elif act == "lift":
        refusals.lift(db, row, note=note, by=me.actor)
    else:
        refusals.keep(db, row, note=note, by=me.actor)
    return render.redirect(request, "/aside", notice="已记下。")


def pushed_in_words(pushed: police.Pushed | None) -> str:
    """Plainly: whether the order itself goes to 110, or the voice alone went."""
    if pushed is None:
        return ""
    return "工单正推送110平台。" if police.is_wired() else "110平台没有接通，工单没有推送：只有语音转过去，请口头说清。"
