"""Calls that are owed: who hung up waiting, asked to be called, or left a message. A person rings them from the own telephone."""

from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hotline.services import access, reading_callbacks
from hotline.services.telephone import callbacks, switching
from hotline.web import render
from hotline.web.deps import Db, Look, Me, staff_of
from models import now

router = APIRouter(prefix="/callbacks", include_in_schema=False)


@router.get("")
def page(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *switching.CALLERS)
    return render.page(request, "callbacks/page.html", me=me, owed=reading_callbacks.to_ring(look))


@router.get("/list")
def rows(request: Request, look: Look, me: Me) -> Response:
    access.require(me, *switching.CALLERS)
    return render.fragment(request, "callbacks/_list.html", me=me, owed=reading_callbacks.to_ring(look))


@router.post("/{callback_id}/ring")
def ring(request: Request, me: Me, db: Db, callback_id: UUID) -> Response:
    access.require(me, *switching.CALLERS)
    callbacks.take(db, callback_id, by=staff_of(db, me), at=now())
    return render.redirect(request, "/callbacks", notice="先响您的软电话，接起后再拨市民。")


@router.post("/{callback_id}/remove")
def remove(request: Request, me: Me, db: Db, callback_id: UUID) -> Response:
    access.require(me, *switching.CALLERS)
    callbacks.remove(db, callback_id, by=staff_of(db, me), at=now())
    return render.redirect(request, "/callbacks", notice="已从回电单移出。")
