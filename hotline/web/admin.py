"""Administration: accounts, rules, reference data, calendar, stuck messages, the access log."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from hotline.errors import NotFound
from hotline.services import access, administration, reading_admin, reading_outgoing, reading_units
from hotline.services.administration import GIVEN_ROLES, Account
from hotline.services.messages import texts
from hotline.services.profiles import profiles
from hotline.services.rule_documents import kinds
from hotline.services.systems import delivering
from hotline.web import (
    admin_areas,
    admin_categories,
    admin_conversations,
    admin_documents,
    admin_model,
    admin_notices,
    admin_profiles,
    admin_surveys,
    admin_systems,
    admin_telephone,
    admin_texts,
    admin_units,
    render,
)
from hotline.web.deps import Db, Label, Look, Me, UnitCode
from models import Delivery, Role
from models.staff import CHANNELS


def _administrators_only(me: Me) -> None:
    access.require(me, Role.ADMINISTRATOR)


router = APIRouter(prefix="/admin", include_in_schema=False, dependencies=[Depends(_administrators_only)])
router.include_router(admin_profiles.router)
router.include_router(admin_telephone.router)
router.include_router(admin_surveys.router)
router.include_router(admin_texts.router)
router.include_router(admin_conversations.router)
router.include_router(admin_model.router)
router.include_router(admin_systems.router)
router.include_router(admin_notices.router)
router.include_router(admin_categories.router)
router.include_router(admin_areas.router)
router.include_router(admin_units.router)
router.include_router(admin_documents.router)


@router.get("")
def overview(request: Request, look: Look, me: Me) -> Response:
    values: dict[str, Any] = {
        "stuck": reading_admin.stuck(look),
        "outgoing": reading_outgoing.outgoing(look),
        "calendar": reading_admin.calendar(look, None),
        "profile": profiles.current(look),
        "staff": reading_admin.staff(look),
        "webhooks_paused": delivering.paused(look),
    }
    return render.page(request, "admin/overview.html", me=me, **values)


@router.get("/staff")
def staff(request: Request, look: Look, me: Me, open: UUID | None = None) -> Response:
    person = reading_admin.person(look, open) if open else None
    values: dict[str, Any] = {
        "staff": reading_admin.staff(look),
        "person": person,
        "roles": GIVEN_ROLES,
        "channels": CHANNELS,
        "units": reading_units.all_units(look),
    }
    return render.page(request, "admin/staff.html", me=me, **values)


def _account(
    name: Label,
    roles: Annotated[list[Role], Form()] = [],  # noqa: B006 -- FastAPI copies it
    unit: UnitCode = "",
    skills: Annotated[str, Form(max_length=200)] = "general",
    capacity: Annotated[int, Form(ge=1, le=20)] = 3,
    active: Annotated[bool, Form()] = False,
    languages: Annotated[str, Form(max_length=64)] = "zh",
    channels: Annotated[list[str], Form()] = list(CHANNELS),  # noqa: B006 -- FastAPI copies it
) -> Account:
    return Account(name, frozenset(roles), unit, _listed(skills), capacity, active, _listed(languages.lower()), tuple(channels))


def _listed(text: str) -> tuple[str, ...]:
    """Words once each, in their order."""
    return tuple(dict.fromkeys(text.replace("，", " ").replace("、", " ").replace(",", " ").split()))


@router.post("/staff")
def add_staff(
    request: Request,
    db: Db,
    me: Me,
    account: Annotated[Account, Depends(_account)],
    username: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=256)],
) -> Response:
    added = administration.add_staff(db, account, username=username, password=password, by=me)
    return render.redirect(request, "/admin/staff", notice=f"已添加 {added.username}。")


@router.post("/staff/{staff_id}")
def change_staff(request: Request, db: Db, me: Me, staff_id: UUID, account: Annotated[Account, Depends(_account)]) -> Response:
    changed = administration.change_staff(db, staff_id, account, by=me)
    return render.redirect(request, "/admin/staff", notice=f"{changed.username} 已保存。")


@router.post("/staff/{staff_id}/password")
def set_password(request: Request, db: Db, me: Me, staff_id: UUID, password: Annotated[str, Form(max_length=256)]) -> Response:
    administration.set_password(db, staff_id, password, by=me)
    return render.redirect(request, f"/admin/staff?open={staff_id}", notice="密码已改，原来的登录都已退出。")


@router.post("/staff/{staff_id}/revoke")
def revoke(request: Request, db: Db, me: Me, staff_id: UUID) -> Response:
    administration.revoke_sessions(db, staff_id, by=me)
    return render.redirect(request, "/admin/staff", notice="该账号的登录都已退出。")


@router.get("/rules")
def rules(request: Request, look: Look, me: Me) -> Response:
    found = {rule.kind: rule for rule in reading_admin.rules(look)}
    return render.page(request, "admin/rules.html", me=me, rules=found, documents=tuple(kinds.KINDS))


@router.post("/rules/queue")
def change_queue(
    request: Request,
    db: Db,
    me: Me,
    voice: Annotated[float, Form()],
    sms: Annotated[float, Form()],
    wechat: Annotated[float, Form()],
    email: Annotated[float, Form()],
    mailbox: Annotated[float, Form()],
    text_share: Annotated[float, Form()],
) -> Response:
    clocks = {"voice": voice, "sms": sms, "wechat": wechat, "email": email, "mailbox": mailbox}
    rule = administration.change_queue(db, {"clocks": clocks, "text_share": text_share / 100}, by=me)
    return render.redirect(request, "/admin/rules", notice=f"排队规则第 {rule.edition} 版已生效。")


@router.get("/reference")
def reference(request: Request, look: Look, me: Me) -> Response:
    return render.page(request, "admin/reference.html", me=me, reference=reading_admin.reference(look))


@router.get("/calendar")
def calendar(request: Request, look: Look, me: Me, year: int | None = None, day: date | None = None) -> Response:
    return render.page(request, "admin/calendar.html", me=me, calendar=reading_admin.calendar(look, year), day=day)


@router.post("/calendar")
def change_day(
    request: Request,
    db: Db,
    me: Me,
    day: Annotated[date, Form()],
    working: Annotated[bool, Form()],
    note: Label = "",
) -> Response:
    administration.change_day(db, day, working=working, note=note, by=me)
    return render.redirect(
        request, f"/admin/calendar?year={day.year}", notice="已保存。暂定的时限会重算，新旧都记入经过；其他时限不变。"
    )


@router.get("/messages")
def messages(request: Request, look: Look, me: Me, channel: str = "", state: str = "") -> Response:
    """Who is written to and about what, never the words: they are read on the case, whose readings are noted."""
    channel, state = channel if channel in texts.CHANNELS else "", state if state in set(Delivery) else ""
    values: dict[str, Any] = {
        "stuck": reading_admin.stuck(look),
        "outgoing": reading_outgoing.outgoing(look, channel=channel, state=state),
        "channels": texts.CHANNELS,
        "states": tuple(Delivery),
        "channel": channel,
        "state": state,
    }
    return render.page(request, "admin/messages.html", me=me, **values)


@router.post("/messages/{message_id}/{act}")
def settle_message(request: Request, db: Db, me: Me, message_id: UUID, act: str) -> Response:
    acts = {
        "run-again": administration.retry_consequence,
        "retry": administration.retry_message,
        "give-up": administration.give_up_message,
    }
    if act not in acts:
        raise NotFound()
    acts[act](db, message_id, by=me)
    return render.redirect(request, "/admin/messages", notice="已处理。")


@router.get("/access")
def access_log(request: Request, look: Look, me: Me, who: str = "", number: str = "") -> Response:
    lines = reading_admin.access_log(look, who=who.strip()[:64], number=number.strip()[:40])
    return render.page(request, "admin/access.html", me=me, lines=lines, who=who, number=number)
