"""The administrators' page of what units are told: its rule in editions, the groups of their chats, and how each telling went."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import Invalid
from hotline.services import editions, reading_units
from hotline.services.access import Me as Person
from hotline.services.rosters import deliveries, notice_editions, notice_rule
from hotline.services.rosters.notice_rule import To
from hotline.settings import get_settings
from hotline.web import render
from hotline.web.deps import Db, Look, Me, UnitCode
from hotline.web.letters import clean, in_chinese
from models import ChatKind, NoticeOccasion, NoticeWay, Urgency

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/notices")

Typed = Mapping[str, Sequence[str]]


async def _typed(request: Request) -> Typed:
    """Every field with all that was ticked in it."""
    form = await request.form()
    return {name: [value for value in form.getlist(name) if isinstance(value, str)] for name in form}


@router.get("")
def show(request: Request, look: Look, me: Me, lost: bool = False) -> Response:
    return _page(request, look, me, lost=lost)


@router.post("")
def change(request: Request, me: Me, db: Db, typed: Annotated[Typed, Depends(_typed)]) -> Response:
    body = notice_editions.body_of(typed)
    try:
        rule = notice_editions.change(db, body, by=me)
    except Invalid as refusal:
        return _page(request, db, me, refusal=refusal, body=body)
    return render.redirect(request, "/admin/notices", notice=f"单位提醒规则第 {rule.edition} 版已生效。")


@router.post("/group")
def put_group(
    request: Request,
    me: Me,
    db: Db,
    unit: UnitCode,
    kind: Annotated[ChatKind, Form()],
    url: Annotated[str, Form(max_length=500)],
    secret: Annotated[str, Form(max_length=128)] = "",
) -> Response:
    hosts = get_settings().chat.hosts
    try:
        notice_editions.put_group(db, unit, kind, clean(url), clean(secret), hosts=hosts, by=me)
    except Invalid as refusal:
        return _page(request, db, me, refusal=refusal)
    return render.redirect(request, "/admin/notices", notice="企业群已保存。")


@router.post("/group/{unit}/remove")
def drop_group(request: Request, me: Me, db: Db, unit: str) -> Response:
    notice_editions.drop_group(db, unit, by=me)
    return render.redirect(request, "/admin/notices", notice="企业群已移除。")


def _page(
    request: Request,
    session: Session,
    me: Person,
    *,
    refusal: Invalid | None = None,
    body: Mapping[str, Any] | None = None,
    lost: bool = False,
) -> Response:
    values: dict[str, Any] = {
        "form": notice_editions.form_of(body or editions.current(session, notice_rule.KIND).body),
        "most_steps": notice_editions.MOST_STEPS,
        "editions": editions.of_kind(session, notice_rule.KIND),
        "occasions": tuple(NoticeOccasion),
        "urgencies": tuple(Urgency),
        "ways": notice_rule.WAYS,
        "calling": NoticeWay.CALL,
        "targets": tuple(To),
        "kinds": tuple(ChatKind),
        "groups": notice_editions.groups(session),
        "units": reading_units.all_units(session),
        "told": deliveries.latest(session, lost=lost),
        "lost": lost,
        "problem": in_chinese(refusal) if refusal else "",
    }
    return render.page(request, "admin/notices.html", status=refusal.status if refusal else 200, me=me, **values)
