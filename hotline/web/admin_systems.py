"""The administrators' page of units' own systems: their keys, what they may do, where they are told, and what they were told."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session

from hotline.errors import NotFound
from hotline.services import reading_units
from hotline.services.access import Me as Person
from hotline.services.systems import accounts, watching, webhooks
from hotline.web import render
from hotline.web.deps import Db, Label, Look, Me, UnitCode
from hotline.web.letters import clean
from models import Scope, Topic

# Part of the administration, which lets administrators only come in.
router = APIRouter(prefix="/systems")

URL = "/admin/systems"


@router.get("")
def systems(request: Request, look: Look, me: Me, open: UUID | None = None) -> Response:
    return _page(request, look, me, open)


def _page(request: Request, session: Session, me: Person, open: UUID | None) -> Response:
    values: dict[str, Any] = {
        "systems": watching.systems(session),
        "opened": watching.opened(session, open) if open else None,
        "units": reading_units.all_units(session),
        "scopes": tuple(Scope),
        "topics": tuple(Topic),
    }
    return render.page(request, "admin/systems.html", me=me, **values)


def _form(
    name: Label,
    scopes: Annotated[list[Scope], Form()] = [],  # noqa: B006 -- FastAPI copies it
    addresses: Annotated[str, Form(max_length=500)] = "",
    active: Annotated[bool, Form()] = False,
) -> accounts.Form:
    listed = addresses.replace("，", " ").replace("、", " ").replace(",", " ").split()
    return accounts.Form(name, scopes, listed, active)


def _hook_form(
    url: Annotated[str, Form(max_length=500)],
    topics: Annotated[list[Topic], Form()] = [],  # noqa: B006 -- FastAPI copies it
) -> webhooks.Form:
    return webhooks.Form(clean(url), topics)


@router.post("")
def add(
    request: Request,
    me: Me,
    db: Db,
    form: Annotated[accounts.Form, Depends(_form)],
    unit: UnitCode = "",
) -> Response:
    """With its first key, which is shown in this answer and never again."""
    system = accounts.add(db, form, unit_code=unit, by=me)
    return _secret(request, me, system.id, accounts.new_key(db, system.id, by=me), "key")


def _secret(request: Request, me: Person, system_id: UUID, secret: str, what: str) -> Response:
    return render.page(request, "admin/system_secret.html", me=me, secret=secret, what=what, system_id=system_id)


@router.post("/{system_id}")
def change(request: Request, me: Me, db: Db, system_id: UUID, form: Annotated[accounts.Form, Depends(_form)]) -> Response:
    accounts.change(db, system_id, form, by=me)
    return _back(request, system_id, "已保存。")


def _back(request: Request, system_id: UUID, notice: str) -> Response:
    return render.redirect(request, f"{URL}?open={system_id}", notice=notice)


@router.post("/{system_id}/key")
def new_key(request: Request, me: Me, db: Db, system_id: UUID) -> Response:
    return _secret(request, me, system_id, accounts.new_key(db, system_id, by=me), "key")


@router.post("/{system_id}/keys/{key_id}/revoke")
def revoke_key(request: Request, me: Me, db: Db, system_id: UUID, key_id: UUID) -> Response:
    accounts.revoke_key(db, key_id, by=me)
    return _back(request, system_id, "密钥已作废。")


@router.post("/{system_id}/webhooks")
def add_webhook(
    request: Request, me: Me, db: Db, system_id: UUID, form: Annotated[webhooks.Form, Depends(_hook_form)]
) -> Response:
    _, secret = webhooks.add(db, system_id, form, by=me)
    return _secret(request, me, system_id, secret, "webhook")


@router.post("/webhooks/{hook_id}")
def change_webhook(
    request: Request, me: Me, db: Db, hook_id: UUID, form: Annotated[webhooks.Form, Depends(_hook_form)]
) -> Response:
    return _back(request, webhooks.change(db, hook_id, form, by=me).system_id, "已保存。")


@router.post("/webhooks/{hook_id}/secret")
def new_webhook_secret(request: Request, me: Me, db: Db, hook_id: UUID) -> Response:
    secret = webhooks.new_secret(db, hook_id, by=me)
    return _secret(request, me, webhooks.held(db, hook_id).system_id, secret, "webhook")


@router.post("/webhooks/{hook_id}/{act}")
def settle_webhook(request: Request, me: Me, db: Db, hook_id: UUID, act: str) -> Response:
    acts = {
        "pause": (webhooks.pause, "已暂停，这期间的通知先存着。"),
        "resume": (webhooks.resume, "已恢复，存着的通知就发。"),
        "test": (webhooks.try_out, "测试通知几秒内发出，结果看下面的记录。"),
    }
    if act not in acts:
        raise NotFound()
    run, notice = acts[act]
    run(db, hook_id, by=me)
    return _back(request, webhooks.held(db, hook_id).system_id, notice)


@router.post("/told/{delivery_id}/again")
def tell_again(request: Request, me: Me, db: Db, delivery_id: UUID) -> Response:
    return _back(request, webhooks.tell_again(db, delivery_id, by=me).system_id, "就再通知一次。")
